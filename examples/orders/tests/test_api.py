"""What callers see."""

from __future__ import annotations

import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .service import Service

ORDER = {"item": "rope, blue", "quantity": 3}


def test_an_order_that_was_written_is_read_back(shared_service: Service) -> None:
    written = shared_service.post("/orders", ORDER)
    read = shared_service.get(written.headers["Location"])

    assert written.status == 201
    assert read.status == 200
    assert read.body == written.body
    assert {name: read.body[name] for name in ORDER} == ORDER


def test_the_pages_hold_every_order_once(service: Service) -> None:
    written = [service.post("/orders", {**ORDER, "quantity": n}).body["id"] for n in range(1, 6)]

    pages, path = [], "/orders?limit=2"
    while path:
        page = service.get(path).body
        pages.append([order["id"] for order in page["orders"]])
        path = page["next"]

    assert pages == [written[:2], written[2:4], written[4:]]


def test_a_service_without_orders_has_an_empty_page(service: Service) -> None:
    assert service.get("/orders").body == {"orders": [], "next": None}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("item", ""),
        ("item", None),
        ("item", 7),
        ("item", "x" * 201),
        ("item", "nul \0"),
        ("item", "half of a pair: \ud800"),
        ("item", ["rope"]),
        ("item", "two\nlines"),
        ("quantity", 0),
        ("quantity", 10_001),
        ("quantity", 1.5),
        ("quantity", True),
        ("quantity", "2"),
    ],
)
def test_a_bad_field_is_named(shared_service: Service, field: str, value: object) -> None:
    answer = shared_service.post("/orders", {**ORDER, field: value})

    assert answer.status == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert list(answer.body["errors"]) == [field]


@pytest.mark.parametrize("field", ORDER)
def test_a_missing_field_is_named(shared_service: Service, field: str) -> None:
    order = {name: value for name, value in ORDER.items() if name != field}

    assert list(shared_service.post("/orders", order).body["errors"]) == [field]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 10_000, "application/json", 400),
        (b'{"quantity": ' + b"9" * 5_000 + b"}", "application/json", 400),
        (b"[]", "application/json", 422),
        (b'{"\\ud800": 1}', "application/json", 422),
        (b" " * 16_385, "application/json", 413),
        (b"item=rope", "application/x-www-form-urlencoded", 415),
    ],
    ids=["cut", "not-utf-8", "deep", "long-number", "list", "odd-name", "large", "form"],
)
def test_a_body_that_is_no_order_is_refused(
    shared_service: Service, body: bytes, content_type: str, status: int
) -> None:
    answer = shared_service.request("POST", "/orders", body, content_type)

    assert answer.status == answer.body["status"] == status
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("order_id", ["0", "999999", "x", "-1", "1.0", "%00", "9" * 19, "9" * 5000])
def test_what_names_no_order_is_not_found(shared_service: Service, order_id: str) -> None:
    assert shared_service.get(f"/orders/{order_id}").status == 404


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "limit=", "after=-1"])
def test_a_bad_query_is_refused(shared_service: Service, query: str) -> None:
    answer = shared_service.get(f"/orders?{query}")

    assert answer.status == 422
    assert list(answer.body["errors"]) == [query.partition("=")[0]]


def test_another_method_is_refused(shared_service: Service) -> None:
    answer = shared_service.request("DELETE", "/orders")

    assert answer.status == 405
    assert set(answer.headers["Allow"].split(", ")) >= {"POST"}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)
_ORDER = st.fixed_dictionaries(
    {
        "item": st.text() | st.text(string.printable) | _JSON,
        "quantity": st.integers(-1, 10_002) | _JSON,
    }
)


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(order=_ORDER | _JSON)
def test_any_json_is_stored_as_it_is_or_refused(shared_service: Service, order: object) -> None:
    answer = shared_service.post("/orders", order)

    if answer.status == 201:
        assert isinstance(order, dict)
        stored = shared_service.get(answer.headers["Location"]).body
        assert {name: stored[name] for name in order} == order
    else:
        assert answer.status in (400, 413, 422)
