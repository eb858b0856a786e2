"""Clients' links on a clock: who may send what, and that answers to pulls tell an observer nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import text
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import LogEvent
from twisted.python.failure import Failure

from loopixmix.drops import DropReason
from loopixmix.net.reception import Reception, RefusedError
from loopixmix.params import NetworkParams
from loopixmix.seams import Identity
from loopixmix.wire import (
    Dummy,
    Frame,
    FrameFormat,
    Item,
    ItemKind,
    LinkRole,
    Packet,
    Pull,
    Register,
    Registered,
    RegisterRefusal,
    RegisterRefused,
)
from provider.clients.allowance import PULL_BURST, ClientRules
from provider.clients.client import FORGET_S
from provider.clients.guests import Guests
from provider.clients.links import ClientNetwork
from provider.clients.recognition import CHECK_AGAIN_S, MAX_HELD_FRAMES
from provider.config import ProviderRules
from provider.drops import Drops
from provider.mailbox import MailboxRules
from provider.store import MailStore, sqlite_url
from provider.store.access import MailAccess, clocked_access
from provider.store.accounts import remove_account
from provider.wiring import wire_clients
from tests.worlds.mailboxes.mailstores import ALICE, BOB, OPEN, Facts, message, open_account

STRANGER = bytes([9]) * 32
PARAMS = NetworkParams(pull_batch=3, pull_rate_per_s=1.0)
FORMAT = FrameFormat(packet_bytes=2758, body_bytes=2436)
ANSWER_S = 0.05
RULES = ProviderRules(mailbox=MailboxRules(lease_pulls=4), clients=ClientRules(answer_s=ANSWER_S))


class WrittenWishes:
    """A registration that writes the wishes down and answers what the test wants: at first nothing."""

    def __init__(self) -> None:
        self.answer: Registered | None = None
        self.wishes: list[tuple[Identity, Register]] = []

    def enrol(self, identity: Identity, wish: Register) -> Deferred[Registered | None]:
        self.wishes.append((identity, wish))
        return succeed(self.answer)


class Provider:
    """`ClientLinks` with a real store, everything else written down."""

    def __init__(self, directory: Path, *, read_s: float = 0.001) -> None:
        self.clock = Clock()
        self.facts = Facts()
        self.sent: list[tuple[float, Identity, bytes]] = []
        self.submitted: list[tuple[Identity, bytes]] = []
        self.failures: list[Failure] = []
        self.refused: list[Identity] = []
        self.kept: list[tuple[Identity, bool | None]] = []
        self.reception = Reception(FORMAT, own=LinkRole.PROVIDER, role_of=lambda _: LinkRole.CLIENT)
        self.registration = WrittenWishes()
        self.store = MailStore(sqlite_url(directory / "mail.sqlite3"))
        self.access: MailAccess = clocked_access(
            self.store, MailboxRules(), clock=self.clock, write_s=0.001, read_s=read_s
        )
        self.links = wire_clients(
            access=self.access,
            registration=self.registration,
            guests=Guests(access=self.access, rules=OPEN, gate=None, clock=self.clock, rng=random.Random(1)),
            rules=RULES,
            submit=self.submit,
            network=ClientNetwork(
                send=self.send, keep=lambda client: self.kept.append((client.identity, client.registered))
            ),
            drops=Drops(clock=self.clock, observer=self.facts),
            clock=self.clock,
            body_bytes=FORMAT.body_bytes,
        )
        self.links.adopt(PARAMS)

    def send(self, peer: Identity, frame: Frame) -> None:
        self.sent.append((self.clock.seconds(), peer, FORMAT.encode(frame)))

    def submit(self, peer: Identity, packets: Sequence[bytes]) -> None:
        self.submitted += [(peer, packet) for packet in packets]

    def open_account(self, name: str, identity: Identity) -> None:
        open_account(self.store, name, identity)

    def deliver(self, identity: Identity, *bodies: bytes) -> None:
        for body in bodies:
            self.access.put(message(identity, body)).addErrback(self.failures.append)
        self.clock.advance(0.01)

    def receive(self, peer: Identity, *frames: Frame) -> None:
        self.arrive(peer, *map(FORMAT.encode, frames))
        self.clock.pump([0.001] * 3)

    def arrive(self, peer: Identity, *frames: bytes) -> None:
        """Let frames come over the link of a client, together."""
        try:
            packets, others = self.reception.sort(peer, frames)
        except RefusedError:
            self.refused.append(peer)
        else:
            self.links.received(peer, packets, others)

    def pull(self, peer: Identity, acknowledged: tuple[int, ...] = (), request_id: int = 5) -> list[Frame]:
        """Pull once, wait, and return what was sent to the client."""
        self.sent.clear()
        self.receive(peer, Pull(request_id, acknowledged))
        self.clock.pump([0.01] * 200)
        assert {to for _, to, _ in self.sent} <= {peer}
        return [FORMAT.decode(frame) for _, _, frame in self.sent]

    def bodies(self, peer: Identity, acknowledged: tuple[int, ...] = ()) -> list[bytes]:
        items = self.pull(peer, acknowledged)
        return [item.body.rstrip(b"\0") for item in items if isinstance(item, Item) and item.kind]


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    provider = Provider(tmp_path)
    provider.open_account("alice", ALICE)
    provider.open_account("bob", BOB)
    yield provider
    provider.links.stop()
    provider.clock.advance(1)
    assert provider.clock.getDelayedCalls() == []
    provider.store.close()


def packet(rng: random.Random) -> bytes:
    return FORMAT.packet_frame(rng.randbytes(2758))


def numbers(frames: Sequence[Frame]) -> tuple[int, ...]:
    return tuple(frame.item_id for frame in frames if isinstance(frame, Item) and frame.kind)


def test_a_pull_is_answered_by_the_oldest_items_and_dummies(provider: Provider) -> None:
    provider.deliver(ALICE, b"one", b"two")
    frames = provider.pull(ALICE, request_id=77)
    assert [type(frame) for frame in frames] == [Item] * 3
    assert [(f.request_id, f.kind, f.body.rstrip(b"\0")) for f in frames if isinstance(f, Item)] == [
        (77, ItemKind.MESSAGE, b"one"),
        (77, ItemKind.MESSAGE, b"two"),
        (77, ItemKind.DUMMY, b""),
    ]


def test_acknowledged_items_are_gone_and_others_come_again(provider: Provider) -> None:
    provider.deliver(ALICE, b"1", b"2", b"3", b"4")
    first = numbers(provider.pull(ALICE))
    assert provider.bodies(ALICE, first[:2]) == [b"4"]
    assert provider.bodies(ALICE) == []
    assert provider.bodies(ALICE) == []
    assert provider.bodies(ALICE) == [b"3"]
    assert provider.bodies(ALICE) == [b"4"]


def test_an_observer_sees_the_same_whatever_the_mailbox_holds(provider: Provider) -> None:
    """The same number of frames of the same size at the same moment: for nothing, one item, more than a batch."""
    seen = []
    for waiting in (0, 1, 3, 50, 0):
        provider.deliver(ALICE, *[b"%d" % n for n in range(waiting)])
        start_s = provider.clock.seconds()
        provider.pull(ALICE)
        seen.append([(round(at_s - start_s, 6), len(frame)) for at_s, _, frame in provider.sent])
        provider.store.write(lambda connection: connection.execute(text("DELETE FROM items")))
    assert seen == [[(pytest.approx(ANSWER_S, abs=0.02), FORMAT.frame_bytes)] * 3] * 5
    assert len({tuple(each) for each in seen}) == 1


@pytest.mark.parametrize("waiting", [0, 5])
def test_an_answer_is_exactly_on_time(provider: Provider, waiting: int) -> None:
    provider.deliver(ALICE, *[b"%d" % n for n in range(waiting)])
    provider.pull(ALICE)
    provider.sent.clear()
    provider.arrive(ALICE, FORMAT.encode(Pull(1, ())))
    provider.clock.advance(ANSWER_S - 0.0001)
    assert provider.sent == []
    provider.clock.advance(0.0002)
    assert len(provider.sent) == PARAMS.pull_batch


def test_a_store_that_is_late_changes_nothing_on_the_link(tmp_path: Path) -> None:
    provider = Provider(tmp_path, read_s=0.4)
    provider.open_account("alice", ALICE)
    provider.pull(ALICE)
    provider.sent.clear()
    provider.deliver(ALICE, b"late")
    provider.receive(ALICE, Pull(1, ()))
    provider.clock.advance(ANSWER_S)
    frames = [FORMAT.decode(frame) for _, _, frame in provider.sent]
    assert [frame.kind for frame in frames if isinstance(frame, Item)] == [ItemKind.DUMMY] * 3
    provider.clock.advance(0.4)
    assert len(provider.sent) == 3
    assert provider.bodies(ALICE) == [b"late"]
    provider.store.close()


def test_a_store_that_fails_changes_nothing_on_the_link(provider: Provider, logged: list[LogEvent]) -> None:
    provider.deliver(ALICE, b"one")
    provider.pull(ALICE)
    provider.store.write(lambda connection: connection.execute(text("ALTER TABLE items RENAME TO elsewhere")))
    frames = provider.pull(ALICE, (1,))
    assert [frame.kind for frame in frames if isinstance(frame, Item)] == [ItemKind.DUMMY] * 3
    assert "store cannot be" in (provider.access.problem or "")
    assert len(logged) == 1, "it is said once, however many pulls there are"
    provider.store.write(lambda connection: connection.execute(text("ALTER TABLE elsewhere RENAME TO items")))
    provider.deliver(ALICE, b"two")
    assert provider.bodies(ALICE) == [b"two"]


def test_nobody_pulls_or_acknowledges_what_is_another_s(provider: Provider) -> None:
    """Bob and a stranger pull and acknowledge as if they were Alice: the link's key is all that counts."""
    provider.deliver(ALICE, b"for alice")
    [number] = numbers(provider.pull(ALICE))
    assert provider.bodies(BOB) == []
    assert provider.bodies(BOB, (number, number + 1)) == []
    assert not numbers(provider.pull(STRANGER, (number,)))
    for _ in range(3):
        provider.pull(ALICE)
    assert provider.bodies(ALICE) == [b"for alice"]


