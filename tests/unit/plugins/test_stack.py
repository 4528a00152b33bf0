"""What CloudFormation says reaches the user: refusals, hooks, expired credentials, every status."""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import botocore.exceptions
import botocore.loaders
import botocore.session
import pytest
from botocore.config import Config
from botocore.loaders import Loader
from botocore.stub import ANY, Stubber

from ansible_collections.quayside.fargate.custom_resources.contract.stacks import SHELL, is_busy
from ansible_collections.quayside.fargate.plugins.plugin_utils import aws
from ansible_collections.quayside.fargate.plugins.plugin_utils import stack as stacks
from ansible_collections.quayside.fargate.plugins.plugin_utils.clock import Clock
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.progress import Progress
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import BusyError, Stack

ROOT = Path(__file__).parents[3]
NAME = "shop-service-orders"
STACK_ID = f"arn:aws:cloudformation:eu-central-1:123456789012:stack/{NAME}/1"
CHANGE_SET = "arn:aws:cloudformation:eu-central-1:123456789012:changeSet/quayside/1"
MADE = {"Id": CHANGE_SET, "StackId": STACK_ID}
ABOUT = {"StackName": STACK_ID, "ChangeSetName": CHANGE_SET}
FAILED = {"FailedEvents": True}
EARLY = (
    "The following hook(s)/validation failed: [AWS::EarlyValidation::ResourceExistenceCheck]. To "
    "troubleshoot Early Validation errors, use the DescribeEvents API for detailed failure "
    "information."
)
NOW = datetime(2026, 11, 28, tzinfo=UTC)
STATUSES = (
    botocore.session.Session().get_service_model("cloudformation").shape_for("StackStatus").enum
)


class Asked:
    """A stack on a stubbed CloudFormation, and what was printed."""

    def __init__(self, timeout: float = 5, session: botocore.session.Session | None = None) -> None:
        client = (session or botocore.session.Session()).create_client(
            "cloudformation",
            region_name="eu-central-1",
            aws_access_key_id="a",
            aws_secret_access_key="b",
            config=Config(retries={"total_max_attempts": 1}),
        )
        self.stub = Stubber(client)
        self.printed: list[str] = []
        progress = Progress(lambda text, _: self.printed.append(text), verbose=True)
        self.stack = Stack(client, NAME, Clock(timeout), progress)

    def answers(self, operation: str, answer: dict[str, Any], asked: Any = None) -> None:
        """Let the next call be this one."""
        self.stub.add_response(operation, answer, asked)

    def refuses(self, operation: str, code: str, message: str) -> None:
        """Let the next call be this one, in vain."""
        self.stub.add_client_error(operation, code, message, 400)

    def makes_a_change_set(self) -> None:
        """Let CreateChangeSet work."""
        self.answers("create_change_set", MADE)

    def discards_it(self) -> None:
        """Let the change set be deleted."""
        self.answers("delete_change_set", {}, ABOUT)

    def update(self, *, execute: bool = True) -> Any:
        """Deploy an update."""
        return self.stack.deploy("UPDATE", {"TemplateBody": "{}"}, execute=execute)


@pytest.fixture
def asked() -> Iterator[Asked]:
    world = Asked()
    with world.stub:
        yield world
    world.stub.assert_no_pending_responses()


class OldLoader(Loader):  # type: ignore[misc]
    """The models of a botocore from before DescribeEvents."""

    def load_service_model(self, *args: Any, **more: Any) -> Any:
        """Return a model without what came later."""
        model = copy.copy(super().load_service_model(*args, **more))
        if "operations" in model:
            model["operations"] = {**model["operations"]}
            model["operations"].pop("DescribeEvents", None)
            wanted = copy.deepcopy(model["shapes"]["DescribeChangeSetInput"])
            del wanted["members"]["IncludePropertyValues"]
            model["shapes"] = {**model["shapes"], "DescribeChangeSetInput": wanted}
        return model


