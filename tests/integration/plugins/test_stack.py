"""The action quayside.fargate.stack, run by ansible-playbook against the local AWS."""

from __future__ import annotations

import json
import signal as signals
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local_aws.control import LocalAws
from tests.integration.plugins.support import TEMPLATES, Playbooks, Run

Signal = Callable[..., None]
Status = Callable[[str], str]
CANARY = "canary-5c1fe2a9"
QUIET = {"ANSIBLE_VERBOSITY": "0"}  # as users have it


def parameters_of(cloudformation: Any, stack: str) -> dict[str, str]:
    description = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    return {item["ParameterKey"]: item["ParameterValue"] for item in description["Parameters"]}


def change_sets(cloudformation: Any, stack: str) -> list[dict[str, Any]]:
    found = cloudformation.list_change_sets(StackName=stack)["Summaries"]
    return [item for item in found if item["ExecutionStatus"] != "EXECUTE_COMPLETE"]


def plan(cloudformation: Any, name: str) -> None:
    """Make a change set that is to create a stack, and leave it."""
    cloudformation.create_change_set(
        StackName=name,
        ChangeSetName="forgotten",
        ChangeSetType="CREATE",
        TemplateBody=(TEMPLATES / "queue.yml").read_text("utf-8"),
    )


def test_a_stack_is_created_then_left_alone_then_updated_then_deleted(
    playbooks: Playbooks, name: str, cloudformation: Any, status: Status
) -> None:
    created = playbooks.stack(name=name, template="queue.yml", parameters={"Seconds": 40})
    assert created.changed
    assert created.result["status"] == "CREATE_COMPLETE"
    assert created.result["outputs"]["QueueName"] == f"{name}-tests"
    assert f"{name}: Queue (AWS::SQS::Queue) CREATE_COMPLETE" in created.output

    again = playbooks.stack(name=name, template="queue.yml", parameters={"Seconds": 40})
    assert not again.changed
    assert again.result["outputs"] == created.result["outputs"]
    assert again.result["stack_id"] == created.result["stack_id"]
    assert change_sets(cloudformation, name) == []

    updated = playbooks.stack(name=name, template="queue.yml", parameters={"Seconds": 50})
    assert updated.changed
    assert updated.result["outputs"]["Seconds"] == "50"
    assert [change["resource"] for change in updated.result["changes"]] == ["Queue"]

    deleted = playbooks.stack(name=name, state="absent")
    assert deleted.changed
    assert f"{name}: Queue (AWS::SQS::Queue) DELETE_COMPLETE" in deleted.output
    assert status(name) == "absent"
    assert not playbooks.stack(name=name, state="absent").changed


def test_check_mode_shows_a_new_stack_and_leaves_nothing(
    playbooks: Playbooks, name: str, cloudformation: Any
) -> None:
    playbooks = playbooks.with_environment(**QUIET)
    for options in (("--check",), ("--check", "--diff")):
        run = playbooks.stack(*options, name=name, template="queue.yml")
        assert run.changed
        lines = run.output.splitlines()
        begin = lines.index(f"stack {name} is new: 2 resources")
        assert lines[begin + 1 : begin + 3] == [
            "  + SQS: 1 Queue (Queue)",
            "  + SSM: 1 Parameter (Note)",
        ]
    whole = playbooks.stack("--check", "--diff", "-v", name=name, template="queue.yml")
    assert "  parameter Seconds: (none) -> 30" not in whole.output, "it is the default"
    assert f"+ Queue (AWS::SQS::Queue)\n    QueueName: {name}-tests\n" in whole.output
    assert "    VisibilityTimeout: 30\n" in whole.output
    found = [
        item
        for item in cloudformation.list_stacks()["StackSummaries"]
        if item["StackName"] == name and item["StackStatus"] != "DELETE_COMPLETE"
    ]
    assert found == []


def test_check_mode_shows_an_update_and_changes_nothing(
    playbooks: Playbooks, name: str, cloudformation: Any
) -> None:
    playbooks = playbooks.with_environment(**QUIET)
    playbooks.stack(name=name, template="queue.yml", tags={"team": "one"})
    before = cloudformation.describe_stacks(StackName=name)["Stacks"]
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    run = playbooks.stack(
        "--check",
        "--diff",
        name=name,
        template="queue.yml",
        parameters={"Seconds": 50, "QueueName": "other"},
        tags={"team": "two"},
        termination_protection=True,
    )
    assert run.changed
    for line in (
        f"stack {name} changes",
        "  parameter QueueName: tests -> other",
        "  tag team: one -> two",
        "  termination protection: on",
        "-/+ Queue (AWS::SQS::Queue) is replaced, the old one is deleted",
        f"\n    QueueName: {name}-tests -> {name}-other",
        "\n    VisibilityTimeout: 30 -> 50",
    ):
        assert line in run.output
    assert cloudformation.describe_stacks(StackName=name)["Stacks"] == before
    assert cloudformation.describe_stack_events(StackName=name)["StackEvents"] == events
    assert change_sets(cloudformation, name) == []


