"""A service's deployment configuration: what is left unsaid, and what is refused.

Wrong upstream: UpdateService forgets what it isn't told of the configuration, and nothing is
refused. On AWS what isn't told stays as it is, so that what was switched on is only switched off by
saying so.
Source: ECS API reference, DeploymentConfiguration, DeploymentEarlySuccessCriteria,
ThresholdConfiguration, DeploymentAlarms (members, their ranges and what one demands of another);
the provider of Terraform for "To remove an existing deployment circuit breaker, specify an empty
object". That 100 and 100 are refused is quoted in public threads; the other sentences are guessed.
An alarm that there is not is no reason: the CDK makes alarms after their service.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ministack.services import ecs

from local_aws.mending import Layer, Mending

DEFAULTS: dict[str, Any] = {
    "maximumPercent": 200,
    "minimumHealthyPercent": 100,
    "deploymentCircuitBreaker": {"enable": False, "rollback": False},
}
_CLEANUPS = ("BLOCKING", "DEFERRED")
_THRESHOLDS = ("COUNT", "BOUNDED_PERCENT", "UNBOUNDED_PERCENT")
_LONGEST_BAKE = 1440  # minutes

Configuration = dict[str, Any]


def install(mending: Mending) -> None:
    """Keep what isn't told."""
    for name in ("_create_service", "_update_service"):
        mending.around(ecs, name, _completed, layer=Layer.INPUT)


def _completed(upstream: Any, data: dict[str, Any]) -> Any:
    told = data.get("deploymentConfiguration")
    service = service_of(data)
    if told is not None or service is None:
        data = data | {"deploymentConfiguration": merged(service, told)}
    return upstream(data)


def service_of(data: dict[str, Any]) -> dict[str, Any] | None:
    """Return the service that a call is about, None if there is none yet."""
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
    name = str(data.get("service") or "").rsplit("/", 1)[-1]
    service: dict[str, Any] | None = ecs._services.get(f"{cluster}/{name}")
    return service


def merged(service: dict[str, Any] | None, told: Configuration | None) -> Configuration:
    """Return a service's configuration after a call that tells `told` of it."""
    before = (service or {}).get("deploymentConfiguration") or {}
    after = DEFAULTS | before | {k: v for k, v in (told or {}).items() if v is not None}
    if not after["deploymentCircuitBreaker"]:
        after["deploymentCircuitBreaker"] = DEFAULTS["deploymentCircuitBreaker"]
    return after


def refusal(configuration: Configuration) -> str | None:
    """Return why ECS refuses a configuration, or None."""
    return next(_refusals(configuration), None)


def _refusals(configuration: Configuration) -> Iterator[str]:
    fewest, most = configuration["minimumHealthyPercent"], configuration["maximumPercent"]
    if not 0 <= fewest <= 100:  # noqa: PLR2004 - percent
        yield "minimumHealthyPercent must be between 0 and 100."
    if fewest == most == 100:  # noqa: PLR2004 - percent
        yield (
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block "
            "deployments."
        )
    if most < fewest:
        yield "maximumPercent must not be less than minimumHealthyPercent."
    if not 0 <= (configuration.get("bakeTimeInMinutes") or 0) <= _LONGEST_BAKE:
        yield f"bakeTimeInMinutes must be between 0 and {_LONGEST_BAKE}."
    yield from _early_refusals(configuration.get("earlySuccessCriteria") or {}, fewest)
    breaker = configuration.get("deploymentCircuitBreaker") or {}
    yield from _threshold_refusals(breaker.get("thresholdConfiguration"))
    alarms = configuration.get("alarms") or {}
    if alarms.get("enable") and not alarms.get("alarmNames"):
        yield "alarmNames must have at least one alarm when alarms are enabled."


def _early_refusals(early: dict[str, Any], fewest: int) -> Iterator[str]:
    if not early.get("enable"):
        return
    percent, cleanup = early.get("healthyPercent"), early.get("sourceServiceRevisionCleanup")
    if percent is None or cleanup is None:
        yield (
            "healthyPercent and sourceServiceRevisionCleanup must be specified when early success "
            "criteria are enabled."
        )
    elif not fewest <= percent <= 100:  # noqa: PLR2004 - percent
        yield (
            f"healthyPercent ({percent}) must be between minimumHealthyPercent ({fewest}) and 100."
        )
    elif cleanup not in _CLEANUPS:
        yield f"sourceServiceRevisionCleanup must be one of {', '.join(_CLEANUPS)}."


def _threshold_refusals(threshold: dict[str, Any] | None) -> Iterator[str]:
    if threshold is None:
        return
    kind, value = threshold.get("type"), threshold.get("value")
    if kind is None or value is None:
        yield "type and value of thresholdConfiguration must be specified."
    elif kind not in _THRESHOLDS:
        yield f"type of thresholdConfiguration must be one of {', '.join(_THRESHOLDS)}."
    elif value < 1:
        yield "value of thresholdConfiguration must be at least 1."