@pytest.fixture
def old() -> Iterator[Asked]:
    """A stack asked for by an older botocore."""
    session = botocore.session.Session()
    session.register_component(
        "data_loader", OldLoader([botocore.loaders.Loader.BUILTIN_DATA_PATH])
    )
    world = Asked(session=session)
    with world.stub:
        yield world
    world.stub.assert_no_pending_responses()


def described(status: str, **more: Any) -> dict[str, Any]:
    return {
        "Stacks": [
            {
                "StackName": NAME,
                "StackId": STACK_ID,
                "CreationTime": NOW,
                "StackStatus": status,
                **more,
            }
        ]
    }


def stack_event(number: int, status: str, **more: Any) -> dict[str, Any]:
    return {
        "EventId": str(number),
        "StackId": STACK_ID,
        "StackName": NAME,
        "Timestamp": NOW,
        "PhysicalResourceId": STACK_ID,
        "LogicalResourceId": NAME,
        "ResourceType": "AWS::CloudFormation::Stack",
        "ResourceStatus": status,
        **more,
    }


def resource(number: int, **more: Any) -> dict[str, Any]:
    of = {"PhysicalResourceId": "", "LogicalResourceId": "Queue", "ResourceType": "AWS::SQS::Queue"}
    return stack_event(number, "CREATE_IN_PROGRESS", **{**of, **more})


def operation_event(**more: Any) -> dict[str, Any]:
    return {"EventId": "1", "StackId": STACK_ID, "EventType": "VALIDATION_ERROR", **more}


def refused(seconds: int, name: str, reason: str, **more: Any) -> dict[str, Any]:
    return operation_event(
        LogicalResourceId=name,
        ResourceType="AWS::SQS::Queue",
        ValidationName="NAME_CONFLICT_VALIDATION",
        ValidationStatus="FAILED",
        ValidationPath=f"/Resources/{name}/Properties/QueueName",
        ValidationStatusReason=reason,
        Timestamp=NOW + timedelta(seconds=seconds),
        **more,
    )


def test_an_early_validation_names_the_resources_that_it_refused(asked: Asked) -> None:
    asked.makes_a_change_set()
    asked.answers("describe_change_set", {"Status": "FAILED", "StatusReason": EARLY})
    listed = [
        refused(2, "Second", "Queue 'b' already exists."),
        refused(1, "First", "Queue 'a' already exists."),
        refused(3, "Warned", "Only a warning", ValidationFailureMode="WARN"),
    ]
    asked.answers("describe_events", {"OperationEvents": listed}, {**ABOUT, "Filters": FAILED})
    asked.discards_it()
    with pytest.raises(StackError) as failure:
        asked.update()
    assert str(failure.value) == (
        f"CloudFormation can't plan stack {NAME}: "
        "First (AWS::SQS::Queue) at /Resources/First/Properties/QueueName: Queue 'a' already "
        "exists; Second (AWS::SQS::Queue) at /Resources/Second/Properties/QueueName: Queue 'b' "
        "already exists. Mend that, and run the playbook again."
    )


def test_a_hook_that_refused_a_change_set_is_named_with_its_words(asked: Asked) -> None:
    asked.makes_a_change_set()
    asked.answers("describe_change_set", {"Status": "FAILED", "StatusReason": "hook(s) failed"})
    hook = operation_event(
        EventType="HOOK_INVOCATION_ERROR",
        LogicalResourceId="Bucket",
        ResourceType="AWS::S3::Bucket",
        HookType="Team::Encryption::Guard",
        HookStatus="HOOK_COMPLETE_FAILED",
        HookStatusReason="Buckets need a key of their own.",
    )
    asked.answers("describe_events", {"OperationEvents": [hook]})
    asked.discards_it()
    said = (
        r"Bucket \(AWS::S3::Bucket\): Team::Encryption::Guard: Buckets need a key of their own\. M"
    )
    with pytest.raises(StackError, match=said):
        asked.update()


