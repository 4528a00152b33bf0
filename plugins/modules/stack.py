#!/usr/bin/python
"""Documentation of the action quayside.fargate.stack; the code is plugins/action/stack.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stack
short_description: Deploy or delete one CloudFormation stack
version_added: 1.0.0
author: The Quayside team (@quayside)
description:
  - Brings a CloudFormation stack to a template and parameters, always through a change set.
    A change set without changes is deleted, and the task is C(ok).
  - Prints a line for what has finished, while it runs, and what it waits for; with C(-v) all of the
    stack's events. When it fails, the task's message is the root cause, the first resource that
    failed by itself; of an ECS service, with why its tasks stopped and what they wrote last.
  - Waits for a stack that another deployment is busy with, and replaces one whose first creation
    failed. What it can't mend it names, with the command to run.
  - Runs inside ansible-playbook on the controller, with botocore. Credentials come from where
    botocore finds them (environment, profile, role of the instance).
extends_documentation_fragment:
  - quayside.fargate.aws
  - quayside.fargate.aws.timeout
attributes:
  check_mode:
    description:
      - Shows what would change and changes nothing, for a new stack too - the resources' names, and
        what becomes of the data of those that are removed or replaced.
    support: full
  diff_mode:
    description:
      - Shows every property that changes, with its values before and after where CloudFormation
        tells them. A new stack is a list of its resources by kind.
      - C(-v) shows all the rest, environment variables and the properties of new resources among
        it. Values of C(NoEcho) parameters and dynamic references, what is called or looks like a
        secret, and the words of commands are never shown.
    support: full
options:
  name:
    description: Name of the stack.
    type: str
    required: true
  state:
    description: Whether the stack is there.
    type: str
    choices: [present, absent]
    default: present
  before:
    description:
      - With O(state=absent), a stack that is to be deleted after this one. If it is protected or
        another's (O(variables)), neither is deleted; an operation on it is waited for.
    type: str
  template:
    description:
      - Path of a plain CloudFormation template, YAML or JSON; a relative one is looked for as
        Ansible looks for templates. One over 51,200 bytes goes through O(artifacts_bucket).
      - Not given, the stack keeps the template it has.
    type: str
  variable_prefix:
    description:
      - Prefix of a role's variables. A refused value is then named by the variable it came from,
        V(service_host_name) for the parameter C(HostName) and the prefix V(service).
    type: str
  variables:
    description:
      - A role's checked options without O(variable_prefix), as C(quayside.fargate.variables)
        returns them. Each fills the template's parameter of its name, V(host_name) C(HostName),
        unless O(parameters) has that one. Others, and those that say how a stack is deployed
        (V(template), V(tags), V(timeout), ...), fill none. One of O(given) that a template other
        than the collection's has no parameter for is refused.
      - An empty one gives way to an output of O(parameters_from), and isn't given if the parameter
        has no default.
      - V(platform) and V(name) say whose the stack is. One that has other values in its parameters
        C(Platform) and C(Name) is neither changed nor deleted.
    type: dict
    default: {}
  given:
    description:
      - Variables, with O(variable_prefix), that somebody set, as C(quayside.fargate.variables)
        returns them. Any other one that a parameter comes from has its default, which may be
        another value than the stack's (O(allow)). Not given, nothing is said of that.
    type: list
    elements: str
  allow:
    description:
      - What the stack may lose. An update stops before anything is changed if it would remove,
        replace or make anew a resource that holds data, routes requests or is named by others
        (docs/stack.md has the table), unless its logical id is in this list.
      - With O(given), an update also stops if a variable that isn't in it would let a value fall
        back to its default, where the stack has another one. The list then takes its name.
      - What is in the list and wasn't needed is named in a warning. In check mode, what would stop
        is shown before anything else.
    type: list
    elements: str
    default: []
  allow_used:
    description:
      - What of O(allow) another stack of the same role needed, or may yet need. No warning names
        it.
    type: list
    elements: str
    default: []
  parameters:
    description:
      - Values of the template's parameters. Booleans become V(true) or V(false), lists are joined
        by commas, null means not given.
      - "A map C({output: NAME}) takes the output of that name of O(parameters_from)."
      - "A map C({unless_empty: VALUE}) takes the value, but where the stack has an empty one: that
        stays."
      - A parameter takes the first value found in O(parameters), O(variables), the outputs of
        O(parameters_from), O(initial_parameters) (if the stack is new), its previous value, the
        template's default.
    type: dict
    default: {}
  parameters_from:
    description:
      - Names of stacks whose outputs fill the parameters of the same name. The first stack in the
        list that has the output wins. C(Template) and C(Version), which tell of a stack's own
        template, fill none, unless O(parameters) asks for them.
      - A stack that doesn't exist, or was never created, is an error; in check mode, the task of a
        new stack then reports a change and warns that it can't be planned yet.
    type: list
    elements: str
    default: []
  any_version:
    description:
      - Names of stacks of O(parameters_from) that may have templates of somebody's own, and whose
        version isn't held against the template's.
    type: list
    elements: str
    default: []
  missing_sources:
    description:
      - What the message says if a stack of O(parameters_from) isn't there, as a map of the stack's
        name to a sentence or two in the user's words.
    type: dict
    default: {}
  initial_parameters:
    description: Values used only when the stack is created; later, the stack keeps what it has.
    type: dict
    default: {}
  files:
    description:
      - Local files that the template finds in S3, such as zips of Lambda functions, as a map of
        parameter to path.
      - Each is put into O(artifacts_bucket) under a key named by the stack and its content, unless
        it is there (with the same SHA-256), and the parameter's value is the key.
      - If the template has a parameter of that name with C(Version) for C(Key) at its end
        (C(CodeVersion) for C(CodeKey)), its value is the object's version, for C(S3ObjectVersion).
      - After the deployment, a Lambda function whose C(S3Key) is such a parameter must run the
        file's code, by its C(CodeSha256).
    type: dict
    default: {}
  overlay:
    description:
      - A map laid over the template. Maps merge and null removes. Lists whose items all have a
        C(Name) (or all a C(Key)) merge by it, an item with nothing else but nulls is removed.
        Other lists, functions (C(Ref), C(Fn::Sub), ...) and scalars are replaced.
      - What is laid over C(Fn::If) is laid over both of its branches.
    type: dict
    default: {}
  overlay_names:
    description:
      - Names of the variables, without O(variable_prefix), that O(overlay) comes from. The stack's
        template notes which of them are O(given), so that a later deployment tells what falls back.
    type: list
    elements: str
    default: [environment, overrides, secrets]
  tags:
    description:
      - Tags of the stack; CloudFormation hands them on to its resources.
      - Not given, the stack keeps the tags it has.
    type: dict
    default: {}
  role_arn:
    description:
      - ARN of the role that CloudFormation acts with. Without it, an existing stack keeps its own.
    type: str
  role_arn_from:
    description: Name of an output of O(parameters_from) that holds O(role_arn).
    type: str
  artifacts_bucket:
    description:
      - S3 bucket for O(files) and for templates over 51,200 bytes. It must be this account's, and
        keep versions. What a stack puts there is below C(stacks/NAME/).
    type: str
  artifacts_bucket_from:
    description: Name of an output of O(parameters_from) that holds O(artifacts_bucket).
    type: str
  capabilities:
    description: What CloudFormation is allowed to do with this template.
    type: list
    elements: str
    choices: [CAPABILITY_IAM, CAPABILITY_NAMED_IAM, CAPABILITY_AUTO_EXPAND]
    default: [CAPABILITY_NAMED_IAM]
  termination_protection:
    description:
      - Whether CloudFormation refuses to delete the stack. Not given, it stays as it is.
      - With O(state=absent), V(false) lifts the protection of the stack before deleting it.
    type: bool
  purpose:
    description:
      - What the update is for. The token of the operation begins with it, such as V(deployment-),
        and so does that of each of its events, by which M(quayside.fargate.history) tells updates
        apart.
      - V(rollback) refuses a stack that another operation runs on, and doesn't wait for its end.
    type: str
    choices: [deployment, rollback, repair]
    default: deployment
"""

