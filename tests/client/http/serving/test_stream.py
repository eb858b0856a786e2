"""Event streams: heartbeats, bounded for a slow reader, nothing missed by one that comes back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast
from urllib.parse import quote

import pytest

from client.http.serving.stream import HEARTBEAT_S, STALLED_BEATS
from client.http.sse import SseBuffer, SseEvent
from tests.worlds.clients.contract import ALICE, BOB
from tests.worlds.clients.memory_api import MemoryApi
from tests.worlds.clients.memory_web import FULL_BYTES, MemoryTransport, RawConversation, request_bytes


@pytest.fixture
def api(tmp_path: Path) -> Iterator[MemoryApi]:
    made = MemoryApi(tmp_path)
    yield made
    made.stop()


def open_stream(api: MemoryApi, target: str, **headers: str) -> RawConversation:
    told = {**api.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return api.raw(request_bytes("GET", target, told))


def events_of(conversation: RawConversation) -> list[SseEvent]:
    """Undo the chunks of HTTP/1.1 and return the events."""
    rest, data = conversation.body, b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        data, rest = data + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return SseBuffer().feed(data)


def numbers_of(conversation: RawConversation) -> list[int]:
    return [json.loads(event.data)["number"] for event in events_of(conversation) if event.event == "received"]


def receive(api: MemoryApi, body: bytes, *, key: str) -> None:
    api.fake.run(api.fake.bob.send(ALICE, body, kind="text", idempotency_key=key))


def transport_of(conversation: RawConversation) -> MemoryTransport:
    return cast(MemoryTransport, conversation.transport)


def test_a_stream_begins_with_the_status_and_tells_what_comes(api: MemoryApi) -> None:
    stream = open_stream(api, "/v1/events")
    assert stream.status == 200
    assert b"content-type: text/event-stream" in stream.head
    [first] = events_of(stream)
    assert (first.event, first.id) == ("status", "0-0")
    assert json.loads(first.data)["address"] == ALICE
    api.fake.run(api.fake.alice.send(BOB, b"x", kind="text", idempotency_key="1"))
    receive(api, b"hello", key="1")
    api.fake.pass_time()
    assert all(event.id for event in events_of(stream))
    told = [(event.event, event.id) for event in events_of(stream) if event.event not in ("status", "progress")]
    assert told == [("changed", "0-1"), ("changed", "0-2"), ("changed", "0-3"), ("received", "1-3")]


def test_how_far_messages_are_is_told_now_and_then(api: MemoryApi) -> None:
    stream = open_stream(api, "/v1/events?about=outgoing")
    receive(api, b"not told of", key="1")
    for number in range(20):
        api.fake.run(api.fake.alice.send(BOB, b"x", kind="text", idempotency_key=str(number)))
    api.fake.pass_time()
    events = events_of(stream)
    assert {event.event for event in events} == {"changed", "progress"}
    counts = [json.loads(event.data) for event in events if event.event == "progress"]
    assert all(0 < sum(count["message_id"] == each["message_id"] for count in counts) < 18 for each in counts)
    assert counts[-1]["fragments_acknowledged"] == 1
    assert all(event.id.startswith("0-") for event in events)


@pytest.mark.parametrize("position", ["1-0", "0-1", "999999999999999999-0", "x", "1", "1-2-3", "-1-0", "1-", " 0-0"])
@pytest.mark.parametrize("told", ["header", "address"])
def test_a_place_that_is_none_or_lies_ahead_is_refused(api: MemoryApi, position: str, told: str) -> None:
    headers = {"Last_Event_ID": position} if told == "header" else {}
    target = "/v1/events" if told == "header" else f"/v1/events?after={quote(position)}"
    stripped = told == "header" and position == " 0-0"  # HTTP leaves out the space of a header
    assert open_stream(api, target, **headers).status == (200 if stripped else 400)


def test_the_newest_place_can_be_asked_for(api: MemoryApi) -> None:
    receive(api, b"x", key="1")
    api.fake.pass_time()
    assert json.loads(api.ask("GET", "/v1/events/newest").body) == {"received": 1, "changes": 0, "ended": 0}


def test_the_status_is_told_at_most_once_a_second(api: MemoryApi) -> None:
    stream = open_stream(api, "/v1/events")
    for number in range(20):
        receive(api, b"x", key=str(number))
    api.clock.pump([0.05] * 100)
    assert 2 <= sum(event.event == "status" for event in events_of(stream)) <= 6


def test_a_quiet_stream_is_kept_alive(api: MemoryApi) -> None:
    stream = open_stream(api, "/v1/received?kind=text")
    quiet = len(stream.body)
    api.clock.advance(HEARTBEAT_S)
    assert stream.body[quiet:].endswith(b":\n\n\r\n")


def test_the_header_of_a_returning_reader_counts_more_than_its_address(api: MemoryApi) -> None:
    for number in range(3):
        receive(api, b"x", key=str(number))
    api.fake.pass_time()
    assert numbers_of(open_stream(api, "/v1/events?after=0-0")) == [1, 2, 3]
    assert numbers_of(open_stream(api, "/v1/events?after=0-0", Last_Event_ID="2-0")) == [3]
    assert numbers_of(open_stream(api, "/v1/events", Last_Event_ID="3-0")) == []


def test_a_slow_reader_costs_no_memory_and_misses_nothing(api: MemoryApi) -> None:
    stream = open_stream(api, "/v1/events?after=0-0")
    transport_of(stream).pauseProducing()
    for number in range(100):
        receive(api, bytes(30_000), key=str(number))
    api.fake.pass_time()
    waiting = transport_of(stream)
    assert waiting.is_full
    assert len(waiting._arrived) < FULL_BYTES + 10 * 45_000
    waiting.resumeProducing()
    api.clock.pump([0.1] * 10)
    assert numbers_of(stream) == [*range(1, 101)]


def test_a_reader_that_never_reads_is_dropped_and_comes_back(api: MemoryApi) -> None:
    stream = open_stream(api, "/v1/events?after=0-0")
    transport_of(stream).pauseProducing()
    for number in range(20):
        receive(api, bytes(30_000), key=str(number))
    api.fake.pass_time()
    api.clock.pump([HEARTBEAT_S] * (STALLED_BEATS + 2))
    transport_of(stream).resumeProducing()
    api.clock.advance(0)
    assert stream.closed
    whole = stream.body.rpartition(b"\r\nid: ")[0]
    seen = [int(number) for number in re.findall(rb'"number":(\d+),', whole)]
    assert 0 < len(seen) < 20
    assert numbers_of(open_stream(api, "/v1/events", Last_Event_ID=f"{seen[-1]}-0")) == [*range(seen[-1] + 1, 21)]


def test_a_clock_that_is_set_back_does_not_keep_the_status_back(api: MemoryApi) -> None:
    stream = open_stream(api, "/v1/events")
    api.clock.pump([0.25] * 8)
    api.clock.rightNow -= 3600
    receive(api, b"hello", key="1")
    api.fake.pass_time()
    assert [event.event for event in events_of(stream)].count("status") >= 2
