"""Which capacity provider each task of a strategy goes to: a function of those that run already.

Source: ECS API reference, CapacityProviderStrategyItem: a base is satisfied first; then "if you
specify a weight of 1 for capacityProviderA and a weight of 4 for capacityProviderB, then for every
one task that's run using capacityProviderA, four tasks would use capacityProviderB"; "any capacity
providers with a weight of 0 can't be used to place tasks".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Strategy = Sequence[Mapping[str, Any]]
_MOST_PROVIDERS = 20


def placed(strategy: Strategy, running: Mapping[str, int], count: int) -> list[str]:
    """Return the providers of the next tasks of a service, in their order.

    Args:
        strategy: the items of its capacity provider strategy.
        running: how many of its tasks each provider has.
        count: how many are to start.
    """
    numbers = {it["capacityProvider"]: running.get(it["capacityProvider"], 0) for it in strategy}
    chosen = []
    for _ in range(count):
        name = _next(strategy, numbers)
        numbers[name] += 1
        chosen.append(name)
    return chosen


def _next(strategy: Strategy, numbers: Mapping[str, int]) -> str:
    able = [it for it in strategy if it.get("weight", 0)]
    for item in able:
        if numbers[item["capacityProvider"]] < item.get("base", 0):
            return str(item["capacityProvider"])

    def share(item: Mapping[str, Any]) -> float:
        beyond = numbers[item["capacityProvider"]] - item.get("base", 0)
        return float((beyond + 1) / item["weight"])

    return str(min(able, key=share)["capacityProvider"])


def strategy_problem(strategy: Strategy, providers: Sequence[str]) -> str | None:
    """Return why ECS refuses a strategy, or None.

    Args:
        strategy: its items.
        providers: those that the cluster is associated with.
    """
    strange = [it["capacityProvider"] for it in strategy if it["capacityProvider"] not in providers]
    if strange:
        return f"The capacity provider {strange[0]} is not associated with the cluster."
    if len(strategy) > _MOST_PROVIDERS:
        return f"A capacity provider strategy can contain at most {_MOST_PROVIDERS} items."
    if strategy and not any(it.get("weight", 0) for it in strategy):
        return "At least one capacity provider must have a weight greater than 0."
    if len([it for it in strategy if it.get("base", 0)]) > 1:
        return "Only one capacity provider in a capacity provider strategy can have a base."
    return None
