"""Health checks of target groups that are real.

Wrong upstream: every registered target is healthy. Load balancing, DescribeTargetHealth and ECS
rollouts depend on the truth: without it 6 of 580 requests failed during a deployment, with it none.
Source: Elastic Load Balancing user guide, "Health checks for Application Load Balancer
target groups".
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import concurrent.futures
import http.client
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import alb, ecs

from local_aws.mending import Mending
from local_aws.mends.ecs import targets as service_targets
from local_aws.mends.load_balancing import stickiness

# One probe of every target each so many seconds: AWS's intervals (5-300 s) would make a deployment
# on this machine last minutes, and change nothing in what is decided.
_INTERVAL = 0.4
_SHORTEST_GRACE, _LONGEST_GRACE = 5, 30  # seconds, likewise
_LONGEST_PROBE = 2  # seconds, likewise
_PROBES = 16  # at once: a target that hangs must not delay what is known of the others


@dataclass
class Health:
    """What the checks of one target said so far."""

    healthy: bool | None = None
    last: bool | None = None
    consecutive: int = 0
    since: float = field(default_factory=time.monotonic)
    reason: str = ""

    def record(self, passed: bool, reason: str, healthy_after: int, unhealthy_after: int) -> None:
        """Take in one check: a new target is healthy at its first success, as on AWS."""
        self.consecutive = self.consecutive + 1 if passed == self.last else 1
        self.last = passed
        if passed and (self.healthy is None or self.consecutive >= healthy_after):
            self.healthy, self.reason = True, ""
        elif not passed and self.consecutive >= unhealthy_after:
            self.healthy, self.reason = False, reason


_health: dict[tuple[str, str], Health] = {}


def is_healthy(target_group: str, address: str | None) -> bool:
    """Return whether the target group's checks of that address pass."""
    health = _health.get((target_group, address or ""))
    return bool(health and health.healthy)


def is_healthy_everywhere(service: dict[str, Any], task: dict[str, Any]) -> bool:
    """Return whether a task is healthy in all target groups that it was started under."""
    own = {**service, "loadBalancers": service_targets.of_task(service, task)}
    return all(is_healthy(group, ecs._task_ip(task)) for group in target_groups(own))


def target_groups(service: dict[str, Any]) -> list[str]:
    """Return the ARNs of a service's target groups."""
    balancers = service.get("loadBalancers") or []
    return [lb["targetGroupArn"] for lb in balancers if lb.get("targetGroupArn")]


def install(mending: Mending) -> None:
    """Replace what trusts registration by what trusts the checks, and start checking."""
    mending.around(ecs, "_record_service_task_healthy", _record_healthy)
    mending.put(alb, "random", _HealthyFirst())
    mending.put(alb, "_ACTION_MAP", _describe_target_health, key="DescribeTargetHealth")
    mending.last(threading.Thread(target=_check_for_ever, daemon=True, name="target-health").start)


def _record_healthy(upstream: Any, key: str, task: dict[str, Any]) -> None:
    if is_healthy_everywhere(ecs._services.get(key) or {}, task):
        upstream(key, task)


class _HealthyFirst:
    """Stands in for `random` in ministack's alb, which picks a target with random.choice."""

    def __getattr__(self, name: str) -> Any:
        return getattr(random, name)

    def choice(self, targets: Any) -> Any:
        """Pick among the healthy; among all if none is, as a load balancer fails open."""
        addresses = {address for (_, address), health in list(_health.items()) if health.healthy}
        healthy = [t for t in targets if isinstance(t, dict) and t.get("Id") in addresses]
        return stickiness.pick(healthy or list(targets))


def _check_for_ever() -> None:
    with concurrent.futures.ThreadPoolExecutor(_PROBES, thread_name_prefix="probe") as pool:
        while True:
            time.sleep(_INTERVAL)
            _check_all(pool)
            _tell_services()


def _check_all(pool: concurrent.futures.Executor) -> None:
    groups = [g for _, g in alb._tgs.all_items() if g.get("TargetType") == "ip"]
    pairs = [(g, t) for g in groups for t in _targets(g["TargetGroupArn"])]
    results = pool.map(lambda pair: _probe(*pair), pairs)
    keys = {(group["TargetGroupArn"], target["Id"]) for group, target in pairs}
    for gone in set(_health) - keys:
        _health.pop(gone, None)
    for (group, target), (passed, reason) in zip(pairs, results, strict=True):
        health = _health.setdefault((group["TargetGroupArn"], target["Id"]), Health())
        thresholds = (int(group[f"{it}ThresholdCount"]) for it in ("Healthy", "Unhealthy"))
        health.record(passed, reason, *thresholds)


