"""A provider asks a service that is a program of its own: both real ends, joined by a socket in memory."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Callable

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent

from loopixmix.errors import ConfigError, FormatError, LoopixmixError, UnavailableError
from loopixmix.keys import IdentityKey
from loopixmix.requests.names import Publish, sign_publish
from loopixmix.seams import Identity
from provider.api import Declaration, ServiceRefusedError
from provider.hosting.asker import Asker, FailedElsewhereError, LostQuestionError, NotAskedError
from provider.hosting.asking.limits import ServiceLimits
from provider.serving.answering import Answering, SocketKeys
from provider.serving.frames import (
    AskAnswered,
    AskOutcome,
    FindCard,
    FromProgram,
    Greeting,
    Health,
    Welcome,
    encode_frame,
)
from provider.serving.remote import MAX_BYTES_UNDER_WAY, MAX_KEY_CALLS, MOST, RemoteAsker
from tests.worlds.mailboxes.service_sockets import PLACE, ScriptedAsker, SocketWorld

KEY = bytes(range(16))
PROVIDER = bytes([7]) * 32


class SlowKeys:
    """Cards that a test hands out."""

    def __init__(self) -> None:
        self.asked: list[str | Publish] = []
        self.cards: list[Deferred[bytes]] = []
        self.publications: list[Deferred[bool]] = []

    async def card(self, name: str) -> bytes:
        self.asked.append(name)
        self.cards.append(Deferred())
        return await self.cards[-1]

    async def publish(self, publish: Publish) -> bool:
        self.asked.append(publish)
        self.publications.append(Deferred())
        return await self.publications[-1]


class Both:
    """A provider's side and a program's side."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.sockets = SocketWorld()
        self.provider_keys = SlowKeys()
        self.service = ScriptedAsker()
        self.program_keys = SocketKeys()
        self.answering = self.new_program()
        self.remote = RemoteAsker(
            "poll",
            PLACE,
            provider=PROVIDER,
            keys=self.provider_keys,
            dial=self.sockets.dial,
            clock=self.clock,
            rng=random.Random(1),
            limits=ServiceLimits(queue=7),
        )

    def new_program(self) -> Answering:
        def service_for(provider: Identity) -> Asker:
            if provider != PROVIDER:
                raise ConfigError("this is the service of another provider")
            return self.service

        return Answering(service_for, keys=self.program_keys, allowed_user_id=os.getuid(), clock=self.clock)

    def run(self) -> None:
        self.sockets.listener = self.answering.new_connection
        self.remote.start()
        self.sockets.carry()

    def ask(self, body: bytes = b"question") -> list[object]:
        """Ask, and return what came of it: nothing yet, or one result."""
        results: list[object] = []
        self.remote.ask(KEY, body).addBoth(lambda result: results.append(getattr(result, "value", result)))
        self.sockets.carry()
        return results

    def give_cards(self, card: bytes) -> None:
        """Answer all look-ups that wait."""
        for waiting in self.provider_keys.cards:
            if not waiting.called:
                waiting.callback(card)

    def wait(self, seconds: float = 20.0) -> None:
        self.clock.advance(seconds)
        self.sockets.carry()


@pytest.fixture
def both() -> Both:
    return Both()


def test_a_question_is_asked_and_answered(both: Both) -> None:
    both.run()
    results = both.ask()
    assert both.service.asked == [(KEY, b"question")]
    assert results == []
    both.service.answers[0].callback(b"answer")
    both.sockets.carry()
    assert results == [b"answer"]
    assert (both.remote.problem, both.answering.answered, both.answering.under_way) == (None, 1, 0)


def test_answers_come_in_any_order(both: Both) -> None:
    both.run()
    first, second = both.ask(), both.ask()
    both.service.answers[1].callback(b"second")
    both.service.answers[0].callback(b"first")
    both.sockets.carry()
    assert (first, second) == ([b"first"], [b"second"])


