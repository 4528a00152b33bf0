"""What a deployment doesn't take away unasked: the types of resources that stay, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Guard:
    """Why a type's resources stay.

    why: what is lost with one.
    lost_by: properties whose change loses it although the resource stays.
    in_place: properties that CloudFormation calls conditional, and that replace nothing.
    if_told: only if an output of the stack tells its name: nobody else knows it otherwise.
    """

    why: str
    lost_by: frozenset[str] = frozenset()
    in_place: frozenset[str] = frozenset()
    if_told: bool = False


_DATA = "it holds data"
# "Some interruptions" or "No interruption" in the user guide's page of AWS::RDS::DBInstance, where
# the type's schema has them among conditionalCreateOnlyProperties.
_INSTANCE_STAYS = frozenset(
    {
        *("AutoMinorVersionUpgrade", "BackupRetentionPeriod", "DBParameterGroupName", "MultiAZ"),
        *("PerformanceInsightsKMSKeyId", "PreferredMaintenanceWindow"),
    }
)
GUARDS: dict[str, Guard] = {
    # What holds data.
    "AWS::RDS::DBCluster": Guard("it holds the data of every service"),
    "AWS::RDS::DBInstance": Guard(
        "connections to it break, and a cluster without an instance can't be reached",
        in_place=_INSTANCE_STAYS,
    ),
    "AWS::RDS::GlobalCluster": Guard(_DATA),
    "AWS::DocDB::DBCluster": Guard(_DATA),
    "AWS::Neptune::DBCluster": Guard(_DATA),
    "AWS::DynamoDB::Table": Guard(_DATA),
    "AWS::DynamoDB::GlobalTable": Guard(_DATA),
    "AWS::S3::Bucket": Guard(_DATA),
    "AWS::EFS::FileSystem": Guard(_DATA),
    "AWS::EC2::Volume": Guard(_DATA),
    "AWS::ElastiCache::ReplicationGroup": Guard(_DATA),
    "AWS::ElastiCache::ServerlessCache": Guard(_DATA),
    "AWS::OpenSearchService::Domain": Guard(_DATA),
    "AWS::Kinesis::Stream": Guard(_DATA),
    "AWS::Cognito::UserPool": Guard("it holds the accounts of users"),
    "AWS::ECR::Repository": Guard("it holds images that tasks start from"),
    "AWS::KMS::Key": Guard("what it encrypted can't be read without it"),
    "AWS::Logs::LogGroup": Guard("its log lines go with it"),
    "AWS::SQS::Queue": Guard("its messages go with it"),
    "AWS::SecretsManager::Secret": Guard(
        "its password goes with it, and running tasks can't log in any more",
        lost_by=frozenset({"GenerateSecretString", "SecretString"}),
    ),
    "AWS::CloudFormation::Stack": Guard("everything in it goes with it"),
    "Custom::Database": Guard(
        "the service's database and its users' logins are its", lost_by=frozenset({"Database"})
    ),
    "Custom::Password": Guard(
        "the database's admin logs in with it", lost_by=frozenset({"ParameterName"})
    ),
    # What routes requests.
    "AWS::ECS::Service": Guard("its tasks stop, and requests find none"),
    "AWS::ECS::Cluster": Guard("every service runs on it"),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": Guard("all requests come by it, under its name"),
    "AWS::ElasticLoadBalancingV2::Listener": Guard("every service's rule on it goes with it"),
    "AWS::ElasticLoadBalancingV2::ListenerRule": Guard("requests find the service by it"),
    "AWS::ElasticLoadBalancingV2::TargetGroup": Guard("requests reach the service's tasks by it"),
    "AWS::Route53::HostedZone": Guard("its records go with it, and its name servers change"),
    "AWS::Route53::RecordSet": Guard("clients find the service by it"),
    "AWS::EC2::VPC": Guard("everything of the platform is in it"),
    "AWS::EC2::Subnet": Guard("tasks, functions and load balancers are in it"),
    "AWS::EC2::NatGateway": Guard("tasks and functions reach the internet by it"),
    "AWS::EC2::VPCEndpoint": Guard("tasks and functions reach AWS by it, and policies may name it"),
    # What others name.
    "AWS::EC2::EIP": Guard("others may have let its address in, which never comes back"),
    "AWS::EC2::SecurityGroup": Guard("rules of other stacks name it", if_told=True),
    "AWS::IAM::Role": Guard("other stacks and policies name it", if_told=True),
    "AWS::Lambda::Function": Guard("other stacks call it by its name", if_told=True),
    "AWS::SNS::Topic": Guard("alarms of other stacks and subscribers name it"),
}