def test_a_diff_shows_values_before_and_after_and_no_secret(
    playbooks: Playbooks, name: str
) -> None:
    playbooks = playbooks.with_environment(**QUIET)
    secrets = {"Secret": "{{ 'canary-' ~ '5c1fe2a9' }}", "Label": "one"}
    playbooks.stack(name=name, template="queue.yml", parameters=secrets)
    environment = {"Resources": {"Note": {"Properties": {"Description": "mail://a:canary-5c@b"}}}}
    run = playbooks.stack(
        "--check",
        "--diff",
        name=name,
        template="queue.yml",
        parameters={"Seconds": 50, "Label": "two", "Secret": "{{ 'canary-' ~ 'another' }}"},
        overlay=environment,
    )
    assert "    VisibilityTimeout: 30 -> 50\n" in run.stdout
    assert "    Tags/label/Value: one -> two\n" in run.stdout
    assert "    Value\n" in run.stdout, "x**** is the same before and after"
    assert "    Description: (none) -> (not shown)\n" in run.stdout
    assert "canary" not in run.stdout
    assert "canary" not in json.dumps(run.result["changes"])


def test_a_diff_of_a_task_names_variables_and_words_and_shows_none(
    playbooks: Playbooks, name: str
) -> None:
    playbooks = playbooks.with_environment(**QUIET)
    playbooks.stack(name=name, template="task.yml")
    app: dict[str, Any] = {
        "Name": "app",
        "Image": "example.test/app:2",
        "Command": ["serve", "--password=canary-5c1fe2a9"],
        "Environment": [
            {"Name": "STRIPE_KEY", "Value": "sk_live_canary-5c1fe2a9"},
            {"Name": "MORE_KEYS", "Value": "canary-5c1fe2a9"},
        ],
    }
    overlay = {"Resources": {"Task": {"Properties": {"ContainerDefinitions": [app]}}}}
    run = playbooks.stack("--check", "--diff", name=name, template="task.yml", overlay=overlay)
    for line in (
        "app/Command/1: (none) -> (not shown)",
        "app/Environment/MORE_KEYS: (none) -> (not shown)",
        "app/Environment/STRIPE_KEY: (not shown)",
        "app/Image: example.test/app:1 -> example.test/app:2",
    ):
        assert f"    ContainerDefinitions/{line}\n" in run.stdout
    assert "Environment/LEVEL" not in run.stdout
    app["Environment"].append({"Name": "LEVEL", "Value": "DEBUG"})
    verbose = ("--check", "--diff", "-v")
    whole = playbooks.stack(*verbose, name=name, template="task.yml", overlay=overlay)
    assert "    ContainerDefinitions/app/Environment/LEVEL: INFO -> DEBUG\n" in whole.stdout
    for told in (run.stdout, json.dumps(run.result), whole.stdout, json.dumps(whole.result)):
        assert "canary" not in told
        assert "sk_live" not in told


def test_a_parameter_that_may_change_alone_only_does_so_without_a_template(
    playbooks: Playbooks, name: str, status: Status, cloudformation: Any
) -> None:
    rule = {"Label": {"Alone": "all", "Do": "Change it first."}}
    overlay = {"Metadata": {"Quayside": {"Fixed": rule}}}
    deploy = {"name": name, "template": "queue.yml", "overlay": overlay}
    playbooks.stack(**deploy, parameters={"Label": "all"})
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    moved = {"Label": "payments"}
    for refused in (
        playbooks.stack(**deploy, parameters=moved),
        playbooks.stack(name=name, parameters={**moved, "Seconds": 50}),
        playbooks.stack(name=name, parameters=moved, overlay=overlay),
    ):
        assert "has 'all': it can't change with anything else. Change it first." in refused.message
    assert cloudformation.describe_stack_events(StackName=name)["StackEvents"] == events
    assert change_sets(cloudformation, name) == []
    assert playbooks.stack(name=name, parameters=moved).changed
    assert playbooks.stack(**deploy, parameters={**moved, "Seconds": 50}).changed
    assert playbooks.stack(**deploy, parameters={"Label": "all", "Seconds": 60}).changed


def test_check_mode_of_a_deletion_shows_it_and_deletes_nothing(
    playbooks: Playbooks, name: str, status: Status
) -> None:
    playbooks = playbooks.with_environment(**QUIET)
    playbooks.stack(name=name, template="queue.yml")
    run = playbooks.stack("--check", "--diff", name=name, state="absent")
    assert run.changed
    assert f"stack {name} is deleted: 2 resources\n  - SQS: 1 Queue (Queue)\n" in run.output
    assert status(name) == "CREATE_COMPLETE"


def test_check_mode_of_a_platform_that_is_not_there_yet_goes_through(
    playbooks: Playbooks, name: str
) -> None:
    playbooks = playbooks.with_environment(**QUIET)
    run = playbooks.stack(
        "--check", "--diff", name=name, template="queue.yml", parameters_from=[f"{name}-source"]
    )
    assert run.changed
    assert "  + SQS: 1 Queue (Queue)" in run.output
    assert f"takes values from {name}-source" in " ".join(run.output.split())


