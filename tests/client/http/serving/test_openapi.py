"""The OpenAPI document: it says what the routes do, and the page of the protocol says the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import msgspec
import pytest

from client.http.messages import JSON, OCTETS
from client.http.serving.described import EVENT_STREAM, RouteDescription, described_routes
from client.http.serving.local_api import SUBJECTS, local_api_document
from tests.worlds.clients.contract import BOB
from tests.worlds.clients.memory_api import MemoryApi

PAGE = Path(__file__).parents[4] / "docs" / "protocol" / "local-api.md"
ROUTES = list(described_routes(SUBJECTS))


@pytest.fixture
def api(tmp_path: Path) -> Iterator[MemoryApi]:
    made = MemoryApi(tmp_path)
    yield made
    made.stop()


def called(route: RouteDescription) -> str:
    return f"{route.method} {route.path}"


def with_query() -> list[RouteDescription]:
    return [route for route in ROUTES if route.method == "GET" or route.described.octets_query]


def test_the_page_of_the_protocol_lists_the_same_routes() -> None:
    listed = set(re.findall(r"^\| `([A-Z]+ /v1/[^`]*)` \|", PAGE.read_text(), re.MULTILINE))
    told = {re.sub(r"{(\w+)}", lambda match: match[1].upper(), called(route)) for route in ROUTES}
    assert listed == told


def test_every_reference_leads_somewhere_and_no_schema_is_left_over() -> None:
    document = local_api_document()
    text = json.dumps(document)
    names = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert names == set(cast("Mapping[str, Mapping[str, object]]", document["components"])["schemas"])  # type: ignore[call-overload]


def test_a_name_stands_for_one_operation() -> None:
    names = [route.name for route in ROUTES]
    assert len(set(names)) == len(names)
    assert all(route.summary.endswith(".") for route in ROUTES)


@pytest.mark.parametrize("route", with_query(), ids=called)
def test_a_route_takes_the_parameters_that_are_told(api: MemoryApi, route: RouteDescription) -> None:
    path = re.sub(r"{(\w+)}", "7", route.path)
    octets = bool(route.described.octets_query)
    answer = api.ask(route.method, f"{path}?not-told=1", b"x" if octets else b"", content_type=OCTETS if octets else "")
    assert answer.status == 400
    allowed = re.search(r"\(allowed: (.*)\)", json.loads(answer.body)["message"])
    assert allowed is not None
    told = route.described.octets_query or route.described.query
    assert sorted(filter(None, allowed[1].split(", "))) == sorted(told)


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if any({**r.described.query, **r.described.octets_query}.values())], ids=called
)
def test_a_parameter_that_is_required_must_be_there(api: MemoryApi, route: RouteDescription) -> None:
    values = {"kind": "text", "to": BOB, "idempotency_key": "1", "service": "echo", "timeout_s": "5", "body_bytes": "1"}
    values |= {"request_bytes": "1", "answer_bytes": "1"}
    told = {**route.described.query, **route.described.octets_query}
    required = [name for name, needed in told.items() if needed]
    for missing in required:
        query = "&".join(f"{name}={values[name]}" for name in required if name != missing)
        octets = bool(route.described.octets_query)
        answer = api.ask(
            route.method, f"{route.path}?{query}", b"x" if octets else b"", content_type=OCTETS if octets else ""
        )
        assert (answer.status, json.loads(answer.body)["message"]) == (400, f"the parameter {missing} is missing")


@pytest.mark.parametrize("route", [r for r in ROUTES if r.described.takes is not None], ids=called)
def test_a_body_must_be_of_the_type_that_is_told(api: MemoryApi, route: RouteDescription) -> None:
    path = re.sub(r"{(\w+)}", "7", route.path)
    answer = api.ask_json(route.method, path, {"not told": 1})
    assert (answer.status, json.loads(answer.body)["error"]) == (400, "bad_request")
    assert api.ask(route.method, path, b"x", content_type="text/plain").status == 415


TARGETS = {
    "status": "/v1/status",
    "network": "/v1/network",
    "contacts": "/v1/contacts",
    "inbox": "/v1/inbox",
    "received": "/v1/inbox/1",
    "received_body": "/v1/inbox/1/body",
    "newest": "/v1/events/newest",
    "estimate": f"/v1/estimate?body_bytes=1&to={BOB}",
    "pages": "/v1/pages",
    "openapi": "/v1/openapi.json",
}


@pytest.mark.parametrize("route", [r for r in ROUTES if r.name in TARGETS], ids=called)
def test_an_answer_is_of_the_type_that_is_told(api: MemoryApi, route: RouteDescription) -> None:
    api.fake.run(api.fake.bob.send("alice@home", b"hello", kind="text", idempotency_key="1"))
    api.fake.pass_time()
    answer = api.ask(route.method, TARGETS[route.name])
    assert answer.status == route.described.status
    [form] = route.described.forms
    assert f"content-type: {form}".encode() in answer.head
    if form == JSON:
        shape = cast("type[msgspec.Struct]", route.described.answers)
        told = msgspec.json.decode(answer.body, type=shape)
        # Nothing is told beyond the type: that would be left out of the document.
        assert json.loads(msgspec.json.encode(told)) == json.loads(answer.body)


@pytest.mark.parametrize("target", ["/v1/events", "/v1/received?kind=text"])
def test_streams_are_told_as_such(api: MemoryApi, target: str) -> None:
    [route] = [r for r in ROUTES if r.path == target.partition("?")[0]]
    assert route.described.forms == (EVENT_STREAM,)
    stream = api.ask(route.method, target)
    assert f"content-type: {EVENT_STREAM}".encode() in stream.head
