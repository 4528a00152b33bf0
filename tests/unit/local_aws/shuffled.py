"""The mends, installed in another order: `python -m tests.unit.local_aws.shuffled DIRECTORY SEED`.

Prints who stands where, as JSON; with `serve` as a third argument it serves instead.
"""

from __future__ import annotations

import functools
import json
import random
import sys
from pathlib import Path
from typing import Any

from local_aws import mends
from local_aws.control import _prepare
from local_aws.databases import Databases
from local_aws.mending import Mending
from local_aws.places import Place
from local_aws.settings import Settings
from local_aws.tls import Certificate

_DEPTH = 3  # tables of tables of functions


def wished(directory: Path, rooms: list[Any]) -> Mending:
    """Return what these mends want, before anything is put anywhere.

    Args:
        directory: for what they write.
        rooms: modules with `install`, in the order in which they are asked.
    """
    settings = Settings.fresh(directory, 12800, "eu-central-1", strict=True)
    _prepare(settings)
    certificate = Certificate(directory / "certificate", directory / "key")
    mending = Mending(settings, Databases(settings, certificate))
    for room in rooms:
        room.install(mending)
    return mending


def shuffled(seed: str) -> list[Any]:
    """Return the mends in an order that `seed` decides."""
    rooms = list(mends.mends())
    random.Random(seed).shuffle(rooms)
    return rooms


def chain(place: Place) -> list[str]:
    """Return what is called one after the other at a place, the outermost first."""
    value, called = place.read(), []
    while isinstance(value, functools.partial):
        called.append(_name(value.func))
        value = value.args[-1]
    return [*called, _name(value)]


def _name(value: Any) -> str:
    owner = value if hasattr(value, "__qualname__") else type(value)
    return f"{owner.__module__}.{owner.__qualname__}"


def state() -> dict[str, Any]:
    """Return the identity of all that ministack's modules have."""
    modules = {name: module for name, module in sys.modules.items() if _is_ministack(name)}
    return {name: _identities(vars(module), _DEPTH) for name, module in modules.items()}


def _is_ministack(name: str) -> bool:
    return name.partition(".")[0] == "ministack"


def _identities(table: dict[Any, Any], depth: int) -> dict[Any, Any]:
    return {
        key: _identities(value, depth - 1) if depth and isinstance(value, dict) else id(value)
        for key, value in list(table.items())
        if key != "__builtins__"
    }


def main(directory: Path, seed: str, *then: str) -> int:
    """Do it."""
    rooms = shuffled(seed)
    if then:
        from local_aws import server

        mends.mends = lambda: iter(rooms)
        return server.main([str(directory)])
    before = state()
    mending = wished(directory, rooms)
    untouched = state() == before
    mending.compose()
    told = {
        "order": [room.__name__ for room in rooms],
        "untouched": untouched,
        "wished": mending.chains(),
        "found": {str(place): chain(place) for place in mending.places()},
    }
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