@pytest.mark.parametrize("state", ["REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"])
def test_so_it_does_where_a_stack_before_it_was_only_planned_or_never_stood(
    playbooks: Playbooks, name: str, cloudformation: Any, status: Status, state: str
) -> None:
    source = f"{name}-source"
    if state == "REVIEW_IN_PROGRESS":
        plan(cloudformation, source)
    else:
        broken = {"Resources": {"Queue": {"Properties": {"DelaySeconds": 901}}}}
        playbooks.stack(name=source, template="queue.yml", overlay=broken)
    assert status(source) == state
    wanted = {"name": name, "template": "queue.yml", "parameters_from": [source]}
    shown = playbooks.with_environment(**QUIET).stack("--check", **wanted)
    assert shown.changed
    assert f"takes values from {source}, not deployed so far" in " ".join(shown.output.split())
    assert f"Stack {source}, which stack {name} takes values from, is {state}." in (
        playbooks.stack(**wanted).message
    )


def test_the_root_cause_of_a_failed_creation_is_the_headline(
    playbooks: Playbooks, name: str, signal: Signal
) -> None:
    running = playbooks.start(name=name, template="gate.yml")
    running.wait_for("Gate (AWS::CloudFormation::WaitCondition) CREATE_IN_PROGRESS")
    signal(name, "FAILURE")
    run = running.finish()
    assert run.message.startswith(
        f"Stack {name} is ROLLBACK_COMPLETE: Gate (AWS::CloudFormation::WaitCondition): "
    )
    assert run.message.endswith("Mend that, and run the playbook again.")
    assert "Traceback" not in run.output


def test_an_old_failure_is_not_the_cause_of_a_new_one(
    aws: LocalAws, playbooks: Playbooks, name: str
) -> None:
    playbooks.stack(name=name, template="queue.yml")
    new = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "1"}}
    for resource in ("First", "Second"):
        aws.fail(name, resource)
        overlay = {"Resources": {resource: new}}
        run = playbooks.stack(name=name, template="queue.yml", overlay=overlay)
        assert f"UPDATE_ROLLBACK_COMPLETE: {resource} (AWS::SSM::Parameter)" in run.message


def test_a_creation_that_rolled_back_is_replaced(
    playbooks: Playbooks, name: str, signal: Signal, status: Status
) -> None:
    running = playbooks.start(name=name, template="gate.yml")
    running.wait_for("Gate (AWS::CloudFormation::WaitCondition) CREATE_IN_PROGRESS")
    signal(name, "FAILURE")
    running.finish()
    assert status(name) == "ROLLBACK_COMPLETE"

    quiet = playbooks.with_environment(**QUIET)
    planned = quiet.stack("--check", "--diff", name=name, template="queue.yml")
    assert planned.changed
    assert "  + SQS: 1 Queue (Queue)" in planned.output
    assert status(name) == "ROLLBACK_COMPLETE"

    replaced = playbooks.stack(name=name, template="queue.yml")
    assert replaced.changed
    assert replaced.result["status"] == "CREATE_COMPLETE"
    assert f"{name}: DELETE begins" in replaced.output


def test_a_creation_that_rolled_back_is_kept_by_who_brings_no_template(
    playbooks: Playbooks, name: str, aws: LocalAws, status: Status
) -> None:
    """As repair.yml does: it deleted the stack, and then failed."""
    aws.fail(name, "Note")
    overlay = {"Resources": {"Note": {"DependsOn": "Queue"}}}
    playbooks.stack(name=name, template="queue.yml", overlay=overlay)
    run = playbooks.stack(name=name, parameters={"Seconds": 50})
    assert f"Stack {name} is ROLLBACK_COMPLETE and never stood: CREATE_STACK failed" in run.message
    assert "Injected failure" in run.message
    assert run.message.endswith("Deploy it with its template first.")
    assert status(name) == "ROLLBACK_COMPLETE"


def test_a_creation_whose_rollback_and_deletion_failed_is_replaced_too(
    playbooks: Playbooks, name: str, aws: LocalAws, status: Status
) -> None:
    """Nothing of it is worth keeping; a stack that stood once is another thing (see below)."""
    aws.fail(name, "Note")
    aws.fail(name, "Queue", "DELETE", times=2)
    overlay = {"Resources": {"Note": {"DependsOn": "Queue"}}}
    options = {"name": name, "template": "queue.yml", "overlay": overlay}
    assert "ROLLBACK_FAILED" in playbooks.stack(**options).message
    assert "DELETE_FAILED" in playbooks.stack(**options).message
    assert status(name) == "DELETE_FAILED"
    assert playbooks.stack(**options).changed
    assert status(name) == "CREATE_COMPLETE"


def test_a_template_that_is_refused_before_it_begins_names_the_resource_and_the_place(
    playbooks: Playbooks, name: str, status: Status
) -> None:
    bad = {"Type": "AWS::SQS::Queue", "Properties": {"QueueNam": "x"}}
    run = playbooks.stack(name=name, template="queue.yml", overlay={"Resources": {"Bad": bad}})
    assert f"CloudFormation can't plan stack {name}: Bad (AWS::SQS::Queue) at " in run.message
    assert "QueueNam" in run.message
    assert "DescribeEvents" not in run.message, "what AWS says of its API is no help"
    assert status(name) == "absent"


