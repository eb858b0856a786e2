"""Anonymous messages, and answers to them by reply blocks."""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec
import pytest

from client.api import MessageState, ReceivedMessage, TooLongError, UnknownContactError, Verified
from client.core.settings import ClientSettings
from loopixmix.sphinx import load_arithmetic
from tests.worlds.clients.world import QUICK, Person, World

ALICE, BOB = "alice@home", "bob@away"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.stop()


def ask(world: World, alice: Person, bob: Person, *, body: bytes = b"who am I?") -> ReceivedMessage:
    before = len(world.run(bob.client.inbox()))
    world.run(alice.client.send(BOB, body, kind="quiz", idempotency_key=world.rng.randbytes(8).hex(), anonymous=True))
    assert world.wait_for(lambda: len(world.run(bob.client.inbox())) > before, 60)
    return world.run(bob.client.inbox())[-1]


def answer(world: World, bob: Person, question: ReceivedMessage, body: bytes, key: str) -> str:
    return world.run(bob.client.send(question.reply_to, body, kind="answer", idempotency_key=key))


def people(world: World, config: ClientSettings | None = None) -> tuple[Person, Person]:
    alice, bob = world.person(ALICE, settings=config), world.person(BOB)
    world.acquaint(alice, bob)
    return alice, bob


def received(world: World, person: Person) -> list[bytes]:
    return [message.body for message in world.run(person.client.inbox())]


def test_nothing_in_an_anonymous_message_names_its_sender() -> None:
    world = World(arithmetic=load_arithmetic())
    alice, bob = people(world)
    question = ask(world, alice, bob)
    assert (question.sender, question.verified, question.kind) == (None, Verified.UNKNOWN, "quiz")
    assert question.reply_to.startswith("reply:")
    dump = b"".join(bob.store.write(dump_of))
    assert dump.count(alice.keys.identity_key.public) == 1  # as a contact, pinned before; nowhere else
    world.stop()


def dump_of(connection: object) -> list[bytes]:
    from sqlalchemy import Connection

    assert isinstance(connection, Connection)
    tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
    cells: list[bytes] = []
    for table in tables:
        for row in connection.exec_driver_sql(f"SELECT * FROM {table}"):
            cells += [cell if isinstance(cell, bytes) else str(cell).encode() for cell in row]
    return cells


def test_an_answer_comes_from_whom_it_was_asked(world: World) -> None:
    alice, bob = people(world)
    question = ask(world, alice, bob)
    message_id = answer(world, bob, question, b"Alice", "1")
    assert world.wait_for(lambda: received(world, alice), 60)
    [reply] = world.run(alice.client.inbox())
    assert (reply.sender, reply.verified, reply.kind, reply.body) == (BOB, Verified.PINNED, "answer", b"Alice")
    assert (reply.message_id, reply.reply_to) == (message_id, "")
    outgoing = world.run(bob.client.message(message_id))
    # Nobody acknowledges a reply, so that is all that can be said.
    assert outgoing.state is MessageState.SENDING
    assert (outgoing.fragments, outgoing.fragments_sent, outgoing.fragments_acknowledged) == (1, 1, 0)
    assert world.run(bob.client.status()).queued_messages == 0


def test_a_long_answer_takes_several_blocks_until_none_is_left(world: World) -> None:
    # Half of the blocks are for this epoch, half for the next.
    alice, bob = people(world, ClientSettings(reply_blocks=8))
    question = ask(world, alice, bob)
    long = random.Random(1).randbytes(5000)
    with pytest.raises(TooLongError, match="needs 9 reply blocks; 8 are left"):
        answer(world, bob, question, bytes(17_000), "0")
    answer(world, bob, question, long, "1")
    assert world.wait_for(lambda: received(world, alice), 60)
    answer(world, bob, question, b"short", "2")
    assert world.wait_for(lambda: len(received(world, alice)) == 2, 60)
    assert received(world, alice) == [long, b"short"]
    answer(world, bob, question, bytes(7000), "3")
    with pytest.raises(TooLongError, match="needs 1 reply blocks; 0 are left"):
        answer(world, bob, question, b"x", "4")


def test_a_repeated_call_answers_once(world: World) -> None:
    alice, bob = people(world)
    question = ask(world, alice, bob)
    assert answer(world, bob, question, b"once", "same") == answer(world, bob, question, b"once", "same")
    world.clock.run_for(30)
    assert received(world, alice) == [b"once"]


def test_answers_come_in_order_and_once_whatever_the_network_does(world: World) -> None:
    alice, bob = people(world)
    question = ask(world, alice, bob)
    box = world.providers["home"].mailboxes[alice.keys.identity_key.public]
    alice.link.cut = True
    for number in range(4):
        answer(world, bob, question, b"%d" % number, str(number))
    world.clock.run_for(30)
    replies = [item for item in box.items.items() if item[1][0].value == 2][-4:]
    assert len(replies) == 4
    for number, _ in replies:
        del box.items[number]
    for _, item in reversed(replies):  # turned round, and each twice
        box.items[next(world.item_numbers)] = item
        box.items[next(world.item_numbers)] = item
    alice.restart()
    alice.link.cut = False
    world.clock.run_for(10)
    assert received(world, alice) == [b"0", b"1", b"2", b"3"]


