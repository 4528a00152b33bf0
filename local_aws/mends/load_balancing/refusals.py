"""What Elastic Load Balancing refuses.

Wrong upstream: two rules of a listener may share a priority, SetRulePriorities isn't one step and
knows no unknown rule, no quota is known or told, deletion protection protects nothing, and a target
group may have any health check and attribute.
Source: Elastic Load Balancing user guide, "Quotas for your Application Load Balancers"; API
reference, CreateRule, SetRulePriorities, DescribeAccountLimits, DeleteLoadBalancer, Matcher (200 to
499), TargetGroupAttribute; user guide, "Target group health checks" and "Sticky sessions".
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ministack.services import alb
from ministack.services.cloudformation import provisioners

from local_aws.controls import control
from local_aws.mending import Layer, Mending
from local_aws.mends.load_balancing import rules

_RULES = "rules-per-application-load-balancer"
# What an account has that never asked for more; default rules are not counted.
_GROUPS = "target-groups-per-application-load-balancer"
_limits = {_RULES: 100, _GROUPS: 100}
_INTERVAL, _TIMEOUT = "HealthCheckIntervalSeconds", "HealthCheckTimeoutSeconds"
_WEEK = 604_800  # seconds

Rule = dict[str, Any]
Parameters = dict[str, Any]


class RefusedError(Exception):
    """A call that Elastic Load Balancing refuses."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the API's error code beside the message."""
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return (
            f"{self.message} (Service: ElasticLoadBalancingV2, Status Code: 400, "
            f"Error Code: {self.code})"
        )


def install(mending: Mending) -> None:
    """Refuse it, of calls and of templates."""
    for action, check in (
        ("CreateRule", _check_new_rule),
        ("SetRulePriorities", _check_priorities),
        ("DeleteLoadBalancer", _check_deletion),
    ):
        mending.around(alb, "_ACTION_MAP", _checked(check), key=action, layer=Layer.VALIDATION)
    mending.put(alb, "_ACTION_MAP", _describe_account_limits, key="DescribeAccountLimits")
    rule = "AWS::ElasticLoadBalancingV2::ListenerRule"
    mending.handler(rule, "create", _create_rule, Layer.VALIDATION)
    mending.handler(rule, "update", _update_rule, Layer.VALIDATION)
    balancer = "AWS::ElasticLoadBalancingV2::LoadBalancer"
    mending.handler(balancer, "delete", _delete_balancer, Layer.VALIDATION)
    for action in ("CreateTargetGroup", "ModifyTargetGroup"):
        mending.around(
            alb, "_ACTION_MAP", _checked(_check_group_call), key=action, layer=Layer.VALIDATION
        )
    group = "AWS::ElasticLoadBalancingV2::TargetGroup"
    mending.handler(group, "create", _create_group, Layer.VALIDATION)
    mending.handler(group, "update", _update_group, Layer.VALIDATION)


@control("limit_rules")
def limit_rules(most: int) -> None:
    """Set the account's quota of rules a load balancer."""
    _limits[_RULES] = most


def check_rule(
    listener: str, priority: Any, conditions: Any, actions: Any, but: str | None = None
) -> None:
    """Refuse a rule that AWS refuses.

    Args:
        listener: its ARN.
        priority: as given, a number or a string.
        conditions: as ministack keeps them.
        actions: as the API or a template has them.
        but: ARN of the rule that is to change, if it isn't a new one.

    Raises:
        RefusedError: ValidationError, PriorityInUse, TooManyRules or
            TooManyUniqueTargetGroupsPerLoadBalancer.
    """
    problem = rules.problem(priority, conditions)
    if problem:
        raise RefusedError("ValidationError", problem)
    others = [rule for arn, rule in alb._rules.items() if arn != but]
    balancer = _balancer_of(listener)
    mine = [r for r in others if _balancer_of(r["ListenerArn"]) == balancer]
    if any(
        rule["ListenerArn"] == listener and str(rule["Priority"]) == str(priority)
        for rule in others
    ):
        raise RefusedError("PriorityInUse", f"Priority '{priority}' is currently in use")
    if sum(not _is_default(rule) for rule in mine) >= _limits[_RULES]:
        raise RefusedError(
            "TooManyRules",
            f"The maximum number of rules on load balancer '{balancer}' has been reached",
        )
    check_target_groups(balancer, actions, mine)