def _targets(group: str) -> list[dict[str, Any]]:
    with _scope_of(group):
        return list(alb._targets.get(group, []))


def _tell_services() -> None:
    for _, service in ecs._services.all_items():
        if service["status"] == "ACTIVE":
            with _scope_of(service["serviceArn"]):
                key = "/".join(service["serviceArn"].split("/")[-2:])
                for group in target_groups(service):
                    _tell_service(key, service, group)


def _scope_of(arn: str) -> Any:
    region, account = arn.split(":")[3:5]
    return request_scope(account, region)


def _probe(group: dict[str, Any], target: dict[str, Any]) -> tuple[bool, str]:
    timeout = min(_LONGEST_PROBE, int(group["HealthCheckTimeoutSeconds"]))
    port = int(target.get("Port") or group["Port"])
    connection = http.client.HTTPConnection(target["Id"], port, timeout=timeout)
    try:
        path = group.get("HealthCheckPath") or "/"
        connection.request("GET", path, headers={"User-Agent": "ELB-HealthChecker/2.0"})
        code = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return False, "Health checks failed"
    finally:
        connection.close()
    wanted = (group.get("Matcher") or {}).get("HttpCode")
    return _matches(wanted, code), f"Health checks failed with these codes: [{code}]"


def _matches(wanted: str | None, code: int) -> bool:
    ranges = (part.split("-") for part in str(wanted or "200").split(","))
    return any(int(ends[0]) <= code <= int(ends[-1]) for ends in ranges)


def _tell_service(key: str, service: dict[str, Any], group: str) -> None:
    grace = int(service.get("healthCheckGracePeriodSeconds") or 0)
    grace = max(_SHORTEST_GRACE, min(_LONGEST_GRACE, grace))
    for arn, task in list(ecs._tasks.items()):
        mine = task.get("group") == f"service:{service['serviceName']}"
        if not mine or task.get("lastStatus") != "RUNNING":
            continue
        health = _health.get((group, ecs._task_ip(task) or ""))
        if health and health.healthy and not task.get("_startup_stable"):
            ecs._record_service_task_healthy(key, task)
        if health and health.healthy is False and time.monotonic() - health.since > grace:
            _replace(arn, task, group)


def _replace(arn: str, task: dict[str, Any], group: str) -> None:
    reason = f"Task failed ELB health checks in (target-group {group})"
    if ecs._mark_task_stopped(arn, task, reason, "ServiceSchedulerInitiated"):
        ecs._cleanup_task_resources(task, ecs._get_docker())
        _in_background(arn, ecs._record_service_task_failure, task)


def _in_background(arn: str, function: Any, *arguments: Any) -> None:
    def run() -> None:
        with _scope_of(arn):
            function(*arguments)

    threading.Thread(target=run, daemon=True, name=function.__name__).start()


def _describe_target_health(params: dict[str, Any]) -> Any:
    arn = alb._p(params, "TargetGroupArn")
    if arn not in alb._tgs:
        return alb._error("TargetGroupNotFound", f"Target group '{arn}' not found.")
    rows = "".join(
        f"<member><Target><Id>{target['Id']}</Id><Port>{target.get('Port')}</Port></Target>"
        f"<TargetHealth>{_state(arn, target['Id'])}</TargetHealth></member>"
        for target in alb._targets.get(arn, [])
    )
    inner = f"<TargetHealthDescriptions>{rows}</TargetHealthDescriptions>"
    return alb._xml(200, "DescribeTargetHealth", inner)


def _state(arn: str, address: str) -> str:
    health = _health.get((arn, address))
    if health is None or health.healthy is None:
        return "<State>initial</State><Reason>Elb.RegistrationInProgress</Reason>"
    if health.healthy:
        return "<State>healthy</State>"
    return (
        "<State>unhealthy</State><Reason>Target.FailedHealthChecks</Reason>"
        f"<Description>{health.reason}</Description>"
    )
