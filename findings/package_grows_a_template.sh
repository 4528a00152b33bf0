#!/usr/bin/env bash
# `aws cloudformation package` makes a template bigger, even when there is nothing in it to package.
#
# Seen with awscli 1.46.3 (PyYAML 6.0.4), Python 3.11.
# One would guess: the output is the template with the local paths exchanged for the bucket's. Without any local path it
# is the same, or smaller, as comments are dropped.
# What happens: all of it is written anew, one item a line, !Ref and !Sub by their long names. A template that CloudFormation
# takes as it is (up to 51,200 bytes) comes out above that limit, and `aws cloudformation deploy` refuses it without a
# bucket, before it sends anything.
# Who meets it: whoever runs Quayside's templates through a pipeline that packages every template. service.yml is near the
# limit, has nothing to package, and then suddenly needs a bucket.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --quiet --no-deps awscli==1.46.3 colorama==0.4.6 docutils==0.19 jmespath==1.1.0 pyasn1==0.6.5 \
  python-dateutil==2.9.0.post0 PyYAML==6.0.4 rsa==4.7.2 six==1.17.0 urllib3==2.8.0

{
  echo 'AWSTemplateFormatVersion: "2010-09-09"'
  echo 'Resources:'
  for number in {1..100}; do
    echo "  # What reader $number may do: see its own parameters and secrets, nothing else."
    echo "  Reader$number:"
    echo '    Type: AWS::IAM::ManagedPolicy'
    echo '    Properties:'
    echo '      PolicyDocument:'
    echo '        Version: "2012-10-17"'
    echo '        Statement:'
    for service in ssm:GetParameter secretsmanager:GetSecretValue; do
      echo "          - {Effect: Allow, Action: [$service, kms:Decrypt], Resource: [!Sub \"arn:\${AWS::Partition}:${service%:*}:*\", !Ref Key]}"
    done
  done
  echo '  Key: {Type: AWS::KMS::Key}'
} >template.yml

# Nothing listens there: what needs no request works, and what sends one says so.
export AWS_ENDPOINT_URL=http://127.0.0.1:1 AWS_MAX_ATTEMPTS=1 AWS_EC2_METADATA_DISABLED=true AWS_DEFAULT_REGION=eu-central-1
export AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none AWS_CONFIG_FILE=$folder/config AWS_SHARED_CREDENTIALS_FILE=$folder/none
timeout 60 venv/bin/aws cloudformation package --template-file template.yml --s3-bucket bucket \
  --output-template-file packaged.yml >package.log

before=$(wc -c <template.yml)
after=$(wc -c <packaged.yml)
echo "Template: $before bytes. Packaged: $after bytes."
for name in template packaged; do
  timeout 60 venv/bin/aws cloudformation deploy --template-file $name.yml --stack-name stack >$name.log 2>&1 || true
  echo "deploy $name.yml: $(tr -s '\n' ' ' <$name.log)"
done

if ((before > 51200)); then
  echo "The template is too big to begin with; nothing is shown." >&2
  exit 1
fi
if ((after <= 51200)) || ! grep -q 'greater than 51,200 bytes' packaged.log || grep -q 'greater than' template.log; then
  echo "The behaviour changed: a packaged template stays within what CloudFormation takes without a bucket." >&2
  exit 1
fi
echo "As described: nothing was packaged, and the template now needs a bucket."
