"""Every word that a message, a playbook or a page of docs advises to type exists.

Read from the sources: the strings of the code, the texts of YAML, the pages. Held against the
playbooks, the roles' options, the actions' options, botocore's models and the Makefile.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore import xform_name

ROOT = Path(__file__).parents[2]
CODE = ("plugins/plugin_utils", "plugins/action", "plugins/lookup", "custom_resources")
YAML = ("playbooks", "roles/*/tasks", "roles/*/vars", "roles/*/meta", "templates")
PAGES = (
    "README.md",
    "docs/*.md",
    "docs/alarms/*.md",
    "docs/permissions/*.md",
    "roles/*/README.md",
    "plugins/**/*.md",
)
# Files that a user writes, or that are of another tool.
THEIRS = {"deploy.yml", "shop.yml", "internal.yml", "orders.yml", "requirements.yml", "galaxy.yml"}
ROLES = sorted(path.parts[-3] for path in ROOT.glob("roles/*/meta/argument_specs.yml"))
# Of the AWS CLI alone, without an operation behind them.
CLIS_OWN = {
    ("sso", "login"),
    ("configure", "export-credentials"),
    ("cloudformation", "deploy"),
    ("cloudformation", "package"),
    ("logs", "tail"),
}
CLIS_NAMES = {"s3api": "s3"}
EXPRESSIONS = {"that", "when", "failed_when", "changed_when", "loop", "register"}  # bare Jinja
GLOBAL = {"profile", "region", "endpoint-url", "output", "query", "max-items", "no-cli-pager"}


class Text:
    """A text that somebody reads, and where it stands."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.text = path, " ".join(text.split())

    def __repr__(self) -> str:
        return f"{self.path.relative_to(ROOT)}: {self.text[:60]}"