def test_bytes_may_come_one_by_one(both: Both) -> None:
    both.run()
    results: list[object] = []
    both.remote.ask(KEY, b"question").addCallback(results.append)
    both.sockets.carry(bytes_at_once=1)
    both.service.answers[0].callback(b"answer")
    both.sockets.carry(bytes_at_once=1)
    assert results == [b"answer"]


def test_a_refusal_and_a_failure_are_told_apart(both: Both) -> None:
    both.run()
    refused, failed = both.ask(), both.ask()
    both.service.answers[0].errback(ServiceRefusedError("no"))
    both.service.answers[1].errback(ValueError("the body was: hushed"))
    both.sockets.carry()
    assert [type(error) for error in refused + failed] == [ServiceRefusedError, FailedElsewhereError]
    assert "hushed" not in str(failed[0])


def test_the_program_logs_where_its_service_failed_and_the_provider_that_it_did(
    both: Both, logged: list[LogEvent]
) -> None:
    both.run()
    both.ask()
    try:
        raise ValueError("the body was: hushed")
    except ValueError:
        both.service.answers[0].errback()
    both.sockets.carry()
    told = [event["what"] for event in logged if "what" in event]
    assert len(told) == 1
    assert told[0].startswith(f"ValueError at {__file__}:")
    assert "hushed" not in repr(logged)


def test_nothing_is_asked_before_the_program_is_there(both: Both) -> None:
    both.remote.start()
    assert isinstance(both.ask()[0], NotAskedError)
    assert both.remote.problem is not None
    assert "nobody answers there" in both.remote.problem
    both.sockets.listener = both.answering.new_connection
    both.wait()
    assert both.remote.problem is None
    assert both.ask() == []


def test_a_lost_question_is_told_apart_from_one_that_was_not_asked(both: Both) -> None:
    both.run()
    results = both.ask()
    both.sockets.kill_program()
    assert isinstance(results[0], LostQuestionError)
    assert isinstance(both.ask()[0], NotAskedError)


def test_a_lost_question_may_be_asked_again_if_the_service_recognises_it(both: Both) -> None:
    both.service.declaration = Declaration(recognises_repetition=True)
    both.run()
    results = both.ask()
    both.sockets.kill_program()
    assert isinstance(results[0], NotAskedError)


def test_a_program_that_was_started_again_is_asked_again(both: Both) -> None:
    both.run()
    both.sockets.kill_program()
    both.service = ScriptedAsker(declaration=Declaration(at_once=3))
    both.answering = both.new_program()
    both.sockets.listener = both.answering.new_connection
    both.wait()
    assert both.ask() == []
    assert both.service.asked == [(KEY, b"question")]
    # The operator's limit stays.
    assert (both.remote.declaration.at_once, both.remote.declaration.queue) == (3, 7)


def test_waits_between_connections_grow(both: Both) -> None:
    both.remote.start()
    for _ in range(600):
        both.clock.advance(0.1)
    assert 6 <= both.sockets.dials <= 25


def test_an_answer_to_a_question_that_was_given_up_is_ignored(both: Both) -> None:
    both.run()
    asking = both.remote.ask(KEY, b"question")
    asking.addErrback(lambda _: None)
    both.sockets.carry()
    asking.cancel()
    both.service.answers[0].callback(b"late")
    both.sockets.carry()
    assert both.remote.problem is None
    assert both.ask() == []


def test_more_than_the_program_takes_is_not_asked_and_breaks_nothing_off(both: Both) -> None:
    both.service.declaration = Declaration(at_once=2, queue=1)
    both.run()
    under_way = [both.ask() for _ in range(3)]
    [error] = both.ask()
    assert isinstance(error, NotAskedError)
    assert len(both.service.asked) == 3
    both.service.answers[0].callback(b"answer")
    both.sockets.carry()
    assert under_way == [[b"answer"], [], []]
    assert (both.ask(), len(both.service.asked)) == ([], 4)