def check_target_groups(balancer: str, actions: Any, others: Iterable[Rule]) -> None:
    """Refuse the 101st target group of a load balancer."""
    used = {group for rule in others for group in _target_groups(rule.get("Actions"))}
    for listener in alb._listeners.values():
        if listener["LoadBalancerArn"] == balancer:
            used |= _target_groups(listener.get("DefaultActions"))
    if len(used | _target_groups(actions)) > _limits[_GROUPS]:
        raise RefusedError(
            "TooManyUniqueTargetGroupsPerLoadBalancer",
            f"The maximum number of target groups on load balancer '{balancer}' has been reached",
        )


def _balancer_of(listener: str) -> str:
    record = alb._listeners.get(listener) or {}
    return str(record.get("LoadBalancerArn", listener))


def _is_default(rule: Rule) -> bool:
    return bool(rule.get("IsDefault")) or str(rule.get("Priority")) == "default"


def _target_groups(actions: Any) -> set[str]:
    if isinstance(actions, list):
        return {group for action in actions for group in _target_groups(action)}
    if isinstance(actions, dict):
        own = {str(actions["TargetGroupArn"])} if actions.get("TargetGroupArn") else set()
        forward = actions.get("ForwardConfig") or {}
        return own | _target_groups(forward.get("TargetGroups") or [])
    return set()


def _checked(check: Callable[[Parameters], None]) -> Callable[..., Any]:
    def checked(upstream: Any, parameters: Parameters) -> Any:
        try:
            check(parameters)
        except RefusedError as refusal:
            return alb._error(refusal.code, refusal.message)
        return upstream(parameters)

    return checked


def _check_new_rule(parameters: Parameters) -> None:
    check_rule(
        alb._p(parameters, "ListenerArn"),
        alb._p(parameters, "Priority"),
        alb._parse_conditions(parameters),
        alb._parse_actions(parameters, "Actions"),
    )


def _describe_account_limits(_parameters: Parameters) -> Any:
    limits = "".join(
        f"<member><Name>{name}</Name><Max>{most}</Max></member>" for name, most in _limits.items()
    )
    return alb._xml(200, "DescribeAccountLimits", f"<Limits>{limits}</Limits>")


def _wanted_priorities(parameters: Parameters) -> dict[str, str]:
    wanted: dict[str, str] = {}
    while arn := alb._p(parameters, f"RulePriorities.member.{len(wanted) + 1}.RuleArn"):
        place = f"RulePriorities.member.{len(wanted) + 1}.Priority"
        wanted[str(arn)] = str(alb._p(parameters, place))
    return wanted


def _check_priorities(parameters: Parameters) -> None:
    """Refuse them as a whole: two rules may change places in one call."""
    wanted = _wanted_priorities(parameters)
    for arn, priority in wanted.items():
        rule = alb._rules.get(arn)
        if rule is None:
            raise RefusedError("RuleNotFound", f"One or more rules not found: '{arn}'")
        problem = rules.problem(priority, rule["Conditions"])
        if problem:
            raise RefusedError("ValidationError", problem)
        others = (it for it in alb._rules.values() if it["ListenerArn"] == rule["ListenerArn"])
        held = [wanted.get(it["RuleArn"], str(it["Priority"])) for it in others]
        if held.count(priority) > 1:
            raise RefusedError("PriorityInUse", f"Priority '{priority}' is currently in use")


def _create_rule(upstream: Any, logical_id: str, properties: dict[str, Any], stack: str) -> Any:
    _check_properties(properties)
    return upstream(logical_id, properties, stack)


