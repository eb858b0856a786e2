"""What every implementation of `client.api.Client` must do: the fake one, the one over HTTP and the real one.

A test module makes a subclass of `ClientContract` whose name starts with `Test` and gives it a fixture `world`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar, cast

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from client.api import (
    MAX_BODY_BYTES,
    MAX_REQUEST_BYTES,
    BadRequestError,
    Client,
    ConflictError,
    KeyChangedError,
    MessageState,
    NotRegisteredError,
    ReceivedMessage,
    RegistrationRefusedError,
    RequestTimeoutError,
    TooLongError,
    UnknownContactError,
    UnknownMessageError,
    UnknownServiceError,
)

T = TypeVar("T")
ALICE, BOB = "alice@home", "bob@away"


class World(Protocol):
    """Alice is registered at the provider `home`, Bob at `away`, the stranger nowhere; both providers host `echo`."""

    alice: Client
    bob: Client
    stranger: Client

    def run(self, awaitable: Awaitable[T]) -> T:
        """Let time pass until `awaitable` is done; return its result or raise its error."""

    def pass_time(self) -> None:
        """Let enough time pass for a message to be delivered and acknowledged."""

    def change_key_of_bob(self) -> None:
        """Let somebody else's key stand behind Bob's address."""


class Reader:
    """A callback that keeps what it is given, and fails while told to."""

    def __init__(self, *, failing: bool = False) -> None:
        self.messages: list[ReceivedMessage] = []
        self.failing = failing

    def __call__(self, message: ReceivedMessage) -> None:
        self.messages.append(message)
        if self.failing:
            raise ReaderError("the disk is full")

    @property
    def bodies(self) -> list[bytes]:
        return [message.body for message in self.messages]


class ReaderError(Exception):
    """What a callback may raise."""


def run_with(awaitable: Awaitable[T], pass_time: Callable[[], None], *, steps: int = 400) -> T:
    """Let a little time pass again and again until `awaitable` is done: how a world without a reactor may `run`."""

    async def wait() -> T:
        return await awaitable

    results: list[T | Failure] = []
    done: Deferred[T] = Deferred.fromCoroutine(wait())
    done.addBoth(results.append)
    for _ in range(steps):
        if results:
            break
        pass_time()
    [result] = results
    if isinstance(result, Failure):
        result.raiseException()
    return cast(T, result)


def send(world: World, body: bytes, *, key: str, kind: str = "text", anonymous: bool = False) -> str:
    """Let Alice write to Bob."""
    return world.run(world.alice.send(BOB, body, kind=kind, idempotency_key=key, anonymous=anonymous))


class ClientContract:
    """The tests; see the module's docstring."""

    @pytest.fixture
    def acquainted(self, world: World) -> World:
        """Alice and Bob have each other as contacts."""
        world.run(world.alice.add_contact(BOB))
        world.run(world.bob.add_contact(ALICE))
        return world

    # Messages

    def test_a_message_arrives_as_it_was_sent(self, acquainted: World) -> None:
        body = bytes(range(256)) * 20
        message_id = send(acquainted, body, key="1", kind="mail/part-1_a.b")
        acquainted.pass_time()
        [message] = acquainted.run(acquainted.bob.inbox())
        assert (message.number, message.message_id) == (1, message_id)
        assert (message.sender, message.verified, message.kind) == (ALICE, True, "mail/part-1_a.b")
        assert message.body == body
        assert message.reply_to == ""
        assert len(message_id) == 32
        assert set(message_id) <= set("0123456789abcdef")

    def test_an_empty_message_arrives(self, acquainted: World) -> None:
        send(acquainted, b"", key="1")
        acquainted.pass_time()
        assert [m.body for m in acquainted.run(acquainted.bob.inbox())] == [b""]

    def test_the_history_ends_in_what_the_network_proved(self, acquainted: World) -> None:
        message_id = send(acquainted, b"hello", key="1")
        queued = acquainted.run(acquainted.alice.message(message_id))
        assert queued.state is MessageState.QUEUED
        assert (queued.to, queued.kind, queued.length_bytes) == (BOB, "text", 5)
        assert queued.fragments >= 1
        assert queued.fragments_acknowledged == 0
        acquainted.pass_time()
        stored = acquainted.run(acquainted.alice.message(message_id))
        states = [change.state for change in stored.history]
        assert states[:3] == [MessageState.QUEUED, MessageState.SENDING, MessageState.STORED]
        assert stored.state is states[-1]
        assert stored.fragments_acknowledged == stored.fragments_sent == stored.fragments
        times_s = [change.at_s for change in stored.history]
        assert times_s == sorted(times_s)

    def test_an_unknown_message_is_told_so(self, world: World) -> None:
        with pytest.raises(UnknownMessageError):
            world.run(world.alice.message("00" * 16))

    def test_a_repeated_call_sends_once(self, acquainted: World) -> None:
        first, second = (send(acquainted, b"once", key="same") for _ in range(2))
        assert first == second
        acquainted.pass_time()
        assert len(acquainted.run(acquainted.bob.inbox())) == 1

    def test_an_idempotency_key_belongs_to_one_message(self, acquainted: World) -> None:
        send(acquainted, b"one", key="same")
        with pytest.raises(ConflictError):
            send(acquainted, b"other", key="same")

    @pytest.mark.parametrize("kind", ["", "Mail", "mail kind", "m" * 65, "mäil", "mail\n"])
    def test_a_kind_of_the_wrong_form_is_refused(self, acquainted: World, kind: str) -> None:
        with pytest.raises(BadRequestError):
            send(acquainted, b"x", key="1", kind=kind)

    @pytest.mark.parametrize("key", ["", "k" * 129])
    def test_an_idempotency_key_of_the_wrong_length_is_refused(self, acquainted: World, key: str) -> None:
        with pytest.raises(BadRequestError):
            send(acquainted, b"x", key=key)

    def test_a_body_over_the_limit_is_refused_at_once(self, acquainted: World) -> None:
        with pytest.raises(TooLongError):
            send(acquainted, bytes(MAX_BODY_BYTES + 1), key="1")

    def test_nothing_is_sent_to_an_unknown_contact(self, world: World) -> None:
        with pytest.raises(UnknownContactError):
            send(world, b"x", key="1")

    def test_without_an_account_nothing_is_sent(self, world: World) -> None:
        with pytest.raises(NotRegisteredError):
            world.run(world.stranger.send(BOB, b"x", kind="text", idempotency_key="1"))
        with pytest.raises(NotRegisteredError):
            world.run(world.stranger.request("echo", b"x", timeout_s=5))

    def test_an_anonymous_message_names_nobody_and_can_be_answered(self, acquainted: World) -> None:
        send(acquainted, b"who am I?", key="1", anonymous=True)
        acquainted.pass_time()
        [question] = acquainted.run(acquainted.bob.inbox())
        assert (question.sender, question.verified, question.body) == (None, False, b"who am I?")
        assert question.reply_to
        answer = acquainted.bob.send(question.reply_to, b"you tell me", kind="text", idempotency_key="1")
        acquainted.run(answer)
        acquainted.pass_time()
        assert [m.body for m in acquainted.run(acquainted.alice.inbox())] == [b"you tell me"]

    def test_a_way_to_reply_that_was_never_given_is_refused(self, acquainted: World) -> None:
        with pytest.raises((UnknownContactError, BadRequestError)):
            acquainted.run(acquainted.bob.send("reply:" + "00" * 16, b"x", kind="text", idempotency_key="1"))

    # The inbox

    def test_the_inbox_is_read_by_number(self, acquainted: World) -> None:
        for number in range(3):
            send(acquainted, b"%d" % number, key=str(number))
            acquainted.pass_time()
        everything = acquainted.run(acquainted.bob.inbox())
        assert [m.number for m in everything] == [1, 2, 3]
        assert acquainted.run(acquainted.bob.inbox(after=1)) == everything[1:]
        assert acquainted.run(acquainted.bob.inbox(after=1, limit=1)) == everything[1:2]
        assert acquainted.run(acquainted.bob.inbox(after=3)) == []

    def test_a_callback_gets_what_waited_and_what_comes(self, acquainted: World) -> None:
        send(acquainted, b"waited", key="1")
        acquainted.pass_time()
        reader = Reader()
        acquainted.bob.on_received("text", reader)
        acquainted.pass_time()
        assert reader.bodies == [b"waited"]
        send(acquainted, b"comes", key="2")
        acquainted.pass_time()
        assert reader.bodies == [b"waited", b"comes"]
        assert reader.messages == acquainted.run(acquainted.bob.inbox())

    def test_a_large_message_reaches_a_callback(self, acquainted: World) -> None:
        reader = Reader()
        acquainted.bob.on_received("text", reader)
        send(acquainted, b"large" * 20_000, key="1")
        for _ in range(5):
            acquainted.pass_time()
        assert reader.bodies == [b"large" * 20_000]

    def test_a_callback_gets_its_kind_only(self, acquainted: World) -> None:
        reader = Reader()
        acquainted.bob.on_received("votes/ballot", reader)
        send(acquainted, b"mail", key="1", kind="mail")
        send(acquainted, b"ballot", key="2", kind="votes/ballot")
        acquainted.pass_time()
        assert reader.bodies == [b"ballot"]

    def test_what_was_handled_is_not_offered_again(self, acquainted: World) -> None:
        send(acquainted, b"hello", key="1")
        acquainted.pass_time()
        first, second = Reader(), Reader()
        stop = acquainted.bob.on_received("text", first)
        acquainted.pass_time()
        assert acquainted.run(acquainted.bob.status()).unread == 0
        stop()
        acquainted.bob.on_received("text", second)
        acquainted.pass_time()
        assert (len(first.messages), len(second.messages)) == (1, 0)

    def test_what_a_callback_failed_on_is_offered_again(self, acquainted: World) -> None:
        send(acquainted, b"hello", key="1")
        acquainted.pass_time()
        failing, working = Reader(failing=True), Reader()
        stop = acquainted.bob.on_received("text", failing)
        acquainted.pass_time()
        assert failing.bodies[:1] == [b"hello"]
        assert acquainted.run(acquainted.bob.status()).unread == 1
        stop()
        acquainted.bob.on_received("text", working)
        acquainted.pass_time()
        assert working.bodies == [b"hello"]

    def test_a_failed_message_does_not_hold_up_the_next(self, acquainted: World) -> None:
        reader = Reader(failing=True)
        acquainted.bob.on_received("text", reader)
        send(acquainted, b"first", key="1")
        acquainted.pass_time()
        send(acquainted, b"second", key="2")
        acquainted.pass_time()
        assert b"second" in reader.bodies

    def test_a_message_counts_as_handled_when_the_awaitable_is_done(self, acquainted: World) -> None:
        reader = Reader()

        async def read(message: ReceivedMessage) -> None:
            reader(message)
            await acquainted.bob.status()

        acquainted.bob.on_received("text", read)
        send(acquainted, b"hello", key="1")
        acquainted.pass_time()
        assert reader.bodies == [b"hello"]
        assert acquainted.run(acquainted.bob.status()).unread == 0

    def test_a_stopped_callback_gets_nothing(self, acquainted: World) -> None:
        reader = Reader()
        acquainted.bob.on_received("text", reader)()
        send(acquainted, b"hello", key="1")
        acquainted.pass_time()
        assert reader.messages == []
        assert len(acquainted.run(acquainted.bob.inbox())) == 1

    # Requests

    def test_a_request_is_answered(self, world: World) -> None:
        assert world.run(world.alice.request("echo", b"\x00hello\xff", timeout_s=60)) == b"\x00hello\xff"
        assert world.run(world.alice.request("echo@away", b"", timeout_s=60)) == b""

    @pytest.mark.parametrize("service", ["nothing", "echo@nowhere", ""])
    def test_an_unknown_service_is_told_so(self, world: World, service: str) -> None:
        with pytest.raises(UnknownServiceError):
            world.run(world.alice.request(service, b"x", timeout_s=5))

    def test_a_request_and_its_answer_may_take_several_packets(self, world: World) -> None:
        body = bytes(range(256)) * 40
        assert world.run(world.alice.request("echo", body, timeout_s=60)) == body

    def test_a_request_that_is_too_long_is_refused(self, world: World) -> None:
        with pytest.raises(TooLongError):
            world.run(world.alice.request("echo", bytes(MAX_REQUEST_BYTES + 1), timeout_s=5))

    def test_a_request_may_get_no_answer_in_time(self, world: World) -> None:
        with pytest.raises(RequestTimeoutError):
            world.run(world.alice.request("echo", b"x", timeout_s=0.001))

    # Contacts

    def test_contacts_are_pinned_listed_and_forgotten(self, world: World) -> None:
        contact = world.run(world.alice.add_contact(BOB))
        assert (contact.address, contact.verified, contact.changed_fingerprint) == (BOB, False, "")
        assert world.run(world.alice.add_contact(BOB)) == contact
        assert world.run(world.alice.contacts()) == [contact]
        world.run(world.alice.remove_contact(BOB))
        assert world.run(world.alice.contacts()) == []
        with pytest.raises(UnknownContactError):
            world.run(world.alice.remove_contact(BOB))

    def test_an_unknown_name_is_answered_like_a_known_one(self, world: World) -> None:
        known = world.run(world.alice.add_contact(BOB))
        unknown = world.run(world.alice.add_contact("nobody@away"))
        assert len(unknown.fingerprint) == len(known.fingerprint)
        assert unknown.fingerprint != known.fingerprint
        assert world.run(world.alice.add_contact("nobody@away")) == unknown

    @pytest.mark.parametrize("address", ["", "bob", "bob@", "@away", "Bob@away", "bob@away@home", "bob@away/.."])
    def test_an_address_of_the_wrong_form_is_refused(self, world: World, address: str) -> None:
        with pytest.raises(BadRequestError):
            world.run(world.alice.add_contact(address))

    def test_a_fingerprint_that_was_compared_makes_a_contact_verified(self, world: World) -> None:
        contact = world.run(world.alice.add_contact(BOB))
        assert world.run(world.alice.accept_key(BOB, contact.fingerprint)).verified
        with pytest.raises(BadRequestError):
            world.run(world.alice.accept_key(BOB, "0000-0000"))
        with pytest.raises(UnknownContactError):
            world.run(world.alice.accept_key("nobody@away", contact.fingerprint))

    def test_a_changed_key_stops_everything_until_it_is_accepted(self, world: World) -> None:
        pinned = world.run(world.alice.add_contact(BOB))
        world.change_key_of_bob()
        with pytest.raises(KeyChangedError):
            world.run(world.alice.add_contact(BOB))
        [contact] = world.run(world.alice.contacts())
        assert contact.fingerprint == pinned.fingerprint
        assert contact.changed_fingerprint not in ("", pinned.fingerprint)
        with pytest.raises(KeyChangedError):
            send(world, b"secret", key="1")
        accepted = world.run(world.alice.accept_key(BOB, contact.changed_fingerprint))
        assert (accepted.fingerprint, accepted.changed_fingerprint) == (contact.changed_fingerprint, "")
        assert accepted.verified
        send(world, b"secret", key="1")

    # The account

    def test_a_stranger_registers_and_is_written_to(self, world: World) -> None:
        assert not world.run(world.stranger.status()).registered
        assert world.run(world.stranger.register("carol", "home")) == "carol@home"
        assert world.run(world.stranger.status()).address == "carol@home"
        world.run(world.alice.add_contact("carol@home"))
        world.run(world.alice.send("carol@home", b"welcome", kind="text", idempotency_key="1"))
        world.pass_time()
        assert [m.body for m in world.run(world.stranger.inbox())] == [b"welcome"]

    def test_a_taken_name_is_refused(self, world: World) -> None:
        with pytest.raises(RegistrationRefusedError):
            world.run(world.stranger.register("alice", "home"))

    @pytest.mark.parametrize(("name", "provider"), [("", "home"), ("Carol", "home"), ("carol", "nowhere")])
    def test_a_registration_of_the_wrong_form_is_refused(self, world: World, name: str, provider: str) -> None:
        with pytest.raises(BadRequestError):
            world.run(world.stranger.register(name, provider))

    def test_the_status_tells_who_and_how(self, world: World) -> None:
        status = world.run(world.alice.status())
        assert (status.address, status.registered, status.problem) == (ALICE, True, "")
        assert status.payload.rate_per_s > 0
        assert status.unread == 0
