"""What is new after a deployment: names, images and sizes, and no value of a variable or secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import mapping, overlays
from ansible_collections.quayside.fargate.plugins.plugin_utils.parameters import is_secret

Document = Mapping[str, Any]
_DEFINITION = "AWS::ECS::TaskDefinition"
_IMAGE = "Image"
_BY_NAMES = ("environment", "secrets")  # told by what is in them
_DIGITS = 19  # of a digest, with its sha256:


def of(
    before: Document, after: Document, old: Mapping[str, str], new: Mapping[str, str], role: str
) -> list[str]:
    """Return what a deployment changed, in a few words each.

    Args:
        before: the template that the stack had.
        after: the one that it has now.
        old: its parameters before.
        new: those that the deployment set.
        role: whose options filled them, "" outside of a role.
    """
    declared = after.get("Parameters") or {}
    return [
        *_parameters(declared, old, new, role),
        *_variables(before, after),
        *_version(before, after),
    ]


def image(before: str, after: str) -> str:
    """Return what became of an image, its repository once and digests by their first digits."""
    old, new = (_parts(it) for it in (before, after))
    if old[0] == new[0]:
        return f"{new[0].rpartition('/')[2]} {old[1]} -> {new[1]}"
    return f"{' '.join(old).strip()} -> {' '.join(new).strip()}"


def _parts(reference: str) -> tuple[str, str]:
    """Return an image without tag and digest, and what is left, the digest shortened."""
    name, _at, digest = reference.partition("@")
    path, slash, last = name.rpartition("/")
    bare, _colon, tag = last.partition(":")
    told = [it for it in (tag, digest[:_DIGITS]) if it]
    return f"{path}{slash}{bare}", " ".join(told) or "latest"


def _parameters(
    declared: Document, old: Mapping[str, str], new: Mapping[str, str], role: str
) -> Iterator[str]:
    for name, value in new.items():
        was, definition = old.get(name), declared.get(name, {})
        option = mapping.options_of(role or None, name)[0]
        if was == value or option in _BY_NAMES:
            continue
        if name == _IMAGE and was:
            yield f"{option} {image(was, value)}"
        elif was is not None and _is_plain(definition):
            yield f"{option} {was or '(empty)'} -> {value or '(empty)'}"
        elif was is not None or value != str(definition.get("Default", "")):
            yield option


def _is_plain(definition: Document) -> bool:
    """Say whether a parameter's values are numbers, or words that the template lists."""
    listed = definition.get("Type") == "Number" or "AllowedValues" in definition
    return listed and not is_secret(definition)


def _variables(before: Document, after: Document) -> Iterator[str]:
    for title, said in (("Environment", "environment"), ("Secrets", "secrets")):
        old, new = (_named(it, title) for it in (before, after))
        changes = [
            (
                "new" if name not in old else "gone" if name not in new else "changed",
                name.partition("/")[2],
            )
            for name in sorted({*old, *new})
            if old.get(name) != new.get(name)
        ]
        if changes:
            yield f"{said} " + ", ".join(f"{name} {how}" for how, name in changes)


def _named(document: Document, title: str) -> dict[str, Any]:
    """Return the items of every container's list, by the container's and their own names."""
    found = {}
    for resource in document["Resources"].values():
        if resource.get("Type") != _DEFINITION:
            continue
        listed = (resource.get("Properties") or {}).get("ContainerDefinitions")
        for at, container in enumerate(listed if isinstance(listed, list) else []):
            items = container.get(title) if isinstance(container, Mapping) else None
            for item in items if isinstance(items, list) else []:
                if name := overlays.name_of(item):
                    found[f"{at}/{name}"] = item
    return found


def _version(before: Document, after: Document) -> Iterator[str]:
    old, new = (
        ((it.get("Outputs") or {}).get("Version") or {}).get("Value") for it in (before, after)
    )
    if old != new and isinstance(new, str):
        yield f"version of Quayside {old or '(none)'} -> {new}"
