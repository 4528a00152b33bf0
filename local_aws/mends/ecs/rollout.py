"""Rolling deployments of ECS services: which tasks start and stop, and when it is over.

Wrong upstream: a first deployment counts as complete; failing tasks restart in a hot loop; a newer
deployment stops the healthy tasks first; a missing image fails before a task says so; a task that
runs counts as healthy; all old tasks go at once and only at the end; and a deployment is COMPLETED
while they drain.
Source: Amazon ECS developer guide, "Deploy Amazon ECS services by replacing tasks", "Complete
Amazon ECS rolling deployments early with early success criteria" ("The tasks on the source service
revision are cleaned up"), "How the Amazon ECS deployment circuit breaker detects failures".
What is decided is in decisions.py.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ministack.core.concurrency import resource_lock
from ministack.core.responses import new_uuid, request_scope
from ministack.services import ecs

from local_aws.mending import Mending
from local_aws.mends.ecs import decisions, deployment_alarms, events
from local_aws.mends.ecs.decisions import Counts, Rules, Stage, Step
from local_aws.mends.load_balancing import health

_RESTART_DELAY = 0.5  # seconds
_INTERVAL = 0.2  # seconds between two looks at each service
_TRIGGERED = "ECS deployment circuit breaker was triggered"
TASKS_FAILED = "ECS deployment circuit breaker: tasks failed to start."
_STUCK = (
    "was unable to stop or start tasks during a deployment because of the service deployment "
    "configuration. Update the minimumHealthyPercent or maximumPercent value and try again."
)

Service = dict[str, Any]
Deployment = dict[str, Any]
Task = dict[str, Any]

_log = logging.getLogger("local_aws.rollouts")
_paused: dict[tuple[str, str], float] = {}  # cluster and group of tasks: until when none starts
_turns: dict[str, Any] = defaultdict(threading.RLock)  # one at a time a service


def install(mending: Mending) -> None:
    """Install the mends of this room."""
    mending.around(ecs, "_make_deployment", _make_deployment)
    mending.around(ecs, "_record_service_task_failure", _record_failure)
    mending.around(ecs, "_reconcile_service_tasks", _reconcile)
    mending.around(ecs, "_complete_service_deployment", _complete)
    mending.last(threading.Thread(target=_look_for_ever, daemon=True, name="rollouts").start)


@dataclass(frozen=True)
class Tasks:
    """The tasks of a service that start or run, by their deployment."""

    new: list[Task]
    healthy: list[Task]
    old: list[Task]
    old_healthy: list[Task]
    leaving: int

    @property
    def counts(self) -> Counts:
        """How many they are."""
        new, healthy = len(self.new), len(self.healthy)
        return Counts(new, healthy, len(self.old), len(self.old_healthy), self.leaving)


def tasks_of(service: Service, primary: Deployment) -> Tasks:
    """Return the tasks of a service as its deployment `primary` sees them."""
    group = f"service:{service['serviceName']}"
    mine = [
        task
        for task in list(ecs._tasks.values())
        if task.get("group") == group
        and task["clusterArn"] == service["clusterArn"]
        and task["lastStatus"] != "STOPPED"
    ]
    return _sorted(service, primary, mine)


def _sorted(service: Service, primary: Deployment, mine: list[Task]) -> Tasks:
    new: list[Task] = []
    old: list[Task] = []
    leaving = 0
    for task in mine:
        is_new = ecs._deployment_for_task(service, task) is primary
        leaving += not is_new
        if task["lastStatus"] in ecs._PRE_STOP_STATUSES and task["desiredStatus"] == "RUNNING":
            (new if is_new else old).append(task)
    return Tasks(
        new=new,
        healthy=[task for task in new if _is_healthy(service, task)],
        old=old,
        old_healthy=[task for task in old if _is_healthy(service, task)],
        leaving=leaving,
    )


def _is_healthy(service: Service, task: Task) -> bool:
    runs = task["lastStatus"] == "RUNNING" and task.get("_startup_stable")
    return bool(runs) and health.is_healthy_everywhere(service, task)


def rules_of(service: Service) -> Rules:
    """Return what a service's deployment configuration means for its desired count."""
    desired, configuration = service.get("desiredCount", 0), service.get("deploymentConfiguration")
    return decisions.rules(int(desired), configuration or {})