def test_a_left_over_shell_of_a_change_set_is_used(
    playbooks: Playbooks, name: str, cloudformation: Any, status: Status
) -> None:
    plan(cloudformation, name)
    assert status(name) == "REVIEW_IN_PROGRESS"
    assert playbooks.stack(name=name, template="queue.yml").changed
    assert status(name) == "CREATE_COMPLETE"


def test_a_busy_stack_is_waited_for(playbooks: Playbooks, name: str, signal: Signal) -> None:
    first = playbooks.start(name=name, template="gate.yml")
    first.wait_for("Gate (AWS::CloudFormation::WaitCondition) CREATE_IN_PROGRESS")
    second = playbooks.start(name=name, template="gate.yml")
    second.wait_for("CREATE_IN_PROGRESS: another operation runs, waiting for its end")
    signal(name)
    assert first.finish().changed
    assert not second.finish().changed


def test_a_busy_stack_is_deleted_when_it_is_free(
    playbooks: Playbooks, name: str, signal: Signal, status: Status
) -> None:
    first = playbooks.start(name=name, template="gate.yml")
    first.wait_for("Gate (AWS::CloudFormation::WaitCondition) CREATE_IN_PROGRESS")
    second = playbooks.start(name=name, state="absent")
    second.wait_for("CREATE_IN_PROGRESS: another operation runs, waiting for its end")
    signal(name)
    assert second.finish().changed
    assert status(name) == "absent"
    first.finish()


def test_two_deployments_at_the_same_time_both_work(
    playbooks: Playbooks, name: str, cloudformation: Any
) -> None:
    runs = [
        playbooks.start(name=name, template="queue.yml", parameters={"Seconds": seconds})
        for seconds in (40, 41, 42)
    ]
    finished = [run.finish() for run in runs]
    assert [run.code for run in finished] == [0, 0, 0], [run.output for run in finished]
    assert parameters_of(cloudformation, name)["Seconds"] in ("40", "41", "42")


def test_at_the_timeout_the_stack_is_named_and_goes_on(
    playbooks: Playbooks, name: str, signal: Signal, status: Status
) -> None:
    run = playbooks.stack(name=name, template="gate.yml", timeout=1)
    assert run.message == (
        f"Stack {name} is still CREATE_IN_PROGRESS after 1 s, the limit of option timeout. It is "
        "left as it is and goes on; run the playbook again to wait for it."
    )
    assert status(name) == "CREATE_IN_PROGRESS"
    signal(name)
    assert not playbooks.stack(name=name, template="gate.yml").changed


def test_an_interrupted_run_leaves_the_stack_going_and_says_so(
    playbooks: Playbooks, name: str, signal: Signal, status: Status
) -> None:
    running = playbooks.cold().start(name=name, template="gate.yml")
    running.wait_for("if this run is interrupted, it goes on, and the next run waits")
    running.wait_for("Gate (AWS::CloudFormation::WaitCondition) CREATE_IN_PROGRESS")
    running.process.send_signal(signals.SIGINT)
    assert running.finish().code != 0
    assert status(name) == "CREATE_IN_PROGRESS"
    signal(name)
    assert not playbooks.stack(name=name, template="gate.yml").changed


def test_a_run_whose_terminal_is_closed_sends_nothing_more(
    playbooks: Playbooks, name: str, signal: Signal, cloudformation: Any
) -> None:
    """A worker of ansible-playbook outlives it, and would go on when the stack is free."""
    first = playbooks.start(name=name, template="gate.yml")
    first.wait_for("Gate (AWS::CloudFormation::WaitCondition) CREATE_IN_PROGRESS")
    second = playbooks.cold().start(name=name, template="queue.yml")
    second.wait_for("CREATE_IN_PROGRESS: another operation runs, waiting for its end")
    (worker,) = children(second.process.pid)
    second.process.kill()  # as SIGHUP ends it, without a word to its worker
    second.process.wait()
    deadline = time.monotonic() + 20
    while runs(worker) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not runs(worker), "it waits for the stack, and would deploy then"
    signal(name)
    assert first.finish().changed
    assert change_sets(cloudformation, name) == []
    resources = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    assert [it["LogicalResourceId"] for it in resources] == ["Gate"]


