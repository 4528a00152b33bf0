"""How mends are put into ministack: each says what it wants where, then all are put there at once.

The order in which they say so doesn't matter. Where several stand at one place, the layer of each
decides: the innermost calls ministack's own function, the outermost is called. No two stand at one
place in one layer.
"""

from __future__ import annotations

import functools
import itertools
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, auto
from types import ModuleType
from typing import Any

from ministack.services.cloudformation import provisioners

from local_aws.databases import Databases
from local_aws.errors import LocalAwsError
from local_aws.places import ALIASES, Place, first
from local_aws.settings import Settings

Wrapper = Callable[..., Any]  # takes what it wraps, and then the arguments of it


class Layer(IntEnum):
    """Where a mend stands, from ministack's own function outwards."""

    FAULT = auto()  # a failure on demand, as if the function itself had failed
    DEED = auto()  # what is done, and how
    INPUT = auto()  # what it is done with
    ANSWER = auto()  # what is told of its end
    HISTORY = auto()  # what is remembered of it
    VALIDATION = auto()  # refused, because of what it says
    STATE = auto()  # refused, because of how things stand
    PERMISSION = auto()  # refused, because of who asks
    ARRIVAL = auto()  # refused, because of how many ask
    REQUEST = auto()  # what is asked for, before anybody looks at it


@dataclass(frozen=True)
class _Wish:
    layer: Layer
    wrapper: Wrapper

    def __str__(self) -> str:
        return f"{self.layer.name} {_name(self.wrapper)}"


class Mending:
    """What the mends want, until `compose` does it.

    Args:
        settings: of the local AWS.
        databases: the servers behind its clusters.
    """

    def __init__(self, settings: Settings, databases: Databases) -> None:
        self.settings, self.databases = settings, databases
        self._wishes: dict[Place, list[_Wish]] = defaultdict(list)
        self._values: dict[Place, Any] = {}
        self._last: list[Callable[[], None]] = []

    def around(
        self,
        module: ModuleType,
        name: str,
        wrapper: Wrapper,
        *,
        key: str = "",
        layer: Layer = Layer.DEED,
    ) -> None:
        """Let calls of a function of ministack's come to `wrapper`, with the function before them.

        Args:
            module: ministack's module.
            name: the function's name there, or that of a table of functions.
            wrapper: called with the function and the call's arguments.
            key: the function's name in the table.
            layer: where it stands among the mends of the same function.
        """
        self._wishes[first(_place(module, name, key))].append(_Wish(layer, wrapper))

    def handler(
        self, kind: str, operation: str, wrapper: Wrapper, layer: Layer = Layer.DEED
    ) -> None:
        """Do `around` for the handler of a CloudFormation type; create, update or delete."""
        place = _place(provisioners, "_RESOURCE_HANDLERS", kind, operation)
        self._wishes[first(place)].append(_Wish(layer, wrapper))

    def put(self, module: ModuleType, name: str, value: Any, *, key: str = "") -> None:
        """Put a value in the place of ministack's, or where it has none.

        Raises:
            LocalAwsError: another mend has put one there.
        """
        self._put(first(_place(module, name, key)), value)

    def lacking(self, table: str, kind: str, value: Any) -> None:
        """Put what ministack's CloudFormation lacks; once it has it, its own is kept.

        Args:
            table: the name of a table by type, of its provisioners.
            kind: a type.
            value: what belongs there.
        """
        if kind not in getattr(provisioners, table):
            self._put(_place(provisioners, table, kind), value)

    def last(self, action: Callable[[], None]) -> None:
        """Do something once all is in its place."""
        self._last.append(action)

    def compose(self) -> None:
        """Put everything in its place.

        Raises:
            LocalAwsError: two mends stand at one place in one layer, or ministack no longer has
                the same function in two places.
        """
        for place, value in self._values.items():
            for each in (place, *ALIASES.get(place, ())):
                each.write(value)
        for place, wishes in self._wishes.items():
            self._wrap(place, wishes)
        for action in self._last:
            action()

    def places(self) -> list[Place]:
        """Return every place where something is put."""
        known = [*self._values, *self._wishes]
        return [each for place in known for each in (place, *ALIASES.get(place, ()))]

    def chains(self) -> dict[str, list[str]]:
        """Return who stands at each place, from ministack's own function outwards."""
        chains = {str(place): [f"= {_name(value)}"] for place, value in self._values.items()}
        for place, wishes in self._wishes.items():
            chains.setdefault(str(place), []).extend(map(str, _sorted(place, wishes)))
        return dict(sorted(chains.items()))

    def _put(self, place: Place, value: Any) -> None:
        if place in self._values:
            raise LocalAwsError(
                f"Two mends put something at {place}. Make one of them a wrapper (Mending.around)."
            )
        self._values[place] = value

    def _wrap(self, place: Place, wishes: list[_Wish]) -> None:
        function = place.read()
        aliases = ALIASES.get(place, ())
        for alias in aliases:
            if alias.read() is not function:
                raise LocalAwsError(
                    f"ministack's {alias} is no longer its {place}. Change ALIASES in places.py."
                )
        for wish in _sorted(place, wishes):
            wrapped = functools.partial(wish.wrapper, function)
            function = functools.update_wrapper(wrapped, _bare(wish.wrapper))
        for each in (place, *aliases):
            each.write(function)


def _sorted(place: Place, wishes: list[_Wish]) -> list[_Wish]:
    ordered = sorted(wishes, key=lambda wish: wish.layer)
    for inner, outer in itertools.pairwise(ordered):
        if inner.layer == outer.layer:
            raise LocalAwsError(
                f"{_name(inner.wrapper)} and {_name(outer.wrapper)} both stand at {place} in the "
                f"layer {inner.layer.name}. Give one of them another, or make them one."
            )
    return ordered


def _place(module: ModuleType, name: str, *keys: str) -> Place:
    short = module.__name__.removeprefix("ministack.")
    return Place(short, name, tuple(key for key in keys if key))


def _bare(function: Any) -> Any:
    """Return a function without the arguments that it was given beforehand."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _name(value: Any) -> str:
    value = _bare(value)
    module = getattr(value, "__module__", "").removeprefix("local_aws.mends.")
    return f"{module}.{getattr(value, '__qualname__', type(value).__name__)}"
