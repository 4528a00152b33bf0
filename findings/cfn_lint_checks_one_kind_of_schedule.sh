#!/usr/bin/env bash
# cfn-lint knows what a schedule looks like in AWS::Events::Rule, and in no other resource.
#
# Seen with cfn-lint 1.58.0, Python 3.11.
# One would guess: as "whenever" is refused as the ScheduleExpression of a rule of EventBridge, it is refused as that of
# a secret's rotation, a schedule of EventBridge Scheduler or a scheduled action of auto scaling too, and minute 99 is
# refused everywhere.
# What happens: only the rule's expression is looked at, and there only its shape: the rest passes without a word, the
# rotation window of 25 hours (it must end with the UTC day) too. The services document cron(), rate() or at(), with
# minutes up to 59 and hours up to 23, and the error comes when the stack is made.
# Who meets it: whoever has Quayside's templates in a repository of their own, changes the days of a rotation or adds a
# scheduled task, and counts on cfn-lint in the pipeline, as Quayside's own templates pass it.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --quiet --no-deps cfn-lint==1.58.0 PyYAML==6.0.3 jsonpatch==1.47 jsonpointer==3.12 networkx==3.6.1 \
  sympy==1.14.0 mpmath==1.3.0 regex==2026.11.15 typing_extensions==4.16.0

# Writes a template whose four kinds of schedules are $1, and the rotation's window $2.
template() {
  cat <<YAML
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Rule:
    Type: AWS::Events::Rule
    Properties:
      ScheduleExpression: $1
      Targets: [{Id: a, Arn: !Sub "arn:\${AWS::Partition}:lambda:\${AWS::Region}:\${AWS::AccountId}:function:a"}]
  Rotation:
    Type: AWS::SecretsManager::RotationSchedule
    Properties:
      SecretId: a
      RotationLambdaARN: !Sub arn:\${AWS::Partition}:lambda:\${AWS::Region}:\${AWS::AccountId}:function:a
      RotationRules: {ScheduleExpression: $1, Duration: $2}
  Schedule:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: $1
      FlexibleTimeWindow: {Mode: "OFF"}
      Target:
        Arn: !Sub arn:\${AWS::Partition}:lambda:\${AWS::Region}:\${AWS::AccountId}:function:a
        RoleArn: !Sub arn:\${AWS::Partition}:iam::\${AWS::AccountId}:role/a
  Scaling:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    Properties:
      ServiceNamespace: ecs
      ScalableDimension: ecs:service:DesiredCount
      ResourceId: service/a/b
      MinCapacity: 1
      MaxCapacity: 2
      ScheduledActions: [{ScheduledActionName: a, Schedule: $1, ScalableTargetAction: {MaxCapacity: 1}}]
YAML
}
template "rate(1 day)" 3h >right.yml
template whenever 25h >whenever.yml
template "cron(99 30 1 * ? *)" 25h >clock.yml

for name in right whenever clock; do
  timeout 120 venv/bin/cfn-lint --regions eu-central-1 --format parseable -- $name.yml >$name.seen || true
  rejected=$(cut -d: -f2,6 $name.seen | sort -u | tr '\n' ' ')
  echo "$name.yml: ${rejected:-accepted}"
done
cat whenever.seen

if [[ -s right.seen ]]; then
  echo "cfn-lint refuses what is right; nothing is shown." >&2
  exit 1
fi
if ! grep -q ':E3027:' whenever.seen || [[ $(cut -d: -f2 whenever.seen | sort -u) != 6 ]]; then
  echo "The behaviour changed: cfn-lint no longer looks at the schedule of a rule, and of nothing else." >&2
  exit 1
fi
if [[ -s clock.seen ]]; then
  echo "The behaviour changed: cfn-lint refuses minute 99 or a window of 25 hours." >&2
  exit 1
fi
echo "As described: of four schedules \"whenever\" one is refused, and of four at minute 99 none."