def children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def runs(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_what_is_not_given_stays_as_it_was(
    playbooks: Playbooks, name: str, cloudformation: Any
) -> None:
    playbooks.stack(
        name=name,
        template="queue.yml",
        parameters={"Seconds": 77, "QueueName": None},
        tags={"team": "one"},
        termination_protection=True,
    )
    assert not playbooks.stack(name=name, template="queue.yml").changed
    assert not playbooks.stack(name=name, parameters={"Seconds": 77}).changed
    other = {"parameters": {"QueueName": "other"}, "allow": ["Queue"]}
    assert playbooks.stack(name=name, **other).changed
    assert parameters_of(cloudformation, name)["Seconds"] == "77"
    description = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    assert description["Tags"] == [{"Key": "team", "Value": "one"}]
    assert description["EnableTerminationProtection"]


def test_initial_parameters_count_only_at_creation(
    playbooks: Playbooks, name: str, cloudformation: Any
) -> None:
    for seconds in (40, 50):
        run = playbooks.stack(
            name=name, template="queue.yml", initial_parameters={"Seconds": seconds}
        )
        assert run.changed is (seconds == 40)
    assert parameters_of(cloudformation, name)["Seconds"] == "40"


def test_outputs_of_other_stacks_fill_parameters_of_the_same_name(
    playbooks: Playbooks, name: str, cloudformation: Any
) -> None:
    source = f"{name}-source"
    playbooks.stack(name=source, template="queue.yml", parameters={"Seconds": 61})
    run = playbooks.stack(
        name=name,
        template="queue.yml",
        parameters_from=[source],
        parameters={"Secret": {"output": "QueueName"}, "QueueName": "mine"},
    )
    assert run.changed
    assert parameters_of(cloudformation, name)["Seconds"] == "61"
    note = cloudformation.describe_stack_resource(StackName=name, LogicalResourceId="Note")
    assert note["StackResourceDetail"]["ResourceStatus"] == "CREATE_COMPLETE"


def test_an_option_fills_the_parameter_of_its_name(
    playbooks: Playbooks, name: str, cloudformation: Any
) -> None:
    """Others fill none, option parameters wins, and an empty one gives way to an output."""
    variables = {"seconds": 50, "label": ["a", "b"], "queue_name": "theirs", "timeout": 9, "x": {}}
    options = {"name": name, "template": "queue.yml", "parameters": {"QueueName": "mine"}}
    assert playbooks.stack(**options, variables=variables).changed
    found = parameters_of(cloudformation, name)
    assert (found["Seconds"], found["Label"], found["QueueName"]) == ("50", "a,b", "mine")
    source = f"{name}-source"
    label = {"Outputs": {"Label": {"Value": "of the source"}}}
    playbooks.stack(name=source, template="queue.yml", overlay=label)
    for given, taken in (([], "of the source"), (["own"], "own")):
        again = {"variables": {**variables, "label": given}, "parameters_from": [source]}
        assert playbooks.stack(**options, **again).changed
        assert parameters_of(cloudformation, name)["Label"] == taken
    assert playbooks.stack(**options, variables={**variables, "label": []}).changed
    assert parameters_of(cloudformation, name)["Label"] == ""


def test_a_source_stack_that_is_missing_is_named(playbooks: Playbooks, name: str) -> None:
    run = playbooks.stack(name=name, template="queue.yml", parameters_from=["nobody"])
    assert "There is no stack nobody in eu-central-1 of account 000000000000" in run.message
    words = {"nobody": "There is no platform of that name. Mend it."}
    run = playbooks.stack(
        name=name, template="queue.yml", parameters_from=["nobody"], missing_sources=words
    )
    assert run.message.startswith(
        "There is no platform of that name. Mend it. (Looked for: no stack"
    )


def test_a_missing_output_for_an_option_is_named(playbooks: Playbooks, name: str) -> None:
    playbooks.stack(name=f"{name}-source", template="queue.yml")
    run = playbooks.stack(
        name=name,
        template="queue.yml",
        parameters_from=[f"{name}-source"],
        parameters={"QueueName": "mine"},
        role_arn_from="RoleArn",
    )
    assert f"None of the stacks {name}-source has the output RoleArn" in run.message


def test_a_role_is_given_once_and_kept(
    playbooks: Playbooks, name: str, cloudformation: Any, aws: LocalAws
) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "cloudformation.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    iam = aws.client("iam")
    role = iam.create_role(RoleName="stack-deployer", AssumeRolePolicyDocument=json.dumps(trust))
    arn = role["Role"]["Arn"]
    playbooks.stack(name=name, template="queue.yml", role_arn=arn)
    playbooks.stack(name=name, template="queue.yml", parameters={"Seconds": 50})
    description = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    assert description["RoleARN"] == arn


def test_an_overlay_adds_to_the_template_and_keeps_its_functions(
    playbooks: Playbooks, name: str, aws: LocalAws
) -> None:
    queue = {
        "DelaySeconds": 7,
        "Tags": [{"Key": "added", "Value": {"Fn::Sub": "${AWS::StackName}-more"}}],
    }
    run = playbooks.stack(
        name=name, template="queue.yml", overlay={"Resources": {"Queue": {"Properties": queue}}}
    )
    assert run.changed
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{name}-tests")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["DelaySeconds"] == "7"
    assert attributes["VisibilityTimeout"] == "30"
    tags = sqs.list_queue_tags(QueueUrl=url)["Tags"]
    assert tags["kept"] == name
    assert tags["added"] == f"{name}-more"


def test_a_change_of_tags_alone_is_deployed(
    playbooks: Playbooks, name: str, cloudformation: Any
) -> None:
    playbooks.stack(name=name, template="queue.yml", tags={"team": "one"})
    assert playbooks.stack(name=name, template="queue.yml", tags={"team": 2}).changed
    assert not playbooks.stack(name=name, template="queue.yml", tags={"team": 2}).changed
    description = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    assert description["Tags"] == [{"Key": "team", "Value": "2"}]


def large_template(folder: Path, size: int) -> str:
    """Return the path of queue.yml, blown up with metadata."""
    text = (TEMPLATES / "queue.yml").read_text("utf-8")
    path = folder / "large.yml"
    path.write_text(f"{text}Metadata:\n  Filler: {'x' * size}\n", encoding="utf-8")
    return str(path)


def test_files_are_put_into_the_bucket_once_and_their_keys_into_the_parameters(
    playbooks: Playbooks, name: str, tmp_path: Path, aws: LocalAws
) -> None:
    zip_file = tmp_path / "function.zip"
    zip_file.write_bytes(b"the first content")
    options = {
        "name": name,
        "template": "queue.yml",
        "parameters": {"Seconds": 40},
        "files": {"Label": str(zip_file)},
    }
    refused = playbooks.stack(**options)
    assert refused.message.endswith("Give option artifacts_bucket.")

    s3, bucket = aws.client("s3"), "files-of-parameters"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": aws.region})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    options["artifacts_bucket"] = bucket
    assert playbooks.stack("--check", **options).changed
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert playbooks.stack(**options).changed
    (first,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert parameters_of(aws.client("cloudformation"), name)["Label"] == first["Key"]
    assert s3.get_object(Bucket=bucket, Key=first["Key"])["Body"].read() == b"the first content"
    assert not playbooks.stack(**options).changed

    zip_file.write_bytes(b"another content")
    assert playbooks.stack(**options).changed
    assert len(s3.list_objects_v2(Bucket=bucket)["Contents"]) == 2


def test_a_file_that_is_not_there_is_refused_by_its_parameter(
    playbooks: Playbooks, name: str
) -> None:
    run = playbooks.stack(name=name, template="queue.yml", files={"Label": "/no/such.zip"})
    assert "The file /no/such.zip of parameter Label can't be read" in run.message


def test_a_template_over_the_largest_size_is_refused(
    playbooks: Playbooks, name: str, tmp_path: Path
) -> None:
    run = playbooks.stack(name=name, template=large_template(tmp_path, 1_000_000))
    assert "CloudFormation takes 1,000,000 at most. Split it into two stacks." in run.message


def test_a_protected_stack_is_deleted_only_when_told_so(
    playbooks: Playbooks, name: str, status: Status
) -> None:
    protected = {"name": name, "template": "queue.yml", "termination_protection": True}
    assert playbooks.stack(**protected).changed
    assert not playbooks.stack(**protected).changed
    run = playbooks.stack(name=name, state="absent")
    assert run.message == (
        f"Stack {name} is protected against deletion. If it must go, repeat with "
        "termination_protection: false."
    )
    assert status(name) == "CREATE_COMPLETE"
    assert playbooks.stack(name=name, state="absent", termination_protection=False).changed


def test_a_protected_service_goes_only_if_its_protection_is_lifted_by_name(
    playbooks: Playbooks, status: Status
) -> None:
    """The role's default is no protection, and must not lift that of a stack that it deletes."""
    name = "shop-service-kept"
    made = playbooks.stack(name=name, template="queue.yml", termination_protection=True)
    assert made.changed

    def remove(**more: Any) -> Run:
        given = {"service_platform": "shop", "service_name": "kept", "service_state": "absent"}
        role = {"name": "quayside.fargate.service"}
        return playbooks.task({"ansible.builtin.include_role": role, "vars": {**given, **more}})

    run = remove()
    assert run.code != 0
    assert "If it must go, repeat with service_termination_protection: false." in run.output
    assert remove(service_termination_protection=True).code != 0
    assert status(name) == "CREATE_COMPLETE"
    assert remove(service_termination_protection=False).code == 0
    assert status(name) == "absent"

    assert status(name) == "absent"


OWNED = """
Parameters: {Platform: {Type: String}, Name: {Type: String, Default: rds}}
Resources: {Queue: {Type: AWS::SQS::Queue}}
"""


@pytest.mark.parametrize("kind", ["monitoring", "service"])
def test_absent_leaves_another_platforms_stack_of_the_same_name(
    playbooks: Playbooks, tmp_path: Path, status: Status, kind: str
) -> None:
    template = tmp_path / "owned.yaml"
    template.write_text(OWNED)
    anothers = f"shop-{kind}-rds"
    own = {"name": anothers, "template": str(template)}
    playbooks.stack(**own, parameters={"Platform": f"shop-{kind}"})
    gone = playbooks.task(removal("shop", "rds"))
    assert f"Stack {anothers} is another's: its parameter Platform is" in gone.output
    assert status(anothers) == "CREATE_COMPLETE"
    variables = {"platform": "shop", "name": "rds"}
    taken = playbooks.stack(**own, variables=variables)
    assert f"Stack {anothers} is another's" in taken.message
    assert playbooks.stack(name=anothers, state="absent").changed


def test_a_service_protected_by_hand_keeps_what_watches_it(
    playbooks: Playbooks, tmp_path: Path, cloudformation: Any, status: Status
) -> None:
    template = tmp_path / "owned.yaml"
    template.write_text(OWNED)
    both = ["hand-monitoring-rds", "hand-service-rds"]
    for stack in both:
        playbooks.stack(name=stack, template=str(template), parameters={"Platform": "hand"})
    protect = cloudformation.update_termination_protection
    protect(StackName=both[1], EnableTerminationProtection=True)
    refused = playbooks.task(removal("hand", "rds"))
    assert f"Stack {both[1]} is protected against deletion" in refused.output
    assert [status(stack) for stack in both] == ["CREATE_COMPLETE"] * 2
    assert playbooks.task(removal("hand", "rds", service_termination_protection=False)).code == 0
    assert [status(stack) for stack in both] == ["absent"] * 2


def removal(platform: str, service: str, **more: Any) -> dict[str, Any]:
    """Return a task that runs the role service with state absent."""
    named = {"service_platform": platform, "service_name": service, "service_state": "absent"}
    role = {"name": "quayside.fargate.service"}
    return {"ansible.builtin.include_role": role, "vars": {**named, **more}}


def test_a_deletion_that_fails_names_what_held_it_up(
    playbooks: Playbooks, name: str, aws: LocalAws, status: Status
) -> None:
    vpc = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.9.0.0/16"}}
    output = {"VpcId": {"Value": {"Ref": "Vpc"}}}
    options = {"name": name, "template": "queue.yml"}
    overlay = {"Resources": {"Vpc": vpc}, "Outputs": output}
    vpc_id = playbooks.stack(**options, overlay=overlay).result["outputs"]["VpcId"]
    ec2 = aws.client("ec2")
    subnet = ec2.create_subnet(VpcId=vpc_id, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    run = playbooks.stack(name=name, state="absent")
    assert run.message.startswith(f"Stack {name} is DELETE_FAILED: Vpc (AWS::EC2::VPC): ")
    assert run.message.endswith("Mend that, then delete the stack with state: absent.")

    refused = playbooks.stack(**options)
    assert refused.message.startswith(
        f"Stack {name} is DELETE_FAILED: DELETE_STACK failed with Vpc (AWS::EC2::VPC): "
    )
    ec2.delete_subnet(SubnetId=subnet)
    assert playbooks.stack(name=name, state="absent").changed
    assert status(name) == "absent"


def test_a_stack_that_others_import_from_is_not_deleted(
    playbooks: Playbooks, name: str, status: Status
) -> None:
    export = {"Sentinel": {"Value": "shop", "Export": {"Name": name}}}
    user = {"Used": {"Value": {"Fn::ImportValue": name}}}
    playbooks.stack(name=f"{name}-source", template="queue.yml", overlay={"Outputs": export})
    playbooks.stack(name=name, template="queue.yml", overlay={"Outputs": user})
    run = playbooks.stack(name=f"{name}-source", state="absent")
    assert f"imported by stack {name}" in run.message
    assert status(f"{name}-source") == "CREATE_COMPLETE"


def test_a_missing_permission_is_told(playbooks: Playbooks, aws: LocalAws) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="stranger")
    key = iam.create_access_key(UserName="stranger")["AccessKey"]
    stranger = playbooks.acting_as(key["AccessKeyId"], key["SecretAccessKey"])
    run = stranger.stack(name="x", template="queue.yml")
    assert "DescribeStacks of stack x failed: " in run.message
    assert run.message.endswith("Give the deploying role this permission.")
    # Who may look at one platform only isn't told that another one isn't there.
    words = {"shp-support": "There is no platform shp. Mend service_platform, or deploy it."}
    words |= {"shp-deployment-c": "The platform shp has no team c. Mend service_team."}
    options = {"template": "queue.yml", "missing_sources": words}
    run = stranger.stack(name="shp-x", parameters_from=list(words), **options)
    assert run.message.endswith(
        "Give the deploying role this permission, or mend service_platform."
    )
    allowed = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    refused = allowed | {"Effect": "Deny", "Resource": "arn:aws:cloudformation:*:*:stack/*-c/*"}
    iam.put_user_policy(
        UserName="stranger",
        PolicyName="all-but-one-team",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed, refused]}),
    )
    run = stranger.stack(name="shp-x", parameters_from=["shp-deployment-c"], **options)
    assert run.message.endswith("Give the deploying role this permission, or mend service_team.")


