"""Filter patterns of CloudWatch Logs: what is malformed for certain, before AWS is asked.

Source: CloudWatch Logs user guide, "Filter pattern syntax"; FilterLogEvents takes at most 1,024
characters (botocore's model). What isn't known to be wrong is left to AWS, which refuses it too.
"""

from __future__ import annotations

import re

from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

_MOST = 1024
_BRACKETS = {"{": "}", "[": "]"}
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_EXPRESSION = re.compile(r"%[^%]*%")
# A term without quotes has letters, digits and underscores, after - (without it) or ? (or it). Of
# other scripts' letters the page says nothing.
_TERM = re.compile(r"[-?]?[\w*]+")
_QUOTE = "Put a term with other characters than letters, digits and _ into double quotes"


def refuse_malformed(pattern: str) -> None:
    """Raise StackError for a pattern that CloudWatch Logs can't take, with what is wrong."""
    wrong = _wrong(pattern.strip())
    if wrong:
        raise StackError(
            f"filter is no filter pattern of CloudWatch Logs: {wrong}. {_QUOTE}; docs/logs.md has "
            "patterns of JSON lines."
        )


def _wrong(pattern: str) -> str:
    if len(pattern) > _MOST:
        return f"it has {len(pattern)} characters, and may have {_MOST}"
    rest = _TEXT.sub('""', pattern)  # what is quoted may be anything
    if rest.count('"') % 2:
        return f"a double quote of {pattern} isn't closed"
    opening = rest[:1]
    if opening in _BRACKETS:
        closing = _BRACKETS[opening]
        if not rest.endswith(closing):
            return f"{pattern} begins with {opening} and doesn't end with {closing}"
        if rest.count("(") != rest.count(")"):
            return f"a bracket of {pattern} isn't closed"
        return ""
    return _wrong_terms(pattern)


def _wrong_terms(pattern: str) -> str:
    """Say what is wrong with terms that stand beside each other."""
    rest = pattern
    while rest := rest.strip():
        sign = rest[0] in "-?" and rest[1:2] in ('"', "%")
        body = rest[1:] if sign else rest
        found = _TEXT.match(body) or _EXPRESSION.match(body) or (_TERM.match(rest))
        if found is None:
            return f"{rest.split()[0]} isn't quoted"
        if found[0] == '""':
            return 'there is nothing in ""'
        rest = found.string[found.end() :]
        if rest and not rest[0].isspace():
            return f"{(found[0] + rest).split()[0]} isn't quoted"
    return ""