def test_who_has_no_account_is_told_so_and_nothing_is_taken(provider: Provider, rng: random.Random) -> None:
    provider.arrive(STRANGER, *[packet(rng)])
    assert provider.pull(STRANGER) == [RegisterRefused(RegisterRefusal.NOT_REGISTERED)]
    assert provider.submitted == []
    assert provider.facts.drops.count(DropReason.NOT_REGISTERED) == 1
    wish = Register("stranger", "", b"")
    provider.receive(STRANGER, wish)
    assert provider.registration.wishes == [(STRANGER, wish)]


def test_a_new_account_is_served_at_once(provider: Provider, rng: random.Random) -> None:
    provider.pull(STRANGER)
    provider.open_account("stranger", STRANGER)
    provider.registration.answer = Registered()
    provider.receive(STRANGER, Register("stranger", "", b""))
    provider.arrive(STRANGER, *[packet(rng)])
    assert len(provider.submitted) == 1
    assert len(provider.pull(STRANGER)) == PARAMS.pull_batch


def test_a_link_is_kept_for_as_long_as_it_has_an_account(provider: Provider, rng: random.Random) -> None:
    provider.arrive(ALICE, *[packet(rng)])
    provider.clock.advance(0.01)
    provider.pull(STRANGER)
    assert set(provider.kept) == {(ALICE, True), (STRANGER, False)}
    provider.kept.clear()
    provider.registration.answer = Registered()
    provider.open_account("stranger", STRANGER)
    provider.arrive(STRANGER, FORMAT.encode(Register("stranger", "", b"")))
    assert provider.kept[-1] == (STRANGER, True)
    provider.kept.clear()
    # Also over another link of the same client, which the provider knows by now.
    provider.arrive(ALICE, *[packet(rng)])
    assert provider.kept == [(ALICE, True)]
    provider.store.write(lambda connection: remove_account(connection, "alice", retire_name=True, today=100))
    provider.pull(ALICE)
    provider.pull(ALICE)
    assert provider.kept[-1] == (ALICE, False)