def test_who_may_not_ask_for_events_gets_cloudformations_words_and_the_permission(
    asked: Asked,
) -> None:
    asked.makes_a_change_set()
    asked.answers("describe_change_set", {"Status": "FAILED", "StatusReason": EARLY})
    denied = "User: x is not authorized to perform: cloudformation:DescribeEvents"
    asked.refuses("describe_events", "AccessDenied", denied)
    asked.discards_it()
    with pytest.raises(StackError) as failure:
        asked.update()
    assert str(failure.value) == (
        f"CloudFormation can't plan stack {NAME}: {EARLY} Mend that, and run the playbook again. "
        f"More isn't known: DescribeEvents of stack {NAME} failed: {denied}. Give the deploying "
        "role this permission."
    )


def test_a_change_set_without_changes_is_no_failure_and_asks_for_no_events(asked: Asked) -> None:
    asked.makes_a_change_set()
    reason = "The submitted information didn't contain changes."
    asked.answers("describe_change_set", {"Status": "FAILED", "StatusReason": reason})
    asked.discards_it()
    assert asked.update() == (None, None)


def test_a_stack_that_is_gone_meanwhile_is_looked_at_again(asked: Asked) -> None:
    asked.makes_a_change_set()
    asked.refuses("describe_change_set", "ValidationError", f"Stack [{NAME}] does not exist")
    asked.discards_it()
    with pytest.raises(BusyError):
        asked.update()


def test_a_role_that_does_not_exist_is_no_race(asked: Asked) -> None:
    asked.refuses("create_change_set", "ValidationError", "Role arn:x does not exist")
    with pytest.raises(StackError, match=r"CreateChangeSet of stack .* Role arn:x does not exist"):
        asked.update()


def begin_an_update(asked: Asked) -> None:
    asked.makes_a_change_set()
    asked.answers("describe_change_set", {"Status": "CREATE_COMPLETE"})
    asked.answers("describe_change_set", {"Status": "CREATE_COMPLETE", "Changes": []})
    asked.answers("describe_stack_events", {"StackEvents": [stack_event(1, "CREATE_COMPLETE")]})
    asked.answers("execute_change_set", {}, {**ABOUT, "ClientRequestToken": ANY})


def test_credentials_that_expire_while_events_come_are_told_with_what_goes_on(
    asked: Asked,
) -> None:
    begin_an_update(asked)
    asked.answers("describe_stacks", described("UPDATE_IN_PROGRESS"))
    said = "The security token included in the request is expired"
    asked.refuses("describe_stack_events", "ExpiredToken", said)
    with pytest.raises(StackError) as failure:
        asked.update()
    told = str(failure.value)
    assert told.startswith(
        f"DescribeStackEvents of stack {NAME} failed: {said}. Log in to AWS again"
    )
    assert told.endswith(f"Stack {NAME} goes on without this run; the next one waits for it.")


def test_throttling_while_events_come_is_waited_out(asked: Asked) -> None:
    begin_an_update(asked)
    asked.refuses("describe_stacks", "Throttling", "Rate exceeded")
    asked.answers("describe_stacks", described("UPDATE_COMPLETE"))
    asked.refuses("describe_stack_events", "Throttling", "Rate exceeded")
    done = [stack_event(2, "UPDATE_COMPLETE"), stack_event(1, "CREATE_COMPLETE")]
    asked.answers("describe_stack_events", {"StackEvents": done})
    _changes, description = asked.update()
    assert description["StackStatus"] == "UPDATE_COMPLETE"
    assert sum("can't be asked (Rate exceeded), trying on" in line for line in asked.printed) == 2