def test_the_program_gives_up_a_question_by_its_own_time_limit(both: Both, logged: list[LogEvent]) -> None:
    both.service.declaration = Declaration(timeout_s=5.0)
    both.run()
    results = both.ask()
    both.wait(5.0)
    assert both.service.cancelled == 1
    assert isinstance(results[0], LoopixmixError)
    assert [event["timeout_s"] for event in logged if "timeout_s" in event] == [5.0]


def test_a_program_that_does_not_read_holds_little_of_the_providers_memory(both: Both) -> None:
    both.run()
    both.sockets.let_program_be_deaf()
    body = bytes(100_000)
    results = [both.remote.ask(KEY, body) for _ in range(100)]
    assert both.sockets.unread_bytes < 300_000
    # Those that are given up meanwhile are never sent.
    for each in results[10:]:
        each.addErrback(lambda _: None)
        each.cancel()
    both.sockets.let_program_be_deaf(False)
    both.sockets.carry()
    assert len(both.service.asked) == 10
    both.wait(29.0)
    assert both.sockets.open_connections == 1
    for each in results[:10]:
        each.addErrback(lambda _: None)


def test_a_program_that_reads_nothing_for_long_is_dropped(both: Both) -> None:
    both.run()
    both.sockets.let_program_be_deaf()
    failures: list[type] = []
    for _ in range(3):
        both.remote.ask(KEY, bytes(60_000)).addErrback(lambda failure: failures.append(type(failure.value)))
    both.wait(29.0)
    assert failures == []
    both.wait(2.0)
    # The first two were sent, and may have been read.
    assert failures == [LostQuestionError, LostQuestionError, NotAskedError]
    assert "has read nothing for 30 s" in (both.remote.problem or "")


def test_a_program_that_does_not_read_cannot_let_cards_pile_up(both: Both) -> None:
    impostor = Impostor(both)
    both.sockets.let_program_be_deaf()
    for _ in range(200):
        impostor.say(b"".join(encode_frame(FindCard(number, "alice")) for number in range(50)))
        both.give_cards(bytes(2000))
        both.clock.advance(0.1)
    assert both.sockets.unread_bytes < 300_000


def test_cards_are_looked_up_at_a_limited_rate(both: Both) -> None:
    impostor = Impostor(both)
    for _ in range(100):
        impostor.say(b"".join(encode_frame(FindCard(number, "alice")) for number in range(100)))
        both.give_cards(b"card")
        both.clock.advance(0.1)
    assert len(both.provider_keys.asked) <= MAX_KEY_CALLS + 200 * 10 + 1


FLOODS = [
    ("answers what nobody asks", AskAnswered(2**20, AskOutcome.DONE, b"")),
    ("tells how it is", Health("")),
    ("looks cards up", FindCard(0, "alice")),
]


@pytest.mark.parametrize(("what", "message"), FLOODS, ids=[what for what, _ in FLOODS])
def test_a_program_that_floods_is_dropped_and_told(both: Both, what: str, message: FromProgram) -> None:
    impostor = Impostor(both)
    for _ in range(40):
        impostor.say(encode_frame(message) * 1000)
        both.give_cards(b"card")
        both.clock.advance(0.01)
        if not both.sockets.open_connections:
            break
    assert both.sockets.open_connections == 0
    assert f"it floods its provider: it {what}" in (both.remote.problem or "")
    assert len(both.provider_keys.asked) <= MAX_KEY_CALLS + 200


def test_the_program_of_a_service_that_fails_each_time_says_so_itself_and_is_asked_all_the_same(both: Both) -> None:
    both.run()
    for number in range(3):
        both.ask()
        both.service.answers[number].errback(ValueError("word-77"))
        both.sockets.carry()
    both.wait(2.0)
    assert both.answering.problem is not None
    assert both.answering.problem.endswith("none of its last 3 requests: ValueError at an unknown place")
    assert both.remote.problem is None
    both.ask()
    both.service.answers[3].callback(b"answer")
    assert both.answering.problem is None


