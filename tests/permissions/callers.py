"""What roles, playbooks and plugins call themselves, by the policy that lets them.

The end-to-end tests hold this table against the calls that were made (tests/e2e/calls.py). What
CloudFormation's handlers call isn't in it: that is derived from the resource schemas.
"""

from __future__ import annotations

_STACK = "action stack"
_BUCKET = "amazon.aws.s3_bucket"
_REMAINS = "teardown.yml: what is left"
_DELETES = "teardown.yml with delete_data"
_RESOLVE = "CloudFormation resolves the admin's password in the caller's name"
_TAGS = "change sets with tags ask for it"
_RDS = "a cluster under a key of ours (Amazon RDS User Guide, Encrypting Amazon RDS resources)"

CALLED: dict[str, dict[str, str]] = {
    "platform": {
        "cloudformation:CreateChangeSet": _STACK,
        "cloudformation:DeleteChangeSet": _STACK,
        "cloudformation:DeleteStack": _STACK,
        "cloudformation:DescribeChangeSet": _STACK,
        "cloudformation:DescribeEvents": _STACK,
        "cloudformation:DescribeStackEvents": _STACK,
        "cloudformation:DescribeStacks": _STACK,
        "cloudformation:ExecuteChangeSet": _STACK,
        "cloudformation:GetTemplate": _STACK,
        "cloudformation:ListChangeSets": _STACK,
        "cloudformation:ListStackResources": _STACK,
        "cloudformation:ListStacks": "DescribeStacks without a name asks for it (botocore's model)",
        "cloudformation:TagResource": _TAGS,
        "cloudformation:UntagResource": _TAGS,
        "cloudformation:UpdateTerminationProtection": _STACK,
        "iam:GetRole": "action linked_role",
        "kms:Decrypt": f"{_RESOLVE}; {_RDS}",
        "kms:DescribeKey": _DELETES,
        "kms:GenerateDataKey": _RDS,
        "kms:ListResourceTags": _REMAINS,
        "kms:ScheduleKeyDeletion": _DELETES,
        "lambda:GetFunctionConfiguration": "roles support and rotation compare what was deployed",
        "logs:DeleteLogGroup": _DELETES,
        "logs:DescribeLogGroups": _REMAINS,
        "logs:ListTagsForResource": _REMAINS,
        "rds:DeleteDBClusterSnapshot": _DELETES,
        "rds:DescribeDBClusterSnapshots": _REMAINS,
        "s3:CreateBucket": _BUCKET,
        "s3:DeleteBucket": _BUCKET,
        "s3:DeleteObject": _BUCKET,
        "s3:DeleteObjectVersion": _BUCKET,
        "s3:GetAccelerateConfiguration": _BUCKET,
        "s3:GetBucketAcl": _BUCKET,
        "s3:GetBucketObjectLockConfiguration": _BUCKET,
        "s3:GetBucketOwnershipControls": _BUCKET,
        "s3:GetBucketPolicy": _BUCKET,
        "s3:GetBucketPublicAccessBlock": _BUCKET,
        "s3:GetBucketRequestPayment": _BUCKET,
        "s3:GetBucketTagging": _BUCKET,
        "s3:GetBucketVersioning": _BUCKET,
        "s3:GetEncryptionConfiguration": _BUCKET,
        "s3:GetInventoryConfiguration": _BUCKET,
        "s3:GetObject": "action stack, artifacts and large templates",
        "s3:GetObjectVersion": "action stack, artifacts and large templates",
        "s3:ListBucket": _BUCKET,
        "s3:ListBucketVersions": _BUCKET,
        "s3:PutBucketOwnershipControls": _BUCKET,
        "s3:PutBucketPolicy": _BUCKET,
        "s3:PutBucketPublicAccessBlock": _BUCKET,
        "s3:PutBucketTagging": _BUCKET,
        "s3:PutBucketVersioning": _BUCKET,
        "s3:PutEncryptionConfiguration": _BUCKET,
        "s3:PutObject": "action stack, artifacts and large templates",
        "ssm:GetParameters": _RESOLVE,
        "sts:GetCallerIdentity": "action artifacts_bucket, and the bucket's owner",
    },
    "service": {
        "cloudformation:CancelUpdateStack": "rotate.yml with abort",
        "cloudformation:CreateChangeSet": _STACK,
        "cloudformation:DeleteChangeSet": _STACK,
        "cloudformation:DeleteStack": _STACK,
        "cloudformation:DescribeChangeSet": _STACK,
        "cloudformation:DescribeEvents": _STACK,
        "cloudformation:DescribeStackEvents": _STACK,
        "cloudformation:DescribeStacks": _STACK,
        "cloudformation:ExecuteChangeSet": _STACK,
        "cloudformation:GetTemplate": _STACK,
        "cloudformation:ListChangeSets": _STACK,
        "cloudformation:ListStackResources": _STACK,
        "cloudformation:ListStacks": "status.yml, rotate.yml, repair.yml",
        "cloudformation:TagResource": _TAGS,
        "cloudformation:UntagResource": _TAGS,
        "cloudformation:UpdateTerminationProtection": _STACK,
        "cloudwatch:DescribeAlarms": "status.yml",
        "ecr:DescribeImages": "lookup image_digest",
        "ecs:DescribeServices": "status.yml",
        "ecs:DescribeTaskDefinition": "action stack: why tasks stopped",
        "ecs:DescribeTasks": "action stack: why tasks stopped",
        "ecs:ListServiceDeployments": "status.yml, rotate.yml",
        "ecs:ListTasks": "action stack: why tasks stopped",
        "iam:PassRole": "action stack: the deployment role",
        "lambda:InvokeFunction": "RotateSecret asks for it (botocore's model)",
        "logs:FilterLogEvents": "rotate.yml",
        "logs:GetLogEvents": "action stack: why tasks stopped",
        "s3:DeleteObjectVersion": "action stack, large templates",
        "s3:GetObject": "action stack, large templates",
        "s3:GetObjectVersion": "action stack, large templates",
        "s3:PutObject": "action stack, large templates",
        "secretsmanager:DescribeSecret": "rotate.yml, status.yml",
        "secretsmanager:RotateSecret": "rotate.yml",
        "sts:GetCallerIdentity": "action stack, the bucket's owner; the account looked in",
    },
}

