"""Connections of mail programs: what goes on at the same time, and what ends by time."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from leap_plugin.bridge.accepting import (
    CHECK_WITHIN_S,
    IDLE_S,
    LOG_IN_WITHIN_S,
    LONGEST_PAUSE_S,
    MOST_CONNECTIONS,
    MOST_NOT_LOGGED_IN,
    PAUSE_S,
    STALLED_S,
    SubmissionConnection,
    SubmissionDoor,
    SubmissionServer,
)
from leap_plugin.bridge.places import SHARE
from leap_plugin.bridge.smtp.session import Secrecy
from leap_plugin.bridge.users import MailUser, MailUsers
from leap_plugin.mail.submitting import SubmittedMail
from loopixmix.errors import StoreError, UnavailableError
from tests.worlds.mail_folders import MemoryMailboxes
from tests.worlds.submissions import ALICE, PASSWORD, MemorySubmissions

SECRET = "password-that-nobody-may-read"
FROM = f"MAIL FROM:<{ALICE}>\r\n".encode()
RCPT = b"RCPT TO:<bob@provider-2.mix.invalid>\r\n"


@dataclass
class SlowSubmissions(MemorySubmissions):
    """Answers when the test says so."""

    checks: list[Deferred[None]] = field(default_factory=list)
    submits: list[Deferred[str]] = field(default_factory=list)

    async def check_recipient(self, address: str, size_bytes: int | None) -> None:
        check: Deferred[None] = Deferred()
        self.checks.append(check)
        await check

    async def submit(self, submitted: SubmittedMail) -> str:
        submit: Deferred[str] = Deferred()
        self.submits.append(submit)
        return await submit


class World:
    """A server with one user, and the mail programs of a test."""

    def __init__(self, queue: MemorySubmissions | None = None) -> None:
        self.queue = queue or MemorySubmissions()
        self.clock = Clock()
        users = MailUsers({ALICE: MailUser(ALICE, MemoryMailboxes(), self.queue)}, self._is_password)
        self.server = SubmissionServer(SubmissionDoor(users, Secrecy.PLAIN), clock=self.clock, in_thread=inline)
        self.failing: Exception | None = None

    def _is_password(self, login: str, password: str) -> bool:
        if self.failing is not None:
            raise self.failing
        return (login, password) == (ALICE, PASSWORD)

    def connect(self, address: IPv4Address | None = None) -> Program:
        program = Program(self, address)
        program.protocol.makeConnection(program.transport)
        return program

    def log_in(self) -> Program:
        program = self.connect()
        assert b"235" in program.say(b"EHLO me\r\n" + auth(PASSWORD))
        return program


class Program:
    """A mail program."""

    def __init__(self, world: World, address: IPv4Address | None = None) -> None:
        self.protocol = world.server.buildProtocol(address)
        self.transport = StringTransport()

    def say(self, data: bytes) -> bytes:
        self.transport.clear()
        self.protocol.dataReceived(data)
        return self.heard

    @property
    def heard(self) -> bytes:
        return self.transport.value()

    def lose(self) -> None:
        self.protocol.connectionLost()


def inline(work: Callable[[], MailUser | None]) -> Awaitable[MailUser | None]:
    return succeed(work())


def auth(password: str) -> bytes:
    return b"AUTH PLAIN " + base64.b64encode(f"\0{ALICE}\0{password}".encode()) + b"\r\n"


def test_a_mail_goes_from_the_socket_into_the_queue() -> None:
    world = World()
    program = world.log_in()
    heard = program.say(FROM + RCPT + b"DATA\r\n")
    assert heard.endswith(b"354 give the mail; CRLF.CRLF ends it\r\n")
    assert program.say(b"hi\r\n.\r\n") == b"250 2.6.0 queued as mail-1\r\n"
    assert world.queue.taken[0].mail == b"hi\r\n"
    assert program.say(b"QUIT\r\n").startswith(b"221")
    assert program.transport.disconnecting
    program.lose()
    assert world.clock.getDelayedCalls() == []


def test_a_slow_look_up_holds_up_its_own_session_only_and_keeps_the_order() -> None:
    queue = SlowSubmissions()
    world = World(queue)
    one, other = world.log_in(), world.log_in()
    assert one.say(FROM + RCPT + RCPT + b"NOOP\r\n") == b"250 2.1.0 the sender is taken\r\n"
    assert one.transport.producerState == "paused"
    assert other.say(b"NOOP\r\n") == b"250 2.0.0 nothing done\r\n"
    queue.checks[0].callback(None)
    queue.checks[1].errback(UnavailableError("the network is down"))
    lines = one.heard.split(b"\r\n")
    assert [line[:9] for line in lines] == [b"250 2.1.0", b"250 2.1.5", b"451 4.4.0", b"250 2.0.0", b""]
    assert one.transport.producerState == "producing"


def test_a_look_up_that_never_ends_is_given_up() -> None:
    world = World(SlowSubmissions())
    program = world.log_in()
    program.say(FROM + RCPT)
    world.clock.advance(CHECK_WITHIN_S)
    assert program.heard.endswith(b"451 4.4.7 the recipient could not be looked up in time\r\n")


def test_many_answers_that_are_there_at_once_take_no_room_on_the_stack() -> None:
    program = World().log_in()
    heard = program.say((FROM + RCPT * 100 + b"RSET\r\n") * 30)
    assert heard.count(b"250 2.1.5") == 3000


def test_a_wrong_password_is_answered_late_and_a_right_one_is_not() -> None:
    world = World()
    program = world.connect()
    assert b"535" not in program.say(b"EHLO me\r\n" + auth("wrong"))
    world.clock.advance(PAUSE_S)
    assert program.heard.endswith(b"loopixmix mail setup DIR shows them\r\n")
    assert program.say(auth("wrong")) == b""
    world.clock.advance(PAUSE_S)
    assert program.heard == b""
    world.clock.advance(PAUSE_S)
    assert program.heard.startswith(b"535 5.7.8")
    assert program.say(auth(PASSWORD)) == b"235 2.7.0 welcome\r\n"
    assert b"530" in world.connect().say(b"EHLO me\r\n" + FROM)


def test_passwords_that_cannot_be_read_are_told_as_that() -> None:
    world = World()
    world.failing = StoreError("/secret/place: cannot be read")
    assert (
        world.connect().say(b"EHLO me\r\n" + auth(PASSWORD)).endswith(b"454 4.7.0 passwords cannot be checked now\r\n")
    )


@pytest.mark.parametrize(
    ("error", "reply"),
    [(StoreError("full"), b"451 4.3.0 the mail cannot be stored now"), (ValueError(SECRET), b"451 4.3.0 the bridge")],
)
def test_what_fails_is_told_in_general_words(error: Exception, reply: bytes) -> None:
    world = World(MemorySubmissions(failing=error))
    program = world.log_in()
    heard = program.say(FROM + RCPT + b"DATA\r\n" + b"hi\r\n.\r\n")
    assert reply in heard
    assert SECRET.encode() not in heard


def test_who_says_nothing_is_sent_away() -> None:
    world = World()
    stranger, user = world.connect(), world.log_in()
    world.clock.advance(LOG_IN_WITHIN_S)
    assert stranger.heard.endswith(b"has waited long enough\r\n")
    assert stranger.transport.disconnecting
    assert not user.transport.disconnecting
    world.clock.advance(IDLE_S)
    assert user.transport.disconnecting
    # One that does not even take the last words is cut off.
    world.clock.advance(IDLE_S)
    assert user.transport.disconnected


def test_a_stranger_who_talks_all_the_time_is_sent_away_too() -> None:
    world = World()
    stranger = world.connect()
    for _ in range(int(LOG_IN_WITHIN_S) + 1):
        stranger.say(b"NOOP\r\n")
        world.clock.advance(1)
    assert stranger.transport.disconnecting


def test_a_connection_too_many_is_told_so() -> None:
    world = World()
    programs = [world.log_in() for _ in range(MOST_CONNECTIONS)]
    crowded = world.connect()
    assert crowded.heard.startswith(b"421 4.7.0")
    assert crowded.transport.disconnecting
    programs[0].lose()
    assert world.connect().heard.startswith(b"220")


def test_one_device_leaves_places_for_the_log_in_of_others() -> None:
    world = World()
    phone = IPv4Address("TCP", "192.168.1.7", 40_000)
    waiting = [world.connect(phone) for _ in range(MOST_NOT_LOGGED_IN // SHARE)]
    assert world.connect(phone).heard.startswith(b"421 4.7.0")
    assert world.connect(IPv4Address("TCP", "192.168.1.8", 40_000)).heard.startswith(b"220")
    waiting[0].say(b"EHLO me\r\n" + auth(PASSWORD))
    assert world.connect(phone).heard.startswith(b"220")


def test_a_mail_that_is_being_stored_is_finished_before_the_end() -> None:
    queue = SlowSubmissions()
    world = World(queue)
    busy, idle = world.log_in(), world.log_in()
    busy.say(FROM + RCPT)
    queue.checks[0].callback(None)
    busy.say(b"DATA\r\nhi\r\n.\r\n")
    ended: list[object] = []
    Deferred.fromCoroutine(world.server.stop()).addCallback(ended.append)
    assert idle.heard.endswith(b"is going off\r\n")
    assert not busy.transport.disconnecting
    assert ended == []
    queue.submits[0].callback("id")
    assert b"250 2.6.0 queued as id\r\n421 4.3.2" in busy.heard
    assert busy.transport.disconnecting
    assert ended == [None]


def test_a_mail_is_stored_although_its_connection_is_lost() -> None:
    queue = SlowSubmissions()
    world = World(queue)
    program = world.log_in()
    program.say(FROM + RCPT)
    queue.checks[0].callback(None)
    program.say(b"DATA\r\nhi\r\n.\r\n")
    program.lose()
    assert not cast("Deferred[str]", queue.submits[0]).called
    queue.submits[0].callback("id")
    assert b"queued" not in program.heard


def test_a_look_up_is_given_up_with_its_connection() -> None:
    queue = SlowSubmissions()
    world = World(queue)
    program = world.log_in()
    program.say(FROM + RCPT)
    program.lose()
    assert queue.checks[0].called
    assert world.clock.getDelayedCalls() == []


class NarrowTransport(StringTransport):
    """A connection of a mail program that takes no replies: it fills up."""

    ROOM_BYTES = 1_000

    def write(self, data: bytes) -> None:
        super().write(data)
        if len(self.value()) > self.ROOM_BYTES and isinstance(self.producer, SubmissionConnection):
            self.producer.pauseProducing()


def test_a_program_that_takes_no_replies_fills_no_memory() -> None:
    world = World()
    program = Program(world)
    program.transport = NarrowTransport()
    program.protocol.makeConnection(program.transport)
    connection = cast(SubmissionConnection, program.protocol)
    program.protocol.dataReceived(b"NOOP\r\n" * 1_000)
    assert len(program.heard) < 1_100
    # It reads on for now: if a TLS handshake is what holds the replies, it ends only so.
    assert program.transport.producerState == "producing"
    program.protocol.dataReceived(b"NOOP\r\n" * 12_000)
    assert len(program.heard) < 1_100
    assert program.transport.producerState == "paused"
    for _ in range(500):
        program.transport.clear()
        connection.resumeProducing()
    assert program.heard == b""
    assert program.transport.producerState == "producing"
    program.protocol.dataReceived(b"NOOP\r\n" * 1_000)
    assert not program.transport.disconnected
    world.clock.advance(STALLED_S)
    assert program.transport.disconnected
    program.lose()
    assert world.clock.getDelayedCalls() == []


def test_who_hangs_up_after_a_wrong_password_keeps_its_place_until_the_reply_is_due() -> None:
    world = World()
    for _ in range(MOST_NOT_LOGGED_IN):
        program = world.connect()
        program.say(b"EHLO me\r\n" + auth("wrong"))
        program.lose()
    assert world.connect().heard.startswith(b"421")
    world.clock.advance(LONGEST_PAUSE_S)
    assert world.connect().heard.startswith(b"220")


def test_the_end_does_not_wait_for_who_guessed() -> None:
    world = World()
    gone, waiting = world.connect(), world.connect()
    for program in (gone, waiting):
        program.say(b"EHLO me\r\n" + auth("wrong"))
    gone.lose()
    ended: list[object] = []
    Deferred.fromCoroutine(world.server.stop()).addCallback(ended.append)
    waiting.lose()
    assert ended == [None]
    assert world.clock.getDelayedCalls() == []


def test_a_failure_that_nobody_expected_leaves_no_mail_program_without_a_reply() -> None:
    world = World()
    world.failing = ValueError(SECRET)
    program = world.connect()
    assert b"454 4.7.0" in program.say(b"EHLO me\r\n" + auth(PASSWORD))
    assert SECRET.encode() not in program.heard
    world.failing = None
    assert program.say(auth(PASSWORD)) == b"235 2.7.0 welcome\r\n"
