"""The receiver without a network: the longest message, and crashes between any two of its steps."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import msgspec
import pytest
from sqlalchemy import Connection, Engine, event, update

from client.api import MAX_BODY_BYTES
from client.core.content import Sender, SignedMessage, encode_signed
from client.core.fragments import FragmentSizes, seal_fragments
from client.core.sealing import HpkeSealer
from client.core.settings import DAY_S, ClientSettings
from client.directory.keys import ClientKeys
from client.link.session import Account
from client.receiving.arrivals import Arrivals, Surroundings
from client.receiving.receiver import REMEMBER_S, Receiver
from client.sending.anonymous import AnonymousPoster
from client.sending.letters import Writer
from client.sending.posting import Poster
from client.store import ClientStore, incoming
from client.store.incoming import Arrival, insert_arrival
from client.store.schema import inbox
from client.values import Verified
from tests.worlds.clients.world import World

T = TypeVar("T")

RNG = random.Random(5)
WORLD = World()
ALICE, BOB = ClientKeys.generate(RNG), ClientKeys.generate(RNG)
AROUND = Surroundings(
    WORLD.clock.seconds(), Account("bob", b"p" * 32, "away"), WORLD.make_document(), WORLD.packet_format.sphinx
)


def at(now_s: float) -> Surroundings:
    """Return what counts at another time, about which the network agrees."""
    document = msgspec.structs.replace(AROUND.document, valid_until_s=int(now_s) + 1)
    return msgspec.structs.replace(AROUND, now_s=now_s, document=document)


def receiver() -> Receiver:
    writer = Writer(keys=BOB, sealer=HpkeSealer(BOB.sealing), rng=RNG, settings=ClientSettings())
    return Receiver(Arrivals(Poster(writer, AnonymousPoster(writer)), writer), writer)


def fragments_of(body: bytes) -> list[bytes]:
    message = SignedMessage(RNG.randbytes(16), "text", body, Sender(ALICE.identity_key.public, "alice", b"p" * 32))
    return list(
        seal_fragments(
            encode_signed(message, ALICE.identity_key, recipient=BOB.identity_key.public),
            recipient=BOB.identity_key.public,
            recipient_key=BOB.sealing.public,
            message_key=RNG.randbytes(32),
            sealer=HpkeSealer(ALICE.sealing),
            sizes=FragmentSizes(2048),
        )
    )


def bodies(store: ClientStore) -> list[bytes]:
    return [message.body for message in store.write(lambda c: incoming.received_after(c, after=0, limit=100))]


@pytest.fixture
def readings() -> Iterator[list[str]]:
    """The statements that read which messages are unfinished."""
    found: list[str] = []

    def note(_connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT incoming.head_id"):
            found.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield found
    event.remove(Engine, "before_cursor_execute", note)


class CrashError(Exception):
    """The process died here."""


class CrashingStore(ClientStore):
    """Dies before a commit, so that nothing of the transaction is kept, while a test says so."""

    dying = False

    def write(self, work: Callable[[Connection], T]) -> T:
        def work_and_die(connection: Connection) -> T:
            result = work(connection)
            if self.dying:
                raise CrashError
            return result

        return super().write(work_and_die)


def take(taking: Receiver, store: ClientStore, fragments: Sequence[bytes]) -> None:
    taking.committed(store.write(lambda connection: taking.receive(connection, fragments, [], AROUND)))


def take_together(taking: Receiver, store: ClientStore, *batches: Sequence[bytes]) -> None:
    """Take several batches in one transaction."""
    for received in store.write(lambda c: [taking.receive(c, batch, [], AROUND) for batch in batches]):
        taking.committed(received)


def tidy(taking: Receiver, store: ClientStore, around: Surroundings) -> None:
    taking.committed(store.write(lambda connection: taking.tidy(connection, around)))


def test_the_longest_message_comes_back_whole() -> None:
    body = RNG.randbytes(MAX_BODY_BYTES)
    fragments = fragments_of(body)
    RNG.shuffle(fragments)
    store = ClientStore(None)
    taking = receiver()
    for start in range(0, len(fragments), 200):
        take(taking, store, fragments[start : start + 200])
    assert bodies(store) == [body]
    store.close()


@pytest.mark.parametrize("forgets", [False, True], ids=["same process", "new process"])
def test_a_batch_that_was_not_committed_is_taken_the_next_time(forgets: bool) -> None:
    """Each batch dies once before its commit, then comes again: its items were not acknowledged."""
    body = random.Random(1).randbytes(40_000)
    fragments = fragments_of(body) + fragments_of(b"short")
    random.Random(2).shuffle(fragments)
    store = CrashingStore(None)
    taking = receiver()
    for start in range(0, len(fragments), 3):
        batch = fragments[start : start + 3]
        store.dying = True
        with pytest.raises(CrashError):
            take(taking, store, batch)
        store.dying = False
        if forgets:
            taking = receiver()
        take(taking, store, batch)
    assert sorted(bodies(store)) == sorted([body, b"short"])
    store.close()


def test_batches_that_share_a_transaction_read_what_is_unfinished_once(readings: list[str]) -> None:
    """A busy client has many in one: if each read all that is unfinished, it would fall behind for good."""
    body = random.Random(6).randbytes(40_000)
    fragments = fragments_of(body)
    store, taking = ClientStore(None), receiver()
    take_together(taking, store, fragments[:5], fragments[5:10])
    take_together(taking, store, fragments[10:15], fragments[:3], fragments[15:])
    assert bodies(store) == [body]
    assert len(readings) == 1
    store.close()


def test_after_a_shared_transaction_that_failed_each_batch_is_taken_by_itself() -> None:
    body = random.Random(7).randbytes(40_000)
    fragments = fragments_of(body)
    store, taking = CrashingStore(None), receiver()
    take(taking, store, fragments[:2])
    store.dying = True
    with pytest.raises(CrashError):
        take_together(taking, store, fragments[2:9], fragments[9:])
    store.dying = False
    take(taking, store, fragments[9:])
    assert bodies(store) == []
    take(taking, store, fragments[2:9])
    assert bodies(store) == [body]
    store.close()


def test_tidying_that_fails_forgets_nothing() -> None:
    fragments = fragments_of(random.Random(3).randbytes(9000))
    store = CrashingStore(None)
    taking = receiver()
    take(taking, store, fragments[:3])
    later = at(AROUND.now_s + 40 * DAY_S)
    store.dying = True
    with pytest.raises(CrashError):
        tidy(taking, store, later)
    store.dying = False
    take(taking, store, fragments[3:])
    assert len(bodies(store)) == 1
    take(taking, store, fragments_of(bytes(3000))[:1])
    tidy(taking, store, later)
    assert store.write(lambda c: c.exec_driver_sql("SELECT count(*) FROM incoming").scalar_one()) == 0
    store.close()


def test_fragments_that_come_again_after_their_message_was_taken_leave_nothing_behind() -> None:
    fragments = fragments_of(random.Random(4).randbytes(9000))
    store = ClientStore(None)
    taking = receiver()
    take(taking, store, fragments)
    # All but the first, which would begin the message anew: these could only be kept, and would wait for it for ever.
    take(taking, store, fragments[1:])
    take(receiver(), store, fragments)
    assert len(bodies(store)) == 1
    counting = "SELECT (SELECT count(*) FROM orphans), (SELECT count(*) FROM incoming)"
    assert tuple(store.write(lambda c: c.exec_driver_sql(counting).one())) == (0, 0)
    store.close()


def test_fragments_are_remembered_for_a_while_only() -> None:
    store = ClientStore(None)
    taking = receiver()
    take(taking, store, fragments_of(b"short"))
    seen = "SELECT count(*) FROM seen"
    wrong = msgspec.structs.replace(AROUND, now_s=AROUND.now_s + REMEMBER_S + 1)
    tidy(taking, store, wrong)  # the document has another time
    for passed_s, remembered in ((REMEMBER_S, 1), (REMEMBER_S + 1, 0)):
        tidy(taking, store, at(AROUND.now_s + passed_s))
        assert store.write(lambda c: c.exec_driver_sql(seen).scalar_one()) == remembered
    store.close()


def test_received_messages_are_deleted_in_time_and_only_while_the_network_agrees_about_it() -> None:
    """A clock that is set a year ahead must not delete all mail."""
    store, taking = ClientStore(None), receiver()
    old = Arrival(
        author=b"",
        message_id="old",
        sender=None,
        verified=Verified.UNKNOWN,
        kind="text",
        body=b"",
        received_at_s=AROUND.now_s - 89 * DAY_S,
    )
    store.write(lambda connection: insert_arrival(connection, old))
    for ahead_s in (365 * DAY_S, 0.0):
        tidy(taking, store, msgspec.structs.replace(AROUND, now_s=AROUND.now_s + ahead_s))
        assert store.read(incoming.unread) == 1
    store.write(lambda connection: connection.execute(update(inbox).values(received_at_s=AROUND.now_s - 91 * DAY_S)))
    tidy(taking, store, AROUND)
    assert store.read(incoming.unread) == 0
