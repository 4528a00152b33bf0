"""Filter patterns of CloudWatch Logs: which lines fit, and which patterns are refused.

Source: CloudWatch Logs user guide, "Filter pattern syntax"; the words of a refusal are those that
people quote (jorgebastida/awslogs#210, DefangLabs/defang#1008). Patterns for lines whose fields are
divided by spaces, [ip, user, ...], aren't known here and are refused.
"""

from __future__ import annotations

import fnmatch
import json
import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

Matcher = Callable[[str], bool]
_MOST = 1024  # characters (FilterLogEvents in botocore's model)
_TERM = re.compile(r'\s*([-?]?)("(?:[^"\\]|\\.)*"|%[^%]*%|\S+)(?=\s|$)')
_WORD = re.compile(r"[\w*]+")
_TOKEN = re.compile(
    r"""\s*(?:(?P<word>&&|\|\||[()]|!=|<=|>=|=|<|>|IS\b|NOT\ EXISTS\b|NULL\b|TRUE\b|FALSE\b)
    |(?P<text>"(?:[^"\\]|\\.)*")
    |(?P<path>\$(?:\.[\w-]+|\[(?:\d+|"[^"]*")\])+)
    |(?P<value>-?[\w.*:/-]+))""",
    re.VERBOSE,
)
_COMPARISONS = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}


class MalformedPatternError(Exception):
    """A pattern that AWS refuses; its text is AWS's message."""


def matcher(pattern: str) -> Matcher:
    """Return what says whether a line fits a pattern.

    Args:
        pattern: "" for every line.

    Raises:
        MalformedPatternError: AWS would refuse it, or it isn't known here.
    """
    pattern = pattern.strip()
    if len(pattern) > _MOST:
        raise MalformedPatternError(f"filterPattern is longer than {_MOST} characters")
    if not pattern:
        return lambda _line: True
    for opening, closing in ("{}", "[]"):
        if pattern.startswith(opening) and not pattern.endswith(closing):
            raise MalformedPatternError(
                f"If a filter pattern starts with '{opening}' it must end with '{closing}'"
            )
    if pattern.startswith("["):
        raise MalformedPatternError("Patterns of fields in brackets aren't known to the local AWS")
    return _of_json(pattern[1:-1]) if pattern.startswith("{") else _of_terms(pattern)


def _of_terms(pattern: str) -> Matcher:
    terms: dict[str, list[Matcher]] = {"": [], "-": [], "?": []}
    place = 0
    while place < len(pattern):
        found = _TERM.match(pattern, place)
        if found is None:
            raise MalformedPatternError("Invalid filter pattern")
        place = found.end()
        terms[found[1]].append(_contains(found[2]))
    every, none, some = terms.values()

    def fits(line: str) -> bool:
        if any(it(line) for it in none):
            return False
        # A ? is of no account beside a term without one.
        return all(it(line) for it in every) if every else not some or any(it(line) for it in some)

    return fits


def _contains(term: str) -> Matcher:
    if re.fullmatch(r'"(?:[^"\\]|\\.)+"', term):
        text = re.sub(r"\\(.)", r"\1", term[1:-1])
        return lambda line: text in line
    if re.fullmatch("%[^%]+%", term):
        try:
            expression = re.compile(term[1:-1])
        except re.error as error:
            raise MalformedPatternError(f"Invalid regular expression {term}") from error
        return lambda line: bool(expression.search(line))
    if not _WORD.fullmatch(term):
        raise MalformedPatternError(f"Invalid character(s) in term '{term}'")
    return lambda line: fnmatch.fnmatchcase(line, f"*{term}*")


Test = Callable[[Any], bool]


def _of_json(text: str) -> Matcher:
    tokens = list(_tokens(text))
    test = _either(tokens)
    if tokens:
        raise MalformedPatternError("Invalid filter pattern")

    def fits(line: str) -> bool:
        try:
            document = json.loads(line)
        except ValueError:
            return False
        return isinstance(document, dict | list) and test(document)

    return fits


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    place, text = 0, text.rstrip()
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise MalformedPatternError("Invalid filter pattern")
        place = found.end()
        yield next((kind, part) for kind, part in found.groupdict().items() if part is not None)


def _either(tokens: list[tuple[str, str]]) -> Test:
    tests = [_both(tokens)]
    while _take(tokens, "||"):
        tests.append(_both(tokens))
    return lambda document: any(test(document) for test in tests)


def _both(tokens: list[tuple[str, str]]) -> Test:
    tests = [_one(tokens)]
    while _take(tokens, "&&"):
        tests.append(_one(tokens))
    return lambda document: all(test(document) for test in tests)


def _one(tokens: list[tuple[str, str]]) -> Test:
    if _take(tokens, "("):
        inner = _either(tokens)
        if not _take(tokens, ")"):
            raise MalformedPatternError("Invalid filter pattern")
        return inner
    path, said = _next(tokens, "path"), _next(tokens, "word")
    if said == "NOT EXISTS":
        return lambda document: _at(document, path) is _ABSENT
    if said == "IS":
        wanted = {"NULL": None, "TRUE": True, "FALSE": False}[_next(tokens, "word")]
        return lambda document: _at(document, path) is wanted
    kind, part = tokens.pop(0) if tokens else ("", "")
    if kind not in ("text", "value"):
        raise MalformedPatternError("Invalid filter pattern")
    if said in _COMPARISONS:
        return _compared(path, _COMPARISONS[said], _number(part))
    if said not in ("=", "!="):
        raise MalformedPatternError("Invalid filter pattern")
    text = json.loads(part) if kind == "text" else part
    equal = _equal(path, text)
    return equal if said == "=" else lambda document: not equal(document)


def _equal(path: str, text: str) -> Test:
    def fits(document: Any) -> bool:
        value = _at(document, path)
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                return value == float(text)
            except ValueError:
                return False
        return isinstance(value, str) and fnmatch.fnmatchcase(value, text)

    return fits


def _compared(path: str, compare: Callable[[Any, Any], bool], number: float) -> Test:
    def fits(document: Any) -> bool:
        value = _at(document, path)
        return isinstance(value, int | float) and bool(compare(value, number))

    return fits


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise MalformedPatternError("Invalid filter pattern") from None


def _take(tokens: list[tuple[str, str]], word: str) -> bool:
    if tokens[:1] == [("word", word)]:
        del tokens[0]
        return True
    return False


def _next(tokens: list[tuple[str, str]], kind: str) -> str:
    if not tokens or tokens[0][0] != kind:
        raise MalformedPatternError("Invalid filter pattern")
    return tokens.pop(0)[1]


_ABSENT = object()


def _at(document: Any, path: str) -> Any:
    for name, number, quoted in re.findall(r'\.([\w-]+)|\[(\d+)\]|\["([^"]*)"\]', path):
        key = int(number) if number else name or quoted
        try:
            document = document[key]
        except (KeyError, IndexError, TypeError):
            return _ABSENT
    return document
