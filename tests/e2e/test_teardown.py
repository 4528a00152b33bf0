"""Removing a platform."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator

import pytest

from local_aws.control import LocalAws
from tests.e2e.platform import Platform, platform_variables


class Doomed(Platform):
    """A second platform on the same local AWS."""

    name = "gone"


@pytest.fixture(scope="module")
def doomed(aws: LocalAws, platform: Platform, hello_image: str) -> Doomed:
    deployed = Doomed(aws)
    deployed.play("playbooks/platform.yml", platform="gone", **platform_variables())
    retained = ("LogGroup", "ActiveUserParameter")
    overrides = {"Resources": {name: {"DeletionPolicy": "Retain"} for name in retained}}
    variables = deployed.service("hello", hello_image, service_overrides=overrides)
    deployed.play("playbooks/service.yml", **variables)
    return deployed


def everything_named(aws: LocalAws, prefix: str) -> dict[str, list[str]]:
    """Return what AWS lists under a platform's name, by kind."""
    client = aws.client
    roles = client("iam").list_roles(MaxItems=1000)["Roles"]
    kinds = {
        "bucket": [b["Name"] for b in client("s3").list_buckets()["Buckets"]],
        "cluster": [arn.rpartition("/")[2] for arn in client("ecs").list_clusters()["clusterArns"]],
        "database": [
            c["DBClusterIdentifier"] for c in client("rds").describe_db_clusters()["DBClusters"]
        ],
        "function": [f["FunctionName"] for f in client("lambda").list_functions()["Functions"]],
        "load balancer": [
            lb["LoadBalancerName"]
            for lb in client("elbv2").describe_load_balancers()["LoadBalancers"]
        ],
        "log group": [g["logGroupName"] for g in client("logs").describe_log_groups()["logGroups"]],
        "parameter": [p["Name"] for p in client("ssm").describe_parameters()["Parameters"]],
        "queue": [
            url.rpartition("/")[2] for url in client("sqs").list_queues().get("QueueUrls", [])
        ],
        "role": [r["RoleName"] for r in roles],
        "rule": [rule["Name"] for rule in client("events").list_rules()["Rules"]],
        "secret": [s["Name"] for s in client("secretsmanager").list_secrets()["SecretList"]],
        "table": client("dynamodb").list_tables()["TableNames"],
    }
    found = {
        kind: [n for n in names if n.lstrip("/").split("/")[0].startswith(prefix)]
        for kind, names in kinds.items()
    }
    return {kind: names for kind, names in found.items() if names}


def test_an_unconfirmed_teardown_removes_nothing(doomed: Doomed) -> None:
    before = doomed.stack_names()
    output = doomed.play_in_vain("playbooks/teardown.yml", platform="gone", confirm="shop")
    assert "-e confirm=gone" in output
    assert "to remove every manual snapshot of its databases" in " ".join(output.split())
    assert doomed.stack_names() == before


def test_a_check_says_what_would_go_and_what_would_stay(doomed: Doomed) -> None:
    before = doomed.stack_names()
    given = {"platform": "gone", "confirm": "gone"}
    output = " ".join(doomed.play("playbooks/teardown.yml", "--check", **given).split())
    assert "Nothing is left" not in output
    assert "stack gone-rds is deleted: " in output
    assert "is deleted after a snapshot: Cluster (RDS::DBCluster)" in output
    assert "Would go: gone-cluster, gone-deployment-all, " in output
    assert "Would stay, with all the databases: a last snapshot of Cluster." in output
    assert "Would stay: Key" in output
    data = doomed.play("playbooks/teardown.yml", "--check", **given, delete_data="gone")
    told = " ".join(data.split())
    assert "Would stay, with all the databases" not in told
    end = "Would go at the end, with all the data in them (every manual snapshot under the key): "
    assert f"{end}the last snapshot of Cluster" in told
    assert doomed.stack_names() == before