def _make_deployment(upstream: Any, *arguments: Any, **options: Any) -> Any:
    # Wrong upstream: the first deployment of a service counts as COMPLETED before a task runs, so
    # its circuit breaker never opens.
    deployment = upstream(*arguments, **options)
    if deployment["status"] == "PRIMARY" and deployment["desiredCount"]:
        deployment["rolloutState"] = "IN_PROGRESS"
        deployment["rolloutStateReason"] = f"ECS deployment {deployment['id']} in progress."
    return deployment


def _record_failure(
    upstream: Any, task: dict[str, Any], digest_resolution_failed: bool = False
) -> None:
    # Wrong upstream: a failing task is replaced in a hot loop, while ECS throttles it; and a
    # deployment fails before one of its tasks could say which image it can't pull.
    if not digest_resolution_failed:
        events.tell_task(task)
        _paused[(task["clusterArn"], task.get("group", ""))] = time.monotonic() + _RESTART_DELAY
        time.sleep(_RESTART_DELAY)
        upstream(task)
        _tell_triggered(task)


def _tell_triggered(task: Task) -> None:
    # Wrong upstream: it says so in words of its own (AWS's are quoted in aws/containers-roadmap
    # issue 1488 and in public threads).
    cluster, service_name = task["clusterArn"].rsplit("/", 1)[-1], task.get("group", "")
    service = ecs._services.get(f"{cluster}/{service_name.removeprefix('service:')}")
    failed = ecs._deployment_for_task(service, task) if service else None
    if failed and str(failed["rolloutStateReason"]).startswith(_TRIGGERED):
        failed["rolloutStateReason"] = TASKS_FAILED
        tell(service, f"(deployment {failed['id']}) deployment failed: tasks failed to start.")


def _is_paused(service: Service) -> bool:
    until = _paused.get((service["clusterArn"], f"service:{service['serviceName']}"), 0)
    return time.monotonic() < until


def _is_rolling(service: Service | None) -> bool:
    kind = ((service or {}).get("deploymentController") or {}).get("type", "ECS")
    return bool(service and service["status"] == "ACTIVE" and kind == "ECS")


def _reconcile(upstream: Any, cluster: str, key: str) -> None:
    service = ecs._services.get(key)
    primary = ecs._primary_deployment(service) if service else None
    known = ecs._resolve_td_key((service or {}).get("taskDefinition", "")) in ecs._task_defs
    if not _is_rolling(service) or not primary or not known:
        upstream(cluster, key)
        return
    with _turns[service["serviceArn"]]:
        _take_step(cluster, service, primary)
    ecs._refresh_service_state(cluster, f"service:{service['serviceName']}")
    ecs._recount_cluster(cluster)


def _take_step(cluster: str, service: Service, primary: Deployment) -> None:
    tasks, given = tasks_of(service, primary), rules_of(service)
    excess = sorted(tasks.new, key=lambda it: it["createdAt"], reverse=True)  # the newest go first
    for task in excess[: max(0, len(tasks.new) - given.desired)]:
        _stop(cluster, task, primary)
    taken = _next_step(service, primary, tasks)
    sick = [task for task in tasks.old if task not in tasks.old_healthy]
    for task in [*sick, *tasks.old_healthy][: taken.stop]:
        _stop(cluster, task, primary)
    if taken.start:
        _start(cluster, service, primary, _startable(primary, service, tasks, taken.start))


def _next_step(service: Service, primary: Deployment, tasks: Tasks) -> Step:
    given, counts = rules_of(service), tasks.counts
    if primary["rolloutState"] == "FAILED":  # without a rollback; what runs goes on
        return Step(0, 0)
    if primary["rolloutState"] == "IN_PROGRESS":
        taken = decisions.step(given, counts, _stage(service, primary, counts))
    else:
        taken = Step(stop=counts.old, start=max(0, given.desired - counts.new))
    return Step(taken.stop, 0) if _is_paused(service) else taken