# Asked for, and done without where it is refused.
TRIED = {"service: cloudformation:DescribeStacks on *: AccessDenied"}  # status.yml

_LAMBDA = "Lambda calls it in the role's name; here it needs nobody's permission"
_ASKED_BESIDE = "asked beside another action, which the local AWS doesn't do"
_DATA = "a teardown with its data, which a part of the end-to-end tests leaves out"
_COMPLIANT = "AWS makes buckets so; one that was there before may be otherwise"

# What is allowed and may not be seen in the end-to-end tests: `who: action`, or an action alone.
NOT_SEEN: dict[str, str] = {
    "logs:CreateLogStream": _LAMBDA,
    "logs:PutLogEvents": _LAMBDA,
    "ec2:AssignPrivateIpAddresses": _LAMBDA,
    "ec2:CreateNetworkInterface": _LAMBDA,
    "ec2:DeleteNetworkInterface": _LAMBDA,
    "ec2:DescribeNetworkInterfaces": _LAMBDA,
    "ec2:DescribeSubnets": _LAMBDA,
    "ec2:UnassignPrivateIpAddresses": _LAMBDA,
    "sqs:DeleteMessage": _LAMBDA,
    "sqs:GetQueueAttributes": _LAMBDA,
    "sqs:ReceiveMessage": _LAMBDA,
    "PasswordFunction: ssm:AddTagsToResource": "PutParameter with tags asks for it",
    "PasswordFunction: ssm:GetParameter": "a parameter that was there before is read",
    "DatabaseFunction: cloudformation:DescribeStacks": "a database of another stack is looked into",
    "ListenerPriorityFunction: cloudformation:DescribeStacks": "a number was left without a rule",
    "elasticloadbalancing:DescribeAccountLimits": "a full listener is told of",
    "ActivateFunction: secretsmanager:GetSecretValue": "a version without a value is looked for",
    "ActivateFunction: secretsmanager:UpdateSecretVersionStage": "a refused rotation is a day old",
    "service: cloudformation:UpdateTerminationProtection": "service_termination_protection is off",
    "service: s3:DeleteObjectVersion": "no template of more than 51,200 bytes",
    "service: s3:GetObject": "no template of more than 51,200 bytes",
    "service: s3:GetObjectVersion": "no template of more than 51,200 bytes",
    "service: s3:PutObject": "no template of more than 51,200 bytes",
    "service: sts:GetCallerIdentity": "no template of more than 51,200 bytes",
    "cloudformation:ListChangeSets": "many change sets of a stack are left",
    "cloudformation:TagResource": _ASKED_BESIDE,
    "cloudformation:UntagResource": _ASKED_BESIDE,
    "cloudformation:DescribeEvents": "a change set is refused by early validation",
    "lambda:InvokeFunction": _ASKED_BESIDE,
    "platform: cloudformation:ListStacks": _ASKED_BESIDE,
    "platform: kms:Decrypt": _ASKED_BESIDE,
    "platform: kms:DescribeKey": _DATA,
    "platform: kms:ListResourceTags": _DATA,
    "platform: kms:GenerateDataKey": _ASKED_BESIDE,
    "platform: kms:ScheduleKeyDeletion": _DATA,
    "platform: rds:DeleteDBClusterSnapshot": _DATA,
    "platform: s3:GetObjectVersion": "CloudFormation reads the template in the caller's name",
    "platform: s3:PutBucketOwnershipControls": _COMPLIANT,
    "platform: s3:PutBucketPublicAccessBlock": _COMPLIANT,
    "platform: s3:PutEncryptionConfiguration": _COMPLIANT,
    "platform: ssm:GetParameters": "CloudFormation resolves it in the caller's name",
}