def strings(path: Path) -> Iterator[str]:
    """Every sentence in a module's strings but its docstrings; what an f-string fills in is X."""
    tree = ast.parse(path.read_text())
    known: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            known.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            known |= {id(it) for it in node.values}
            parts = (str(it.value) if isinstance(it, ast.Constant) else "X" for it in node.values)
            yield "".join(parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in known:
            yield node.value


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's tags too."""


Loader.add_multi_constructor("!", lambda *_: "")


def scalars(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = [inner for key, inner in value.items() if key not in EXPRESSIONS]
    for inner in value if isinstance(value, list) else ():
        yield from scalars(inner)
    if isinstance(value, str):
        yield unfilled(value)


def unfilled(text: str) -> str:
    return re.sub(r"{{.*?}}", "X", text, flags=re.DOTALL)


def from_yaml(path: Path) -> Iterator[str]:
    """Every text without what Jinja fills in, and the comments at the file's head."""
    yield re.match(r"(?:---\n)?((?:#.*\n)*)", path.read_text())[1].replace("\n# ", " ")  # type: ignore[index]
    yield from scalars(yaml.load(path.read_text(), Loader))


def texts() -> list[Text]:
    found = [
        Text(path, text)
        for folder in CODE
        for path in sorted((ROOT / folder).rglob("*.py"))
        for text in strings(path)
        if " " in text
    ]
    for pattern in YAML:
        for folder in ROOT.glob(pattern):
            for path in sorted(folder.glob("*.yml")):
                found += [Text(path, text) for text in from_yaml(path) if " " in text]
    for pattern in PAGES:
        found += [Text(path, unfilled(path.read_text())) for path in sorted(ROOT.glob(pattern))]
    return found


TEXTS = texts()


def mentioned(pattern: str) -> list[Any]:
    """Every text and match of a pattern, as parameters of a test."""
    found = {
        (str(text.path.relative_to(ROOT)), match.group(0)): pytest.param(
            text, match, id=f"{text.path.relative_to(ROOT)}-{match.group(0)[:50]}"
        )
        for text in TEXTS
        for match in re.finditer(pattern, text.text)
    }
    return list(found.values())


def variables() -> list[Any]:
    """Every `-e NAME` behind a playbook's name, each one a match of its own."""
    found = []
    for text in TEXTS:
        for begin in re.finditer(r"\b[a-z_]+\.yml\b(?=((?: (?:\[?-e|and at) [^ ]+)+))", text.text):
            for name in re.findall(r"-e \[?([a-z_]+)", begin[1]):
                match = re.fullmatch(r"(\S+) -e (\S+)", f"{begin[0]} -e {name}")
                place = f"{text.path.relative_to(ROOT)}-{begin[0]}-{name}"
                found.append(pytest.param(text, match, id=place))
    return found


@cache
def options(role: str) -> frozenset[str]:
    specs = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text())
    return frozenset(specs["argument_specs"]["main"]["options"])


@cache
def operations(service: str) -> dict[str, Any]:
    model = botocore.session.get_session().get_service_model(service)
    return {xform_name(it, "-"): model.operation_model(it) for it in model.operation_names}


@pytest.mark.parametrize(("text", "match"), mentioned(r"(?<![\w/.-])(playbooks/)?([a-z_]+\.yml)\b"))
def test_a_playbook_that_is_named_is_there(text: Text, match: re.Match[str]) -> None:
    known = {path.name for path in (ROOT / "playbooks").iterdir()}
    near = {path.name for path in text.path.parent.rglob("*.yml")}
    templates = {path.name for path in (ROOT / "templates").iterdir()}
    assert match[2] in (known if match[1] else known | near | templates | THEIRS)


@pytest.mark.parametrize(("text", "match"), variables())
def test_a_variable_is_one_of_the_playbook_that_it_is_named_with(
    text: Text, match: re.Match[str]
) -> None:
    if match[1] in THEIRS:
        return
    source = (ROOT / "playbooks" / match[1]).read_text()
    takes_roles = "role: quayside.fargate" in source
    known = {option for role in ROLES for option in options(role)} if takes_roles else set()
    assert re.search(rf"\b{match[2]}\b", source) or match[2] in known


# What looks like an option and is none: roles of Aurora's, and what is misspelt on purpose.
OTHER_NAMES = {"rds_iam", "rds_replication", "rds_superuser", "rds_max_capasity"}
OPTION = rf"(?<![\w./{{-])({'|'.join(ROLES)})_[a-z][a-z_]*[a-z](?!\w|[(/.]\w)"


@pytest.mark.parametrize(("text", "match"), mentioned(OPTION))
def test_an_option_of_a_role_that_is_named_is_one(text: Text, match: re.Match[str]) -> None:
    known = {option for role in ROLES for option in options(role)}
    assert match.group(0) in known | OTHER_NAMES


@pytest.mark.parametrize(
    ("text", "match"),
    mentioned(
        r"(?<![\w-])aws ([a-z0-9-]+) ([a-z][a-z-]+)((?:(?!\. |; |, or |[`)|]|\baws | \$ ).)*)"
    ),
)
def test_a_command_of_the_aws_cli_is_one_with_these_options(
    text: Text, match: re.Match[str]
) -> None:
    if (match[1], match[2]) in CLIS_OWN:
        return
    known = operations(CLIS_NAMES.get(match[1], match[1]))
    assert match[2] in known
    shape = known[match[2]].input_shape
    members = {xform_name(it, "-"): shape.members[it] for it in shape.members}
    switched = {f"no-{it}" for it, member in members.items() if member.type_name == "boolean"}
    given = set(re.findall(r"(?<!\S)--([a-z0-9-]+)", match[3]))
    assert given <= members.keys() | switched | GLOBAL
    whole = ".." not in match[3] and text.path.name != "first-account.md"  # which leaves words out
    if given and whole:
        assert {xform_name(it, "-") for it in shape.required_members} <= given


@pytest.mark.parametrize(("text", "match"), mentioned(r"python -m ([a-z_.]+)"))
def test_a_module_that_is_to_be_run_is_there(text: Text, match: re.Match[str]) -> None:
    assert importlib.util.find_spec(match[1].rstrip("."))


# In a sentence between backticks, in a block of code behind its prompt or at a line's beginning.
MAKE = r"`make ([a-z-]+)|(?<=\$ )make ([a-z-]+)|\bmake ([a-z-]+)(?= *$)"


@pytest.mark.parametrize(("text", "match"), mentioned(MAKE))
def test_a_target_of_make_is_one(text: Text, match: re.Match[str]) -> None:
    target = match[1] or match[2] or match[3]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_targets_of_make_in_blocks_of_code_are_held_too() -> None:
    found = {match.group(0) for text in TEXTS for match in re.finditer(MAKE, text.text)}
    assert "make up" in found