def _stage(service: Service, primary: Deployment, counts: Counts) -> Stage:
    """Return how far a deployment is; its bake time begins when it is first seen to bake."""
    now = decisions.stage(rules_of(service), counts, baked=_has_baked(service, primary))
    if now is Stage.ROLLING:
        primary["_baking_since"] = None
    elif now is Stage.BAKING and not primary.get("_baking_since"):
        primary["_baking_since"] = time.monotonic()
    return now


def _has_baked(service: Service, primary: Deployment) -> bool:
    record = _record(service, primary)
    if record is None:  # what is rolled back to has been proven
        return True
    wanted = deployment_alarms.bake_time(record["configuration"], record["alarms"])
    since = primary.get("_baking_since")
    return not wanted or (since is not None and time.monotonic() - since >= wanted)


def _record(service: Service, primary: Deployment) -> dict[str, Any] | None:
    """Return what is remembered of a deployment, if it isn't over (deployments.py)."""
    record = (service.get("_serviceDeployments") or {}).get(primary["id"])
    return record if record and record["status"] in ("PENDING", "IN_PROGRESS") else None


def _startable(primary: Deployment, service: Service, tasks: Tasks, wanted: int) -> int:
    # ministack's own: the first task alone finds out which image a tag is
    definition = ecs._task_defs[ecs._resolve_td_key(service["taskDefinition"])]
    if not ecs._deployment_needs_first_task(primary, definition, service):
        return wanted
    return 0 if tasks.new else 1


def _start(cluster: str, service: Service, primary: Deployment, count: int) -> None:
    if count:
        ecs._run_task(
            {
                "cluster": cluster,
                "taskDefinition": service["taskDefinition"],
                "count": count,
                "group": f"service:{service['serviceName']}",
                "startedBy": primary["id"],  # API reference, Task: "the deployment ID"
                "launchType": service.get("launchType"),
                "capacityProviderStrategy": service.get("capacityProviderStrategy"),
                "platformVersion": service.get("platformVersion", ""),
                "networkConfiguration": service.get("networkConfiguration", {}),
                "enableExecuteCommand": service.get("enableExecuteCommand", False),
                "_deploymentId": primary["id"],
            }
        )


def _stop(cluster: str, task: Task, deployment: Deployment) -> None:
    # Amazon ECS developer guide, "Stopped task error messages".
    reason = f"Scaling activity initiated by (deployment {deployment['id']})"
    ecs._stop_task({"task": task["taskArn"], "cluster": cluster, "reason": reason})


def _complete(
    upstream: Any, cluster: str, key: str, expected_deployment_id: str | None = None
) -> None:
    service = ecs._services.get(key)
    if not _is_rolling(service):
        upstream(cluster, key, expected_deployment_id)
        return
    with resource_lock("ecs-service", key):
        primary = ecs._primary_deployment(service)
        if not primary or expected_deployment_id not in (None, primary["id"]):
            return
        if not _is_over(service, primary):
            return
        primary.update(
            rolloutState="COMPLETED",
            rolloutStateReason=f"ECS deployment {primary['id']} completed.",
            updatedAt=ecs._iso(),
        )
    tell(service, f"(deployment {primary['id']}) deployment completed.")
    ecs._reconcile_service_tasks(cluster, key)  # what is left of the old ones, and of the new


def _is_over(service: Service, primary: Deployment) -> bool:
    if primary["rolloutState"] != "IN_PROGRESS":
        return False
    return _stage(service, primary, tasks_of(service, primary).counts) is Stage.DONE


def fail(service: Service, failed: Deployment, reason: str, *, roll_back: bool) -> None:
    """Let a deployment fail, and go back to the last one that completed.

    Args:
        service: it is locked by its caller.
        failed: its deployment.
        reason: rolloutStateReason.
        roll_back: whether to go back; without it, or without one to go back to, what runs goes on.
    """
    now = ecs._iso()
    failed.update(rolloutState="FAILED", rolloutStateReason=reason, desiredCount=0, updatedAt=now)
    failed["_rolls_back"] = roll_back
    completed = [it for it in service["deployments"] if it["rolloutState"] == "COMPLETED"]
    if roll_back and completed:
        failed["status"] = "ACTIVE"
        completed[0].update(
            status="PRIMARY",
            desiredCount=service["desiredCount"],
            rolloutState="IN_PROGRESS",
            rolloutStateReason="ECS deployment rollback in progress.",
            updatedAt=now,
        )
        service["taskDefinition"] = completed[0]["taskDefinition"]
        tell(service, f"rolling back to deployment {completed[0]['id']}.")