def test_the_first_frames_of_a_link_wait_for_the_store_in_order(provider: Provider, rng: random.Random) -> None:
    frames = [packet(rng) for _ in range(5)]
    for frame in frames:
        provider.arrive(ALICE, *[frame])
    assert provider.submitted == []
    provider.clock.advance(0.01)
    assert [FORMAT.packet_frame(each) for _, each in provider.submitted] == frames
    provider.arrive(BOB, *[packet(rng) for _ in range(MAX_HELD_FRAMES + 3)])
    provider.clock.advance(0.01)
    assert len(provider.submitted) == 5 + MAX_HELD_FRAMES
    assert provider.facts.drops.count(DropReason.OVERLOADED) == 3


def test_a_removed_account_is_served_no_longer(provider: Provider, rng: random.Random) -> None:
    provider.pull(ALICE)
    provider.store.write(lambda connection: remove_account(connection, "alice", retire_name=True, today=100))
    provider.pull(ALICE)
    assert provider.pull(ALICE) == [RegisterRefused(RegisterRefusal.NOT_REGISTERED)]
    provider.arrive(ALICE, *[packet(rng)])
    assert provider.submitted == []


def test_a_removed_account_that_never_pulls_is_found_out_too(provider: Provider, rng: random.Random) -> None:
    provider.arrive(ALICE, *[packet(rng)])
    provider.clock.advance(0.01)
    provider.store.write(lambda connection: remove_account(connection, "alice", retire_name=True, today=100))
    for _ in range(int(CHECK_AGAIN_S) + 2):
        provider.arrive(ALICE, *[packet(rng)])
        provider.clock.advance(1)
    taken = len(provider.submitted)
    provider.arrive(ALICE, *[packet(rng)])
    assert len(provider.submitted) == taken


