"""Reading the properties of a custom resource; CloudFormation sends every scalar as a string."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from custom_resources.shared.failure import Failure

# CloudFormation adds these itself to every custom resource.
_CLOUDFORMATIONS_OWN = frozenset({"ServiceToken", "ServiceTimeout"})
_SHOWN_CHARACTERS = 80


class Properties:
    """The properties of one custom resource, read by name.

    Args:
        properties: `ResourceProperties` of the event.
        known: the names this resource type takes.
    Raises:
        Failure: a property that the type doesn't take.
    """

    def __init__(self, properties: Mapping[str, object], known: Sequence[str]) -> None:
        self._properties = properties
        for name in sorted(set(properties) - set(known) - _CLOUDFORMATIONS_OWN):
            raise Failure(
                f"There is no property {name}.", f"The properties are {', '.join(sorted(known))}."
            )

    def text(
        self, name: str, *, pattern: str = r".+", form: str = "a value", default: str | None = None
    ) -> str:
        """A string that matches a pattern whole.

        Args:
            name: of the property.
            pattern: regular expression for the whole value.
            form: the pattern in words, for the error.
            default: returned for a property that is absent or empty; None makes it required.
        Raises:
            Failure: absent without a default, or of another form.
        """
        value = self._properties.get(name, "")
        if value == "" and default is not None:
            return default
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise Failure(f"Property {name} is {_shown(value)}.", f"It must be {form}.")
        return value

    def choice(self, name: str, choices: Sequence[str], *, default: str | None = None) -> str:
        """One of several words, written as they are."""
        return self.text(
            name,
            pattern="|".join(map(re.escape, choices)),
            form=" or ".join(choices),
            default=default,
        )

    def number(self, name: str, *, low: int, high: int, default: int | None = None) -> int:
        """A whole number from low to high, both included."""
        form = f"a whole number from {low} to {high}"
        fallback = None if default is None else str(default)
        text = self.text(name, pattern=r"[0-9]{1,9}", form=form, default=fallback)
        if not low <= int(text) <= high:
            raise Failure(f"Property {name} is {text}.", f"It must be {form}.")
        return int(text)

    def texts(self, name: str, *, pattern: str, form: str) -> tuple[str, ...]:
        """A list of strings, each once; empty ones, as `!Split` makes them of '', don't count."""
        values = self._properties.get(name) or []
        if not isinstance(values, list):
            raise Failure(f"Property {name} is {_shown(values)}.", "It must be a list.")
        given = [value.strip() if isinstance(value, str) else value for value in values]
        for value in given:
            if value != "" and not (isinstance(value, str) and re.fullmatch(pattern, value)):
                raise Failure(f"Property {name} has {_shown(value)}.", f"Each must be {form}.")
        return tuple(dict.fromkeys(value for value in given if value != ""))


def _shown(value: object) -> str:
    if value in ("", None):
        return "empty"
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."
