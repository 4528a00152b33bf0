"""Lambda function of Custom::Password."""

from __future__ import annotations

from custom_resources.shared.cloudformation import CustomResource
from custom_resources.shared.ping import answers_ping
from custom_resources.shared.request import Answer, Context, Request

_PREFIX = "password:"
_resource = CustomResource()
with _resource.importing():
    from custom_resources.contract.stacks import name_of
    from custom_resources.password.decisions import PasswordProperties
    from custom_resources.password.parameter import Parameter
    from custom_resources.shared import aws


@answers_ping
def handler(event: dict[str, object], context: Context) -> None:
    """Answer one event of CloudFormation."""
    _resource(event, context)


def _converge(request: Request) -> Answer:
    properties = PasswordProperties.of(request.properties)
    physical_id = _PREFIX + properties.parameter_name
    version = _parameter(request, properties.parameter_name).converge(properties)
    _, partition, _, region, account, _ = request.stack_id.split(":", 5)
    path = properties.parameter_name.removeprefix("/")
    return Answer(
        physical_id,
        {
            "ParameterName": properties.parameter_name,
            "Version": str(version),
            "ParameterArn": f"arn:{partition}:ssm:{region}:{account}:parameter/{path}",
        },
    )


def _remove(request: Request) -> None:
    _parameter(request, request.physical_id.removeprefix(_PREFIX)).delete()


def _parameter(request: Request, name: str) -> Parameter:
    owner = f"{name_of(request.stack_id)}/{request.logical_id}"
    return Parameter(aws.client("ssm"), name, owner, lambda: request.claim(_PREFIX + name))


_resource.converge(_converge)
_resource.remove(_PREFIX, _remove)