LOST = {
    "variable_prefix": "service",
    "variables": {
        "name": "orders",
        "state": "present",
        "cpu": 512,
        "memory": 1024,
        "scaling": {"min": 1},
        "environment": {"A": "b"},
        "label": "x",
    },
}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"parameters": {"QueueName": "UPPER"}}, "Parameter QueueName is 'UPPER', but"),
        ({"parameters": {"Seconds": 101}}, "Parameter Seconds is '101', but it must be at most"),
        ({"parameters": {"Second": 1}}, "no parameter Second. Did you mean Seconds?"),
        ({"initial_parameters": {"Seconds": "x"}}, "Parameter Seconds is 'x', but"),
        ({"parameters": {"Seconds": {"a": 1}}}, "parameters.Seconds is a map"),
        (
            {"variable_prefix": "service", "parameters": {"QueueName": "UPPER"}},
            "service_queue_name (parameter QueueName) is 'UPPER'",
        ),
        (
            {"variable_prefix": "service", "variables": {"queue_name": "UPPER"}},
            "service_queue_name (parameter QueueName) is 'UPPER'",
        ),
        (
            {"variable_prefix": "service", "variables": {"label": ["a,b"]}},
            "service_label has an item that is a list or holds a comma",
        ),
        (
            LOST | {"given": ["service_cpu", "service_name", "service_scaling", "service_state"]},
            "queue.yml has no parameter that service_cpu (parameter Cpu), service_scaling.min "
            "(parameter MinCount) would fill. Add it to the template, or leave the variable out.",
        ),
        ({"overlay": {"Resources": {"Queu": {"Properties": {}}}}}, "Did you mean Queue?"),
        ({"state": "gone"}, "value of state must be one of: present, absent"),
        ({"role_arn": "a", "role_arn_from": "B"}, "mutually exclusive: role_arn|role_arn_from"),
        ({"timeout": "soon"}, "timeout"),
        ({"capabilities": ["ALL"]}, "capabilities"),
        ({"nonsense": 1}, "nonsense"),
        ({"template": "/nowhere.yml"}, "nowhere.yml"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_bad_input_is_refused_before_aws_is_called(
    tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    nobody = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_REGION": "eu-central-1",
    }
    run = Playbooks(tmp_path, nobody).stack(**{"name": "x", "template": "queue.yml", **options})
    assert said in run.message


def test_an_aws_that_does_not_answer_is_named(tmp_path: Path) -> None:
    nobody = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_REGION": "eu-central-1",
        "AWS_MAX_ATTEMPTS": "1",
    }
    run = Playbooks(tmp_path, nobody).stack(name="x", template="queue.yml")
    assert "DescribeStacks of stack x failed: Could not connect" in run.message
    assert run.message.endswith("Check the network, the region and AWS_ENDPOINT_URL.")


