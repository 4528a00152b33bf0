"""Probes of single services: CloudWatch, EventBridge, Secrets Manager, RDS, S3 and others."""

from __future__ import annotations

import hashlib
import json
import socket
import struct
import time
import urllib.request
from datetime import UTC, datetime

from tests.integration.local_aws.needed.functions import create_function
from tests.integration.local_aws.needed.probing import Aws, deploy, outputs, refused, shows


@shows("monitoring.alarms")
def an_alarm_looks_at_its_own_dimensions(aws: Aws) -> bool:
    cloudwatch = aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="own",
        Namespace="Probe",
        MetricName="Errors",
        Dimensions=[{"Name": "Of", "Value": "mine"}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )
    datum = {
        "MetricName": "Errors",
        "Dimensions": [{"Name": "Of", "Value": "theirs"}],
        "Timestamp": datetime.now(UTC),
        "Value": 1,
    }
    cloudwatch.put_metric_data(Namespace="Probe", MetricData=[datum])
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=["own"])["MetricAlarms"]
    return bool(alarm["StateValue"] != "ALARM")


@shows("monitoring.log_metrics")
def a_line_in_the_embedded_metric_format_is_a_metric(aws: Aws) -> bool:
    logs, cloudwatch = aws.client("logs"), aws.client("cloudwatch")
    logs.create_log_group(logGroupName="metrics")
    logs.create_log_stream(logGroupName="metrics", logStreamName="all")
    now = int(time.time() * 1000)
    directive = {"Namespace": "Probe", "Dimensions": [["Of"]], "Metrics": [{"Name": "Seen"}]}
    line = {"_aws": {"Timestamp": now, "CloudWatchMetrics": [directive]}, "Of": "mine", "Seen": 3}
    logs.put_log_events(
        logGroupName="metrics",
        logStreamName="all",
        logEvents=[{"timestamp": now, "message": json.dumps(line)}],
    )
    found = cloudwatch.list_metrics(Namespace="Probe", MetricName="Seen")["Metrics"]
    return [it["Dimensions"] for it in found] == [[{"Name": "Of", "Value": "mine"}]]


