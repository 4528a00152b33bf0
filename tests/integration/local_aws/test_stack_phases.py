"""What a stack goes through: phases of an update, events, and deletions that fail."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.control import LocalAws
from tests.integration.local_aws.support import Stacks, eventually


def parameter(name: str, value: Any = "1", **attributes: Any) -> dict[str, Any]:
    properties = {"Name": f"/phases/{name}", "Type": "String", "Value": value}
    return {"Type": "AWS::SSM::Parameter", "Properties": properties} | attributes


def template(**resources: Any) -> dict[str, Any]:
    return {"Resources": resources}


class Watch:
    """Notes each status that a stack has."""

    def __init__(self, stacks: Stacks, name: str) -> None:
        self.seen: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(stacks, name))

    def _run(self, stacks: Stacks, name: str) -> None:
        while not self._over.is_set():
            status = stacks.status(name)
            if status not in self.seen[-1:]:
                self.seen.append(status)
            time.sleep(0.01)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        time.sleep(0.1)
        self._over.set()
        self._thread.join()


def events(stacks: Stacks, name: str) -> list[tuple[str, str]]:
    """Return the resources' events of the last operation that the user began."""
    found = stacks.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    told = []
    for event in found:
        if event["LogicalResourceId"] != name:
            told.append((event["LogicalResourceId"], event["ResourceStatus"]))
        elif event["ResourceStatus"] in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
            break
    return told[::-1]


def names(aws: LocalAws) -> set[str]:
    found = aws.client("ssm").get_parameters_by_path(Path="/phases")["Parameters"]
    return {each["Name"].rsplit("/", 1)[-1] for each in found}


def test_an_update_cleans_up_and_tells_what_it_did_and_no_more(stacks: Stacks) -> None:
    stacks.deploy(
        "phases", template(Same=parameter("a"), Changed=parameter("b"), Gone=parameter("c"))
    )
    after = template(Same=parameter("a"), Changed=parameter("b", "2"), New=parameter("d"))
    with Watch(stacks, "phases") as watch:
        stacks.deploy("phases", after)
    assert watch.seen[-2:] == ["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"]
    told = events(stacks, "phases")
    assert sorted(told) == sorted(
        [
            ("Changed", "UPDATE_IN_PROGRESS"),
            ("Changed", "UPDATE_COMPLETE"),
            ("New", "CREATE_IN_PROGRESS"),
            ("New", "CREATE_COMPLETE"),
            ("Gone", "DELETE_IN_PROGRESS"),
            ("Gone", "DELETE_COMPLETE"),
        ]
    )
    assert told[-2:] == [("Gone", "DELETE_IN_PROGRESS"), ("Gone", "DELETE_COMPLETE")]


def test_a_stack_that_cleans_up_is_busy(stacks: Stacks) -> None:
    stacks.deploy("busy", template(Thing=parameter("a")))
    with Watch(stacks, "busy") as watch:
        stacks.cloudformation.update_stack(
            StackName="busy", TemplateBody='{"Resources": {"Other": {"Type": "AWS::SNS::Topic"}}}'
        )
        eventually(lambda: "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" in watch.seen)
        with pytest.raises(ClientError, match="CLEANUP_IN_PROGRESS state and can not be updated"):
            stacks.cloudformation.update_stack(
                StackName="busy", TemplateBody='{"Resources": {"X": {"Type": "AWS::SNS::Topic"}}}'
            )
        eventually(lambda: stacks.status("busy") == "UPDATE_COMPLETE")


def test_a_rolled_back_update_cleans_up(aws: LocalAws, stacks: Stacks) -> None:
    stacks.deploy("back", template(Thing=parameter("a")))
    aws.fail("back", "Second", "CREATE")
    after = template(First=parameter("b"), Second=parameter("c", DependsOn="First"))
    with Watch(stacks, "back") as watch, pytest.raises(AssertionError, match="Injected failure"):
        stacks.deploy("back", after)
    eventually(lambda: stacks.status("back") == "UPDATE_ROLLBACK_COMPLETE")
    assert ("Second", "CREATE_FAILED") in events(stacks, "back")
    assert names(aws) == {"a"}
    assert watch.seen


CHAIN = template(
    Needed=parameter("needed"),
    Middle=parameter("middle", {"Ref": "Needed"}),
    Last=parameter("last", {"Ref": "Middle"}),
    Beside=parameter("beside"),
)


def test_what_a_resource_needs_stays_as_long_as_it_cannot_be_deleted(
    aws: LocalAws, stacks: Stacks
) -> None:
    stacks.deploy("chain", CHAIN)
    aws.fail("chain", "Last", "DELETE")
    with pytest.raises(AssertionError, match="Last: Injected failure"):
        stacks.delete("chain")
    stack = stacks.cloudformation.describe_stacks(StackName="chain")["Stacks"][0]
    assert stack["StackStatus"] == "DELETE_FAILED"
    assert "failed to delete: [Last]" in stack["StackStatusReason"]
    assert names(aws) == {"needed", "middle", "last"}
    stacks.delete("chain")
    assert names(aws) == set()


def test_a_creation_that_cannot_be_rolled_back_keeps_what_is_there(
    aws: LocalAws, stacks: Stacks
) -> None:
    aws.fail("stuck", "Beside", "CREATE")
    aws.fail("stuck", "Last", "DELETE", times=2)
    chain = template(**CHAIN["Resources"])
    chain["Resources"]["Beside"] = parameter("beside", DependsOn="Last")
    with pytest.raises(AssertionError, match="Injected failure"):
        stacks.deploy("stuck", chain)
    eventually(lambda: stacks.status("stuck") == "ROLLBACK_FAILED")
    assert names(aws) == {"needed", "middle", "last"}
    with pytest.raises(AssertionError, match="Last: Injected failure"):
        stacks.delete("stuck")
    assert stacks.status("stuck") == "DELETE_FAILED"
    stacks.delete("stuck")
    assert names(aws) == set()


def test_a_protected_cluster_holds_the_rollback_of_its_creation(
    aws: LocalAws, stacks: Stacks
) -> None:
    cluster = {
        "Type": "AWS::RDS::DBCluster",
        "DeletionPolicy": "Delete",
        "Properties": {
            "DBClusterIdentifier": "held",
            "Engine": "aurora-postgresql",
            "MasterUsername": "boss",
            "MasterUserPassword": "not-shown-12",
            "DeletionProtection": True,
        },
    }
    aws.fail("held", "After", "CREATE")
    with pytest.raises(AssertionError, match="Injected failure"):
        stacks.deploy("held", template(Cluster=cluster, After=parameter("a", DependsOn="Cluster")))
    eventually(lambda: stacks.status("held") == "ROLLBACK_FAILED")
    with pytest.raises(AssertionError, match="deletion"):
        stacks.delete("held")
    assert stacks.status("held") == "DELETE_FAILED"
    aws.client("rds").modify_db_cluster(DBClusterIdentifier="held", DeletionProtection=False)
    stacks.delete("held")


def test_the_change_set_of_a_stack_that_is_gone_is_told_as_such(stacks: Stacks) -> None:
    with pytest.raises(ClientError, match=r"ValidationError.*Stack \[gone\] does not exist"):
        stacks.cloudformation.describe_change_set(StackName="gone", ChangeSetName="any")
