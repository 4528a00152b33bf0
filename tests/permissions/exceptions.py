"""What handlers call and nobody is allowed, with the reason: other properties than ours need it.

A key is an action, or a type and an action. Writes have a reason in words. A read may be left out
only where a property guards it: the tests look at every resource of the type for that property.
"""

from __future__ import annotations

from typing import Any

_REPLICAS = "no replicas, and no import"
_PASSWORD = "the admin's password is Custom::Password's"
_ELSEWHERE = "log groups deliver into log groups only"
_POLICY = "the platform has one policy for all log groups that are written into"
_ADDRESSES = "NAT gateways have one address; no others are moved"
_VERSIONS = "functions have no versions, layers of settings or capacity of their own"
_SCALING = "ECS services scale, not functions"
_TABLE = "AWS::DynamoDB::Table"
_FUNCTION = "AWS::Lambda::Function"
_BALANCER = "the web ACL is a load balancer's"

WRITES_LEFT_OUT: dict[str, str] = {
    # service
    "firehose:TagDeliveryStream": _ELSEWHERE,
    "iam:DeleteRolePermissionsBoundary": "taking the boundary off is what it is there to prevent",
    "lambda:DeleteProvisionedConcurrencyConfig": _SCALING,
    "lambda:PutProvisionedConcurrencyConfig": _SCALING,
    "AWS::Logs::LogGroup logs:DeleteResourcePolicy": _POLICY,
    "logs:PutBearerTokenAuthentication": "no bearer tokens",
    "AWS::Logs::LogGroup logs:PutResourcePolicy": _POLICY,
    "s3:REST.PUT.OBJECT": f"{_ELSEWHERE}; not an action of IAM either",
    "secretsmanager:RemoveRegionsFromReplication": "secrets stay in their region",
    "secretsmanager:ReplicateSecretToRegions": "secrets stay in their region",
    # platform
    "dynamodb:AssociateTableReplica": _REPLICAS,
    "dynamodb:BatchWriteItem": _REPLICAS,
    "dynamodb:CreateTableReplica": _REPLICAS,
    "dynamodb:DeleteItem": _REPLICAS,
    "dynamodb:DeleteResourcePolicy": "the table has no policy of its own",
    "dynamodb:DisableKinesisStreamingDestination": "no stream",
    "dynamodb:EnableKinesisStreamingDestination": "no stream",
    "dynamodb:ImportTable": _REPLICAS,
    "dynamodb:PutItem": _REPLICAS,
    "dynamodb:PutResourcePolicy": "the table has no policy of its own",
    "dynamodb:UpdateContributorInsights": "no contributor insights",
    "dynamodb:UpdateItem": _REPLICAS,
    "dynamodb:UpdateKinesisStreamingDestination": "no stream",
    f"{_TABLE} iam:CreateServiceLinkedRole": _REPLICAS,
    f"{_TABLE} kms:CreateGrant": "the table is encrypted under DynamoDB's own key",
    f"{_TABLE} kms:Decrypt": "the table is encrypted under DynamoDB's own key",
    f"{_TABLE} kms:Encrypt": "the table is encrypted under DynamoDB's own key",
    f"{_TABLE} kms:RevokeGrant": "the table is encrypted under DynamoDB's own key",
    f"{_TABLE} logs:CreateLogGroup": _REPLICAS,
    f"{_TABLE} logs:CreateLogStream": _REPLICAS,
    f"{_TABLE} logs:PutLogEvents": _REPLICAS,
    f"{_TABLE} logs:PutRetentionPolicy": _REPLICAS,
    "kinesis:PutRecords": "no stream",
    "s3:GetObjectMetadata": "no import; not an action of IAM either",
    "ec2:AcceptAddressTransfer": _ADDRESSES,
    "ec2:AssignPrivateNatGatewayAddress": _ADDRESSES,
    "ec2:AssociateAddress": _ADDRESSES,
    "ec2:AssociateNatGatewayAddress": _ADDRESSES,
    "ec2:DisassociateNatGatewayAddress": _ADDRESSES,
    "ec2:UnassignPrivateNatGatewayAddress": _ADDRESSES,
    "ec2:AssociateSubnetCidrBlock": "no IPv6",
    "ec2:DisassociateSubnetCidrBlock": "no IPv6",
    "ec2:AttachVpnGateway": "no VPN",
    "ec2:DetachVpnGateway": "no VPN",
    "ec2:CreateVpcEncryptionControl": "no encryption control of the VPC",
    "ec2:ModifyVpcTenancy": "the tenancy is the default",
    "vpc-lattice:CreateServiceNetworkVpcEndpointAssociation": "endpoints of AWS services only",
    "vpce:AllowMultiRegion": "endpoints of this region only",
    "AWS::EC2::FlowLog iam:CreateServiceLinkedRole": "flow logs go to CloudWatch Logs",
    "s3:PutBucketPolicy": "flow logs go to CloudWatch Logs",
    "ecs:PutAccountSetting": "settings of the account are the account's",
    "ecs:PutAccountSettingDefault": "settings of the account are the account's",
    "elasticloadbalancing:ModifyCapacityReservation": "no reserved capacity",
    "elasticloadbalancing:ModifyIpPools": "no IP pools",
    "AWS::Events::Rule iam:PassRole": "targets are reached by their own policies",
    "AWS::IAM::ServiceLinkedRole iam:UpdateRole": "its description stays",
    "iam:DeleteServiceLinkedRole": "it is the account's, and stays",
    f"{_FUNCTION} kms:CreateGrant": "variables and code are encrypted under Lambda's own key",
    f"{_FUNCTION} kms:Decrypt": "variables and code are encrypted under Lambda's own key",
    f"{_FUNCTION} kms:Encrypt": "variables and code are encrypted under Lambda's own key",
    f"{_FUNCTION} kms:GenerateDataKey": "variables and code are encrypted under Lambda's own key",
    "AWS::Lambda::EventSourceMapping kms:Decrypt": "messages aren't filtered",
    "AWS::Lambda::EventSourceMapping kms:GenerateDataKey": "messages aren't filtered",
    "lambda:AssociateRuntimeAlias": "not an action of IAM",
    "lambda:DeleteFunctionCodeSigningConfig": "code isn't signed",
    "lambda:DeleteFunctionConcurrency": "no reserved concurrency",
    "lambda:PassCapacityProvider": _VERSIONS,
    "lambda:PublishVersion": _VERSIONS,
    "lambda:PutFunctionCodeSigningConfig": "code isn't signed",
    "lambda:PutFunctionConcurrency": "no reserved concurrency",
    "lambda:PutFunctionRecursionConfig": _VERSIONS,
    "lambda:PutFunctionScalingConfig": _VERSIONS,
    "lambda:PutRuntimeManagementConfig": _VERSIONS,
    "rds:AddRoleToDBCluster": "the database takes no roles",
    "rds:AddRoleToDBInstance": "the database takes no roles",
    "rds:RemoveRoleFromDBCluster": "the database takes no roles",
    "rds:RemoveRoleFromDBInstance": "the database takes no roles",
    "AWS::RDS::DBCluster iam:PassRole": "the database takes no roles",
    "AWS::RDS::DBInstance iam:PassRole": "the database takes no roles",
    "rds:CreateDBInstanceReadReplica": "readers are instances of the cluster",
    "rds:PromoteReadReplica": "readers are instances of the cluster",
    "rds:CreateDBSnapshot": "snapshots are the cluster's",
    "rds:RestoreDBInstanceFromDBSnapshot": "snapshots are the cluster's",
    "rds:RestoreDBInstanceToPointInTime": "snapshots are the cluster's",
    "rds:StartDBInstanceAutomatedBackupsReplication": "backups are the cluster's",
    "rds:StopDBInstanceAutomatedBackupsReplication": "backups are the cluster's",
    "rds:DisableHttpEndpoint": "no Data API",
    "rds:EnableHttpEndpoint": "no Data API",
    "rds:RemoveFromGlobalCluster": "no global cluster",
    "rds:RestoreDBClusterToPointInTime": "the template restores snapshots",
    "AWS::RDS::DBCluster secretsmanager:CreateSecret": _PASSWORD,
    "AWS::RDS::DBCluster secretsmanager:TagResource": _PASSWORD,
    "AWS::RDS::DBInstance secretsmanager:CreateSecret": _PASSWORD,
    "AWS::RDS::DBInstance secretsmanager:TagResource": _PASSWORD,
    "rds:CreateTenantDatabase": "no tenant databases",
    "rds:DeleteTenantDatabase": "no tenant databases",
    "AWS::RDS::DBCluster secretsmanager:RotateSecret": _PASSWORD,
    "AWS::RDS::DBInstance secretsmanager:RotateSecret": _PASSWORD,
    "AWS::KMS::Key iam:CreateServiceLinkedRole": "keys stay in their region",
    "sns:PutDataProtectionPolicy": "no data protection policy",
    "AWS::SNS::Subscription iam:PassRole": "deliveries aren't logged",
    "AWS::SNS::Topic iam:PassRole": "deliveries aren't logged",
    "amplify:AssociateWebACL": _BALANCER,
    "amplify:DisassociateWebACL": _BALANCER,
    "apigateway:SetWebACL": _BALANCER,
    "apprunner:AssociateWebAcl": _BALANCER,
    "apprunner:DisassociateWebAcl": _BALANCER,
    "appsync:AssociateWebACL": _BALANCER,
    "appsync:DisassociateWebACL": _BALANCER,
    "appsync:SetWebACL": _BALANCER,
    "bedrock-agentcore:GatewayAssociateWebACL": _BALANCER,
    "bedrock-agentcore:GatewayDisassociateWebACL": _BALANCER,
    "bedrock-agentcore:GatewayGetWebACLForResource": _BALANCER,
    "cognito-idp:AssociateWebACL": _BALANCER,
    "cognito-idp:DisassociateWebACL": _BALANCER,
    "ec2:AssociateVerifiedAccessInstanceWebAcl": _BALANCER,
    "ec2:DisassociateVerifiedAccessInstanceWebAcl": _BALANCER,
    "wafv2:PutPermissionPolicy": "no rule group is shared",
}

