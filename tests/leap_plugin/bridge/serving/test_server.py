"""Connections over transports in memory: no socket, no thread, and a clock that the test holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from leap_plugin.bridge.imap.grammar.lines import Limits
from leap_plugin.bridge.imap.session.states import Privacy
from leap_plugin.bridge.serving.connection import MOST_UNREAD_BYTES, SLICE_BYTES, TimeLimits
from leap_plugin.bridge.serving.server import (
    END_S,
    LONGEST_PAUSE_S,
    MOST_NOT_LOGGED_IN,
    PAUSE_S,
    ImapDoor,
    ImapServer,
    Slice,
)
from tests.worlds.mail_folders import MemoryMailboxes, OneAccount

FLAGS = frozenset[str]()
LOGIN = b"a LOGIN alice secret\r\n"


@dataclass
class HeldThread:
    """Does work when the test says so."""

    waiting: list[tuple[Callable[[], Slice], Deferred[Slice]]] = field(default_factory=list)
    at_once: bool = True

    def run(self, work: Callable[[], Slice]) -> Deferred[Slice]:
        done: Deferred[Slice] = Deferred()
        self.waiting.append((work, done))
        if self.at_once:
            self.step()
        return done

    def step(self) -> None:
        work, done = self.waiting.pop(0)
        try:
            result = work()
        except Exception:
            done.errback()
        else:
            done.callback(result)


class TlsTransport(StringTransport):
    """Remembers where TLS began, and whether it was cut off."""

    is_cut_off = False

    def abortConnection(self) -> None:
        self.is_cut_off = True

    def startTLS(self, context: object) -> None:
        self.write(f"<{context}>".encode())


class Door:
    """A server, its clock, and its clients."""

    def __init__(self, *, privacy: Privacy = Privacy.IN_CLEAR, most: int = 100, limits: Limits | None = None) -> None:
        self.mailboxes = MemoryMailboxes()
        self.clock = Clock()
        self.thread = HeldThread()
        door = ImapDoor(OneAccount(self.mailboxes), privacy, context="TLS", limits=limits or Limits())
        self.server = ImapServer(
            door,
            clock=self.clock,
            in_thread=self.thread.run,
            call_from_thread=lambda call: call(),
            most_connections=most,
        )

    def connect(self) -> Client:
        made = self.server.buildProtocol(None)
        client = Client(made, TlsTransport())
        made.makeConnection(client.transport)
        return client


@dataclass
class Client:
    protocol: Protocol
    transport: TlsTransport

    def say(self, data: bytes) -> bytes:
        self.transport.clear()
        self.protocol.dataReceived(data)
        return self.transport.value()

    def heard(self) -> bytes:
        heard = self.transport.value()
        self.transport.clear()
        return heard

    @property
    def is_closed(self) -> bool:
        return self.transport.disconnecting

    def lose(self) -> None:
        self.protocol.connectionLost()


def test_a_client_is_greeted_and_answered() -> None:
    client = Door().connect()
    assert client.heard().startswith(b"* OK [CAPABILITY")
    assert client.say(LOGIN[:7]) == b""
    assert client.say(LOGIN[7:]).startswith(b"a OK")
    assert client.say(b"b LOGOUT\r\n").endswith(b"b OK done\r\n")
    assert client.is_closed


def test_an_idling_client_hears_news_when_the_bell_rings() -> None:
    door = Door()
    one, other = door.connect(), door.connect()
    for client in (one, other):
        client.say(LOGIN + b"b SELECT INBOX\r\n")
    assert one.say(b"c IDLE\r\n") == b"+ idling\r\n"
    other.heard()
    one.heard()
    door.mailboxes.append("INBOX", b"x", FLAGS, None)
    door.mailboxes.ring()
    assert one.heard() == b"* 1 EXISTS\r\n"
    assert other.heard() == b""
    assert other.say(b"n NOOP\r\n").startswith(b"* 1 EXISTS\r\n")
    assert door.mailboxes.listening == 2
    one.lose()
    door.mailboxes.ring()
    assert door.mailboxes.listening == 1


def test_rings_during_work_are_one_news_afterwards() -> None:
    door = Door()
    client = door.connect()
    client.say(LOGIN + b"b SELECT INBOX\r\nc IDLE\r\n")
    client.heard()
    door.thread.at_once = False
    door.mailboxes.append("INBOX", b"x", FLAGS, None)
    for _ in range(5):
        door.mailboxes.ring()
    assert len(door.thread.waiting) == 1
    door.thread.step()
    assert client.heard() == b"* 1 EXISTS\r\n"
    door.thread.step()
    assert client.heard() == b""
    assert door.thread.waiting == []
    door.mailboxes.append("INBOX", b"x", FLAGS, None)
    door.mailboxes.ring()
    door.thread.step()
    assert client.heard() == b"* 2 EXISTS\r\n"


def test_a_long_answer_comes_in_slices_and_stops_while_the_client_does_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A slice ends after a while, too: on a busy machine it would be shorter than what is tested here.
    monkeypatch.setattr("leap_plugin.bridge.serving.connection.SLICE_S", 3600.0)
    door = Door()
    for _ in range(8):
        door.mailboxes.append("INBOX", b"x" * 100_000, FLAGS, None)
    client = door.connect()
    client.say(LOGIN + b"b SELECT INBOX\r\n")
    door.thread.at_once = False
    client.say(b"c FETCH 1:* BODY.PEEK[]\r\nd NOOP\r\n")
    door.thread.step()
    assert SLICE_BYTES <= len(client.heard()) < SLICE_BYTES + 100_100
    (producer,) = [client.transport.producer]
    producer.pauseProducing()
    door.thread.step()
    assert client.heard()
    assert door.thread.waiting == []
    producer.resumeProducing()
    heard = b""
    while door.thread.waiting:
        door.thread.step()
        heard += client.heard()
    assert heard.endswith(b"c OK done\r\nd OK done\r\n")


def test_a_client_that_never_reads_is_cut_off() -> None:
    door = Door()
    client = door.connect()
    client.say(LOGIN)
    client.transport.producer.pauseProducing()
    door.clock.advance(TimeLimits().stalled_s + 1)
    assert client.transport.is_cut_off


def test_a_client_that_says_more_than_is_read_must_wait() -> None:
    door = Door()
    client = door.connect()
    door.thread.at_once = False
    client.say(b"a NOOP\r\n")
    client.say(b"x" * (MOST_UNREAD_BYTES + 1))
    assert client.transport.producerState == "paused"
    while door.thread.waiting:
        door.thread.step()
    assert client.transport.producerState == "producing"


def test_when_the_client_is_gone_its_work_ends_with_the_slice() -> None:
    door = Door()
    for _ in range(8):
        door.mailboxes.append("INBOX", b"x" * 100_000, FLAGS, None)
    client = door.connect()
    client.say(LOGIN + b"b SELECT INBOX\r\n")
    door.thread.at_once = False
    client.say(b"c FETCH 1:* BODY.PEEK[]\r\n")
    client.lose()
    door.thread.step()
    assert door.thread.waiting == []
    assert door.clock.getDelayedCalls() == []


def test_time_runs_out_before_a_login_and_later_for_a_silent_client() -> None:
    door = Door()
    silent, slow, logged_in = door.connect(), door.connect(), door.connect()
    logged_in.say(LOGIN)
    for _ in range(9):
        door.clock.advance(TimeLimits().log_in_s / 10)
        slow.say(b"a NOOP\r\n")
    door.clock.advance(TimeLimits().log_in_s / 10 + 1)
    assert silent.heard().endswith(b"* BYE the bridge has waited long enough\r\n")
    assert (silent.is_closed, slow.is_closed, logged_in.is_closed) == (True, True, False)
    door.clock.advance(1_700 - TimeLimits().log_in_s)
    logged_in.say(b"a IDLE\r\n")
    door.clock.advance(1_799)
    assert not logged_in.is_closed
    door.clock.advance(2)
    assert logged_in.is_closed


def test_a_wrong_password_is_answered_later_and_later() -> None:
    door = Door()
    for count in range(3):
        client = door.connect()
        client.heard()
        assert client.say(b"a LOGIN alice wrong\r\n") == b""
        door.clock.advance(PAUSE_S * 2**count - 0.1)
        assert client.heard() == b""
        door.clock.advance(0.2)
        assert client.heard().startswith(b"a NO [AUTHENTICATIONFAILED]")
    client = door.connect()
    assert client.say(LOGIN).startswith(b"a OK")
    # A right one makes the next wrong one the first again.
    client = door.connect()
    client.say(b"a LOGIN alice wrong\r\n")
    door.clock.advance(PAUSE_S + 0.1)
    assert client.heard().startswith(b"a NO")


def test_connections_are_bounded_in_all_and_before_the_login() -> None:
    door = Door(most=MOST_NOT_LOGGED_IN + 1)
    first = door.connect()
    first.say(LOGIN)
    without = [door.connect() for _ in range(MOST_NOT_LOGGED_IN)]
    assert not any(client.is_closed for client in without)
    assert door.connect().heard() == b"* BYE there are as many connections as the bridge takes\r\n"
    for client in without:
        client.lose()
    assert b"* OK" in door.connect().heard()
    few = Door()
    for _ in range(MOST_NOT_LOGGED_IN):
        few.connect()
    assert b"BYE" in few.connect().heard()


def test_tls_begins_and_what_came_before_it_counts_for_nothing() -> None:
    door = Door(privacy=Privacy.TLS_DEMANDED)
    client = door.connect()
    assert b"LOGINDISABLED" in client.heard()
    assert client.say(LOGIN).startswith(b"a NO [PRIVACYREQUIRED]")
    assert client.say(b"a AUTHENTICATE PLAIN\r\n").startswith(b"a NO [PRIVACYREQUIRED]")
    assert client.say(b"b STARTTLS\r\nput-in NOOP\r\n") == b"b OK TLS begins\r\n<TLS>"
    capability = client.say(b"c CAPABILITY\r\n")
    assert b"AUTH=PLAIN" in capability
    assert b"put-in" not in capability
    assert b"STARTTLS" not in capability
    assert client.say(b"d STARTTLS\r\n").startswith(b"d NO")
    other = door.connect()
    door.thread.at_once = False
    other.say(b"b STARTTLS\r\n")
    other.say(b"put-in NOOP\r\n")
    door.thread.step()
    assert other.heard() == b"b OK TLS begins\r\n<TLS>"
    assert door.thread.waiting == []
    door.thread.at_once = True
    assert client.say(LOGIN).startswith(b"a OK")


def test_a_session_that_fails_ends_with_a_word() -> None:
    class Broken(MemoryMailboxes):
        def folders(self) -> list[object]:  # type: ignore[override]
            raise ZeroDivisionError

    door = Door()
    door.mailboxes = Broken()
    door.server._door.accounts.mailboxes = door.mailboxes  # type: ignore[attr-defined]
    client = door.connect()
    client.say(LOGIN)
    assert client.say(b'a LIST "" *\r\n') == b"* BYE the bridge failed; its log says more\r\n"
    assert client.is_closed


def test_stopping_says_goodbye_finishes_answers_and_waits_for_work() -> None:
    door = Door()
    idle, busy = door.connect(), door.connect()
    idle.say(LOGIN)
    busy.say(LOGIN)
    door.thread.at_once = False
    busy.say(b"b NOOP\r\n")
    idle.heard()
    stopped = Deferred.fromCoroutine(door.server.stop())
    assert idle.heard() == b"* BYE the bridge goes off\r\n"
    assert busy.heard() == b""
    door.thread.step()
    assert busy.heard() == b"b OK done\r\n* BYE the bridge goes off\r\n"
    assert b"BYE" in door.connect().heard()
    idle.lose()
    assert not stopped.called
    busy.lose()
    assert stopped.called
    assert door.clock.getDelayedCalls() == []


def test_stopping_does_not_wait_for_a_client_that_stays() -> None:
    door = Door()
    client = door.connect()
    stopped = Deferred.fromCoroutine(door.server.stop())
    door.clock.advance(END_S + 1)
    assert client.transport.is_cut_off
    client.lose()
    assert stopped.called


@pytest.mark.parametrize("data", [b"\r\n" * 30, b"a LOGIN {99999999999+}\r\n", b"x" * 2_000_000, b"\0\r\n" * 30])
def test_hostile_bytes_end_one_connection_and_no_other(data: bytes) -> None:
    door = Door()
    hostile, good = door.connect(), door.connect()
    for first in range(0, len(data), 50_000):
        hostile.say(data[first : first + 50_000])
    assert hostile.is_closed
    assert good.say(LOGIN).startswith(b"a OK")


def test_who_hangs_up_after_a_wrong_password_keeps_its_place_until_the_answer_is_due() -> None:
    door = Door()
    for _ in range(MOST_NOT_LOGGED_IN):
        client = door.connect()
        client.say(b"a LOGIN alice wrong\r\n")
        client.lose()
    assert door.connect().heard().startswith(b"* BYE")
    door.clock.advance(LONGEST_PAUSE_S)
    assert door.connect().heard().startswith(b"* OK")


def test_who_hangs_up_during_work_keeps_its_place_until_the_work_is_done() -> None:
    door = Door()
    door.thread.at_once = False
    clients = [door.connect() for _ in range(MOST_NOT_LOGGED_IN)]
    for client in clients:
        client.lose()
    assert door.connect().heard().startswith(b"* BYE")
    door.thread.step()
    last = door.connect()
    assert not last.is_closed
    ended: list[object] = []
    Deferred.fromCoroutine(door.server.stop()).addCallback(ended.append)
    while door.thread.waiting:
        door.thread.step()
    last.lose()
    assert ended == [None]
    assert door.clock.getDelayedCalls() == []


def test_the_end_does_not_wait_for_who_guessed_and_hung_up() -> None:
    door = Door()
    client = door.connect()
    client.say(b"a LOGIN alice wrong\r\n")
    client.lose()
    ended: list[object] = []
    Deferred.fromCoroutine(door.server.stop()).addCallback(ended.append)
    assert ended == [None]
    assert door.clock.getDelayedCalls() == []


def test_a_search_works_only_so_long() -> None:
    found, refused = (
        b"* SEARCH 1\r\nc OK done\r\n",
        b"c NO [LIMIT] this search takes too long: narrow it, by dates for example\r\n",
    )
    for limits, ending in ((Limits(), found), (Limits(search_s=0.0), refused)):
        door = Door(limits=limits)
        door.mailboxes.append("INBOX", b"x", FLAGS, None)
        client = door.connect()
        client.say(LOGIN + b"b SELECT INBOX\r\n")
        assert client.say(b"c SEARCH ALL\r\n").endswith(ending)