def test_flooding_by_one_client_leaves_the_others_theirs(provider: Provider, rng: random.Random) -> None:
    provider.pull(ALICE)
    provider.pull(BOB)
    flood = [packet(rng)] * 10_000
    provider.arrive(ALICE, *flood)
    provider.arrive(BOB, *[packet(rng) for _ in range(20)])
    taken = {key: sum(peer == key for peer, _ in provider.submitted) for key in (ALICE, BOB)}
    assert taken == {ALICE: 90, BOB: 20}
    assert provider.facts.drops.count(DropReason.RATE_LIMITED) == 10_000 - 90
    provider.arrive(ALICE, *[FORMAT.encode(Pull(n, ())) for n in range(100)])
    provider.clock.advance(1)
    assert len(provider.pull(BOB)) == PARAMS.pull_batch


def test_a_gateway_may_send_and_pull_at_its_rates_and_no_more(provider: Provider, rng: random.Random) -> None:
    gateway = NetworkParams(
        payload_rate_per_s=20.0, loop_rate_per_s=1.0, drop_rate_per_s=1.0, pull_rate_per_s=8.0, pull_batch=6
    )
    provider.links.adopt(PARAMS, {ALICE: gateway})
    assert len(provider.pull(ALICE)) == gateway.pull_batch
    assert len(provider.pull(BOB)) == PARAMS.pull_batch
    flood = [packet(rng)] * 2_000
    provider.arrive(ALICE, *flood)
    provider.arrive(BOB, *flood)
    taken = {key: sum(peer == key for peer, _ in provider.submitted) for key in (ALICE, BOB)}
    assert taken == {ALICE: 22 * 1.5 * 20, BOB: 90}
    # From the next document on it is a client like others: what it had left over is gone.
    provider.clock.advance(60)
    provider.links.adopt(PARAMS)
    provider.submitted.clear()
    provider.arrive(ALICE, *flood)
    assert len(provider.submitted) == 90


def test_pulls_are_limited_too(provider: Provider) -> None:
    provider.pull(ALICE)
    provider.clock.advance(100)
    provider.sent.clear()
    provider.arrive(ALICE, *[FORMAT.encode(Pull(n, ())) for n in range(100)])
    provider.clock.advance(1)
    assert len(provider.sent) == PULL_BURST * PARAMS.pull_batch
    assert provider.facts.drops.count(DropReason.RATE_LIMITED) == 100 - PULL_BURST