# By type and action, the property without which a resource's handlers don't come to it.
WRITES_FOR: dict[str, str] = {
    "AWS::Logs::LogGroup logs:CreateLogDelivery": "DataProtectionPolicy",
    "AWS::Logs::LogGroup logs:DeleteDataProtectionPolicy": "DataProtectionPolicy",
    "AWS::Logs::LogGroup logs:DeleteIndexPolicy": "FieldIndexPolicies",
    "AWS::Logs::LogGroup logs:PutDataProtectionPolicy": "DataProtectionPolicy",
    "AWS::Logs::LogGroup logs:PutIndexPolicy": "FieldIndexPolicies",
    "AWS::Logs::LogGroup logs:PutLogGroupDeletionProtection": "DeletionProtectionEnabled",
}

# By the property that guards them: absent, or of that one value.
READS_LEFT_OUT: dict[str, tuple[str, Any]] = {
    # service
    "cognito-idp:DescribeUserPoolClient": ("AuthenticateCognitoConfig", None),
    "docdb-elastic:GetCluster": ("TargetType", "AWS::RDS::DBCluster"),
    "lambda:GetProvisionedConcurrencyConfig": ("ServiceNamespace", "ecs"),
    "redshift-serverless:GetNamespace": ("TargetType", "AWS::RDS::DBCluster"),
    "redshift-serverless:ListWorkgroups": ("TargetType", "AWS::RDS::DBCluster"),
    "redshift:DescribeClusters": ("TargetType", "AWS::RDS::DBCluster"),
    # platform
    "dynamodb:DescribeImport": ("ImportSourceSpecification", None),
    "dynamodb:GetItem": ("ImportSourceSpecification", None),
    "dynamodb:Query": ("ImportSourceSpecification", None),
    "dynamodb:Scan": ("ImportSourceSpecification", None),
    "kinesis:DescribeStream": ("KinesisStreamSpecification", None),
    f"{_TABLE} kms:DescribeKey": ("KMSMasterKeyId", None),
    f"{_TABLE} logs:DescribeLogStreams": ("ImportSourceSpecification", None),
    f"{_TABLE} s3:GetObject": ("ImportSourceSpecification", None),
    f"{_TABLE} s3:ListBucket": ("ImportSourceSpecification", None),
    f"{_FUNCTION} kms:DescribeKey": ("KmsKeyArn", None),
    "AWS::Lambda::EventSourceMapping kms:DescribeKey": ("KmsKeyArn", None),
    "s3:GetBucketPolicy": ("LogDestination", None),
    "AWS::EC2::FlowLog ecs:ListClusters": ("LogFormat", None),
    "AWS::EC2::FlowLog ecs:ListContainerInstances": ("LogFormat", None),
    "AWS::EC2::FlowLog ecs:ListServices": ("LogFormat", None),
    "AWS::EC2::FlowLog ecs:ListTaskDefinitions": ("LogFormat", None),
    "AWS::EC2::FlowLog ecs:ListTasks": ("LogFormat", None),
    "ec2:DescribeIpamPools": ("Ipv4IpamPoolId", None),
    "elasticfilesystem:DescribeMountTargets": ("FileSystemConfigs", None),
    "s3files:ListMountTargets": ("FileSystemConfigs", None),
    "lambda:GetCodeSigningConfig": ("CodeSigningConfigArn", None),
    "lambda:GetLayerVersion": ("Layers", None),
    "iam:GetServiceLinkedRoleDeletionStatus": ("CustomSuffix", None),
    "AWS::RDS::DBInstance iam:GetRole": ("MonitoringRoleArn", None),
    "AWS::SNS::Subscription iam:GetRole": ("SubscriptionRoleArn", None),
    "AWS::SNS::Topic iam:GetRole": ("DeliveryStatusLogging", None),
    "vpc-lattice:DescribeServiceNetworkVpcEndpointAssociation": ("ServiceNetworkArn", None),
    "amplify:GetWebACLForResource": ("ResourceArn", {"Ref": "LoadBalancer"}),
    "apprunner:DescribeWebAclForService": ("ResourceArn", {"Ref": "LoadBalancer"}),
    "appsync:GetWebACLForResource": ("ResourceArn", {"Ref": "LoadBalancer"}),
    "cognito-idp:GetWebACLForResource": ("ResourceArn", {"Ref": "LoadBalancer"}),
    "ec2:DescribeVerifiedAccessInstanceWebAclAssociations": (
        "ResourceArn",
        {"Ref": "LoadBalancer"},
    ),
    "ec2:GetVerifiedAccessInstanceWebAcl": ("ResourceArn", {"Ref": "LoadBalancer"}),
    "wafv2:GetPermissionPolicy": ("ResourceArn", {"Ref": "LoadBalancer"}),
}

# By template and type, resources that an upgrade from an earlier version deletes. CloudFormation
# does it after the update, in the deployer's name; what it may not delete it leaves, and goes on.
REMOVED: dict[tuple[str, str], str] = {
    ("rotation", "AWS::Logs::MetricFilter"): (
        "OverdueFilter and RollbackFilter, which would count a second time what log lines tell"
    ),
}
