"""CloudWatch alarms that watch a deployment, and the time that it bakes.

Wrong upstream: nothing watches, and no deployment bakes. An alarm that rings when a deployment
begins takes the alarms out of it; one that rings later, in the bake time too, fails it. An alarm
that there is not rings not.
Source: Amazon ECS developer guide, "How CloudWatch alarms detect Amazon ECS deployment failures";
ECS API reference, DeploymentAlarms, ServiceDeploymentAlarms; the events as quoted in public
threads. AWS contradicts itself on whether bakeTimeInMinutes has an effect here: that page says that
the bake time is computed from the alarms ("You can't set this value"), the API reference speaks of
blue/green only, and the schema of AWS::ECS::Service says "If you provide a bake time for a rolling
deployment, the CloudFormation handler timeout is increased". Here the schema is right (docs/first-
account.md has the row). Not said anywhere, and guessed: statusReason; that a bake time is waited
for without alarms, too (the schema says no word of alarms); how the default of "less than 5
minutes" is made of the alarms.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import contextvars
import threading
import time
from typing import Any

from ministack.services import cloudwatch

from local_aws.mends.monitoring import alarms

MINUTE = 1.0  # seconds: nobody waits for AWS's minutes on this machine
_INTERVAL = 0.5  # seconds between two looks at all alarms
_LONGEST_DEFAULT = 4  # minutes

Watch = dict[str, Any]

_measured = 0.0
_measuring = threading.Lock()


def begin(configuration: dict[str, Any]) -> Watch:
    """Return what is watched of a deployment that begins now, as ServiceDeploymentAlarms has it."""
    given = configuration.get("alarms") or {}
    names = list(given.get("alarmNames") or [])
    watched = bool(given.get("enable")) and not ringing(names)
    return {
        "status": "MONITORING" if watched else "DISABLED",
        "alarmNames": names,
        "triggeredAlarmNames": [],
    }


def ringing(names: list[str]) -> list[str]:
    """Return those of the alarms that are in the state ALARM, as it was last measured."""
    found = ((name, cloudwatch._alarms.get(name)) for name in names)
    both = ((name, alarm or cloudwatch._composite_alarms.get(name)) for name, alarm in found)
    return [name for name, alarm in both if alarm and alarm["StateValue"] == "ALARM"]


def bake_time(configuration: dict[str, Any], watch: Watch) -> float:
    """Return how long a deployment bakes, in seconds of this machine."""
    minutes = configuration.get("bakeTimeInMinutes")
    if minutes is None:
        minutes = _default(watch) if watch["status"] == "MONITORING" else 0
    return float(minutes) * MINUTE


def _default(watch: Watch) -> float:
    known = [cloudwatch._alarms[it] for it in watch["alarmNames"] if it in cloudwatch._alarms]
    seconds = [int(it.get("Period") or 60) * int(it["EvaluationPeriods"]) for it in known]
    return min(_LONGEST_DEFAULT, max(seconds, default=0) / 60)


def measure() -> None:
    """Bring all alarms up to now; what they do then, such as calling a function, is waited for."""
    global _measured  # noqa: PLW0603 - one clock for all services
    with _measuring:
        if time.monotonic() - _measured > _INTERVAL:
            alarms.evaluate()
            _measured = time.monotonic()


def measure_soon() -> None:
    """Bring all alarms up to now, in the background."""
    if not _measuring.locked() and time.monotonic() - _measured > _INTERVAL:
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(measure,), daemon=True, name="alarms").start()