EXAMPLES = r"""
- name: Deploy a stack with values from another one
  quayside.fargate.stack:
    name: shop-cluster
    template: cluster.yml
    parameters_from: [shop-network]
    parameters:
      Platform: shop
      SubnetIds: {output: PrivateSubnetIds}
      ContainerInsights: enabled
    tags:
      quayside:platform: shop
  register: cluster

- name: Add an environment variable and a resource's property to a template
  quayside.fargate.stack:
    name: shop-service-orders
    template: service.yml
    parameters_from: [shop-cluster, shop-support, shop-deployment-all]
    role_arn_from: CloudFormationRoleArn
    initial_parameters:
      ActiveUser: blue
    overlay:
      Resources:
        TaskDefinition:
          Properties:
            ContainerDefinitions:
              - Name: app
                Environment:
                  - Name: QUEUE_URL
                    Value:
                      Fn::ImportValue: orders-queue

- name: Delete a protected stack
  quayside.fargate.stack:
    name: shop-rds
    state: absent
    termination_protection: false
"""

RETURN = r"""
name:
  description: Name of the stack.
  type: str
  returned: success
  sample: shop-cluster
stack_id:
  description: ARN of the stack.
  type: str
  returned: if the stack exists
  sample: arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-cluster/0a1b2c3d
status:
  description: Status of the stack as CloudFormation names it, or C(absent).
  type: str
  returned: success
  sample: UPDATE_COMPLETE
outputs:
  description: Outputs of the stack by name.
  type: dict
  returned: success
  sample: {ClusterName: shop}
changes:
  description: The changed resources. In check mode, those that would change.
  type: list
  elements: dict
  returned: success
  contains:
    action:
      description: What happens to the resource (C(Add), C(Modify), C(Remove), C(Import)).
      type: str
    resource:
      description: Its logical id.
      type: str
    type:
      description: Its type.
      type: str
    replacement:
      description: Whether it is made anew (C(True), C(False), C(Conditional)).
      type: str
    policy_action:
      description:
        - What becomes of the resource in AWS (C(Delete), C(Retain), C(Snapshot),
          C(ReplaceAndDelete), C(ReplaceAndRetain), C(ReplaceAndSnapshot)); empty if CloudFormation
          doesn't say.
      type: str
    data:
      description:
        - What becomes of the resource and its data where it is removed or replaced (C(Retain),
          C(Snapshot), C(Delete)), by the change set or else the template; empty where it stays.
          For a custom resource it is its own property C(DeletionPolicy), if it has one.
      type: str
    follows:
      description: The resources that it changes for, if nothing else changes it.
      type: list
      elements: str
    properties:
      description: Names of the changed properties and attributes.
      type: list
      elements: str
    values:
      description:
        - With C(--diff), the values that CloudFormation tells, each as C(path), C(before) and
          C(after). What looks like a secret is V((not shown\)).
      type: list
      elements: dict
news:
  description:
    - With O(variable_prefix) and O(given), what is new, in a few words each; names of variables and
      secrets, and never their values.
  type: list
  elements: str
  returned: success
  sample: [image orders sha256:0eb9bd33be8a -> sha256:b8d8a8e9dbb1, environment GREETING changed]
stops:
  description: In check mode, what would stop the deployment, in words (O(allow)).
  type: list
  elements: str
  returned: success
allowed:
  description: What of O(allow) was needed.
  type: list
  elements: str
  returned: success
kept:
  description:
    - What the deletion left in AWS, since C(DeletionPolicy) or C(UpdateReplacePolicy) keeps it.
  type: list
  elements: dict
  returned: if the stack was deleted
  contains:
    resource:
      description: Its logical id.
      type: str
    type:
      description: Its type.
      type: str
    id:
      description: Its physical id, such as the name of a log group.
      type: str
seconds:
  description: Seconds the task took.
  type: float
  returned: success
  sample: 12.4
"""
