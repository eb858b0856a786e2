"""Each call finds its method, every error has a JSON body, and a call that nobody waits for leaves nothing behind."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from twisted.internet.interfaces import ITransport
from twisted.logger import LogEvent, LogLevel, globalLogPublisher

from client.http.serving.described import EVENT_STREAM, RouteDescription, described_routes
from client.http.serving.local_api import SUBJECTS
from tests.worlds.clients.memory_api import MemoryApi
from tests.worlds.clients.memory_web import request_bytes

ROUTES = list(described_routes(SUBJECTS))
STREAMS = [route for route in ROUTES if EVENT_STREAM in route.described.forms]
QUERIES = {"read": "?kind=text"}


@pytest.fixture
def logged() -> Iterator[list[LogEvent]]:
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)


@pytest.fixture
def api(tmp_path: Path, logged: list[LogEvent]) -> Iterator[MemoryApi]:
    made = MemoryApi(tmp_path)
    yield made
    made.stop()
    assert [event for event in logged if event["log_level"] >= LogLevel.warn] == []


def target_of(route: RouteDescription) -> str:
    return re.sub(r"{(\w+)}", "7", route.path) + QUERIES.get(route.name, "")


def open_streams(api: MemoryApi) -> int:
    return len(api.server._api.streams)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_the_methods_of_a_path_are_told(api: MemoryApi, route: RouteDescription) -> None:
    asked, refused = api.ask("OPTIONS", target_of(route)), api.ask("PATCH", target_of(route))
    assert (asked.status, asked.body) == (204, b"")
    assert (refused.status, json.loads(refused.body)["error"]) == (405, "method_not_allowed")
    for answer in (asked, refused):
        [allowed] = [line for line in answer.head.split(b"\r\n") if line.startswith(b"allow: ")]
        assert {route.method.lower().encode(), b"options"} <= {*allowed.removeprefix(b"allow: ").split(b", ")}


@pytest.mark.parametrize("route", STREAMS, ids=lambda route: route.path)
def test_head_opens_no_stream(api: MemoryApi, route: RouteDescription) -> None:
    answer = api.raw(request_bytes("HEAD", target_of(route), {**api.headers, "Connection": "close"}), seconds=2)
    assert (answer.status, answer.body, answer.closed) == (200, b"", True)
    assert b"text/event-stream" in answer.head
    assert open_streams(api) == 0


@pytest.mark.parametrize("route", STREAMS, ids=lambda route: route.path)
def test_a_reader_that_goes_away_leaves_nothing_behind(api: MemoryApi, route: RouteDescription) -> None:
    reader = api.raw(request_bytes("GET", target_of(route), api.headers), seconds=1)
    assert (reader.status, open_streams(api)) == (200, 1)
    cast(ITransport, reader.transport).loseConnection()
    api.clock.advance(1)
    assert open_streams(api) == 0
    assert {id(call.func) for call in api.clock.getDelayedCalls()} == set()


@pytest.mark.parametrize("path", ["/v1/%ff", "/v1/contacts/%c3%28", "/v1/\udc80"])
def test_a_path_that_is_no_text_is_told_so(api: MemoryApi, path: str) -> None:
    raw = request_bytes("GET", "/PATH", {**api.headers, "Connection": "close"})
    answer = api.raw(raw.replace(b"/PATH", path.encode("utf-8", "surrogateescape")), seconds=2)
    assert (answer.status, json.loads(answer.body)["error"]) == (400, "bad_request")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
@pytest.mark.parametrize("query", ["nothing=1", "nothing", "nothing=%ff"])
def test_no_call_takes_a_parameter_that_it_does_not_know(api: MemoryApi, route: RouteDescription, query: str) -> None:
    target = re.sub(r"{(\w+)}", "7", route.path)
    answer = api.ask(route.method, f"{target}?{query}", b"{}", content_type="application/json")
    assert (answer.status, json.loads(answer.body)["error"]) == (400, "bad_request")
    assert "parameter" in json.loads(answer.body)["message"] or "UTF-8" in json.loads(answer.body)["message"]