def test_an_error_with_the_cards_is_told_without_its_words(both: Both, logged: list[LogEvent]) -> None:
    both.run()
    card = Deferred.fromCoroutine(both.program_keys.card("alice"))
    card.addErrback(lambda _: None)
    both.sockets.carry()
    both.provider_keys.cards[0].errback(ValueError("word-77"))
    both.sockets.carry()
    assert next(event["what"] for event in logged if "what" in event).startswith("ValueError at ")
    assert "word-77" not in repr(logged)
    assert not any("log_failure" in event for event in logged)


def test_a_program_may_declare_so_much_and_no_more(both: Both) -> None:
    both.service.declaration = Declaration(at_once=2**40, kept_bytes=2**60, timeout_s=float("inf"), assemblies=5)
    both.run()
    told = both.remote.declaration
    assert (told.at_once, told.kept_bytes, told.timeout_s) == (MOST.at_once, MOST.kept_bytes, MOST.timeout_s)
    assert told.assemblies == 5


def test_an_operator_lets_the_program_be_asked_less_at_once_and_not_more(both: Both) -> None:
    both.remote._limits = ServiceLimits(at_once=50, queue=7)
    both.service.declaration = Declaration(at_once=3)
    both.run()
    assert (both.remote.declaration.at_once, both.remote.declaration.queue) == (3, 7)
    both.sockets.kill_program()
    both.service.declaration = Declaration(at_once=60)
    both.sockets.listener = both.answering.new_connection
    both.wait()
    assert both.remote.declaration.at_once == 50


def test_a_declaration_that_is_none_ends_the_connection(both: Both) -> None:
    impostor = Impostor(both, greets=False)
    frame = encode_frame(Welcome(1, "poll", Declaration(timeout_s=30.5)))
    impostor.say(frame.replace(struct.pack(">d", 30.5), struct.pack(">d", float("nan"))))
    assert both.sockets.open_connections == 0
    assert "breaks the protocol" in (both.remote.problem or "")


def test_a_service_that_is_switched_off_was_not_asked(both: Both) -> None:
    both.run()
    first = both.ask()
    both.service.problem = "8 of its threads do not end"
    both.service.answers[0].errback(NotAskedError("switched off"))
    both.sockets.carry()
    assert isinstance(first[0], NotAskedError)
    assert isinstance(both.ask()[0], NotAskedError)
    assert len(both.service.asked) == 1
    # It says so when it is well again, though nobody asks it.
    both.service.problem = None
    both.wait(1.0)
    assert both.remote.problem is None
    assert both.ask() == []


@pytest.mark.parametrize("name", ["", "x" * 65, "Alice", "a b"])
def test_a_name_that_is_none_harms_nobody_else(both: Both, name: str) -> None:
    both.run()
    results = both.ask()
    failures: list[object] = []
    Deferred.fromCoroutine(both.program_keys.card(name)).addErrback(lambda f: failures.append(f.value))
    both.sockets.carry()
    assert isinstance(failures[0], FormatError)
    assert both.sockets.open_connections == 1
    assert results == []


def test_a_card_that_is_too_long_is_not_published_and_harms_nobody_else(both: Both) -> None:
    both.run()
    published: list[object] = []
    publish = sign_publish(IdentityKey(bytes(32)), "alice", 1, bytes(9000))
    Deferred.fromCoroutine(both.program_keys.publish(publish)).addBoth(published.append)
    both.sockets.carry()
    assert published == [False]
    assert both.sockets.open_connections == 1


def test_a_program_that_greets_and_breaks_off_is_tried_less_and_less(both: Both) -> None:
    both.sockets.listener = both.answering.new_connection
    both.remote.start()
    for _ in range(600):
        both.sockets.carry()
        if both.sockets.open_connections:
            both.sockets.say_to_provider(b"\0\0\0\x03abc")
        both.clock.advance(0.1)
    assert 6 <= both.sockets.dials <= 25