def test_a_lost_answer_holds_the_next_up_for_a_while_only(world: World) -> None:
    alice, bob = people(world)
    question = ask(world, alice, bob)
    world.loss = 1.0
    answer(world, bob, question, b"lost", "1")
    world.clock.run_for(5)
    world.loss = 0.0
    answer(world, bob, question, b"next", "2")
    world.clock.run_for(20)
    assert received(world, alice) == []
    world.clock.run_for(120)
    assert received(world, alice) == [b"next"]


def test_restarts_between_question_and_answer(world: World) -> None:
    alice, bob = people(world)
    question = ask(world, alice, bob)
    alice.restart()
    bob.restart()
    answer(world, bob, question, b"still here", "1")
    bob.restart()
    world.clock.run_for(20)
    alice.restart()
    world.clock.run_for(20)
    assert received(world, alice) == [b"still here"]
    assert world.replays == 0


def test_a_block_is_never_used_twice_though_the_store_lags(world: World) -> None:
    """A crash between sending a reply and noting it: the same packet goes out again and is dropped as a replay."""
    alice, bob = people(world)
    question = ask(world, alice, bob)
    answer(world, bob, question, b"once", "1")
    rows = bob.store.write(lambda c: c.exec_driver_sql("SELECT * FROM fragments").all())
    insert = "INSERT INTO fragments (message, position, epoch, payload) VALUES (?, ?, ?, ?)"
    assert world.wait_for(lambda: received(world, alice), 60)
    bob.store.write(lambda c: c.exec_driver_sql(insert, tuple(rows[0])))
    bob.store.write(lambda c: c.exec_driver_sql("UPDATE messages SET finished_at_s = NULL WHERE form = 'reply'"))
    bob.restart()
    world.clock.run_for(20)
    assert world.replays == 1
    assert received(world, alice) == [b"once"]


def test_blocks_of_a_later_epoch_wait_for_it() -> None:
    params = msgspec.structs.replace(QUICK, epoch_length_s=120, grace_s=10)
    world = World(params=params)
    alice, bob = people(world, ClientSettings(reply_blocks=2))
    question = ask(world, alice, bob)
    answer(world, bob, question, b"this epoch", "1")
    answer(world, bob, question, b"next epoch", "2")
    world.clock.run_for(30)
    assert received(world, alice) == [b"this epoch"]
    world.document = world.make_document(epochs_later=1)
    until_next_s = params.epoch_length_s - world.clock.seconds() % params.epoch_length_s
    world.clock.run_for(until_next_s)
    for person in (alice, bob):
        person.client.adopt(world.document)
    world.clock.run_for(30)
    assert received(world, alice) == [b"this epoch", b"next epoch"]
    world.stop()


def test_an_answer_after_the_last_epoch_is_refused_or_fails() -> None:
    params = msgspec.structs.replace(QUICK, epoch_length_s=120, grace_s=10)
    world = World(params=params)
    alice, bob = people(world, ClientSettings(reply_blocks=2))
    question = ask(world, alice, bob)
    bob.link.cut = True
    waiting = answer(world, bob, question, b"too late", "1")
    for later in (1, 2):
        world.document = world.make_document(epochs_later=later)
        for person in (alice, bob):
            person.client.adopt(world.document)
        world.clock.run_for(120)
    message = world.run(bob.client.message(waiting))
    assert message.state is MessageState.FAILED
    assert "expired" in message.history[-1].detail
    with pytest.raises((TooLongError, UnknownContactError)):
        answer(world, bob, question, b"much too late", "2")
    world.stop()


def test_an_anonymous_message_waits_for_a_document(world: World) -> None:
    alice, bob = people(world)
    document, world.document = world.document, None
    alice.restart()
    world.run(alice.client.send(BOB, b"later", kind="quiz", idempotency_key="1", anonymous=True))
    alice.restart()
    world.clock.run_for(20)
    assert world.run(alice.client.status()).queued_fragments >= 1
    assert document is not None
    alice.client.adopt(document)
    assert world.wait_for(lambda: received(world, bob) == [b"later"], 60)


def test_a_long_anonymous_message_arrives(world: World) -> None:
    alice, bob = people(world)
    body = random.Random(2).randbytes(30_000)
    assert ask(world, alice, bob, body=body).body == body
    world.clock.run_for(5)
    assert world.run(alice.client.status()).queued_fragments == 0


def test_a_clock_that_is_set_back_does_not_hold_an_answer_up(world: World) -> None:
    alice, bob = people(world)
    question = ask(world, alice, bob)
    world.loss = 1.0
    answer(world, bob, question, b"lost", "1")
    world.clock.run_for(5)
    world.loss = 0.0
    answer(world, bob, question, b"next", "2")
    world.clock.run_for(20)
    assert received(world, alice) == []
    # As if it had come before the clock was set back by an hour.
    later = "UPDATE reply_fragments SET received_at_s = received_at_s + 3600"
    alice.store.write(lambda c: c.exec_driver_sql(later))
    world.clock.run_for(120)
    assert received(world, alice) == [b"next"]