def test_a_teardown_that_fails_half_way_says_at_what(doomed: Doomed) -> None:
    """The next one, below, finishes it: a stack in DELETE_FAILED takes no update."""
    doomed.aws.fail("gone-rds", "Cluster", "DELETE")
    output = doomed.play_in_vain("playbooks/teardown.yml", platform="gone", confirm="gone")
    assert "Cluster (AWS::RDS::DBCluster): Injected failure" in output.replace("\n", " ")
    assert "gone-rds" in doomed.stack_names()
    # The services were deleted by then: what they leave is named as they go.
    left = "left in AWS, as its policies say: "
    (line,) = [line for line in output.splitlines() if f"gone-service-hello: {left}" in line]
    assert "LogGroup (AWS::Logs::LogGroup) /gone/hello" in line
    assert "ActiveUserParameter (AWS::SSM::Parameter) /gone/hello/db/active-user" in line


def kept(aws: LocalAws) -> dict[str, list[str]]:
    """Return what a teardown leaves of the platform ``gone``, by kind."""
    rds, logs, kms = (aws.client(name) for name in ("rds", "logs", "kms"))
    snapshots = [
        it
        for it in rds.describe_db_cluster_snapshots()["DBClusterSnapshots"]
        if it["DBClusterIdentifier"].startswith("gone-rds-cluster-")
    ]
    keys = {it["KmsKeyId"] for it in snapshots}
    groups = [it["logGroupName"] for it in logs.describe_log_groups()["logGroups"]]
    found = {
        "snapshot": [it["DBClusterSnapshotIdentifier"] for it in snapshots],
        "key": [it for it in keys if kms.describe_key(KeyId=it)["KeyMetadata"]["Enabled"]],
        "log group": [it for it in groups if "/gone" in it],
    }
    return {kind: sorted(names) for kind, names in found.items() if names}


def advised(output: str) -> list[str]:
    """Return the words of the one command that an output advises."""
    (words,) = re.findall(r"ansible-playbook ((?:-e )?\S+(?: -e \S+)*)", " ".join(output.split()))
    return shlex.split(words.rstrip("'"))  # YAML's


def test_a_platform_that_is_not_there_is_a_sentence_and_a_failure(platform: Platform) -> None:
    given = {"platform": "nowhere", "confirm": "nowhere"}
    output = " ".join(platform.play_in_vain("playbooks/teardown.yml", **given).split())
    assert "There is no platform nowhere in this account and region" in output
    assert "platforms here: " in output
    assert "shop" in output.partition("platforms here: ")[2]


def test_a_stack_that_would_stop_a_teardown_half_way_is_named_before_it_begins(
    doomed: Doomed,
) -> None:
    """A service deployed without the role, under another name."""
    cloudformation = doomed.aws.client("cloudformation")
    template = {
        "Parameters": {"Platform": {"Type": "String"}},
        "Resources": {"Group": {"Type": "AWS::Logs::LogGroup"}},
        "Outputs": {"Cluster": {"Value": {"Fn::ImportValue": {"Fn::Sub": "${Platform}-cluster"}}}},
    }
    cloudformation.create_stack(
        StackName="my-orders",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": "Platform", "ParameterValue": "gone"}],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="my-orders", WaiterConfig={"Delay": 1}
    )
    before = doomed.stack_names()
    output = doomed.play_in_vain("playbooks/teardown.yml", platform="gone", confirm="gone")
    assert "Nothing was removed: my-orders belongs to the platform gone" in " ".join(output.split())
    assert doomed.stack_names() == before
    cloudformation.delete_stack(StackName="my-orders")
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName="my-orders", WaiterConfig={"Delay": 1}
    )


def test_a_confirmed_teardown_leaves_nothing_behind_but_what_it_names(doomed: Doomed) -> None:
    cloudformation, logs = doomed.aws.client("cloudformation"), doomed.aws.client("logs")
    # What Container Insights makes by itself where it is switched on.
    logs.create_log_group(logGroupName="/aws/ecs/containerinsights/gone/performance")
    cloudformation.create_change_set(
        StackName="gone-service-never",
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps({"Resources": {"Group": {"Type": "AWS::Logs::LogGroup"}}}),
    )
    others = {name for name in doomed.stack_names() if not name.startswith("gone-")}
    output = doomed.play("playbooks/teardown.yml", platform="gone", confirm="gone")
    assert doomed.stack_names() == others
    assert everything_named(doomed.aws, "gone") == {
        "log group": ["/gone/hello"],
        "parameter": ["/gone/hello/db/active-user"],
    }
    left = kept(doomed.aws)
    assert left.keys() == {"snapshot", "key", "log group"}
    assert [it.rpartition("/")[0].split("-cluster-")[0] for it in left["log group"]] == [
        "/aws/ecs/containerinsights/gone",
        "/aws/rds/cluster/gone-rds",
        "/gone",
    ]
    said = "".join(output.split())  # lines may break within a name
    assert [name for names in left.values() for name in names if name not in said] == []