def test_a_program_with_too_much_to_answer_is_not_asked(both: Both) -> None:
    both.run()
    body = bytes(256 * 1024)
    waiting = [both.remote.ask(KEY, body) for _ in range(MAX_BYTES_UNDER_WAY // len(body))]
    assert isinstance(both.ask(body)[0], NotAskedError)
    waiting[0].addErrback(lambda _: None)
    waiting[0].cancel()
    assert both.ask(body) == []


def test_a_program_says_why_its_service_does_not_work(both: Both) -> None:
    both.run()
    results = both.ask()
    both.service.problem = "8 of its threads\nwere given up"
    both.service.answers[0].errback(ValueError())
    both.sockets.carry()
    assert results
    assert both.remote.problem == 'the program of the service "poll" says: 8 of its threads were given up'
    both.service.problem = None
    both.wait(1.0)
    assert both.remote.problem is None


def test_a_program_of_another_user_is_refused(both: Both) -> None:
    both.sockets.program_user_id = 4242
    both.run()
    assert both.remote.problem is not None
    assert "runs as user 4242, and only" in both.remote.problem
    assert isinstance(both.ask()[0], NotAskedError)
    assert both.answering.is_connected is False


def test_a_provider_of_another_user_is_refused(both: Both) -> None:
    both.sockets.provider_user_id = 4242
    both.run()
    assert both.answering.is_connected is False
    assert both.sockets.open_connections == 0


def test_the_service_of_another_provider_refuses(both: Both) -> None:
    both.remote._hello = Greeting(1, bytes(32), "poll")
    both.run()
    assert both.answering.is_connected is False
    assert both.remote.problem is not None


def test_another_service_refuses(both: Both) -> None:
    both.service.name = "survey"
    both.run()
    assert both.answering.is_connected is False


def test_the_newest_connection_counts(both: Both) -> None:
    both.run()
    other = RemoteAsker(
        "poll",
        PLACE,
        provider=PROVIDER,
        keys=SlowKeys(),
        dial=both.sockets.dial,
        clock=both.clock,
        rng=random.Random(2),
        limits=ServiceLimits(),
    )
    other.start()
    both.sockets.carry()
    assert other.problem is None
    assert both.sockets.open_connections == 1


class Impostor:
    """A program written by somebody else: it says what the test tells it to."""

    def __init__(self, both: Both, *, greets: bool = True) -> None:
        from twisted.internet.protocol import Protocol

        self.both = both
        both.sockets.listener = Protocol
        both.remote.start()
        if greets:
            self.say(encode_frame(Welcome(1, "poll", Declaration())))

    def say(self, data: bytes) -> None:
        self.both.sockets.say_to_provider(data)


HOSTILE: list[tuple[bool, bytes, str]] = [
    (False, encode_frame(AskAnswered(0, AskOutcome.DONE, b"")), "did not greet first"),
    (False, encode_frame(FindCard(0, "alice")), "did not greet first"),
    (False, encode_frame(Welcome(2, "poll", Declaration())), "version 2"),
    (False, encode_frame(Welcome(1, "survey", Declaration())), 'serves "survey"'),
    (True, encode_frame(Welcome(1, "poll", Declaration())), "greeted twice"),
    (True, encode_frame(Greeting(1, bytes(32), "poll")), "none"),
    (True, struct.pack(">I", 2**31), "longer than"),
    (True, struct.pack(">I", 3) + b"abc", "none"),
]


@pytest.mark.parametrize(("greets", "data", "complaint"), HOSTILE, ids=[complaint for _, _, complaint in HOSTILE])
def test_a_program_that_breaks_the_protocol_is_dropped(both: Both, greets: bool, data: bytes, complaint: str) -> None:
    impostor = Impostor(both, greets=greets)
    results = both.ask() if greets else []
    impostor.say(data)
    assert both.sockets.open_connections == 0
    assert both.remote.problem is not None
    assert complaint in both.remote.problem
    assert all(isinstance(error, LostQuestionError) for error in results)
    # And it is tried again.
    dials = both.sockets.dials
    both.wait()
    assert both.sockets.dials > dials


def test_a_program_that_does_not_greet_is_dropped(both: Both) -> None:
    Impostor(both, greets=False)
    both.wait(9.9)
    assert both.sockets.open_connections == 1
    both.wait(0.2)
    assert both.sockets.open_connections == 0
    assert "did not greet in time" in (both.remote.problem or "")


def test_answers_to_nothing_are_ignored(both: Both) -> None:
    impostor = Impostor(both)
    impostor.say(encode_frame(AskAnswered(77, AskOutcome.DONE, b"x")) + encode_frame(Health("")))
    assert both.remote.problem is None


class Stranger:
    """Somebody else's provider: it says what the test tells it to."""

    def __init__(self, both: Both) -> None:
        from twisted.internet.protocol import Factory, Protocol

        both.sockets.listener = both.answering.new_connection
        both.sockets.dial(PLACE, Factory.forProtocol(Protocol))
        self.say: Callable[[bytes], None] = both.sockets.say_to_program


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\0\x03abc",
        struct.pack(">I", 2**31),
        encode_frame(Greeting(2, PROVIDER, "poll")),
        encode_frame(Greeting(1, PROVIDER, "survey")),
        encode_frame(Greeting(1, bytes(32), "poll")),
        encode_frame(Greeting(1, PROVIDER, "poll")) * 2,
        b"\0\0\0\x17\x94\xa1a\x07\xc4\x10" + KEY + b"\xc4\x00",
    ],
)
def test_a_provider_that_breaks_the_protocol_is_dropped(both: Both, data: bytes) -> None:
    Stranger(both).say(data)
    assert both.sockets.open_connections == 0
    assert both.service.asked == []


