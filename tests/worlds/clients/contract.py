"""What every implementation of `client.api.Client` must do: the fake one, the one over HTTP and the real one.

A test module makes a subclass of `ClientContract` whose name starts with `Test` and gives it a fixture `world`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Protocol, TypeVar, cast

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from client.api import (
    MAX_BODY_BYTES,
    MAX_BULK_BYTES,
    MAX_LETTERS,
    MAX_REQUEST_BYTES,
    BadRequestError,
    Client,
    ConflictError,
    KeyChangedError,
    Letter,
    MailDomain,
    MessageProgress,
    MessageState,
    NoTokenError,
    NotRegisteredError,
    NumberedChange,
    PostedRequest,
    ReceivedMessage,
    RegistrationRefusedError,
    RequestState,
    RequestTimeoutError,
    TooLongError,
    UnknownContactError,
    UnknownMessageError,
    UnknownReaderError,
    UnknownRequestError,
    UnknownServiceError,
    Verified,
    WrongStateError,
)
from loopixmix.tokens import encode_token_key
from tests.worlds.tokens import token_key

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

    def now_s(self) -> float:
        """Return the time of day."""

    def change_key_of_bob(self) -> None:
        """Let somebody else's key stand behind Bob's address."""

    def name_domain(self, domain: str, provider: str, gateway: str = "") -> None:
        """Give a provider a mail domain, or take it there; with `gateway` all its names reach that account."""

    def forget_domain(self, domain: str) -> None:
        """Take a mail domain out of the network."""


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


def post(world: World, body: bytes, *, key: str) -> str:
    """Let Alice post a request to `echo`."""
    return world.run(world.alice.post_request("echo", body, idempotency_key=key))


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
        assert (message.sender, message.verified, message.kind) == (ALICE, Verified.PINNED, "mail/part-1_a.b")
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

    def test_the_fingerprint_of_a_message_is_that_of_its_sender_also_if_he_is_no_contact(
        self, acquainted: World
    ) -> None:
        acquainted.run(acquainted.bob.remove_contact(ALICE))
        send(acquainted, b"it is me", key="1")
        send(acquainted, b"guess", key="2", anonymous=True)
        acquainted.pass_time()
        named, unnamed = sorted(acquainted.run(acquainted.bob.inbox()), key=lambda one: one.sender is None)
        assert named.verified is Verified.UNKNOWN
        assert named.fingerprint == acquainted.run(acquainted.bob.add_contact(ALICE)).fingerprint
        assert unnamed.fingerprint == ""

    def test_an_anonymous_message_names_nobody_and_can_be_answered(self, acquainted: World) -> None:
        send(acquainted, b"who am I?", key="1", anonymous=True)
        acquainted.pass_time()
        [question] = acquainted.run(acquainted.bob.inbox())
        assert (question.sender, question.verified, question.body) == (None, Verified.UNKNOWN, b"who am I?")
        assert question.reply_to
        answer = acquainted.bob.send(question.reply_to, b"you tell me", kind="text", idempotency_key="1")
        acquainted.run(answer)
        acquainted.pass_time()
        assert [m.body for m in acquainted.run(acquainted.alice.inbox())] == [b"you tell me"]

    def test_a_way_to_reply_that_was_never_given_is_refused(self, acquainted: World) -> None:
        with pytest.raises((UnknownContactError, BadRequestError)):
            acquainted.run(acquainted.bob.send("reply:" + "00" * 16, b"x", kind="text", idempotency_key="1"))

    def test_how_long_it_would_take_is_told_in_parts(self, acquainted: World) -> None:
        told = acquainted.run(acquainted.alice.estimate(0, BOB))
        assert told.fragments == 1
        assert told.mean_s == pytest.approx(told.queue_s + told.sending_s + told.delivery_s)
        assert 0 < told.mean_s <= told.p95_s
        assert acquainted.run(acquainted.alice.estimate(100_000, BOB)).fragments > 40
        for size, to, error in [
            (MAX_BODY_BYTES + 1, BOB, TooLongError),
            (-1, BOB, BadRequestError),
            (1, "nobody@away", UnknownContactError),
            (1, "reply:" + "00" * 16, UnknownContactError),
        ]:
            with pytest.raises(error):
                acquainted.run(acquainted.alice.estimate(size, to))
        with pytest.raises(NotRegisteredError):
            acquainted.run(acquainted.stranger.estimate(1, BOB))

    def test_how_long_an_answer_would_take_is_told_while_there_are_blocks(self, acquainted: World) -> None:
        send(acquainted, b"who am I?", key="1", anonymous=True)
        acquainted.pass_time()
        [question] = acquainted.run(acquainted.bob.inbox())
        assert acquainted.run(acquainted.bob.estimate(10, question.reply_to)).mean_s > 0
        with pytest.raises(TooLongError, match="8 are left"):
            acquainted.run(acquainted.bob.estimate(100_000, question.reply_to))

    # What happens to messages

    def test_each_step_of_a_message_is_told_once_and_in_order(self, acquainted: World) -> None:
        before = send(acquainted, b"before", key="1")
        acquainted.pass_time()
        told: list[NumberedChange | MessageProgress] = []
        stop = acquainted.run(acquainted.alice.on_progress(told.append))
        message_id = send(acquainted, b"hello" * 1000, key="2")
        for _ in range(3):
            acquainted.pass_time()
        steps = [event for event in told if isinstance(event, NumberedChange)]
        assert [step.number for step in steps] == [*range(steps[0].number, steps[0].number + len(steps))]
        assert {step.message_id for step in steps} == {message_id}
        assert [step.state for step in steps][:1] == [MessageState.QUEUED]
        assert steps[-1].state is MessageState.STORED
        assert (steps[0].to, steps[0].kind) == (BOB, "text")
        counts = [event for event in told if isinstance(event, MessageProgress) and event.message_id != before]
        assert counts[-1].fragments_acknowledged == counts[-1].fragments == counts[-1].fragments_sent > 1
        assert counts[-1].number == steps[-1].number
        stop()
        heard = len(told)
        send(acquainted, b"x", key="3")
        acquainted.pass_time()
        assert len(told) == heard

    def test_who_comes_back_with_a_number_misses_no_step(self, acquainted: World) -> None:
        send(acquainted, b"hello", key="1")
        acquainted.pass_time()
        for after in (0, 1, 3):
            told: list[NumberedChange | MessageProgress] = []
            stop = acquainted.run(acquainted.alice.on_progress(told.append, after=after))
            acquainted.pass_time()
            stop()
            steps = [event.number for event in told if isinstance(event, NumberedChange)]
            assert steps == [*range(after + 1, 4)]

    def test_a_number_of_no_step_is_refused(self, acquainted: World) -> None:
        send(acquainted, b"hello", key="1")
        for after in (1000, -1):
            with pytest.raises(BadRequestError, match=r"there was no step 1000|at least 0"):
                acquainted.run(acquainted.alice.on_progress(lambda event: None, after=after))

    def test_the_newest_number_is_a_step_also_after_its_message_was_deleted(self, acquainted: World) -> None:
        message_id = send(acquainted, b"hello", key="1")
        acquainted.pass_time()
        acquainted.run(acquainted.alice.delete_outgoing(message_id))
        told: list[NumberedChange | MessageProgress] = []
        acquainted.run(acquainted.alice.on_progress(told.append, after=3))
        send(acquainted, b"next", key="2")
        acquainted.pass_time()
        assert next(event.number for event in told if isinstance(event, NumberedChange)) == 4

    def test_a_callback_that_fails_is_told_the_next_event(self, acquainted: World) -> None:
        states: list[MessageState] = []

        def fail(event: NumberedChange | MessageProgress) -> None:
            if isinstance(event, NumberedChange):
                states.append(event.state)
            raise ReaderError("the disk is full")

        acquainted.run(acquainted.alice.on_progress(fail))
        send(acquainted, b"hello", key="1")
        acquainted.pass_time()
        assert states == [MessageState.QUEUED, MessageState.SENDING, MessageState.STORED]

    # Many messages

    def test_many_messages_are_queued_in_one_call(self, acquainted: World) -> None:
        letters = [Letter(to=BOB, body=b"%d" % n, kind="text", idempotency_key=f"{n}") for n in range(5)]
        ids = acquainted.run(acquainted.alice.send_many(letters))
        assert len(set(ids)) == 5
        assert acquainted.run(acquainted.alice.status()).queued_messages == 5
        for message_id, letter in zip(ids, letters, strict=True):
            message = acquainted.run(acquainted.alice.message(message_id))
            assert message.history[0].state is MessageState.QUEUED
            assert (message.to, message.length_bytes) == (BOB, len(letter.body))
        for _ in range(2):
            acquainted.pass_time()
        received = {m.message_id: m.body for m in acquainted.run(acquainted.bob.inbox())}
        assert received == {message_id: letter.body for message_id, letter in zip(ids, letters, strict=True)}

    def test_many_may_be_anonymous_and_answers_among_them(self, acquainted: World) -> None:
        send(acquainted, b"who am I?", key="1", anonymous=True)
        acquainted.pass_time()
        [question] = acquainted.run(acquainted.bob.inbox())
        letters = [
            Letter(to=question.reply_to, body=b"you tell me", kind="text", idempotency_key="1"),
            Letter(to=ALICE, body=b"signed", kind="text", idempotency_key="2"),
            Letter(to=ALICE, body=b"anonymous", kind="text", idempotency_key="3", anonymous=True),
        ]
        acquainted.run(acquainted.bob.send_many(letters))
        for _ in range(3):
            acquainted.pass_time()
        received = {m.body: m.sender for m in acquainted.run(acquainted.alice.inbox())}
        assert received == {b"you tell me": BOB, b"signed": BOB, b"anonymous": None}

    def test_a_repeated_call_with_many_sends_once(self, acquainted: World) -> None:
        letters = [Letter(to=BOB, body=b"%d" % n, kind="text", idempotency_key=f"{n % 2}") for n in (0, 1)]
        first = acquainted.run(acquainted.alice.send_many([*letters, letters[0]]))
        assert first[0] == first[2]
        assert acquainted.run(acquainted.alice.send_many(letters)) == first[:2]
        assert acquainted.run(acquainted.alice.send_many([])) == []
        acquainted.pass_time()
        assert len(acquainted.run(acquainted.bob.inbox())) == 2

    def test_of_many_all_are_queued_or_none(self, acquainted: World) -> None:
        good = Letter(to=BOB, body=b"x", kind="text", idempotency_key="good")
        replace = msgspec.structs.replace
        for bad, error in [
            (replace(good, idempotency_key="1", to="nobody@away"), UnknownContactError),
            (replace(good, idempotency_key="1", kind="No Kind"), BadRequestError),
            (replace(good, idempotency_key="1", deadline_s=1e-9), BadRequestError),
            (replace(good, idempotency_key="1", to="reply:" + "00" * 16), UnknownContactError),
            (replace(good, body=b"other"), ConflictError),
        ]:
            with pytest.raises(error, match="letter 1: "):
                acquainted.run(acquainted.alice.send_many([good, bad]))
        assert acquainted.run(acquainted.alice.status()).queued_messages == 0
        # The key of a call that queued nothing is free.
        assert len(acquainted.run(acquainted.alice.send_many([replace(good, body=b"other")]))) == 1

    def test_too_many_and_too_much_are_refused(self, acquainted: World) -> None:
        letter = Letter(to=BOB, body=b"x", kind="text", idempotency_key="1")
        with pytest.raises(TooLongError, match="10000 messages"):
            acquainted.run(acquainted.alice.send_many([letter] * (MAX_LETTERS + 1)))
        long = msgspec.structs.replace(letter, body=bytes(MAX_BULK_BYTES // 2 + 1))
        with pytest.raises(TooLongError, match="bytes"):
            acquainted.run(acquainted.alice.send_many([long, long]))
        with pytest.raises(BadRequestError, match="bytes"):
            acquainted.run(acquainted.alice.send_many([msgspec.structs.replace(letter, body=cast(bytes, "text"))]))
        with pytest.raises(NotRegisteredError):
            acquainted.run(acquainted.stranger.send_many([letter]))

    # Messages that leave later, or not at all

    def test_a_message_leaves_no_earlier_than_it_may(self, acquainted: World) -> None:
        now_s = acquainted.now_s()
        later = acquainted.alice.send(BOB, b"later", kind="text", idempotency_key="1", not_before_s=now_s + 12)
        message_id = acquainted.run(later)
        message = acquainted.run(acquainted.alice.message(message_id))
        assert message.leaves_at_s == now_s + 12
        send(acquainted, b"now", key="2")
        acquainted.pass_time()
        assert [m.body for m in acquainted.run(acquainted.bob.inbox())] == [b"now"]
        assert acquainted.run(acquainted.alice.message(message_id)).state is MessageState.QUEUED
        for _ in range(4):
            acquainted.pass_time()
        assert [m.body for m in acquainted.run(acquainted.bob.inbox())] == [b"now", b"later"]
        history = acquainted.run(acquainted.alice.message(message_id)).history
        assert next(change.at_s for change in history if change.state is MessageState.SENDING) >= now_s + 12

    def test_the_moment_is_drawn_from_the_time_there_is(self, acquainted: World) -> None:
        now_s, moments_s = acquainted.now_s(), []
        for number in range(20):
            sending = acquainted.alice.send(
                BOB,
                b"x",
                kind="text",
                idempotency_key=str(number),
                not_before_s=now_s + 1000,
                deadline_s=now_s + 3000,
            )
            message = acquainted.run(acquainted.alice.message(acquainted.run(sending)))
            assert message.leaves_at_s is not None
            assert message.deadline_s == now_s + 3000
            moments_s.append(message.leaves_at_s - now_s)
        assert all(1000 <= moment_s <= 3000 for moment_s in moments_s)
        # Of 20 draws from over 1,900 s, all within 500 s of each other: once in 10^10.
        assert max(moments_s) - min(moments_s) > 500

    def test_a_message_that_is_not_stored_by_its_deadline_fails(self, acquainted: World) -> None:
        deadline_s = acquainted.now_s() + 0.7
        sending = acquainted.alice.send(BOB, b"late", kind="text", idempotency_key="1", deadline_s=deadline_s)
        message_id = acquainted.run(sending)
        for _ in range(3):
            acquainted.pass_time()
        message = acquainted.run(acquainted.alice.message(message_id))
        assert message.state is MessageState.FAILED
        assert "deadline" in message.history[-1].detail
        assert acquainted.run(acquainted.alice.status()).queued_messages == 0

    def test_times_of_the_wrong_form_are_refused(self, acquainted: World) -> None:
        now_s = acquainted.now_s()
        for not_before_s, deadline_s in [
            (None, now_s - 1),
            (now_s + 100, now_s + 50),
            (float("nan"), None),
            (None, float("inf")),
            (now_s + 400 * 86_400, None),
            (-1.0, None),
        ]:
            sending = acquainted.alice.send(
                BOB, b"x", kind="text", idempotency_key="1", not_before_s=not_before_s, deadline_s=deadline_s
            )
            with pytest.raises(BadRequestError):
                acquainted.run(sending)

    def test_a_cancelled_message_is_not_sent(self, acquainted: World) -> None:
        not_before_s = acquainted.now_s() + 12
        sending = acquainted.alice.send(BOB, b"no", kind="text", idempotency_key="1", not_before_s=not_before_s)
        message_id = acquainted.run(sending)
        cancelled = acquainted.run(acquainted.alice.cancel(message_id))
        assert cancelled.state is MessageState.CANCELLED
        assert "0 of 1" in cancelled.history[-1].detail
        assert acquainted.run(acquainted.alice.cancel(message_id)) == cancelled
        for _ in range(4):
            acquainted.pass_time()
        assert acquainted.run(acquainted.bob.inbox()) == []
        assert acquainted.run(acquainted.alice.message(message_id)).state is MessageState.CANCELLED
        with pytest.raises(UnknownMessageError):
            acquainted.run(acquainted.alice.cancel("00" * 16))

    def test_a_stored_message_cannot_be_cancelled_but_forgotten(self, acquainted: World) -> None:
        message_id = send(acquainted, b"x", key="1")
        with pytest.raises(WrongStateError):
            acquainted.run(acquainted.alice.delete_outgoing(message_id))
        acquainted.pass_time()
        with pytest.raises(WrongStateError, match="stored"):
            acquainted.run(acquainted.alice.cancel(message_id))
        acquainted.run(acquainted.alice.delete_outgoing(message_id))
        for lost in (acquainted.alice.message(message_id), acquainted.alice.delete_outgoing(message_id)):
            with pytest.raises(UnknownMessageError):
                acquainted.run(lost)
        assert send(acquainted, b"x", key="1") != message_id

    def test_sent_messages_are_listed_with_their_states(self, acquainted: World) -> None:
        sent = [send(acquainted, b"%d" % number, key=str(number)) for number in range(3)]
        acquainted.pass_time()
        later = Letter(
            to=BOB, body=b"later", kind="note", idempotency_key="later", not_before_s=acquainted.now_s() + 3600
        )
        [waiting] = acquainted.run(acquainted.alice.send_many([later]))
        listed = acquainted.run(acquainted.alice.sent())
        assert [message.message_id for message in listed] == [*sent, waiting]
        assert listed == [acquainted.run(acquainted.alice.message(message_id)) for message_id in (*sent, waiting)]
        assert [message.state for message in listed] == [MessageState.STORED] * 3 + [MessageState.QUEUED]
        assert all(0 < earlier.number < next_.number for earlier, next_ in pairwise(listed))
        assert acquainted.run(acquainted.alice.sent(after=listed[1].number, limit=1)) == [listed[2]]
        assert acquainted.run(acquainted.alice.sent(after=listed[3].number)) == []
        acquainted.run(acquainted.alice.delete_outgoing(sent[1]))
        assert [message.message_id for message in acquainted.run(acquainted.alice.sent())] == [
            sent[0],
            sent[2],
            waiting,
        ]

    def test_a_message_that_was_shown_is_read_and_readers_are_given_it_all_the_same(self, acquainted: World) -> None:
        for number in range(3):
            send(acquainted, b"%d" % number, key=str(number))
            acquainted.pass_time()
        assert acquainted.run(acquainted.bob.status()).unread == 3
        acquainted.run(acquainted.bob.mark_read(after=1, last=2))
        assert acquainted.run(acquainted.bob.status()).unread == 2
        acquainted.run(acquainted.bob.mark_read(last=10**18))
        acquainted.run(acquainted.bob.mark_read(last=3))
        assert acquainted.run(acquainted.bob.status()).unread == 0
        given: list[int] = []
        acquainted.bob.on_received("text", lambda message: given.append(message.number))
        acquainted.pass_time()
        assert given == [1, 2, 3]

    def test_a_deleted_message_is_gone_and_its_number_with_it(self, acquainted: World) -> None:
        for number in range(2):
            send(acquainted, b"%d" % number, key=str(number))
            acquainted.pass_time()
        acquainted.run(acquainted.bob.delete(2))
        assert [m.number for m in acquainted.run(acquainted.bob.inbox())] == [1]
        assert acquainted.run(acquainted.bob.status()).unread == 1
        for number in (2, 0, -1, 10**30):
            with pytest.raises(UnknownMessageError):
                acquainted.run(acquainted.bob.delete(number))
        send(acquainted, b"next", key="next")
        acquainted.pass_time()
        assert [m.number for m in acquainted.run(acquainted.bob.inbox())] == [1, 3]

    def test_with_an_anonymous_message_the_way_to_answer_goes(self, acquainted: World) -> None:
        send(acquainted, b"who am I?", key="1", anonymous=True)
        acquainted.pass_time()
        [question] = acquainted.run(acquainted.bob.inbox())
        acquainted.run(acquainted.bob.delete(question.number))
        with pytest.raises(UnknownContactError):
            acquainted.run(acquainted.bob.send(question.reply_to, b"you", kind="text", idempotency_key="1"))

    def test_a_body_that_is_no_bytes_is_refused(self, acquainted: World) -> None:
        for body in ("text", bytearray(b"x"), None):
            with pytest.raises(BadRequestError, match="bytes"):
                send(acquainted, cast(bytes, body), key="1")
            with pytest.raises(BadRequestError, match="bytes"):
                acquainted.run(acquainted.alice.request("echo", cast(bytes, body), timeout_s=5))

    def test_a_compared_key_is_told_with_the_messages_that_follow(self, acquainted: World) -> None:
        [alice] = acquainted.run(acquainted.bob.contacts())
        send(acquainted, b"before", key="1")
        acquainted.pass_time()
        acquainted.run(acquainted.bob.accept_key(ALICE, alice.fingerprint))
        send(acquainted, b"after", key="2")
        acquainted.pass_time()
        messages = acquainted.run(acquainted.bob.inbox())
        assert [m.verified for m in messages] == [Verified.PINNED, Verified.COMPARED]

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

    # Readers

    def test_each_reader_gets_every_message(self, acquainted: World) -> None:
        first, second, nameless = Reader(), Reader(), Reader()
        send(acquainted, b"one", key="1")
        acquainted.pass_time()
        acquainted.bob.on_received("text", first, reader="archive")
        acquainted.bob.on_received("text", nameless)
        send(acquainted, b"two", key="2")
        acquainted.pass_time()
        acquainted.bob.on_received("text", second, reader="alarm")
        acquainted.pass_time()
        assert [reader.bodies for reader in (first, second, nameless)] == [[b"one", b"two"]] * 3

    @pytest.mark.parametrize("name", ["", "archive"])
    def test_who_shares_a_reader_shares_its_messages(self, acquainted: World, name: str) -> None:
        first, second = Reader(), Reader()
        acquainted.bob.on_received("text", first, reader=name)
        acquainted.bob.on_received("text", second, reader=name)
        for number in range(6):
            send(acquainted, b"%d" % number, key=str(number))
        acquainted.pass_time()
        acquainted.pass_time()
        assert sorted(first.bodies + second.bodies) == [b"%d" % number for number in range(6)]

    def test_a_reader_goes_on_where_it_was(self, acquainted: World) -> None:
        first, second = Reader(), Reader()
        stop = acquainted.bob.on_received("text", first, reader="archive")
        send(acquainted, b"one", key="1")
        acquainted.pass_time()
        stop()
        send(acquainted, b"two", key="2")
        acquainted.pass_time()
        acquainted.bob.on_received("text", second, reader="archive")
        acquainted.pass_time()
        assert (first.bodies, second.bodies) == ([b"one"], [b"two"])

    def test_what_failed_comes_again_to_its_own_reader_only(self, acquainted: World) -> None:
        failing, other = Reader(failing=True), Reader()
        acquainted.bob.on_received("text", failing, reader="archive")
        acquainted.bob.on_received("text", other, reader="alarm")
        send(acquainted, b"one", key="1")
        acquainted.pass_time()
        failing.failing = False
        for _ in range(4):
            acquainted.pass_time()
        assert failing.bodies[:2] == [b"one", b"one"]
        assert other.bodies == [b"one"]

    def test_readers_with_a_name_are_listed_and_removed(self, acquainted: World) -> None:
        reader = Reader()
        send(acquainted, b"one", key="1")
        acquainted.pass_time()
        stop = acquainted.bob.on_received("text", reader, reader="archive")
        acquainted.bob.on_received("text", Reader())
        acquainted.pass_time()
        send(acquainted, b"two", key="2", kind="other")
        acquainted.pass_time()
        [listed] = acquainted.run(acquainted.bob.readers())
        assert (listed.name, listed.kind, listed.waiting, listed.programs) == ("archive", "text", 0, 1)
        assert 0 <= acquainted.now_s() - listed.used_at_s < 120
        with pytest.raises(WrongStateError):
            acquainted.run(acquainted.bob.remove_reader("archive", "text"))
        stop()
        acquainted.pass_time()
        send(acquainted, b"three", key="3")
        acquainted.pass_time()
        [listed] = acquainted.run(acquainted.bob.readers())
        assert (listed.waiting, listed.programs) == (1, 0)
        acquainted.run(acquainted.bob.remove_reader("archive", "text"))
        assert acquainted.run(acquainted.bob.readers()) == []
        with pytest.raises(UnknownReaderError):
            acquainted.run(acquainted.bob.remove_reader("archive", "text"))

    @pytest.mark.parametrize(
        ("kind", "reader", "within_s"),
        [
            ("Text", "", 60.0),
            ("", "", 60.0),
            ("text", "An Archive", 60.0),
            ("text", "..", 60.0),
            ("text", "a/b", 60.0),
            ("text", "a" * 65, 60.0),
            ("text", "", 0.9),
            ("text", "", 3601.0),
            ("text", "", float("nan")),
        ],
    )
    def test_a_reader_of_the_wrong_form_is_refused(self, world: World, kind: str, reader: str, within_s: float) -> None:
        with pytest.raises(BadRequestError):
            world.bob.on_received(kind, Reader(), reader=reader, within_s=within_s)
        with pytest.raises(BadRequestError):
            world.run(world.bob.remove_reader("", "text"))

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

    # Posted requests

    def test_a_posted_request_is_answered_and_told(self, world: World) -> None:
        body = bytes(range(256)) * 20
        answers: list[PostedRequest] = []
        stop = world.alice.on_answer(answers.append)
        request_id = post(world, body, key="1")
        assert len(request_id) == 32
        world.pass_time()
        request = world.run(world.alice.answer(request_id))
        assert (request.state, request.answer, request.problem) == (RequestState.ANSWERED, body, "")
        assert (request.service, request.length_bytes, request.ended) == ("echo", len(body), 1)
        assert request.leaves_at_s is None
        # What is known of its parts stays after its end.
        assert request.parts_sent == request.parts > 0
        assert request.parts_received == request.answer_parts > 0
        assert answers == [request]
        stop()

    def test_a_request_that_was_answered_before_is_told_once(self, world: World) -> None:
        first = post(world, b"first", key="1")
        world.pass_time()
        second = post(world, b"second", key="2")
        world.pass_time()
        every: list[PostedRequest] = []
        later: list[PostedRequest] = []
        stops = [world.alice.on_answer(every.append), world.alice.on_answer(later.append, after=1)]
        world.pass_time()
        assert [request.request_id for request in every] == [first, second]
        assert [request.answer for request in later] == [b"second"]
        for stop in stops:
            stop()

    def test_an_answer_on_which_a_callback_failed_is_offered_again(self, world: World) -> None:
        offered: list[bytes | None] = []

        def take(request: PostedRequest) -> None:
            offered.append(request.answer)
            if len(offered) == 1:
                raise ReaderError("the disk is full")

        stop = world.alice.on_answer(take)
        post(world, b"one", key="1")
        world.pass_time()
        post(world, b"two", key="2")
        for _ in range(3):
            world.pass_time()
        assert offered == [b"one", b"one", b"two"]
        stop()

    def test_a_repeated_post_asks_once(self, world: World) -> None:
        assert post(world, b"x", key="same") == post(world, b"x", key="same")
        with pytest.raises(ConflictError):
            post(world, b"other", key="same")
        with pytest.raises(ConflictError):
            world.run(world.alice.post_request("echo@away", b"x", idempotency_key="same"))

    def test_a_post_of_the_wrong_form_is_refused(self, world: World) -> None:
        with pytest.raises(TooLongError):
            post(world, bytes(MAX_REQUEST_BYTES + 1), key="1")
        with pytest.raises(UnknownServiceError):
            world.run(world.alice.post_request("nothing", b"x", idempotency_key="1"))
        with pytest.raises(BadRequestError):
            post(world, b"x", key="")
        with pytest.raises(BadRequestError):
            world.run(world.alice.post_request("echo", b"x", idempotency_key="1", not_before_s=50, deadline_s=40))
        with pytest.raises(BadRequestError):
            world.run(world.alice.post_request("echo", cast(bytes, "x"), idempotency_key="1"))
        with pytest.raises(NotRegisteredError):
            world.run(world.stranger.post_request("echo", b"x", idempotency_key="1"))

    def test_a_posted_request_is_cancelled_and_forgotten(self, world: World) -> None:
        now_s = world.run(world.alice.answer(post(world, b"now", key="0"))).created_at_s
        later = world.alice.post_request(
            "echo", b"later", idempotency_key="1", not_before_s=now_s + 5000, deadline_s=now_s + 5001
        )
        request_id = world.run(later)
        waiting = world.run(world.alice.answer(request_id))
        assert (waiting.state, waiting.ended) == (RequestState.QUEUED, 0)
        assert (waiting.leaves_at_s, waiting.deadline_s) == (now_s + 5000, now_s + 5001)
        with pytest.raises(WrongStateError):
            world.run(world.alice.forget_request(request_id))
        cancelled = world.run(world.alice.cancel_request(request_id))
        assert cancelled.state is RequestState.CANCELLED
        assert cancelled.problem.startswith("cancelled")
        assert world.run(world.alice.cancel_request(request_id)) == cancelled
        world.run(world.alice.forget_request(request_id))
        for call in (world.alice.answer, world.alice.cancel_request, world.alice.forget_request):
            with pytest.raises(UnknownRequestError):
                world.run(call(request_id))  # type: ignore[operator]

    def test_an_answered_request_cannot_be_cancelled(self, world: World) -> None:
        request_id = post(world, b"x", key="1")
        world.pass_time()
        with pytest.raises(WrongStateError):
            world.run(world.alice.cancel_request(request_id))
        world.run(world.alice.forget_request(request_id))
        # Forgotten, so that its key may be used for something else.
        assert post(world, b"other", key="1") != request_id

    def test_how_long_a_request_takes_is_told(self, world: World) -> None:
        told = world.run(world.alice.estimate_request(100, 1000))
        assert 0 < told.mean_s <= told.p95_s
        with pytest.raises(TooLongError):
            world.run(world.alice.estimate_request(100, MAX_REQUEST_BYTES + 1))

    # Contacts

    def test_contacts_are_pinned_listed_and_forgotten(self, world: World) -> None:
        contact = world.run(world.alice.add_contact(BOB))
        assert (contact.address, contact.verified, contact.changed_fingerprint) == (BOB, Verified.PINNED, "")
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

    def test_a_fingerprint_that_was_compared_is_told_as_such(self, world: World) -> None:
        contact = world.run(world.alice.add_contact(BOB))
        assert world.run(world.alice.accept_key(BOB, contact.fingerprint)).verified is Verified.COMPARED
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
        assert accepted.verified is Verified.COMPARED
        send(world, b"secret", key="1")

    # Mail domains

    def test_a_name_of_a_mail_domain_is_an_account_of_its_provider(self, world: World) -> None:
        world.name_domain("example.net", "away")
        [away, home] = world.run(world.alice.network()).providers
        assert (away.domains, home.domains) == ((MailDomain(domain="example.net"),), ())
        contact = world.run(world.alice.add_contact("bob@example.net"))
        assert (contact.address, contact.verified) == ("bob@example.net", Verified.PINNED)
        assert contact.fingerprint == world.run(world.bob.status()).fingerprint
        world.run(world.alice.send("bob@example.net", b"hello", kind="text", idempotency_key="1"))
        world.run(world.bob.add_contact(ALICE))
        world.run(world.bob.send(ALICE, b"back", kind="text", idempotency_key="1"))
        world.pass_time()
        assert [message.body for message in world.run(world.bob.inbox())] == [b"hello"]
        [answer] = world.run(world.alice.inbox())
        # By his key he is the contact, whatever he calls himself.
        assert (answer.sender, answer.verified) == ("bob@example.net", Verified.PINNED)

    def test_every_name_of_a_gateways_domain_reaches_the_gateway(self, world: World) -> None:
        world.name_domain("example.org", "away", gateway="bob")
        [away, _] = world.run(world.alice.network()).providers
        assert away.domains == (MailDomain(domain="example.org", gateway=BOB),)
        fingerprint = world.run(world.bob.status()).fingerprint
        for name in ("a", "b", "bob"):
            address = f"{name}@example.org"
            assert world.run(world.alice.add_contact(address)).fingerprint == fingerprint
            assert world.run(world.alice.estimate(10, address)).fragments == 1
            world.run(world.alice.send(address, name.encode(), kind="text", idempotency_key=name))
        world.run(world.bob.add_contact(ALICE))
        world.run(world.bob.send(ALICE, b"back", kind="text", idempotency_key="1"))
        world.pass_time()
        assert sorted(message.body for message in world.run(world.bob.inbox())) == [b"a", b"b", b"bob"]
        # Its answers are its own, and not those of a name of its domain.
        [answer] = world.run(world.alice.inbox())
        assert (answer.sender, answer.verified) == (BOB, Verified.PINNED)

    def test_a_mail_domain_that_is_gone_stops_its_contacts_and_no_others(self, world: World) -> None:
        world.name_domain("example.org", "away", gateway="bob")
        world.run(world.alice.add_contact("a@example.org"))
        world.run(world.alice.add_contact(BOB))
        world.forget_domain("example.org")
        for attempt in (
            lambda: world.alice.send("a@example.org", b"", kind="text", idempotency_key="1"),
            lambda: world.alice.send("a@example.org", b"", kind="text", idempotency_key="2", anonymous=True),
            lambda: world.alice.estimate(1, "a@example.org"),
        ):
            with pytest.raises(UnknownContactError, match=r"no provider or mail domain example\.org"):
                world.run(attempt())
        with pytest.raises(BadRequestError, match=r"no provider or mail domain example\.org"):
            world.run(world.alice.add_contact("b@example.org"))
        send(world, b"by another way", key="3")
        # Should it come back to the same account, nothing has changed.
        world.name_domain("example.org", "away", gateway="bob")
        world.run(world.alice.send("a@example.org", b"", kind="text", idempotency_key="1"))

    def test_a_mail_domain_that_moves_is_a_changed_key(self, world: World) -> None:
        world.name_domain("example.org", "away", gateway="bob")
        pinned = world.run(world.alice.add_contact("a@example.org"))
        world.run(world.stranger.register("carol", "home"))
        world.name_domain("example.org", "home", gateway="carol")
        with pytest.raises(KeyChangedError):
            world.run(world.alice.send("a@example.org", b"secret", kind="text", idempotency_key="1"))
        with pytest.raises(KeyChangedError):
            world.run(world.alice.add_contact("a@example.org"))
        [contact] = world.run(world.alice.contacts())
        assert contact.fingerprint == pinned.fingerprint
        assert contact.changed_fingerprint == world.run(world.stranger.status()).fingerprint
        world.run(world.alice.accept_key("a@example.org", contact.changed_fingerprint))
        world.run(world.alice.send("a@example.org", b"secret", kind="text", idempotency_key="1"))
        world.pass_time()
        assert [message.body for message in world.run(world.stranger.inbox())] == [b"secret"]
        assert world.run(world.bob.inbox()) == []

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

    def test_a_guest_has_no_name_and_asks_services(self, world: World) -> None:
        provider = world.run(world.stranger.register_guest())
        assert provider in ("home", "away")
        status = world.run(world.stranger.status())
        assert (status.address, status.registered, status.guest, status.provider) == ("", True, True, provider)
        assert world.run(world.stranger.request("echo", b"hello", timeout_s=60)) == b"hello"
        assert world.run(world.stranger.register_guest()) == provider
        assert world.run(world.stranger.register_guest(provider)) == provider

    def test_a_guest_chooses_its_provider(self, world: World) -> None:
        assert world.run(world.stranger.register_guest("away")) == "away"
        with pytest.raises(BadRequestError):
            world.run(world.stranger.register_guest("home"))
        with pytest.raises(BadRequestError):
            world.run(world.stranger.register("carol", "away"))

    def test_no_guest_comes_to_a_provider_that_is_not_there(self, world: World) -> None:
        with pytest.raises(BadRequestError):
            world.run(world.stranger.register_guest("nowhere"))

    def test_who_has_a_name_is_no_guest(self, world: World) -> None:
        with pytest.raises(BadRequestError):
            world.run(world.alice.register_guest())
        assert not world.run(world.alice.status()).guest

    def test_a_guest_writes_anonymously_only_and_can_be_answered(self, world: World) -> None:
        world.run(world.stranger.register_guest())
        world.run(world.stranger.add_contact(BOB))
        with pytest.raises(BadRequestError):
            world.run(world.stranger.send(BOB, b"signed", kind="text", idempotency_key="1"))
        world.run(world.stranger.send(BOB, b"who am I?", kind="text", idempotency_key="2", anonymous=True))
        world.pass_time()
        [message] = world.run(world.bob.inbox())
        assert (message.sender, message.body) == (None, b"who am I?")
        world.run(world.bob.send(message.reply_to, b"nobody", kind="text", idempotency_key="3"))
        world.pass_time()
        assert [m.body for m in world.run(world.stranger.inbox())] == [b"nobody"]

    @pytest.mark.parametrize("issuer", ["away", "nowhere"])
    def test_an_order_at_who_issues_none_is_refused_at_once(self, world: World, issuer: str) -> None:
        with pytest.raises(UnknownServiceError):
            world.run(world.alice.fetch_tokens(issuer, "guest", 2, credential="ABCDE"))
        with pytest.raises(NoTokenError):
            world.run(world.alice.take_token("guest"))
        assert world.run(world.alice.tokens()) == []

    @pytest.mark.parametrize("issuer", ["nobody@away", "echo@nowhere", "nowhere"])
    def test_a_pinned_key_helps_no_issuer_that_is_not_there(self, world: World, issuer: str) -> None:
        with pytest.raises(UnknownServiceError):
            world.run(world.alice.fetch_tokens(issuer, "guest", 2, key=encode_token_key(token_key())))
        assert world.run(world.alice.tokens()) == []

    @pytest.mark.parametrize("issuer", ["@away", "other@", "a@b@c", "issuer@away"])
    def test_an_issuer_is_a_provider_or_another_service_there(self, world: World, issuer: str) -> None:
        with pytest.raises(BadRequestError):
            world.run(world.alice.fetch_tokens(issuer, "guest", 1, key=encode_token_key(token_key())))

    def test_a_service_is_asked_for_tokens_under_a_pinned_key_only(self, world: World) -> None:
        with pytest.raises(BadRequestError):
            world.run(world.alice.fetch_tokens("echo@away", "guest", 1))

    @pytest.mark.parametrize(
        ("issuer", "purpose", "count", "key"),
        [("Away", "guest", 1, b""), ("away", "", 1, b""), ("away", "guest", 0, b""), ("away", "guest", 1, b"key")],
    )
    def test_an_order_of_the_wrong_form_is_refused(
        self, world: World, issuer: str, purpose: str, count: int, key: bytes
    ) -> None:
        with pytest.raises(BadRequestError):
            world.run(world.alice.fetch_tokens(issuer, purpose, count, key=key))

    def test_the_network_is_listed(self, world: World) -> None:
        network = world.run(world.stranger.network())
        assert [provider.name for provider in network.providers] == ["away", "home"]
        assert all("echo" in provider.services for provider in network.providers)
        assert all(len(bytes.fromhex(provider.identity)) == 32 for provider in network.providers)
        assert len({provider.fingerprint for provider in network.providers}) == 2
        assert network.valid_until_s > 0
        assert 1_000 < network.fragment_bytes < 32_768

    def test_the_status_tells_who_and_how(self, world: World) -> None:
        status = world.run(world.alice.status())
        assert (status.address, status.registered, status.problem) == (ALICE, True, "")
        assert status.payload.rate_per_s > 0
        assert status.unread == 0

    def test_the_status_tells_the_fingerprint_that_others_see(self, world: World) -> None:
        contact = world.run(world.alice.add_contact(BOB))
        assert world.run(world.bob.status()).fingerprint == contact.fingerprint