def test_without_a_word_for_the_data_they_stay_and_are_named_again(doomed: Doomed) -> None:
    before = kept(doomed.aws)
    output = doomed.play("playbooks/teardown.yml", platform="gone", confirm="gone")
    assert kept(doomed.aws) == before
    said = "".join(output.split())
    assert [name for names in before.values() for name in names if name not in said] == []


def test_what_a_teardown_advises_to_type_deletes_what_it_left(doomed: Doomed) -> None:
    """The platform's stacks are gone by then; what is under another key is somebody else's."""
    rds, kms = doomed.aws.client("rds"), doomed.aws.client("kms")
    (key,) = kept(doomed.aws)["key"]
    foreign = kms.create_key()["KeyMetadata"]["Arn"]
    cluster = "gone-rds-cluster-somebodyelse1"
    rds.create_db_cluster(
        DBClusterIdentifier=cluster,
        Engine="aurora-postgresql",
        MasterUsername="admin1",
        MasterUserPassword="secret-of-nobody",
        StorageEncrypted=True,
        KmsKeyId=foreign,
    )
    rds.create_db_cluster_snapshot(
        DBClusterIdentifier=cluster, DBClusterSnapshotIdentifier="somebodys-copy"
    )
    rds.delete_db_cluster(DBClusterIdentifier=cluster, SkipFinalSnapshot=True)
    plain = doomed.play("playbooks/teardown.yml", platform="gone", confirm="gone")
    playbook, *options = advised(plain)
    output = doomed.play(playbook, *options)
    assert "left alone: snapshot somebodys-copy." in " ".join(output.split())
    assert kept(doomed.aws) == {"snapshot": ["somebodys-copy"], "key": [foreign]}
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert "Nothing is left." in doomed.play(playbook, *options)
    rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="somebodys-copy")
    doomed.aws.client("ssm").delete_parameter(Name="/gone/hello/db/active-user")
    assert "There is no platform gone" in doomed.play_in_vain(playbook, *options)


CONFIRMED = {"platform": "bare", "confirm": "bare"}


class Bare(Platform):
    """A platform of which nothing was deployed but what a test makes."""

    name = "bare"

    def remove(self, **more: str) -> str:
        output = self.play("playbooks/teardown.yml", **CONFIRMED, **more)
        return " ".join(output.split())

    def log_groups(self) -> set[str]:
        groups = self.aws.client("logs").describe_log_groups()["logGroups"]
        return {it["logGroupName"] for it in groups}

    def buckets(self) -> set[str]:
        return {it["Name"] for it in self.aws.client("s3").list_buckets()["Buckets"]}

    def make_bucket(self, bucket: str) -> None:
        """Make a bucket with something in it."""
        s3 = self.aws.client("s3")
        where = {"LocationConstraint": self.aws.region}
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
        s3.put_object(Bucket=bucket, Key="mine", Body=b"text")

    def make_support(self, bucket: str) -> None:
        """Make a support stack that names a bucket, and the bucket."""
        cloudformation = self.aws.client("cloudformation")
        self.make_bucket(bucket)
        template = {
            "Parameters": {"Platform": {"Type": "String"}},
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {"ArtifactsBucket": {"Value": bucket}},
        }
        cloudformation.create_stack(
            StackName="bare-support",
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": "Platform", "ParameterValue": "bare"}],
        )
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName="bare-support", WaiterConfig={"Delay": 1}
        )


@pytest.fixture(scope="module")
def bare(aws: LocalAws) -> Bare:
    return Bare(aws)