def test_a_client_s_own_rate_is_never_limited(provider: Provider, rng: random.Random) -> None:
    """Three Poisson streams and a constant one at the document's rates for an hour: nothing is dropped."""
    provider.pull(ALICE)
    rates = (PARAMS.payload_rate_per_s, PARAMS.loop_rate_per_s, PARAMS.drop_rate_per_s)
    frame = packet(rng)
    due_s = [(provider.clock.seconds() + rng.expovariate(sum(rates)), False), (provider.clock.seconds() + 1, True)]
    while provider.clock.seconds() < 3600:
        due_s.sort()
        at_s, is_pull = due_s.pop(0)
        provider.clock.advance(max(0.0, at_s - provider.clock.seconds()))
        provider.arrive(ALICE, FORMAT.encode(Pull(1, ())) if is_pull else frame)
        due_s.append((at_s + (1 if is_pull else rng.expovariate(sum(rates))), is_pull))
    provider.clock.advance(1)
    assert provider.facts.drops.count(DropReason.RATE_LIMITED) == 0


def test_who_sends_what_clients_do_not_send_is_refused(provider: Provider, rng: random.Random) -> None:
    provider.pull(ALICE)
    provider.receive(ALICE, Dummy())
    assert provider.refused == []
    for frame in (Registered(), Item(1, 1, ItemKind.MESSAGE, bytes(8), bytes(2436))):
        provider.receive(ALICE, frame)
    provider.arrive(ALICE, packet(rng))
    provider.arrive(ALICE, b"\xff" * FORMAT.frame_bytes, packet(rng))
    assert provider.refused == [ALICE] * 3
    assert len(provider.submitted) == 1


def test_a_wish_to_register_is_not_lost_among_the_packets_that_come_with_it(provider: Provider) -> None:
    packets = [Packet(bytes([number]) * FORMAT.packet_bytes) for number in range(MAX_HELD_FRAMES + 1)]
    wish = Register("stranger", "", b"")
    provider.receive(STRANGER, *packets, wish)
    assert provider.registration.wishes == [(STRANGER, wish)]


def test_new_rates_and_batches_hold_from_the_next_pull_on(provider: Provider) -> None:
    assert len(provider.pull(ALICE)) == 3
    provider.links.adopt(NetworkParams(pull_batch=5))
    assert len(provider.pull(ALICE)) == 5
    assert len(provider.pull(BOB)) == 5


def test_who_is_not_heard_of_is_forgotten_and_given_what_was_leased_again(provider: Provider) -> None:
    provider.deliver(ALICE, b"one")
    assert provider.bodies(ALICE) == [b"one"]
    provider.pull(BOB)
    provider.links.forget_idle()
    assert provider.links.known == 2
    provider.clock.advance(FORGET_S + 1)
    provider.pull(BOB)
    provider.links.forget_idle()
    assert provider.links.known == 1
    assert provider.bodies(ALICE) == [b"one"]


def test_stopping_leaves_no_call(provider: Provider) -> None:
    provider.pull(ALICE)
    provider.arrive(ALICE, FORMAT.encode(Pull(1, ())))
    provider.clock.advance(0.01)
    provider.links.stop()
    assert provider.clock.getDelayedCalls() == []


def test_after_the_end_nothing_is_taken_from_a_link_that_is_still_open(provider: Provider, rng: random.Random) -> None:
    provider.pull(ALICE)
    provider.arrive(BOB, packet(rng))  # held until the store has told of the account
    provider.links.stop()
    provider.sent.clear()
    provider.arrive(ALICE, packet(rng), FORMAT.encode(Pull(1, ())))
    provider.clock.advance(1.0)
    assert (provider.submitted, provider.sent) == ([], [])
    assert provider.clock.getDelayedCalls() == []


def test_contents_are_never_logged(provider: Provider, logged: list[LogEvent]) -> None:
    provider.deliver(ALICE, b"marked-secret")
    provider.pull(ALICE)
    provider.store.write(lambda connection: connection.execute(text("ALTER TABLE items RENAME TO elsewhere")))
    provider.deliver(ALICE, b"marked-secret")
    provider.pull(ALICE)
    assert "marked-secret" not in repr(logged)
    assert ALICE.hex() not in repr(logged)