def test_cards_are_found_and_published_over_the_socket(both: Both) -> None:
    both.run()
    identity_key = IdentityKey(bytes(32))
    publish = sign_publish(identity_key, "alice", 3, b"card")
    found: list[object] = []
    Deferred.fromCoroutine(both.program_keys.card("alice")).addBoth(found.append)
    Deferred.fromCoroutine(both.program_keys.publish(publish)).addBoth(found.append)
    both.sockets.carry()
    assert both.provider_keys.asked == ["alice", publish]
    both.provider_keys.publications[0].callback(True)
    both.provider_keys.cards[0].callback(b"the card")
    both.sockets.carry()
    assert sorted(found, key=str) == sorted([True, b"the card"], key=str)


def test_cards_cannot_be_used_without_a_provider(both: Both) -> None:
    failures: list[object] = []
    Deferred.fromCoroutine(both.program_keys.card("alice")).addErrback(lambda f: failures.append(f.value))
    both.run()
    Deferred.fromCoroutine(both.program_keys.card("alice")).addErrback(lambda f: failures.append(f.value))
    Deferred.fromCoroutine(both.program_keys.card("bob")).addErrback(lambda f: failures.append(f.value))
    both.sockets.carry()
    both.provider_keys.cards[0].errback(UnavailableError("the disk is away"))
    both.sockets.carry()
    both.sockets.kill_program()
    assert [type(failure) for failure in failures] == [UnavailableError] * 3


def test_a_program_cannot_keep_the_provider_busy_with_cards(both: Both) -> None:
    impostor = Impostor(both)
    impostor.say(b"".join(encode_frame(FindCard(number, "alice")) for number in range(MAX_KEY_CALLS + 50)))
    assert len(both.provider_keys.asked) == MAX_KEY_CALLS
    for card in both.provider_keys.cards:
        card.callback(b"card")
    both.clock.advance(1.0)
    impostor.say(encode_frame(FindCard(0, "bob")))
    assert both.provider_keys.asked[-1] == "bob"


def test_nothing_is_left_when_it_stops(both: Both) -> None:
    both.run()
    results = both.ask()
    Deferred.fromCoroutine(both.remote.stop())
    assert isinstance(results[0], LostQuestionError)
    assert both.sockets.open_connections == 0
    both.service.answers[0].callback(b"")
    assert both.clock.getDelayedCalls() == []


def test_nothing_is_left_when_it_stops_before_the_program_was_there(both: Both) -> None:
    both.remote.start()
    Deferred.fromCoroutine(both.remote.stop())
    assert both.clock.getDelayedCalls() == []
