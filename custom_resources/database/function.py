"""Lambda function of Custom::Database and Custom::DatabaseName."""

from __future__ import annotations

from typing import Any

from custom_resources.shared.cloudformation import CustomResource
from custom_resources.shared.ping import answers_ping
from custom_resources.shared.request import Answer, Context, Request

_PREFIX = "database:"
_resource = CustomResource()
with _resource.importing():
    from custom_resources.database import naming, restoring
    from custom_resources.database.convergence import Clients, Convergence, until
    from custom_resources.database.decisions import DatabaseProperties
    from custom_resources.database.findings import NONE
    from custom_resources.database.limits import Limits
    from custom_resources.shared import log
    from custom_resources.shared.failure import Failure
    from custom_resources.shared.sentences import sentence


@answers_ping
def handler(event: dict[str, Any], context: Context) -> dict[str, Any] | None:
    """Answer one event of CloudFormation, or one request of restore.yml."""
    if event.get("quayside") == "restore":
        return restoring.answer(event, context)
    _resource(event, context)
    return None


def _converge(request: Request) -> Answer:
    if request.kind == naming.KIND:
        return Answer(naming.physical_id(request.properties, request.physical_id))
    convergence = _convergence(request)
    told = NONE
    try:
        if request.type == "Update":
            _check_name(request, convergence)
            _check_cluster(request, convergence)
        if _physical_id(convergence) != request.physical_id:
            convergence.create()
        elif _asks_for_repair(request, convergence):
            told = convergence.repair().told(convergence.properties.repair)
        else:
            convergence.update()
    except Exception as error:
        # A failure now would leave the stack in UPDATE_ROLLBACK_FAILED, and mend nothing.
        if request.type != "Update" or not convergence.is_rolling_back():
            raise
        log.error("failed, but a rollback is not held up", reason=sentence(error))
    wanted = convergence.properties
    return Answer(
        _physical_id(convergence),
        {
            "Database": wanted.database,
            "Owner": wanted.owner,
            "ActiveUser": wanted.active_user,
            "Repaired": told,
        },
    )


def _asks_for_repair(request: Request, convergence: Convergence) -> bool:
    """Whether the number is greater than before; a rollback goes back to a lesser one."""
    before = str(request.old_properties.get("Repair") or 0)
    return before.isdecimal() and convergence.properties.repair > int(before)


def _check_name(request: Request, convergence: Convergence) -> None:
    """Refuse another name for the database: a new one would be made, empty, and the service moved
    to it. In a rollback the name may be the one before."""
    before, wanted = request.physical_id.removeprefix(_PREFIX), convergence.properties.database
    if before != wanted and not convergence.is_rolling_back():
        raise naming.another_name(before, wanted)


def _check_cluster(request: Request, convergence: Convergence) -> None:
    """Refuse another port or admin of the same cluster: the users' secrets would keep the old port
    (an attachment that doesn't change isn't made again), and the admin's name can't change."""
    before, wanted = request.old_properties, request.properties
    if before.get("Cluster") is None or before["Cluster"] != wanted.get("Cluster"):
        return  # another one: restored from a snapshot
    for name, variable in (("Port", "rds_port"), ("AdminUsername", "rds_admin_username")):
        old, new = before.get(name), wanted.get(name)
        if old is not None and old != new and not convergence.is_rolling_back():
            raise Failure(
                f"{name} of the service's cluster was {old}, and can't become {new}.",
                f"Set {variable} of the rds stack to {old} again; change it as you restore a "
                "snapshot.",
            )


def _remove(request: Request) -> None:
    _convergence(request).delete()


def _physical_id(convergence: Convergence) -> str:
    return _PREFIX + convergence.properties.database


def _convergence(request: Request) -> Convergence:
    properties = DatabaseProperties.of(request.properties)
    return Convergence(
        properties,
        request.stack_id,
        request.logical_id,
        Clients.made(),
        until(request.seconds_left()),
        lambda: request.claim(_PREFIX + properties.database),
        Limits.before(request.old_properties),
    )


_resource.converge(_converge)
_resource.remove(_PREFIX, _remove)
