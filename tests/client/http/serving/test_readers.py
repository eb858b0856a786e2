"""What the page of the local API says of handling messages, sentence by sentence, in raw HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from client.http.sse import SseBuffer, SseEvent
from client.store.readers import MAX_READERS
from tests.worlds.clients.contract import ALICE
from tests.worlds.clients.memory_api import MemoryApi
from tests.worlds.clients.memory_web import MemoryTransport, RawConversation, request_bytes


class Program:
    """A program that handles messages of the kind `text`."""

    def __init__(self, api: MemoryApi, query: str = "") -> None:
        self.api = api
        self.stream = open_stream(api, f"/v1/received?kind=text{query}")
        api.clock.advance(0.1)

    @property
    def events(self) -> list[SseEvent]:
        return events_of(self.stream)

    @property
    def numbers(self) -> list[int]:
        """The messages that it was given, in their order."""
        return [json.loads(event.data)["number"] for event in self.events if event.event == "message"]

    @property
    def path(self) -> str:
        return f"/v1/received/{json.loads(self.events[0].data)['subscription']}"

    def say(self, number: int, word: str = "handled") -> tuple[int, str]:
        answer = self.api.ask("POST", f"{self.path}/{number}/{word}", seconds=0.1)
        return answer.status, json.loads(answer.body)["error"] if answer.body else ""

    def leave(self) -> None:
        transport = self.stream.transport
        assert isinstance(transport, MemoryTransport)
        transport.loseConnection()
        self.api.clock.advance(0.1)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[MemoryApi]:
    made = MemoryApi(tmp_path)
    yield made
    made.stop()


def open_stream(api: MemoryApi, target: str) -> RawConversation:
    return api.raw(request_bytes("GET", target, api.headers))


def events_of(conversation: RawConversation) -> list[SseEvent]:
    """Undo the chunks of HTTP/1.1 and return the events."""
    rest, data = conversation.body, b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        data, rest = data + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return SseBuffer().feed(data)


def receive(api: MemoryApi, count: int) -> None:
    newest = api.fake.run(api.fake.alice.newest()).received
    for number in range(newest, newest + count):
        api.fake.run(api.fake.bob.send(ALICE, b"x", kind="text", idempotency_key=str(number)))
    api.fake.pass_time()


def unread(api: MemoryApi) -> int:
    return api.fake.run(api.fake.alice.status()).unread


def test_the_first_event_names_the_subscription_then_come_those_that_wait_then_new_ones(api: MemoryApi) -> None:
    receive(api, 2)
    program = Program(api)
    receive(api, 1)
    assert [event.event for event in program.events] == ["subscribed", "message", "message", "message"]
    assert [event.id for event in program.events[1:]] == ["1", "2", "3"]


def test_readers_with_different_names_get_every_message(api: MemoryApi) -> None:
    receive(api, 2)
    programs = [Program(api, query) for query in ("&reader=archive", "&reader=alarm", "")]
    receive(api, 1)
    assert [program.numbers for program in programs] == [[1, 2, 3]] * 3


@pytest.mark.parametrize("name", ["", "&reader=archive"])
def test_programs_with_one_name_or_without_share(api: MemoryApi, name: str) -> None:
    first, second = Program(api, f"&at_once=2{name}"), Program(api, f"&at_once=2{name}")
    receive(api, 4)
    assert sorted(first.numbers + second.numbers) == [1, 2, 3, 4]
    for program in (first, second):
        assert [program.say(number) for number in program.numbers] == [(204, "")] * 2


def test_at_most_16_wait_for_its_word(api: MemoryApi) -> None:
    receive(api, 20)
    program = Program(api)
    assert program.numbers == [*range(1, 17)]
    assert program.say(7) == (204, "")
    assert program.numbers == [*range(1, 18)]
    assert program.say(9, "failed") == (204, "")
    assert program.numbers == [*range(1, 19)]


def test_a_program_may_ask_for_fewer_at_once(api: MemoryApi) -> None:
    receive(api, 3)
    assert Program(api, "&at_once=1").numbers == [1]


def test_handled_counts_once(api: MemoryApi) -> None:
    receive(api, 2)
    program = Program(api)
    assert program.say(1) == (204, "")
    assert program.say(1) == (404, "unknown_message")
    assert program.say(3) == (404, "unknown_message")
    assert unread(api) == 1


def test_failed_comes_again_after_a_pause_also_in_the_same_stream(api: MemoryApi) -> None:
    receive(api, 2)
    program = Program(api)
    for pause_s in (1, 2, 4):
        assert program.say(1, "failed") == (204, "")
        given = len(program.numbers)
        api.clock.advance(pause_s - 0.5)
        assert len(program.numbers) == given
        api.clock.advance(0.5)
        assert program.numbers[given:] == [1]
    assert program.say(1) == (204, "")


def test_after_the_deadline_another_program_gets_it_and_the_late_word_is_refused(api: MemoryApi) -> None:
    receive(api, 1)
    slow = Program(api)
    other = Program(api)
    api.clock.advance(59)
    assert other.numbers == []
    api.clock.pump([0.5] * 3)
    assert other.numbers == [1]
    assert slow.say(1) == (409, "wrong_state")
    assert other.say(1) == (204, "")


def test_a_late_word_counts_while_no_other_program_has_got_the_message(api: MemoryApi) -> None:
    receive(api, 2)
    slow = Program(api, "&within_s=2&at_once=1")
    busy = Program(api, "&at_once=1")
    api.clock.pump([0.5] * 6)
    assert (slow.numbers, busy.numbers) == ([1], [2])
    assert slow.say(1) == (204, "")
    assert busy.say(2) == (204, "")
    assert unread(api) == 0


def test_without_another_program_the_same_stream_gets_it_again(api: MemoryApi) -> None:
    receive(api, 1)
    program = Program(api, "&within_s=2")
    api.clock.pump([0.5] * 9)
    assert program.numbers == [1, 1, 1]
    assert program.say(1) == (204, "")
    assert program.say(1) == (404, "unknown_message")


def test_a_word_begins_the_time_of_those_that_were_given_later(api: MemoryApi) -> None:
    receive(api, 3)
    serial, idle = Program(api, "&within_s=10"), Program(api)
    for number in (1, 2, 3):
        api.clock.pump([0.5] * 16)
        assert serial.say(number) == (204, "")
    assert idle.numbers == []


def test_what_was_not_settled_when_the_stream_ended_goes_to_another_at_once(api: MemoryApi) -> None:
    receive(api, 2)
    program, other = Program(api), Program(api)
    path = program.path
    assert program.say(1) == (204, "")
    program.leave()
    assert other.numbers == [2]
    assert api.ask("POST", f"{path}/2/handled").status == 404


def test_it_comes_again_in_a_later_stream(api: MemoryApi) -> None:
    receive(api, 2)
    program = Program(api)
    program.say(1)
    program.leave()
    assert Program(api).numbers == [2]


def test_a_stream_that_the_program_does_not_read_is_given_no_more(api: MemoryApi) -> None:
    program = Program(api)
    transport = program.stream.transport
    assert isinstance(transport, MemoryTransport)
    transport.pauseProducing()
    for number in range(6):
        api.fake.run(api.fake.bob.send(ALICE, bytes(60_000), kind="text", idempotency_key=f"long {number}"))
    api.fake.pass_time()
    other = Program(api, "&at_once=6")
    assert other.numbers[0] in (2, 3)
    transport.resumeProducing()
    api.clock.advance(0.1)
    assert sorted(program.numbers + other.numbers) == [1, 2, 3, 4, 5, 6]


def test_readers_are_listed_and_removed(api: MemoryApi) -> None:
    receive(api, 2)
    program = Program(api, "&reader=archive")
    program.say(1)
    [listed] = json.loads(api.ask("GET", "/v1/readers").body)
    assert {name: listed[name] for name in ("name", "kind", "waiting", "programs")} == {
        "name": "archive",
        "kind": "text",
        "waiting": 1,
        "programs": 1,
    }
    assert api.ask("DELETE", "/v1/readers/archive?kind=text").status == 409
    program.leave()
    assert api.ask("DELETE", "/v1/readers/archive").status == 400
    assert api.ask("DELETE", "/v1/readers/archive?kind=text").status == 204
    assert api.ask("DELETE", "/v1/readers/archive?kind=text").status == 404
    assert json.loads(api.ask("GET", "/v1/readers").body) == []


def test_one_reader_too_many_is_refused(api: MemoryApi) -> None:
    for number in range(MAX_READERS):
        Program(api, f"&reader=r{number}").leave()
    refused = api.ask("GET", "/v1/received?kind=text&reader=more")
    assert (refused.status, json.loads(refused.body)["error"]) == (429, "too_many_readers")
    assert Program(api, "&reader=r0").events[0].event == "subscribed"
    assert len(json.loads(api.ask("GET", "/v1/readers").body)) == MAX_READERS


@pytest.mark.parametrize(
    "query",
    [
        "",
        "kind=",
        "kind=Text",
        "kind=text&reader=A",
        "kind=text&reader=..",
        "kind=text&at_once=0",
        "kind=text&at_once=17",
        "kind=text&at_once=x",
        "kind=text&within_s=0",
        "kind=text&within_s=0.5",
        "kind=text&within_s=3601",
        "kind=text&within_s=nan",
        "kind=text&after=1",
    ],
)
def test_a_query_of_the_wrong_form_is_refused(api: MemoryApi, query: str) -> None:
    refused = api.ask("GET", f"/v1/received?{query}")
    assert (refused.status, json.loads(refused.body)["error"]) == (400, "bad_request")


def test_a_head_makes_no_reader(api: MemoryApi) -> None:
    assert api.ask("HEAD", "/v1/received?kind=text&reader=archive").status == 200
    assert json.loads(api.ask("GET", "/v1/readers").body) == []
