"""Personal data in a line of the log, masked before it is written.

The log group's own policy is the second line of defence (service_masked_data): it masks what it
finds when somebody looks, and keeps what was written. What this module masks is never sent.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

# Each is found by its form, and then looked at by what tells it from a number like it.
# Letters of any language (RFC 6531).
_MAIL = re.compile(r"[\w.%+'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
# In small letters only in groups of four: a trace id has the form without them.
_IBAN = re.compile(
    r"(?<!\w)(?:[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}|[a-z]{2}\d{2} [a-z0-9]{4}"
    r"(?: (?=[a-z]*\d)[a-z0-9]{4}){2,6}(?: (?=[a-z]*\d)[a-z0-9]{1,4})?)(?!\w)"
)
# 13 to 19 digits (ISO/IEC 7812-1) of banks and merchants: the first one is 2 to 6.
_CARD = re.compile(
    r"(?<![^\W_])(?<![.-])[2-6](?:(?:[ -]?\d){12,18}|\d{3}(?:\.\d{4}){3})(?![\w-]|\.\d)"
)
_SSN = re.compile(r"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")
# National numbers have too little of a form of their own: by the word before them.
_NATIONAL = re.compile(
    r"(?<!\w)(?i:ssn|tax id|steuer-?id|codice fiscale|n\.?i\.?f|n\.?i\.?e|dni|nino|insee)"
    r"[:#= ]{1,3}(?=[A-Z0-9 -]*\d)[A-Z0-9](?:[ -]?[A-Z0-9]){7,17}(?!\w)"
)
# A number without its country has no form but North America's: by the word before it.
_PHONE = re.compile(
    r"(?<![\w+])\+[1-9]\d{0,2}(?:[ -]?\(?\d{1,4}\)?){2,6}(?![\w-])"
    r"|(?<![\w-])(?:\([2-9]\d{2}\) ?|[2-9]\d{2}-)\d{3}-\d{4}(?![\w-])"
    r"|(?<!\w)(?i:tel(?:efon|ephone)?|phone|mobile?|handy|fax)\.?[:#= ]{1,3}"
    r"\(?\d(?:[ ()/.-]{0,2}\d){5,14}(?![\w-])"
)
_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?=[0-9A-Fa-f]*:[0-9A-Fa-f]*:)[0-9A-Fa-f:]{3,39}(?![\w:.])")
_TOWN = r"(?:[A-Z]{1,2}-)?\d{4,5} [A-ZÄÖÜ][a-zäöüß]{1,40}(?:[ -][A-ZÄÖÜ][a-zäöüß]{1,40}){0,2}"
_STATE = r"[A-Z][a-z]{1,40}(?: [A-Z][a-z]{1,40}){0,2}, [A-Z]{2} \d{5}(?:-\d{4})?"
# A street with its number, German or English, with a town behind it or without; and a post code
# that names its country.
_ADDRESS = re.compile(
    r"(?<!\w)(?:[A-ZÄÖÜ][\wäöüß-]{0,40}[ -]?(?i:stra(?:ß|ss)e|str\.|weg|allee|platz|gasse)"
    r" \d{1,4}[a-z]?"
    r"|\d{1,5} (?:[A-Z][a-z]{1,40} ){1,3}(?:Street|St\.|Road|Avenue|Lane|Boulevard))"
    rf"(?:,? {_TOWN}|, {_STATE})?(?!\w)"
    r"|(?<![\w-])[A-Z]{1,2}-\d{4,5} [A-ZÄÖÜ][a-zäöüß]{1,40}"
)


def _is_card(text: str) -> bool:
    """Say whether the last digit is Luhn's check digit (ISO/IEC 7812-1, annex B)."""
    digits = [int(it) for it in text if it.isdigit()]
    doubled = (sum(divmod(2 * it, 10)) for it in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_iban(text: str) -> bool:
    """Say whether the check digits of ISO 13616 hold."""
    plain = text.replace(" ", "")
    turned = plain[4:] + plain[:4]
    number = "".join(str(int(it, 36)) for it in turned)  # A is 10, Z is 35
    return int(number) % 97 == 1


def _is_address(text: str) -> bool:
    """Say whether it is an IP address of another machine."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


def _always(_: str) -> bool:
    return True


# Kind, form, what the form alone doesn't tell. In this order: a mail address may hold digits.
KINDS: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    ("mail", _MAIL, _always),
    ("iban", _IBAN, _is_iban),
    ("national-id", _NATIONAL, _always),
    ("card", _CARD, _is_card),
    ("national-id", _SSN, _always),
    ("phone", _PHONE, _always),
    ("ip", _IPV4, _is_address),
    ("ip", _IPV6, _is_address),
    ("address", _ADDRESS, _always),
)


def masked(text: str) -> str:
    """Return a text with the personal data in it replaced by its kind, such as ``[mail]``."""
    for kind, form, is_one in KINDS:
        text = "".join(_pieces(text, f"[{kind}]", form, is_one))
    return text


def _pieces(
    text: str, mask: str, form: re.Pattern[str], is_one: Callable[[str], bool]
) -> Iterator[str]:
    reached = 0
    for found in form.finditer(text):
        yield text[reached : found.start()]
        yield mask if is_one(found[0]) else found[0]
        reached = found.end()
    yield text[reached:]


def masked_line(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line's fields with their texts masked, those of lists and maps too.

    Numbers stay as they are: who logs a card's number as one has a field that must go.
    """
    return {name: _masked_value(value) for name, value in line.items()}


def _masked_value(value: Any) -> Any:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        return masked_line(value)
    if isinstance(value, list | tuple):
        return [_masked_value(it) for it in value]
    return value
