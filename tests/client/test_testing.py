"""The fake network: the contract of all clients, and what only a fake one can do."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from twisted.internet.defer import Deferred

from client.api import (
    MAX_REQUEST_BYTES,
    BadRequestError,
    Client,
    ConflictError,
    KeyChangedError,
    MailDomain,
    MessageState,
    NoTokenError,
    QueueFullError,
    RegistrationRefusedError,
    RequestState,
    RequestTimeoutError,
    ServiceFailedError,
    TooLongError,
    UnknownContactError,
    UnknownMessageError,
    Verified,
)
from client.core.journal import Cursor, JournalledClient
from client.testing import wait_for
from loopixmix.tokens import decode_token, encode_token_key, verify_token
from provider.api import Declaration
from tests.worlds.clients.callbacks import CallbackContract
from tests.worlds.clients.contract import ALICE, BOB, ClientContract, send
from tests.worlds.clients.fakes import FakeWorld
from tests.worlds.clients.refusals import RefusalContract
from tests.worlds.tokens import signer_of, token_key


class Broken:
    """Fails at everything."""

    name = "broken"

    async def answer(self, body: bytes) -> bytes:
        raise ZeroDivisionError("a secret of the provider")


class Plain:
    """Answers by a plain function, as in threads of a provider."""

    name = "plain"

    def answer(self, body: bytes) -> bytes:
        return body[::-1]


class Board:
    """Recognises repetitions, by the keys that it notes."""

    name = "board"
    declaration = Declaration(recognises_repetition=True)

    def __init__(self) -> None:
        self.keys: list[bytes] = []

    async def answer_again(self, repetition_key: bytes, body: bytes) -> bytes:
        self.keys.append(repetition_key)
        return body.upper()


class Hanging:
    """Never answers, or ever something else than bytes."""

    name = "hanging"

    def __init__(self, answer: object = None) -> None:
        self.asked: Deferred[bytes] = Deferred()
        if answer is not None:
            self.asked.callback(answer)  # type: ignore[arg-type]

    async def answer(self, body: bytes) -> bytes:
        return await self.asked


class Declared(Hanging):
    """Hangs, and says how long it may take."""

    declaration = Declaration(timeout_s=5.0)


@pytest.fixture
def world() -> Iterator[FakeWorld]:
    fake = FakeWorld()
    yield fake
    fake.network.stop()
    assert fake.clock.getDelayedCalls() == []


class TestFakeClient(ClientContract, RefusalContract, CallbackContract):
    """The contracts."""


def acquaint(world: FakeWorld) -> None:
    world.run(world.alice.add_contact(BOB))
    world.run(world.bob.add_contact(ALICE))


def states_of(world: FakeWorld, message_id: str) -> list[MessageState]:
    return [change.state for change in world.run(world.alice.message(message_id)).history]


def test_a_fake_client_is_a_client(world: FakeWorld) -> None:
    client: Client = world.alice
    journalled: JournalledClient = world.alice
    assert client is journalled


def test_a_lost_message_is_sent_again(world: FakeWorld) -> None:
    acquaint(world)
    world.network.lose_next(2)
    message_id = send(world, b"hello", key="1")
    world.pass_time()
    world.pass_time()
    retrying = [MessageState.RETRYING] * 2
    assert states_of(world, message_id) == [MessageState.QUEUED, MessageState.SENDING, *retrying, MessageState.STORED]
    assert len(world.run(world.bob.inbox())) == 1


def test_a_message_can_fail_for_good(world: FakeWorld) -> None:
    acquaint(world)
    world.network.fail_next()
    message_id = send(world, b"hello", key="1")
    world.pass_time()
    assert states_of(world, message_id)[-1] is MessageState.FAILED
    assert world.run(world.bob.inbox()) == []


def test_a_cut_network_keeps_queueing_and_says_so(world: FakeWorld) -> None:
    acquaint(world)
    world.network.cut("the provider cannot be reached")
    message_id = send(world, b"hello", key="1")
    world.pass_time()
    status = world.run(world.alice.status())
    assert (status.connected, status.problem) == (False, "the provider cannot be reached")
    assert status.queued_messages == 1
    assert states_of(world, message_id) == [MessageState.QUEUED]
    with pytest.raises(RequestTimeoutError):
        world.run(world.alice.request("echo", b"x", timeout_s=3))
    with pytest.raises(RequestTimeoutError):
        world.run(world.alice.add_contact("carol@home"))
    world.network.mend()
    world.pass_time()
    assert states_of(world, message_id)[-1] is MessageState.STORED
    assert world.run(world.alice.status()).problem == ""


def test_a_cut_in_mid_way_is_a_loss(world: FakeWorld) -> None:
    acquaint(world)
    message_id = send(world, b"hello", key="1")
    world.clock.advance(0.6)
    world.network.cut()
    world.pass_time()
    assert states_of(world, message_id)[-1] is MessageState.RETRYING
    world.network.mend()
    world.pass_time()
    assert states_of(world, message_id)[-1] is MessageState.STORED


def test_receipts_prove_more_than_storage(world: FakeWorld) -> None:
    acquaint(world)
    world.network.receipts = True
    message_id = send(world, b"hello", key="1")
    world.pass_time()
    assert states_of(world, message_id)[-2:] == [MessageState.STORED, MessageState.RECEIVED]


def test_nothing_reaches_a_key_that_was_replaced(world: FakeWorld) -> None:
    acquaint(world)
    world.change_key_of_bob()
    message_id = send(world, b"for the old key", key="1")
    world.pass_time()
    assert states_of(world, message_id)[-1] is MessageState.STORED
    assert world.run(world.bob.inbox()) == []


def test_reply_blocks_are_used_up(world: FakeWorld) -> None:
    acquaint(world)
    send(world, b"who am I?", key="1", anonymous=True)
    world.pass_time()
    [question] = world.run(world.bob.inbox())
    for number in range(8):
        world.run(world.bob.send(question.reply_to, b"answer", kind="text", idempotency_key=str(number)))
    with pytest.raises(TooLongError, match="0 are left"):
        world.run(world.bob.send(question.reply_to, b"answer", kind="text", idempotency_key="8"))


def test_a_message_from_somebody_unknown_is_not_verified(world: FakeWorld) -> None:
    world.run(world.alice.add_contact(BOB))
    send(world, b"hello", key="1")
    world.pass_time()
    [message] = world.run(world.bob.inbox())
    assert (message.sender, message.verified) == (ALICE, Verified.UNKNOWN)


def test_an_impostor_is_shown_by_its_key(world: FakeWorld) -> None:
    acquaint(world)
    world.network.change_key(ALICE)
    send(world, b"hello", key="1")
    world.pass_time()
    [message] = world.run(world.bob.inbox())
    assert message.sender is not None
    assert message.sender.startswith("key:")
    assert message.verified is Verified.UNKNOWN


def test_a_full_queue_refuses(world: FakeWorld) -> None:
    dave = world.network.client("dave@home", max_queued=1)
    world.run(dave.add_contact(BOB))
    world.run(dave.send(BOB, b"1", kind="text", idempotency_key="1"))
    with pytest.raises(QueueFullError):
        world.run(dave.send(BOB, b"2", kind="text", idempotency_key="2"))


def test_a_service_has_any_of_the_forms_of_a_real_one(world: FakeWorld) -> None:
    board = Board()
    world.network.add_service(Plain(), provider="home")
    world.network.add_service(board, provider="home")
    assert world.run(world.alice.request("plain", b"abc", timeout_s=5)) == b"cba"
    assert world.run(world.alice.request("board", b"abc", timeout_s=5)) == b"ABC"
    posted = world.run(world.alice.post_request("board", b"post", idempotency_key="1"))
    world.pass_time()
    assert world.run(world.alice.answer(posted)).answer == b"POST"
    assert [len(key) for key in board.keys] == [16, 16]
    assert board.keys[0] != board.keys[1]


def test_a_failing_service_tells_nothing(world: FakeWorld) -> None:
    world.network.add_service(Broken(), provider="home")
    with pytest.raises(ServiceFailedError) as raised:
        world.run(world.alice.request("broken", b"x", timeout_s=5))
    assert "secret" not in str(raised.value)


def test_an_invitation_may_be_needed(world: FakeWorld) -> None:
    world.network.add_provider("club", invitation="friend")
    with pytest.raises(RegistrationRefusedError):
        world.run(world.stranger.register("carol", "club"))
    assert world.run(world.stranger.register("carol", "club", invitation="friend")) == "carol@club"


def test_a_callback_that_fails_gets_the_message_again_ever_later(world: FakeWorld) -> None:
    acquaint(world)
    offered_s: list[float] = []

    def fail(_: object) -> None:
        offered_s.append(world.clock.seconds())
        if len(offered_s) < 4:
            raise KeyError("what went wrong")

    world.bob.on_received("text", fail)
    send(world, b"hello", key="1")
    world.clock.pump([0.25] * 80)
    assert [later - earlier for earlier, later in pairwise(offered_s)] == [1, 2, 4]
    assert [type(failure.error) for failure in world.bob.callback_failures] == [KeyError] * 3
    assert world.run(world.bob.status()).unread == 0


def test_the_journal_numbers_every_change(world: FakeWorld) -> None:
    acquaint(world)
    told: list[str] = []
    stop = world.alice.on_change(lambda: told.append("news"))
    first, second = send(world, b"1", key="1"), send(world, b"2", key="2")
    world.pass_time()
    changes = world.run(world.alice.state_changes(after=0, limit=100))
    assert [change.number for change in changes] == [1, 2, 3, 4, 5, 6]
    assert {change.message_id for change in changes} == {first, second}
    assert world.run(world.alice.state_changes(after=2, limit=3)) == changes[2:5]
    assert world.run(world.alice.newest()) == Cursor(0, 6)
    assert world.run(world.bob.newest()) == Cursor(2, 0)
    stop()
    heard = len(told)
    assert heard >= 6
    send(world, b"3", key="3")
    assert len(told) == heard


def test_waiting_moves_the_clock_only_as_far_as_needed(world: FakeWorld) -> None:
    world.clock.advance(10)
    wait_for(world.alice.add_contact(BOB), world.clock, step_s=0.5)
    assert world.clock.seconds() == 11
    with pytest.raises(UnknownMessageError):
        wait_for(world.alice.message("00"), world.clock)
    with pytest.raises(TimeoutError, match="not done after 5 s"):
        wait_for(Deferred(), world.clock, within_s=5)


def test_one_seed_gives_the_same_network() -> None:
    def message_id_of_a_run() -> str:
        fake = FakeWorld()
        acquaint(fake)
        return send(fake, b"hello", key="1")

    assert message_id_of_a_run() == message_id_of_a_run()


def test_tokens_come_a_while_after_they_were_ordered_and_count(world: FakeWorld) -> None:
    network, key = world.network, token_key(0, begins_s=0, ends_s=2**40)
    network.issue_tokens("home", key, signer_of(0))
    alice = world.alice
    wait_for(alice.fetch_tokens("home", "guest", 2), network.clock)
    with pytest.raises(NoTokenError):
        wait_for(alice.take_token("guest"), network.clock)
    network.clock.advance(3000)
    taken = {wait_for(alice.take_token("guest"), network.clock) for _ in range(2)}
    assert len(taken) == 2
    for token in taken:
        verify_token(decode_token(token), key, 1.0)
    wait_for(alice.fetch_tokens("home", "guest", 2), network.clock)
    network.clock.advance(3000)
    [same] = {wait_for(alice.take_token("guest", idempotency_key="1"), network.clock) for _ in range(2)}
    assert same not in taken
    with pytest.raises(ConflictError):
        wait_for(alice.take_token("answer", idempotency_key="1"), network.clock)
    wait_for(alice.take_token("guest"), network.clock)
    with pytest.raises(NoTokenError):
        wait_for(alice.take_token("guest"), network.clock)


def test_a_token_under_a_pinned_key_comes_of_that_key_only(world: FakeWorld) -> None:
    network = world.network
    pinned, other = (token_key(number, begins_s=0, ends_s=2**40) for number in range(2))
    network.issue_tokens("home", other, signer_of(1))
    alice = world.alice
    wait_for(alice.fetch_tokens("home", "guest", 1, key=encode_token_key(pinned)), network.clock)
    network.clock.advance(3000)
    with pytest.raises(NoTokenError):
        wait_for(alice.take_token("guest"), network.clock)
    network.issue_tokens("home", pinned, signer_of(0))
    assert decode_token(wait_for(alice.take_token("guest"), network.clock)).key_id == pinned.key_id


def test_a_service_that_issues_tokens_is_found_by_its_name_and_pinned_key(world: FakeWorld) -> None:
    network = world.network
    first, second = (token_key(i, begins_s=i * 10_000, ends_s=(i + 1) * 10_000) for i in range(2))
    network.issue_tokens("stats-issuer@home", first, signer_of(0))
    network.issue_tokens("stats-issuer@home", second, signer_of(1))
    alice = world.alice
    for key in (second, first):
        wait_for(alice.fetch_tokens("stats-issuer@home", "guest", 1, key=encode_token_key(key)), network.clock)
    now_s = network.clock.seconds()
    assert first.holds_at(now_s + 3000)
    network.clock.advance(3000)
    assert decode_token(wait_for(alice.take_token("guest"), network.clock)).key_id == first.key_id
    with pytest.raises(NoTokenError):
        wait_for(alice.take_token("guest"), network.clock)
    network.clock.advance(10_000 - network.clock.seconds())
    assert decode_token(wait_for(alice.take_token("guest"), network.clock)).key_id == second.key_id


def test_a_provider_may_take_no_guests_or_ask_for_a_token(world: FakeWorld) -> None:
    world.network.add_provider("closed", guests=False)
    world.network.add_provider("asking", guest_token=b"token")
    for provider, token in (("closed", b""), ("asking", b""), ("asking", b"other")):
        with pytest.raises(RegistrationRefusedError, match=f"{provider} refused"):
            world.run(world.stranger.register_guest(provider, token=token))
    assert not world.run(world.stranger.status()).registered
    assert world.run(world.stranger.register_guest("asking", token=b"token")) == "asking"
    for _ in range(20):
        assert world.run(world.network.client().register_guest()) in ("home", "away")


def test_a_service_that_hangs_is_waited_for_as_long_as_the_caller_said(world: FakeWorld) -> None:
    world.network.add_service(Hanging(), provider="home")
    with pytest.raises(RequestTimeoutError, match="hanging did not answer within 20 s"):
        world.run(world.alice.request("hanging", b"x", timeout_s=20))
    assert world.clock.seconds() == 20
    with pytest.raises(RequestTimeoutError):
        world.run(world.alice.request("hanging", b"x", timeout_s=0.5))
    assert world.clock.seconds() == 20.5


def test_a_service_that_hangs_has_the_time_that_it_declares(world: FakeWorld) -> None:
    world.network.add_service(Declared(), provider="home")
    with pytest.raises(ServiceFailedError):
        world.run(world.alice.request("hanging", b"x", timeout_s=20))
    assert world.clock.seconds() == 6  # one second on the way


def test_a_posted_request_to_a_service_that_hangs_expires(world: FakeWorld) -> None:
    world.network.add_service(Hanging(), provider="home")
    request_id = world.run(world.alice.post_request("hanging", b"x", idempotency_key="1", deadline_s=60.0))
    world.clock.pump([1.0] * 59)
    assert world.run(world.alice.answer(request_id)).state is RequestState.ASKING
    world.clock.advance(1)
    assert world.run(world.alice.answer(request_id)).state is RequestState.EXPIRED


@pytest.mark.parametrize("answer", ["text", bytes(MAX_REQUEST_BYTES + 1)], ids=["text", "long"])
def test_what_a_provider_does_not_take_for_an_answer_is_a_failure(world: FakeWorld, answer: object) -> None:
    world.network.add_service(Hanging(answer), provider="home")
    with pytest.raises(ServiceFailedError):
        world.run(world.alice.request("hanging", b"x", timeout_s=20))
    request_id = world.run(world.alice.post_request("hanging", b"x", idempotency_key="1"))
    world.pass_time()
    assert world.run(world.alice.answer(request_id)).state is RequestState.FAILED


@pytest.mark.parametrize("address", ["alice", "Alice@home", "alice@", "a b@home"])
def test_a_fake_client_has_an_address_that_a_provider_would_give(world: FakeWorld, address: str) -> None:
    with pytest.raises(BadRequestError):
        world.network.client(address)
    with pytest.raises(RegistrationRefusedError):
        world.network.client(ALICE)
    assert [provider.name for provider in world.run(world.alice.network()).providers] == ["away", "home"]


def test_a_provider_tells_its_quota_and_its_mail_domains(world: FakeWorld) -> None:
    world.network.add_provider("large", mailbox_items=60_000)
    world.network.add_domain("example.org", "large", gateway="gate")
    world.network.add_domain("example.net", "away")
    providers = {provider.name: provider for provider in world.run(world.alice.network()).providers}
    assert (providers["large"].mailbox_items, providers["home"].mailbox_items) == (60_000, 20_000)
    assert providers["large"].domains == (MailDomain(domain="example.org", gateway="gate@large"),)
    assert providers["away"].domains == (MailDomain(domain="example.net"),)


def test_a_name_of_a_mail_domain_is_an_address(world: FakeWorld) -> None:
    world.network.add_domain("example.net", "away")
    contact = world.run(world.alice.add_contact("bob@example.net"))
    assert contact.fingerprint == world.run(world.bob.status()).fingerprint
    world.run(world.alice.send("bob@example.net", b"hello", kind="text", idempotency_key="1"))
    world.pass_time()
    assert [message.body for message in world.run(world.bob.inbox())] == [b"hello"]


def test_every_name_of_a_gateways_domain_reaches_it(world: FakeWorld) -> None:
    gateway = world.network.client("gate@away")
    world.network.add_domain("example.org", "away", gateway="gate")
    for name in ("a", "b"):
        address = f"{name}@example.org"
        world.run(world.alice.add_contact(address))
        assert world.run(world.alice.estimate(10, address)).fragments == 1
        world.run(world.alice.send(address, name.encode(), kind="text", idempotency_key=name))
    world.pass_time()
    assert [message.body for message in world.run(gateway.inbox())] == [b"a", b"b"]
    # Its answers are its own, and not those of the first name of its domain.
    world.run(gateway.add_contact(ALICE))
    world.run(gateway.send(ALICE, b"back", kind="text", idempotency_key="1"))
    world.pass_time()
    [answer] = world.run(world.alice.inbox())
    assert (answer.sender, answer.verified) == ("gate@away", Verified.PINNED)


def test_a_mail_domain_that_goes_or_moves_stops_its_contacts(world: FakeWorld) -> None:
    world.network.client("gate@away")
    world.network.add_domain("example.org", "away", gateway="gate")
    world.run(world.alice.add_contact("a@example.org"))
    world.network.remove_domain("example.org")
    with pytest.raises(UnknownContactError, match=r"no provider or mail domain example\.org"):
        world.run(world.alice.estimate(10, "a@example.org"))
    world.network.client("gate@home")
    world.network.add_domain("example.org", "home", gateway="gate")
    with pytest.raises(KeyChangedError):
        world.run(world.alice.send("a@example.org", b"", kind="text", idempotency_key="1"))
    with pytest.raises(KeyChangedError):
        world.run(world.alice.add_contact("a@example.org"))
    [contact] = world.run(world.alice.contacts())
    world.run(world.alice.accept_key("a@example.org", contact.changed_fingerprint))
    world.run(world.alice.send("a@example.org", b"", kind="text", idempotency_key="1"))