@pytest.mark.parametrize(
    ("seen", "later"),
    [
        ("UPDATE_IN_PROGRESS", ["UPDATE_IN_PROGRESS"]),
        ("UPDATE_ROLLBACK_COMPLETE", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"]),
    ],
    ids=["goes on", "has failed"],
)
def test_an_operation_that_began_right_after_does_not_pass_for_this_ones_end(
    asked: Asked, seen: str, later: list[str]
) -> None:
    """A flip, or a deployment that waited; it may even have ended, and in vain, by now."""
    begin_an_update(asked)
    asked.answers("describe_stacks", described(seen))
    since = ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", *later]
    listed = [stack_event(number, status) for number, status in enumerate(since, 2)]
    old = stack_event(1, "CREATE_COMPLETE")
    asked.answers("describe_stack_events", {"StackEvents": [*listed[::-1], old]})
    asked.answers("describe_stacks", described("UPDATE_ROLLBACK_IN_PROGRESS"))
    _changes, description = asked.update()
    assert description["StackStatus"] == "UPDATE_ROLLBACK_IN_PROGRESS"


def test_throttling_that_outlasts_the_task_is_told_at_its_timeout() -> None:
    asked = Asked(timeout=0.5)
    with asked.stub:
        begin_an_update(asked)
        for _ in range(5):
            asked.refuses("describe_stacks", "Throttling", "Rate exceeded")
        said = (
            r"can't be followed \(Rate exceeded\) after 0\.5 s, .* It is left as it is and goes on"
        )
        with pytest.raises(StackError, match=said):
            asked.update()


def test_a_hook_that_stops_a_resource_is_the_root_cause(asked: Asked) -> None:
    begin_an_update(asked)
    asked.answers("describe_stacks", described("UPDATE_ROLLBACK_COMPLETE"))
    hook = {"HookType": "Team::Guard", "HookStatus": "HOOK_COMPLETE_FAILED"}
    listed = [
        stack_event(5, "UPDATE_ROLLBACK_COMPLETE"),
        resource(4, ResourceStatus="CREATE_FAILED", ResourceStatusReason="hook(s) failed: [Guard]"),
        resource(3, **hook, HookFailureMode="FAIL", HookStatusReason="No public queues"),
        resource(2, **hook, HookFailureMode="WARN", HookStatusReason="Only a warning"),
        stack_event(1, "CREATE_COMPLETE"),
    ]
    asked.answers("describe_stack_events", {"StackEvents": listed})
    said = (
        r"is UPDATE_ROLLBACK_COMPLETE: Queue \(AWS::SQS::Queue\): Team::Guard: No public queues\."
    )
    with pytest.raises(StackError, match=said):
        asked.update()


def test_an_event_that_says_next_to_nothing_is_shown(asked: Asked) -> None:
    begin_an_update(asked)
    asked.answers("describe_stacks", described("UPDATE_COMPLETE"))
    bare = {"EventId": "2", "StackId": STACK_ID, "StackName": NAME, "Timestamp": NOW}
    listed = [stack_event(3, "UPDATE_COMPLETE"), bare, stack_event(1, "CREATE_COMPLETE")]
    asked.answers("describe_stack_events", {"StackEvents": listed})
    asked.update()
    assert any(line.endswith(f"{NAME}: a resource") for line in asked.printed)


def test_who_deleted_what_is_protected_is_told_how_to_go_on(asked: Asked) -> None:
    """The stack takes no update any more that would lift the protection."""
    reason = "Cannot delete protected Cluster, please disable deletion protection and try again."
    (found,) = described("DELETE_FAILED", StackStatusReason=reason)["Stacks"]
    with pytest.raises(StackError, match="aws rds modify-db-cluster --no-deletion-protection"):
        asked.stack.refuse_stuck(found)


def test_what_a_stuck_stack_failed_of_is_told_from_its_last_operations(asked: Asked) -> None:
    last = [
        {"OperationType": "ROLLBACK", "OperationId": "two"},
        {"OperationType": "UPDATE_STACK", "OperationId": "one"},
    ]
    failures = {
        "two": ("UPDATE_FAILED", "The image is gone"),
        "one": ("UPDATE_FAILED", "The circuit breaker was triggered"),
    }
    for operation in ("two", "one"):
        status, reason = failures[operation]
        event = operation_event(
            EventType="PROVISIONING_ERROR",
            LogicalResourceId="Service",
            ResourceType="AWS::ECS::Service",
            ResourceStatus=status,
            ResourceStatusReason=reason,
        )
        about = {"StackName": STACK_ID, "OperationId": operation, "Filters": FAILED}
        own = stack_event(9, status, ResourceStatusReason="The following resource(s) failed")
        del own["StackName"]
        asked.answers("describe_events", {"OperationEvents": [own, event]}, about)
    (found,) = described("UPDATE_ROLLBACK_FAILED", LastOperations=last)["Stacks"]
    with pytest.raises(StackError) as failure:
        asked.stack.refuse_stuck(found)
    assert str(failure.value) == (
        f"Stack {NAME} is UPDATE_ROLLBACK_FAILED: UPDATE_STACK failed with Service "
        "(AWS::ECS::Service): The circuit breaker was triggered, then ROLLBACK failed with Service "
        "(AWS::ECS::Service): The image is gone. Mend that, then run: aws cloudformation "
        f"continue-update-rollback --stack-name {NAME}."
    )


@functools.cache
def nobody_asked() -> Asked:
    """A stack that no call is made about."""
    return Asked()


@functools.cache
def answer_to(status: str) -> str:
    """What the action does with a stack in a status, by the sets that it goes by."""
    try:
        nobody_asked().stack.refuse_stuck(described(status)["Stacks"][0])
    except StackError:
        return "refused"
    if is_busy(status):
        return "waited for"
    sets = {
        "updated": stacks.UPDATABLE,
        "replaced": stacks.REPLACEABLE,
        "created": {SHELL},
        "absent": {"DELETE_COMPLETE"},
    }
    (answer,) = [answer for answer, members in sets.items() if status in members]
    return answer


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_that_botocore_knows_has_one_answer(status: str) -> None:
    assert answer_to(status)


@pytest.mark.parametrize("status", STATUSES)
def test_the_documentation_names_the_answer_to_every_status(status: str) -> None:
    page = (ROOT / "docs" / "stack.md").read_text("utf-8")
    assert f"`{status}`" in page or status.endswith("_IN_PROGRESS")


def test_what_was_told_not_to_roll_back_or_imported_can_be_updated() -> None:
    told = {status: answer_to(status) for status in STATUSES}
    assert told["UPDATE_FAILED"] == "updated"
    assert told["IMPORT_COMPLETE"] == told["IMPORT_ROLLBACK_COMPLETE"] == "updated"
    assert told["IMPORT_ROLLBACK_FAILED"] == "refused"
    assert told["REVIEW_IN_PROGRESS"] == "created"
    assert told["IMPORT_ROLLBACK_IN_PROGRESS"] == "waited for"


def test_an_older_botocore_gets_cloudformations_words_and_which_one_to_install(old: Asked) -> None:
    old.makes_a_change_set()
    old.answers("describe_change_set", {"Status": "FAILED", "StatusReason": EARLY})
    old.discards_it()
    with pytest.raises(StackError) as failure:
        old.update()
    assert str(failure.value) == (
        f"CloudFormation can't plan stack {NAME}: {EARLY} Mend that, and run the playbook again. "
        f"More isn't known: botocore {botocore.__version__} has no DescribeEvents. Install "
        f"botocore >= {aws.OLDEST} for the Python that runs ansible-playbook."
    )


def test_values_are_always_asked_for(asked: Asked) -> None:
    asked.makes_a_change_set()
    made = {"Status": "CREATE_COMPLETE", "Changes": []}
    asked.answers("describe_change_set", made, ABOUT)
    asked.answers("describe_change_set", made, {**ABOUT, "IncludePropertyValues": True})
    asked.discards_it()
    assert asked.update(execute=False) == ([], None)


def test_an_older_botocore_deploys_without_values(old: Asked) -> None:
    old.makes_a_change_set()
    for _ in range(2):
        old.answers("describe_change_set", {"Status": "CREATE_COMPLETE", "Changes": []}, ABOUT)
    old.discards_it()
    assert old.update(execute=False) == ([], None)


def test_every_plugin_names_the_same_botocore() -> None:
    texts = [path.read_text() for path in (ROOT / "plugins").rglob("*.py")]
    named = {it for text in texts for it in re.findall(r"- botocore >= ([0-9.]+)", text)}
    assert named == {aws.OLDEST}