# What others have that begins as the names of the platform bare do.
OTHERS_LOGS = {
    *(f"/aws/lambda/bare-two-{it}" for it in ("password", "rotate")),
    "/aws/lambda/bare-report",
    "/aws/ecs/containerinsights/bare-two/performance",
    "/aws/ecs/containerinsights/bare/prometheus",
    "/aws/rds/cluster/bare-rds-cluster-two-rds-cluster-1a2b3c4d5e6f/postgresql",
    "/bare-two/hello",
    "/bare/of-another-application",
}
# What AWS made, and what it may make anew when the platform's group is gone: without a tag.
OWN_LOGS = {
    *(
        f"/aws/lambda/bare-{it}"
        for it in ("password", "database", "listener-priority", "notices", "rotate", "activate")
    ),
    "/aws/ecs/containerinsights/bare/performance",
    "/aws/rds/cluster/bare-rds-cluster-1a2b3c4d5e6f/postgresql",
    "/bare/network/flow-logs",
}


@pytest.fixture
def others_logs(bare: Bare) -> Iterator[None]:
    logs = bare.aws.client("logs")
    for name in OTHERS_LOGS:
        logs.create_log_group(logGroupName=name)
    yield
    for name in OTHERS_LOGS & bare.log_groups():
        logs.delete_log_group(logGroupName=name)


@pytest.mark.parametrize("name", ["bare-", "Bare", "bare.*", "ba--re", "aws-bare"])
def test_a_name_that_no_platform_has_is_refused(bare: Bare, name: str) -> None:
    given = {"platform": name, "confirm": name, "delete_data": name}
    output = " ".join(bare.play_in_vain("playbooks/teardown.yml", **given).split())
    assert f"platform is '{name}', but it must be 2 to 21" in output


def test_what_others_have_makes_no_platform(bare: Bare, others_logs: None) -> None:
    given = {"platform": "bare", "confirm": "bare", "delete_data": "bare"}
    output = " ".join(bare.play_in_vain("playbooks/teardown.yml", **given).split())
    assert "There is no platform bare in this account and region" in output
    assert bare.log_groups() >= OTHERS_LOGS


def test_logs_of_another_platform_and_application_are_neither_named_nor_deleted(
    bare: Bare, others_logs: None
) -> None:
    logs = bare.aws.client("logs")
    for name in OWN_LOGS:
        logs.create_log_group(logGroupName=name)
    logs.create_log_group(logGroupName="/bare/orders", tags={"quayside:platform": "bare"})
    own = OWN_LOGS | {"/bare/orders"}
    said = bare.remove()
    assert f"Left: log group {', '.join(sorted(own))}. Remove what is left" in said
    bare.remove(delete_data="bare")
    assert own & bare.log_groups() == set()
    assert bare.log_groups() >= OTHERS_LOGS


def test_a_bucket_goes_only_if_it_has_the_name_that_the_platform_gives_it(bare: Bare) -> None:
    ours = "bare-artifacts-ours"
    made = f"bare-artifacts-{bare.aws.account}-{bare.aws.region}"
    bare.make_support(ours)
    assert f"bucket {ours}" not in bare.remove()
    assert "bare-support" not in bare.stack_names()
    assert ours in bare.buckets()
    bare.make_support(made)
    bare.remove()
    assert made not in bare.buckets()


def test_a_bucket_goes_though_the_stack_that_told_it_is_gone(bare: Bare) -> None:
    """A teardown that was interrupted between support and network, and one after that."""
    made = f"bare-artifacts-{bare.aws.account}-{bare.aws.region}"
    bare.make_bucket(made)
    output = " ".join(bare.play("playbooks/teardown.yml", "--check", **CONFIRMED).split())
    assert f"Would go with them: the bucket {made}." in output
    assert made in bare.buckets()
    assert "Nothing is left." in bare.remove()
    assert made not in bare.buckets()
    assert "There is no platform bare" in bare.play_in_vain("playbooks/teardown.yml", **CONFIRMED)


def test_what_may_be_another_platforms_first_change_set_is_left(bare: Bare) -> None:
    """The platforms bare-service and bare-load-balancer-a; nothing tells whose a shell is."""
    cloudformation = bare.aws.client("cloudformation")
    others = {"bare-service-network", "bare-service-service-a", "bare-load-balancer-a-support"}
    for name in {*others, "bare-service-never"}:
        cloudformation.create_change_set(
            StackName=name,
            ChangeSetName="first",
            ChangeSetType="CREATE",
            TemplateBody=json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}),
        )
    bare.remove()
    assert {it for it in bare.stack_names() if it.startswith("bare-")} == others
    for name in others:
        cloudformation.delete_stack(StackName=name)