@shows("monitoring.metric_math")
def a_template_may_have_an_alarm_on_metric_math(aws: Aws) -> bool:
    stat = {"Metric": {"Namespace": "Probe", "MetricName": "Used"}, "Period": 60, "Stat": "Sum"}
    properties = {
        "AlarmName": "math",
        "Metrics": [
            {"Id": "used", "MetricStat": stat, "ReturnData": False},
            {"Id": "share", "Expression": "100 * used / 8"},
        ],
        "EvaluationPeriods": 1,
        "Threshold": 80,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    deploy(aws, "math", {"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}})
    found = aws.client("cloudwatch").describe_alarms(AlarmNames=["math"])["MetricAlarms"]
    return [len(it.get("Metrics", [])) for it in found] == [2]


@shows("scaling.targets", "scaling.resources")
def a_service_becomes_a_scalable_target(aws: Aws) -> bool:
    ecs, scaling = aws.client("ecs"), aws.client("application-autoscaling")
    ecs.create_cluster(clusterName="scales")
    ecs.register_task_definition(
        family="scales", containerDefinitions=[{"name": "app", "image": "app", "memory": 128}]
    )
    ecs.create_service(
        cluster="scales", serviceName="scales", taskDefinition="scales", desiredCount=0
    )
    target = {
        "ServiceNamespace": "ecs",
        "ResourceId": "service/scales/scales",
        "ScalableDimension": "ecs:service:DesiredCount",
        "MinCapacity": 0,
        "MaxCapacity": 2,
    }
    deploy(
        aws,
        "scales",
        {"Target": {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": target}},
    )
    found = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    return [it["MaxCapacity"] for it in found] == [2]


@shows("monitoring.log_events")
def the_newest_lines_come_first_page_by_page(aws: Aws) -> bool:
    logs, now = aws.client("logs"), int(time.time() * 1000)
    logs.create_log_group(logGroupName="pages")
    logs.create_log_stream(logGroupName="pages", logStreamName="one")
    events = [{"timestamp": now + number, "message": f"say {number}"} for number in range(3)]
    logs.put_log_events(logGroupName="pages", logStreamName="one", logEvents=events)
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName="pages", startTime=now, startFromHead=False, limit=2
    )
    told = [[event["message"] for event in page["events"]] for page in pages]
    return told == [["say 2", "say 1"], ["say 0"]]


@shows("monitoring.events")
def a_queue_that_does_not_let_a_rule_in_gets_no_event(aws: Aws) -> bool:
    sqs, events = aws.client("sqs"), aws.client("events")
    url = sqs.create_queue(QueueName="closed")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    events.put_rule(Name="knocking", EventPattern=json.dumps({"source": ["probe"]}))
    events.put_targets(Rule="knocking", Targets=[{"Id": "one", "Arn": arn["QueueArn"]}])
    events.put_events(Entries=[{"Source": "probe", "DetailType": "any", "Detail": "{}"}])
    return "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)


@shows("secrets.secrets")
def a_token_stands_for_one_value(aws: Aws) -> bool:
    manager = aws.client("secretsmanager")
    manager.create_secret(Name="once", SecretString="first")
    token = "00000000-0000-0000-0000-000000000001"
    put = manager.put_secret_value
    put(SecretId="once", ClientRequestToken=token, SecretString="second")
    code = refused(lambda: put(SecretId="once", ClientRequestToken=token, SecretString="third"))
    return code == "ResourceExistsException"


@shows("secrets.rotation")
def a_secret_without_a_function_can_not_be_rotated(aws: Aws) -> bool:
    manager = aws.client("secretsmanager")
    manager.create_secret(Name="still", SecretString="first")
    code = refused(lambda: manager.rotate_secret(SecretId="still"))
    return code == "InvalidRequestException"


@shows("secrets.schedules")
def a_template_schedules_rotations(aws: Aws) -> bool:
    arn = create_function(aws, "rotating", "def handler(event, context): pass")
    aws.client("lambda").add_permission(
        FunctionName="rotating",
        StatementId="rotate",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
    )
    secret = {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": "one"}}
    schedule = {
        "Type": "AWS::SecretsManager::RotationSchedule",
        "Properties": {
            "SecretId": {"Ref": "Secret"},
            "RotationLambdaARN": arn,
            "RotationRules": {"ScheduleExpression": "cron(0 3 1 * ? *)"},
            "RotateImmediatelyOnUpdate": False,
        },
    }
    deploy(aws, "scheduled", {"Secret": secret, "Schedule": schedule},
           Outputs={"Secret": {"Value": {"Ref": "Secret"}}})  # fmt: skip
    name = outputs(aws, "scheduled")["Secret"]
    return "NextRotationDate" in aws.client("secretsmanager").describe_secret(SecretId=name)


@shows("secrets.parameters")
def a_parameter_that_there_is_not_takes_no_tags(aws: Aws) -> bool:
    tag = aws.client("ssm").add_tags_to_resource
    code = refused(
        lambda: tag(
            ResourceType="Parameter", ResourceId="/none", Tags=[{"Key": "one", "Value": "1"}]
        )
    )
    return code == "InvalidResourceId"


def cluster(aws: Aws, name: str, instances: int) -> dict[str, str]:
    """Deploy a cluster, and return where it is."""
    resources: dict[str, object] = {
        "Cluster": {
            "Type": "AWS::RDS::DBCluster",
            "Properties": {
                "DBClusterIdentifier": name,
                "Engine": "aurora-postgresql",
                "MasterUsername": "master",
                "MasterUserPassword": "of-the-master",
            },
        }
    }
    for number in range(instances):
        resources[f"Instance{number}"] = {
            "Type": "AWS::RDS::DBInstance",
            "Properties": {
                "DBClusterIdentifier": {"Ref": "Cluster"},
                "DBInstanceClass": "db.serverless",
                "Engine": "aurora-postgresql",
            },
        }
    named = {"Address": "Endpoint.Address", "Port": "Endpoint.Port"}
    told = {key: {"Value": {"Fn::GetAtt": ["Cluster", it]}} for key, it in named.items()}
    deploy(aws, name, resources, Outputs=told)
    return outputs(aws, name)


@shows("databases.clusters")
def a_postgresql_server_answers_at_the_endpoint_of_a_cluster(aws: Aws) -> bool:
    found = cluster(aws, "answering", 0)
    try:
        with socket.create_connection((found["Address"], int(found["Port"])), 5) as connection:
            connection.sendall(struct.pack("!II", 8, 80877103))  # SSLRequest
            return connection.recv(1) in (b"S", b"N")
    except OSError:
        return False


@shows("databases.snapshots")
def one_instance_of_a_cluster_is_the_writer(aws: Aws) -> bool:
    cluster(aws, "writing", 2)
    rds = aws.client("rds")
    (found,) = rds.describe_db_clusters(DBClusterIdentifier="writing")["DBClusters"]
    return bool(sum(member["IsClusterWriter"] for member in found["DBClusterMembers"]) == 1)


@shows("databases.offers")
def serverless_instances_can_be_had(aws: Aws) -> bool:
    offered = aws.client("rds").describe_orderable_db_instance_options(
        Engine="aurora-postgresql", DBInstanceClass="db.serverless"
    )
    return bool(offered["OrderableDBInstanceOptions"])


@shows("network.endpoints")
def ecs_has_a_vpc_endpoint(aws: Aws) -> bool:
    offered = aws.client("ec2").describe_vpc_endpoint_services()["ServiceNames"]
    return "com.amazonaws.eu-central-1.ecs" in offered


@shows("network.records")
def a_weighted_record_does_not_stand_beside_a_simple_one(aws: Aws) -> bool:
    zone = aws.client("route53").create_hosted_zone(Name="example.com", CallerReference="one")
    common = {
        "HostedZoneId": zone["HostedZone"]["Id"].rsplit("/", 1)[-1],
        "Name": "www.example.com",
        "Type": "CNAME",
        "TTL": "60",
        "ResourceRecords": ["example.org"],
    }
    weighted = common | {"SetIdentifier": "one", "Weight": 1}
    kind = "AWS::Route53::RecordSet"
    deploy(aws, "simple", {"Record": {"Type": kind, "Properties": common}})
    status = deploy(aws, "weighted", {"Record": {"Type": kind, "Properties": weighted}})
    return status.startswith("ROLLBACK")


@shows("network.certificates")
def a_certificate_waits_for_the_answer_to_its_mail(aws: Aws) -> bool:
    acm = aws.client("acm")
    arn = acm.request_certificate(DomainName="example.com", ValidationMethod="EMAIL")
    found = acm.describe_certificate(CertificateArn=arn["CertificateArn"])
    return bool(found["Certificate"]["Status"] == "PENDING_VALIDATION")


@shows("services.layers")
def an_image_is_downloaded_as_it_was_pushed(aws: Aws) -> bool:
    ecr, pushed = aws.client("ecr"), b'{"architecture": "amd64"}'
    digest = f"sha256:{hashlib.sha256(pushed).hexdigest()}"
    ecr.create_repository(repositoryName="layers")
    upload = ecr.initiate_layer_upload(repositoryName="layers")["uploadId"]
    of = {"repositoryName": "layers", "uploadId": upload}
    ecr.upload_layer_part(**of, partFirstByte=0, partLastByte=len(pushed) - 1, layerPartBlob=pushed)
    ecr.complete_layer_upload(**of, layerDigests=[digest])
    url = ecr.get_download_url_for_layer(repositoryName="layers", layerDigest=digest)["downloadUrl"]
    if not url.startswith("http://127.0.0.1:"):
        return False
    with urllib.request.urlopen(url, timeout=10) as answer:
        return bool(answer.read() == pushed)


@shows("services.objects")
def a_bucket_of_another_account_is_refused_if_ours_is_expected(aws: Aws) -> bool:
    s3 = aws.client("s3")
    s3.create_bucket(
        Bucket="owned", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    head = s3.head_bucket
    return refused(lambda: head(Bucket="owned", ExpectedBucketOwner="111122223333")) == "403"


@shows("services.quotas")
def a_quota_can_be_read(aws: Aws) -> bool:
    quotas = aws.client("service-quotas")
    answer = quotas.get_service_quota(ServiceCode="vpc", QuotaCode="L-F678F1CE")
    return bool(answer["Quota"]["Value"] == 5)


@shows("strict.throttling", strict=True)
def forty_clusters_in_a_moment_are_too_many(aws: Aws) -> bool:
    ecs = aws.client("ecs")
    began = time.monotonic()
    codes = {refused(lambda: ecs.create_cluster(clusterName="many")) for _ in range(40)}
    assert time.monotonic() - began < 20, "one token comes back each second"
    return "ThrottlingException" in codes


@shows("strict.queues", strict=True)
def the_name_of_a_deleted_queue_is_taken_for_a_minute(aws: Aws) -> bool:
    sqs = aws.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.create_queue(QueueName="again")["QueueUrl"])
    return bool(refused(lambda: sqs.create_queue(QueueName="again")))


@shows("logs.groups")
def a_log_group_can_be_protected_from_deletion(aws: Aws) -> bool:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/probe/protected", deletionProtectionEnabled=True)
    return bool(refused(lambda: logs.delete_log_group(logGroupName="/probe/protected")))


@shows("logs.queries")
def a_query_is_saved(aws: Aws) -> bool:
    logs = aws.client("logs")
    logs.put_query_definition(name="probe", queryString="fields @message")
    found = logs.describe_query_definitions(queryDefinitionNamePrefix="probe")
    return bool(found["queryDefinitions"])


@shows("monitoring.history")
def who_made_a_stack_is_told_without_being_switched_on(aws: Aws) -> bool:
    deploy(aws, "history", {"Topic": {"Type": "AWS::SNS::Topic"}})
    attribute = {"AttributeKey": "EventName", "AttributeValue": "CreateStack"}
    found = aws.client("cloudtrail").lookup_events(LookupAttributes=[attribute])["Events"]
    told = [json.loads(it["CloudTrailEvent"]) for it in found]
    mine = [it for it in told if it["requestParameters"]["stackName"] == "history"]
    return [it["userIdentity"]["type"] for it in mine] == ["Root"]


@shows("databases.events")
def a_topic_subscribes_to_the_events_of_clusters(aws: Aws) -> bool:
    topic = aws.client("sns").create_topic(Name="database-events")["TopicArn"]
    given = {"SubscriptionName": "probe", "SnsTopicArn": topic, "SourceType": "db-cluster"}
    made = aws.client("rds").create_event_subscription(**given, EventCategories=["failover"])
    return bool(made["EventSubscription"]["EventCategoriesList"] == ["failover"])


@shows("monitoring.alarm_rules")
def an_alarm_looks_back_a_day_at_most(aws: Aws) -> bool:
    cloudwatch = aws.client("cloudwatch")
    long = {
        "AlarmName": "long",
        "Namespace": "Probe",
        "MetricName": "Errors",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1441,
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    return refused(lambda: cloudwatch.put_metric_alarm(**long)) == "ValidationError"


@shows("monitoring.dashboards")
def a_text_is_no_dashboard(aws: Aws) -> bool:
    cloudwatch, none = aws.client("cloudwatch"), {"DashboardName": "none", "DashboardBody": "none"}
    return refused(lambda: cloudwatch.put_dashboard(**none)) == "InvalidParameterInput"
