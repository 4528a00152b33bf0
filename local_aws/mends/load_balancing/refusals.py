"""What Elastic Load Balancing refuses, and the load balancers' own address.

Wrong upstream: two rules of a listener may share a priority, SetRulePriorities isn't one step and
knows no unknown rule, no quota is known or told, deletion protection protects nothing, and a target
group's full name, by which CloudWatch knows it, lacks its first word.
Source: Elastic Load Balancing user guide, "Quotas for your Application Load Balancers"; API
reference, CreateRule; CloudFormation's page on AWS::ElasticLoadBalancingV2::TargetGroup, "Return
values" (targetgroup/my-target-group/cbf133c568e0d028).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ministack.services import alb
from ministack.services.cloudformation import provisioners

from local_aws.controls import control
from local_aws.mends import listener_rules

_RULES = "rules-per-application-load-balancer"
# What an account has that never asked for more; default rules are not counted.
_limits = {_RULES: 100}
_TARGET_GROUPS_PER_LOAD_BALANCER = 100

Rule = dict[str, Any]


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


def install() -> None:
    """Install the mends of this room."""
    _weighted_target_groups()
    _api()
    _templates()
    _deletion_protection()
    alb._target_group_full_name_from_arn = lambda arn: arn.rpartition(":")[2]


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
    problem = listener_rules.problem(priority, conditions)
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


def check_target_groups(balancer: str, actions: Any, rules: Iterable[Rule]) -> None:
    """Refuse the 101st target group of a load balancer."""
    used = {group for rule in rules for group in _target_groups(rule.get("Actions"))}
    for listener in alb._listeners.values():
        if listener["LoadBalancerArn"] == balancer:
            used |= _target_groups(listener.get("DefaultActions"))
    if len(used | _target_groups(actions)) > _TARGET_GROUPS_PER_LOAD_BALANCER:
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


def _weighted_target_groups() -> None:
    # Wrong upstream: an action's ForwardConfig is dropped. (Requests go to its first group alone.)
    from_api, from_template = alb._parse_actions, provisioners._elbv2_listener_actions

    def parse_actions(parameters: dict[str, Any], prefix: str = "DefaultActions") -> Any:
        actions = from_api(parameters, prefix)
        for number, action in enumerate(actions, start=1):
            groups = _forwarded_to(parameters, f"{prefix}.member.{number}.ForwardConfig")
            _keep_forward_config(action, groups)
        return actions

    def listener_actions(
        properties: dict[str, Any], balancer: Any, prop: str = "DefaultActions"
    ) -> Any:
        actions = from_template(properties, balancer, prop)
        for action, given in zip(actions, properties.get(prop) or [], strict=False):
            _keep_forward_config(action, (given.get("ForwardConfig") or {}).get("TargetGroups"))
        return actions

    alb._parse_actions = parse_actions
    provisioners._elbv2_listener_actions = listener_actions


def _forwarded_to(parameters: dict[str, Any], prefix: str) -> list[dict[str, str]]:
    groups: list[dict[str, str]] = []
    while arn := alb._p(
        parameters, f"{prefix}.TargetGroups.member.{len(groups) + 1}.TargetGroupArn"
    ):
        groups.append({"TargetGroupArn": arn})
    return groups


def _keep_forward_config(action: dict[str, Any], groups: list[dict[str, str]] | None) -> None:
    if groups:
        action["ForwardConfig"] = {"TargetGroups": groups}
        action.setdefault("TargetGroupArn", groups[0]["TargetGroupArn"])


def _api() -> None:
    create, set_priorities = alb._ACTION_MAP["CreateRule"], alb._ACTION_MAP["SetRulePriorities"]

    def create_rule(parameters: dict[str, Any]) -> Any:
        try:
            check_rule(
                alb._p(parameters, "ListenerArn"),
                alb._p(parameters, "Priority"),
                alb._parse_conditions(parameters),
                alb._parse_actions(parameters, "Actions"),
            )
        except RefusedError as refusal:
            return alb._error(refusal.code, refusal.message)
        return create(parameters)

    def set_rule_priorities(parameters: dict[str, Any]) -> Any:
        try:
            _check_priorities(_wanted_priorities(parameters))
        except RefusedError as refusal:
            return alb._error(refusal.code, refusal.message)
        return set_priorities(parameters)

    def describe_account_limits(_parameters: dict[str, Any]) -> Any:
        limits = "".join(
            f"<member><Name>{name}</Name><Max>{most}</Max></member>"
            for name, most in _limits.items()
        )
        return alb._xml(200, "DescribeAccountLimits", f"<Limits>{limits}</Limits>")

    alb._ACTION_MAP["CreateRule"] = create_rule
    alb._ACTION_MAP["SetRulePriorities"] = set_rule_priorities
    alb._ACTION_MAP["DescribeAccountLimits"] = describe_account_limits


def _wanted_priorities(parameters: dict[str, Any]) -> dict[str, str]:
    wanted: dict[str, str] = {}
    while arn := alb._p(parameters, f"RulePriorities.member.{len(wanted) + 1}.RuleArn"):
        place = f"RulePriorities.member.{len(wanted) + 1}.Priority"
        wanted[str(arn)] = str(alb._p(parameters, place))
    return wanted


def _check_priorities(wanted: dict[str, str]) -> None:
    """Refuse them as a whole: two rules may change places in one call."""
    for arn, priority in wanted.items():
        rule = alb._rules.get(arn)
        if rule is None:
            raise RefusedError("RuleNotFound", f"One or more rules not found: '{arn}'")
        problem = listener_rules.problem(priority, rule["Conditions"])
        if problem:
            raise RefusedError("ValidationError", problem)
        others = (it for it in alb._rules.values() if it["ListenerArn"] == rule["ListenerArn"])
        held = [wanted.get(it["RuleArn"], str(it["Priority"])) for it in others]
        if held.count(priority) > 1:
            raise RefusedError("PriorityInUse", f"Priority '{priority}' is currently in use")


def _templates() -> None:
    handler = provisioners._RESOURCE_HANDLERS["AWS::ElasticLoadBalancingV2::ListenerRule"]
    create, update = handler["create"], handler["update"]

    def create_rule(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        _check_properties(properties)
        return create(logical_id, properties, stack)

    def update_rule(arn: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
        _check_properties(new, but=arn)
        return update(arn, old, new, *rest)

    handler.update(create=create_rule, update=update_rule)


def _check_properties(properties: dict[str, Any], but: str | None = None) -> None:
    conditions = provisioners._flatten_listener_rule_conditions(properties.get("Conditions"))
    listener, priority = properties["ListenerArn"], properties["Priority"]
    check_rule(listener, priority, conditions, properties.get("Actions"), but)


def _deletion_protection() -> None:
    # Wrong upstream: it is an attribute without an effect.
    handler = provisioners._RESOURCE_HANDLERS["AWS::ElasticLoadBalancingV2::LoadBalancer"]
    from_api, from_template = alb._ACTION_MAP["DeleteLoadBalancer"], handler["delete"]

    def delete_by_api(parameters: dict[str, Any]) -> Any:
        try:
            _refuse_if_protected(alb._p(parameters, "LoadBalancerArn"))
        except RefusedError as refusal:
            return alb._error(refusal.code, refusal.message)
        return from_api(parameters)

    def delete_by_template(arn: str, properties: dict[str, Any]) -> None:
        _refuse_if_protected(arn)
        from_template(arn, properties)

    alb._ACTION_MAP["DeleteLoadBalancer"] = delete_by_api
    handler["delete"] = delete_by_template


def _refuse_if_protected(arn: str) -> None:
    attributes = {it["Key"]: it["Value"] for it in alb._lb_attrs.get(arn) or []}
    if attributes.get("deletion_protection.enabled") == "true":
        raise RefusedError(
            "OperationNotPermitted",
            f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
        )


def load_balancer_for(host: str) -> str | None:
    """Return the name of the load balancer that has a rule for `host`, else of the oldest one.

    Args:
        host: a Host header, with or without a port.
    """
    name = host.rsplit(":", 1)[0].lower()
    balancers = {balancer["LoadBalancerArn"]: balancer for _, balancer in alb._lbs.all_items()}
    for balancer in balancers.values():
        if balancer["DNSName"].lower() == name:
            return str(balancer["LoadBalancerName"])
    routed = ((own, rule) for _, rule in alb._rules.all_items() for own in _hosts(rule))
    # Of several load balancers DNS knows the one; here the most exact rule does.
    for own, rule in sorted(routed, key=lambda it: ("*" in it[0], -len(it[0]))):
        if listener_rules.matches(own, name):
            listener = alb._listeners.get(rule["ListenerArn"]) or {}
            balancer = balancers.get(listener.get("LoadBalancerArn", ""))
            if balancer:
                return str(balancer["LoadBalancerName"])
    return next((str(b["LoadBalancerName"]) for b in balancers.values()), None)


def _hosts(rule: Rule) -> set[str]:
    return {
        str(value).lower()
        for condition in rule.get("Conditions", [])
        if condition.get("Field") == "host-header"
        for value in condition.get("Values") or []
    }