def _update_rule(
    upstream: Any, arn: str, old: dict[str, Any], new: dict[str, Any], *rest: Any
) -> Any:
    _check_properties(new, but=arn)
    return upstream(arn, old, new, *rest)


def _check_properties(properties: dict[str, Any], but: str | None = None) -> None:
    conditions = provisioners._flatten_listener_rule_conditions(properties.get("Conditions"))
    listener, priority = properties["ListenerArn"], properties["Priority"]
    check_rule(listener, priority, conditions, properties.get("Actions"), but)


def _check_deletion(parameters: Parameters) -> None:
    _refuse_if_protected(alb._p(parameters, "LoadBalancerArn"))


def _delete_balancer(upstream: Any, arn: str, properties: dict[str, Any]) -> None:
    _refuse_if_protected(arn)
    upstream(arn, properties)


def _refuse_if_protected(arn: str) -> None:
    attributes = {it["Key"]: it["Value"] for it in alb._lb_attrs.get(arn) or []}
    if attributes.get("deletion_protection.enabled") == "true":
        raise RefusedError(
            "OperationNotPermitted",
            f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
        )


def _create_group(upstream: Any, logical_id: str, properties: dict[str, Any], stack: str) -> Any:
    _check_group(properties)
    return upstream(logical_id, properties, stack)


def _update_group(
    upstream: Any, arn: str, old: dict[str, Any], new: dict[str, Any], *rest: Any
) -> Any:
    _check_group(new)
    return upstream(arn, old, new, *rest)


def _check_group_call(parameters: Parameters) -> None:
    known = alb._tgs.get(alb._p(parameters, "TargetGroupArn")) or {}
    codes = alb._p(parameters, "Matcher.HttpCode") or (known.get("Matcher") or {}).get("HttpCode")
    given = {it: alb._p(parameters, it) or known.get(it) for it in (_INTERVAL, _TIMEOUT)}
    _check_group(given | {"Matcher": {"HttpCode": codes}})


def _check_group(properties: Mapping[str, Any]) -> None:
    """Refuse a health check that can't be, and stickiness that isn't whole."""
    interval, timeout = properties.get(_INTERVAL) or 30, properties.get(_TIMEOUT) or 5
    if int(timeout) >= int(interval):
        raise RefusedError(
            "ValidationError",
            f"Health check interval '{interval}' must be greater than the timeout '{timeout}'",
        )
    codes = str((properties.get("Matcher") or {}).get("HttpCode") or "200")
    for part in codes.split(","):
        ends = part.split("-")
        if len(ends) > 2 or not all(it.isdigit() and 200 <= int(it) <= 499 for it in ends):  # noqa: PLR2004 - HTTP
            raise RefusedError(
                "ValidationError", f"Health check matcher HTTP code '{part}' isn't valid"
            )
        if int(ends[0]) > int(ends[-1]):
            raise RefusedError("ValidationError", f"Health check range '{part}' isn't valid")
    _check_attributes(
        {it["Key"]: str(it["Value"]) for it in properties.get("TargetGroupAttributes") or []}
    )


def _check_attributes(attributes: Mapping[str, str]) -> None:
    kind = attributes.get("stickiness.type", "lb_cookie")
    if kind not in ("lb_cookie", "app_cookie"):
        raise RefusedError("ValidationError", f"'{kind}' isn't a stickiness type")
    for name in ("lb_cookie", "app_cookie"):
        seconds = attributes.get(f"stickiness.{name}.duration_seconds", "1")
        if not (seconds.isdigit() and 1 <= int(seconds) <= _WEEK):
            raise RefusedError("ValidationError", f"'{seconds}' isn't a stickiness duration")
    cookie = attributes.get("stickiness.app_cookie.cookie_name", "")
    on = attributes.get("stickiness.enabled") == "true"
    if (on and kind == "app_cookie" and not cookie) or cookie.startswith("AWSALB"):
        raise RefusedError("ValidationError", f"'{cookie}' isn't an application cookie's name")
