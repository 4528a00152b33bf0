"""Personal data is masked before a line is written, and what isn't personal stays."""

from __future__ import annotations

import ipaddress
import json
import logging
import string
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.logs import JsonFormatter
from orders.masking import KINDS, masked, masked_line

# What a line may hold of somebody. Numbers are those that their issuers give as examples, or are
# made with their check digits.
PERSONAL = {
    "mail": [
        "ada@example.com",
        "ada.lovelace+orders@mail.example.co.uk",
        "o'hara_1@ex-ample.de",
        "jürgen@example.de",
        "ada@exämple.de",
    ],
    "card": [
        *("4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005", "6011000990139424"),
        *("3530111333300000", "4222222222222", "30569309025904"),
        "4111.1111.1111.1111",
    ],
    "iban": [
        "DE89 3704 0044 0532 0130 00",
        "GB29NWBK60161331926819",
        "NO9386011117947",
        "de89 3704 0044 0532 0130 00",
        "gb29 nwbk 6016 1331 9268 19",
        "es91 2100 0418 4502 0005 1332",
    ],
    "national-id": [
        *("536-90-4399", "SSN: 536904399", "Steuer-ID 86 095 742 719", "steuerid=86095742719"),
        *("DNI 12345678Z", "NINO: QQ 12 34 56 C", "codice fiscale RSSMRA85T10A562S"),
    ],
    "phone": [
        *("+49 30 901820", "+1 (555) 010-9999", "+44-20-7946-0958"),
        *("(555) 010-9999", "555-010-9999", "Tel. 030/901820", "phone: 0301234567"),
        *("Mobil 0170 1234567", "fax=020 7946 0958", "Telefon: (030) 90 18 20"),
    ],
    "ip": ["203.0.113.7", "10.0.3.14", "2001:db8::8a2e:370:7334", "fe80::1"],
    "address": [
        *("Hauptstraße 5, 10115 Berlin", "Lange Gasse 12a", "D-10115 Berlin"),
        *("12 Main Street, Springfield, IL 62704", "221 Baker Street"),
    ],
}
# What looks like it and isn't.
PLAIN = [
    *("order 4711 of 3 ropes", "took 12345 ms", "1732857600000", "2026-11-29T05:08:23.123Z"),
    *("1-67891233-abcdef012345678912345678", "4111111111111112", "1234567890123456"),
    *("GET /orders/9223372036854775807", "version 1.20.1", "http://127.0.0.1:8080", "0.0.0.0:8080"),
    *("::1", "05:08:23", "File app.py, line 12, in <module>", "user orders_blue@", "a @ b"),
    *("processed 12345 Orders", "DE00 3704 0044 0532 0130 00", "000-12-3456", "sha256:0123456789"),
    *("f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "+1", "Main Street", "std::vector", "é" * 40),
    *("telephone 12", "0.4111111111111111", "4111.1111.1111.1111.2", "555-0100", "mobile app 4"),
]


@pytest.mark.parametrize(("kind", "text"), [(k, it) for k in PERSONAL for it in PERSONAL[k]])
def test_a_kind_of_personal_data_is_masked_and_what_is_around_it_stays(
    kind: str, text: str
) -> None:
    line = masked(f"before {text} behind")
    assert line.startswith("before ")
    assert line.endswith(" behind")
    assert f"[{kind}]" in line
    digits = [it for it in text.split() if any(letter.isdigit() for letter in it)]
    assert not [it for it in digits if it in line]


def test_a_word_before_a_card_with_an_underscore_does_not_hide_it() -> None:
    assert masked("card_4111111111111111 declined") == "card_[card] declined"


# Said in docs/logs.md: these have no form of their own.
@pytest.mark.parametrize("text", ["0301234567", "030/901820", "gb29nwbk60161331926819"])
def test_what_is_not_known_without_a_word_or_groups_stays(text: str) -> None:
    assert masked(text) == text


def test_each_kind_is_tried() -> None:
    assert {kind for kind, _, _ in KINDS} == PERSONAL.keys()


@pytest.mark.parametrize("text", PLAIN)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert masked(text) == text


def luhn(digits: str) -> str:
    """Digits with their check digit behind them, worked out in another way than the code's."""
    double = "0246813579"
    total = sum(
        int(double[int(it)]) if at % 2 == 0 else int(it) for at, it in enumerate(reversed(digits))
    )
    return digits + str(-total % 10)


def grouped(digits: str, separator: str) -> str:
    return separator.join(digits[at : at + 4] for at in range(0, len(digits), 4))


WORDS = st.text(string.ascii_lowercase + " äöü", max_size=20)
CARDS = st.builds(
    lambda first, rest, separator: grouped(luhn(first + rest), separator),
    st.sampled_from("3456"),
    st.text(string.digits, min_size=11, max_size=17),
    st.sampled_from(["", " ", "-"]),
)
MAILS = st.builds(
    lambda name, domain, end: f"{name}@{domain}.{end}",
    st.text(string.ascii_letters + string.digits + "._+-", min_size=1, max_size=30),
    st.text(string.ascii_lowercase, min_size=1, max_size=20),
    st.sampled_from(["com", "de", "co.uk"]),
)
ADDRESSES = st.ip_addresses().filter(lambda it: not (it.is_loopback or it.is_unspecified))


@given(before=WORDS, value=CARDS | MAILS | ADDRESSES.map(str), behind=WORDS)
def test_whatever_is_personal_is_masked_wherever_it_stands(
    before: str, value: str, behind: str
) -> None:
    line = masked(f"{before} {value} {behind}")
    assert value not in line
    assert line.startswith(f"{before} [")
    assert line.endswith(f"] {behind}")


# Words, small numbers, times, durations, paths and trace ids, as lines have them.
_PARTS = st.one_of(
    WORDS,
    st.integers(-(10**11), 10**11).map(str),
    st.floats(0, 10**6).map(lambda it: f"{it:.1f} ms"),
    st.datetimes().map(lambda it: f"{it.isoformat(timespec='milliseconds')}Z"),
    st.integers(1, 10**9).map(lambda it: f"/orders/{it}"),
    st.uuids().map(str),
    st.binary(min_size=12, max_size=12).map(lambda it: f"1-67891233-{it.hex()}"),
    st.integers(0, 255).map(lambda it: f"127.0.0.{it}:8080"),
)


@given(parts=st.lists(_PARTS))
def test_what_is_not_personal_stays_as_it_is(parts: list[str]) -> None:
    line = ", ".join(parts)
    assert masked(line) == line


@given(text=st.text())
def test_a_masked_text_has_nothing_left_to_mask(text: str) -> None:
    assert masked(masked(text)) == masked(text)


def test_texts_in_lists_and_maps_are_masked_and_other_values_stay() -> None:
    line = {"to": ["ada@example.com", 3], "by": {"ip": "203.0.113.7"}, "count": 3, "none": None}
    assert masked_line(line) == {
        "to": ["[mail]", 3],
        "by": {"ip": "[ip]"},
        "count": 3,
        "none": None,
    }


def test_a_line_is_written_masked_its_own_fields_as_they_are() -> None:
    """Message and arguments, fields, and the text of the code that failed."""
    kinds = {kind: texts[0] for kind, texts in PERSONAL.items()}
    try:
        int("ada@example.com")
    except ValueError:
        info = sys.exc_info()  # its text isn't written, and its place is masked
    record = logging.LogRecord(
        "orders.mail", logging.ERROR, "mail.py", 1, "sent to %s", (kinds["mail"],), info
    )
    record.fields = kinds
    line = json.loads(JsonFormatter().format(record))
    assert line["message"] == "sent to [mail]"
    assert {kind: line[kind] for kind in kinds} == {kind: f"[{kind}]" for kind in kinds}
    assert (line["logger"], line["level"], line["error"]) == ("orders.mail", "ERROR", "ValueError")
    assert "ada@" not in json.dumps(line)
    assert str(ipaddress.ip_address(kinds["ip"])) not in json.dumps(line)