def tell(service: Service, message: str) -> None:
    """Add an event to those of a service, as DescribeServices shows them."""
    text = f"(service {service['serviceName']}) {message}"
    service["events"].insert(0, {"id": new_uuid(), "createdAt": ecs._iso(), "message": text})


def _look_for_ever() -> None:
    while True:
        time.sleep(_INTERVAL)
        try:
            _look()
        except Exception:  # the next look must come whatever this one met
            _log.exception("A look at the services failed.")


def _look() -> None:
    tasks: dict[tuple[str, str], list[Task]] = defaultdict(list)
    for _, task in list(ecs._tasks.all_items()):
        if task["lastStatus"] != "STOPPED":
            tasks[(task["clusterArn"], task.get("group", ""))].append(task)
    for _, service in list(ecs._services.all_items()):
        primary = ecs._primary_deployment(service)
        if _is_rolling(service) and primary and service["serviceArn"] not in _busy:
            mine = tasks[(service["clusterArn"], f"service:{service['serviceName']}")]
            region, account = service["serviceArn"].split(":")[3:5]
            with request_scope(account, region):
                _look_at(service, primary, _sorted(service, primary, mine))


def _look_at(service: Service, primary: Deployment, tasks: Tasks) -> None:
    if _rings(service, primary):
        _in_background(service, ecs._reconcile_service_tasks)
        return
    taken = _next_step(service, primary, tasks)
    excess = len(tasks.new) > service["desiredCount"] and primary["rolloutState"] != "FAILED"
    if taken != Step(0, 0) or excess:
        _in_background(service, ecs._reconcile_service_tasks)
    elif primary["rolloutState"] == "IN_PROGRESS":
        if _is_over(service, primary):
            _in_background(service, ecs._complete_service_deployment)
        elif decisions.is_stuck(rules_of(service), tasks.counts, taken):
            _tell_stuck(service, primary)


def _rings(service: Service, primary: Deployment) -> bool:
    """Return whether an alarm has let the deployment fail right now."""
    record = _record(service, primary)
    if primary["rolloutState"] != "IN_PROGRESS" or record is None:
        return False
    watch = record["alarms"]
    if watch["status"] != "MONITORING":
        return False
    deployment_alarms.measure_soon()
    names = deployment_alarms.ringing(watch["alarmNames"])
    if not names:
        return False
    with resource_lock("ecs-service", key_of(service)):
        watch.update(status="TRIGGERED", triggeredAlarmNames=names)
        tell(service, f"(deployment {primary['id']}) deployment failed: alarm detected.")
        configured = record["configuration"]["alarms"]
        reason = f"ECS deployment failed: alarm detected ({', '.join(names)})."
        fail(service, primary, reason, roll_back=bool(configured.get("rollback")))
    return True


def key_of(service: Service) -> str:
    """Return the key by which upstream knows a service, and locks it."""
    return "/".join((service["clusterArn"].rsplit("/", 1)[-1], service["serviceName"]))


def _tell_stuck(service: Service, primary: Deployment) -> None:
    if not primary.get("_told_stuck"):
        primary["_told_stuck"] = True
        tell(service, _STUCK)


_busy: set[str] = set()


def _in_background(service: Service, function: Callable[[str, str], None]) -> None:
    region, account = service["serviceArn"].split(":")[3:5]
    key = key_of(service)
    cluster = key.split("/", maxsplit=1)[0]

    def run() -> None:
        try:
            with request_scope(account, region):
                function(cluster, key)
        finally:
            _busy.discard(service["serviceArn"])

    _busy.add(service["serviceArn"])
    threading.Thread(target=run, daemon=True, name=f"rollout-{key}").start()