def test_several_stacks_may_be_deployed_in_one_looped_task(playbooks: Playbooks, name: str) -> None:
    stack = {"name": "{{ item }}", "template": str(TEMPLATES / "queue.yml")}
    names = [name, f"{name}-source"]
    run = playbooks.task({"quayside.fargate.stack": stack, "loop": names})
    assert run.code == 0, run.output
    assert [item["changed"] for item in run.result["results"]] == [True, True]
    for each in names:
        assert f"{each}: Queue (AWS::SQS::Queue) CREATE_COMPLETE" in run.output


def test_a_secret_is_shown_nowhere(playbooks: Playbooks, name: str) -> None:
    # Put together by Ansible, so that the playbook, which Ansible quotes in errors, hasn't got it.
    secret = "{{ 'canary-' ~ '5c1fe2a9' }}"
    options = {"name": name, "template": "queue.yml", "parameters": {"Secret": secret}}
    telling = {
        "Type": "AWS::SSM::Parameter",
        "Properties": {"Name": "/telling", "Type": {"Ref": "Secret"}, "Value": "x"},
    }
    runs = [
        playbooks.stack("-vvvv", "--check", "--diff", **options),
        playbooks.stack("-vvvv", "--diff", **options),
        playbooks.stack("-vvvv", **options, overlay={"Resources": {"Telling": telling}}),
        playbooks.stack("-vvvv", **{**options, "parameters": {"Secret": [[secret]]}}),
    ]
    assert [run.code for run in runs] == [0, 0, 2, 2]
    assert "****" in runs[2].message, "CloudFormation's reason is expected to tell the value"
    for run in runs:
        assert CANARY not in run.output
        assert CANARY not in json.dumps(run.results)


def test_a_failure_over_a_value_names_the_variable_that_gave_it(
    playbooks: Playbooks, name: str, tmp_path: Path
) -> None:
    template = tmp_path / "functions.yml"
    function: dict[str, Any] = {
        "Handler": "app.handler",
        "Role": "arn:aws:iam::000000000000:role/any",
    }
    function |= {"Runtime": {"Ref": "FunctionRuntime"}, "Code": {"ZipFile": "handler = print"}}
    resource = {"Type": "AWS::Lambda::Function", "Properties": function}
    parameters = {"FunctionRuntime": {"Type": "String"}}
    template.write_text(json.dumps({"Parameters": parameters, "Resources": {"Function": resource}}))
    run = playbooks.stack(
        name=name,
        template=str(template),
        variable_prefix="support",
        parameters={"FunctionRuntime": "python3.99"},
    )
    assert "Function (AWS::Lambda::Function)" in run.message
    assert "python3.99 is the value of support_function_runtime (parameter FunctionR" in run.message
