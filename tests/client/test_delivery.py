"""Messages between real clients over a network in memory that loses, doubles and delays."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client.api import ConflictError, MessageState, QueueFullError, ReceivedMessage, UnknownMessageError
from client.core.fragments import FragmentSizes, open_head
from client.core.sealing import NotForUsError
from client.core.settings import DAY_S, ClientSettings
from tests.worlds.clients.world import SLOW, Person, World

ALICE, BOB = "alice@home", "bob@away"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.stop()


def people(world: World, *, path: Path | None = None, config: ClientSettings | None = None) -> tuple[Person, Person]:
    paths = (path / "alice.db", path / "bob.db") if path is not None else (None, None)
    alice = world.person(ALICE, path=paths[0], settings=config)
    bob = world.person(BOB, path=paths[1], settings=config)
    world.acquaint(alice, bob)
    return alice, bob


def send(world: World, sender: Person, to: str, body: bytes, *, key: str = "", anonymous: bool = False) -> str:
    sending = sender.client.send(
        to, body, kind="text", idempotency_key=key or world.rng.randbytes(8).hex(), anonymous=anonymous
    )
    return world.run(sending)


def inbox(world: World, person: Person) -> list[ReceivedMessage]:
    return world.run(person.client.inbox())


def bodies(world: World, person: Person) -> list[bytes]:
    return [message.body for message in inbox(world, person)]


def state(world: World, person: Person, message_id: str) -> MessageState:
    return world.run(person.client.message(message_id)).state


def test_a_short_message_overtakes_a_long_one(world: World) -> None:
    alice, bob = people(world)
    long = random.Random(1).randbytes(1_000_000)
    first = send(world, alice, BOB, long)
    world.clock.run_for(10)
    second = send(world, alice, BOB, b"short")
    assert world.wait_for(lambda: bodies(world, bob), 30)
    assert bodies(world, bob) == [b"short"]
    under_way = world.run(alice.client.message(first))
    assert under_way.fragments == 497
    assert 20 < under_way.fragments_sent < 200
    assert 0 < under_way.fragments_acknowledged < under_way.fragments_sent
    assert world.wait_for(lambda: state(world, alice, first) is MessageState.STORED, 400)
    world.clock.run_for(5)
    assert bodies(world, bob) == [b"short", long]
    assert state(world, alice, second) is MessageState.STORED
    status = world.run(alice.client.status())
    assert (status.queued_messages, status.queued_fragments) == (0, 0)


@pytest.mark.parametrize("loss", [0.05, 0.2])
def test_everything_arrives_once_though_packets_are_lost(loss: float) -> None:
    # Each of ten hops there and back loses this share.
    world = World(loss=loss / 4, seed=4)
    alice, bob = people(world)
    world.double = 0.1
    sent = [random.Random(size).randbytes(size) for size in (10, 3000, 20_000, 0, 700)]
    ids = [send(world, alice, BOB, body) for body in sent]
    assert world.wait_for(lambda: all(state(world, alice, each) is MessageState.STORED for each in ids), 3000)
    world.clock.run_for(20)
    assert world.lost > 10
    assert sorted(bodies(world, bob)) == sorted(sent)
    retried = [world.run(alice.client.message(each)) for each in ids]
    assert loss < 0.2 or any(
        MessageState.RETRYING in [change.state for change in message.history] for message in retried
    )
    world.stop()


def test_doubled_items_are_taken_once(world: World) -> None:
    alice, bob = people(world)
    world.double = 1.0
    send(world, alice, BOB, b"x" * 5000)
    send(world, alice, BOB, b"y")
    world.clock.run_for(40)
    assert sorted(bodies(world, bob)) == [b"x" * 5000, b"y"]


@settings(max_examples=5)
@given(cuts=st.lists(st.tuples(st.booleans(), st.floats(0.05, 4.0)), min_size=1, max_size=8), seed=st.integers(0, 1000))
def test_restarts_neither_lose_nor_double(cuts: list[tuple[bool, float]], seed: int) -> None:
    world = World(loss=0.01, seed=seed)
    alice, bob = people(world)
    sent = [random.Random(size).randbytes(size) for size in (5, 9000, 2500)]
    for number, body in enumerate(sent):
        send(world, alice, BOB, body, key=str(number))
    for sender_stops, span_s in cuts:
        world.clock.run_for(span_s)
        (alice if sender_stops else bob).restart()
        for number, body in enumerate(sent):  # the application repeats what it is not sure of
            send(world, alice, BOB, body, key=str(number))
    assert world.wait_for(lambda: len(bodies(world, bob)) == len(sent), 600)
    world.clock.run_for(10)
    assert sorted(bodies(world, bob)) == sorted(sent)
    world.stop()


def test_a_store_in_a_file_survives_a_restart(world: World, tmp_path: Path) -> None:
    alice, bob = people(world, path=tmp_path)
    message_id = send(world, alice, BOB, b"z" * 4000, key="same")
    alice.restart()
    bob.restart()
    assert send(world, alice, BOB, b"z" * 4000, key="same") == message_id
    with pytest.raises(ConflictError):
        send(world, alice, BOB, b"other", key="same")
    world.clock.run_for(40)
    assert bodies(world, bob) == [b"z" * 4000]
    alice.restart()
    again = world.run(alice.client.message(message_id))
    assert [change.state for change in again.history] == [
        MessageState.QUEUED,
        MessageState.SENDING,
        MessageState.STORED,
    ]
    assert world.run(alice.client.status()).address == ALICE


def is_head(person: Person, fragment: bytes) -> bool:
    identity = person.keys.identity_key.public
    try:
        open_head(fragment, recipient=identity, sealer=person.sealer, sizes=FragmentSizes(len(fragment)))
    except NotForUsError:
        return False
    return True


def test_a_late_head_finds_its_fragments(world: World) -> None:
    """The head is lost for a long time; the other fragments wait, also over a restart."""
    alice, bob = people(world)
    away = world.providers["away"]
    box = away.mailboxes[bob.keys.identity_key.public]
    send(world, alice, BOB, b"late" * 2000)

    def head() -> int | None:
        for number, (kind, _, payload) in box.items.items():
            if kind.value == 1 and is_head(bob, payload):
                return number
        return None

    bob.link.cut = True
    assert world.wait_for(head, 60)
    kept = box.items.pop(head() or 0)
    bob.link.cut = False
    world.clock.run_for(30)
    bob.restart()
    world.clock.run_for(5)
    assert bodies(world, bob) == []
    box.items[next(world.item_numbers)] = kept
    world.clock.run_for(5)
    assert bodies(world, bob) == [b"late" * 2000]


def test_without_a_link_messages_wait_and_nothing_bursts(world: World) -> None:
    alice, bob = people(world)
    home = world.providers["home"]
    alice.link.cut = True
    message_id = send(world, alice, BOB, b"patience" * 500)
    world.clock.run_for(5)
    before = len([frame for _, peer, frame in home.seen if peer == alice.keys.identity_key.public])
    world.clock.run_for(100)
    status = world.run(alice.client.status())
    assert not status.connected
    assert "no link to the provider home (connection refused); messages wait" in status.problem
    assert state(world, alice, message_id) is MessageState.QUEUED
    mine = [entry for entry in home.seen if entry[1] == alice.keys.identity_key.public]
    assert len(mine) == before
    alice.link.cut = False
    back_s = world.clock.seconds()
    world.clock.run_for(10)
    after = [at_s for at_s, peer, _ in home.seen if peer == alice.keys.identity_key.public and at_s > back_s]
    # 5 packets and 2 pulls a second: Poisson with mean 70 in 10 s; more than 110 once in 10^5.
    assert 30 < len(after) < 110
    world.clock.run_for(20)
    assert bodies(world, bob) == [b"patience" * 500]
    assert world.run(alice.client.status()).problem == ""


def test_a_link_that_breaks_for_long_causes_no_resend_storm(world: World) -> None:
    alice, bob = people(world)
    message_id = send(world, alice, BOB, b"q" * 20_000)
    world.clock.run_for(2)
    alice.link.cut = True
    world.clock.run_for(60)
    alice.link.cut = False
    world.clock.run_for(30)
    assert state(world, alice, message_id) is MessageState.STORED
    assert bodies(world, bob) == [b"q" * 20_000]
    history = [change.state for change in world.run(alice.client.message(message_id)).history]
    assert MessageState.RETRYING not in history


def test_an_unanswered_message_is_given_up_with_the_reason() -> None:
    world = World(params=SLOW)
    config = ClientSettings(give_up_s=1200.0, longest_retry_s=300.0)
    alice, bob = people(world, config=config)
    away = world.providers["away"]
    away.network.stop()
    message_id = send(world, alice, BOB, b"nobody there")
    world.clock.run_for(300)
    message = world.run(alice.client.message(message_id))
    assert message.state is MessageState.RETRYING
    assert "attempt 1" in message.history[-1].detail
    assert world.wait_for(lambda: state(world, alice, message_id) is MessageState.FAILED, 1500)
    message = world.run(alice.client.message(message_id))
    assert message.state is MessageState.FAILED
    assert "0 of 1 fragments" in message.history[-1].detail
    assert world.run(alice.client.status()).queued_fragments == 0
    alice.restart()
    assert state(world, alice, message_id) is MessageState.FAILED
    assert bob.client.running
    world.stop()


def test_resends_back_off() -> None:
    world = World(params=SLOW)
    alice, _ = people(world, config=ClientSettings(longest_retry_s=600.0))
    world.providers["away"].network.stop()
    send(world, alice, BOB, b"x")
    world.clock.run_for(1800)
    real = world.run(alice.client.status()).real_sent
    # The wait doubles from some 15 s to 600 s, with jitter: seven or eight sendings in half an hour.
    assert 4 < real < 14
    world.stop()


def test_a_queue_that_is_full_says_so(world: World) -> None:
    alice, _ = people(world, config=ClientSettings(max_queued_messages=2, max_queued_fragments=20))
    send(world, alice, BOB, bytes(45_000))  # a single message always fits
    with pytest.raises(QueueFullError, match="fragments wait"):
        send(world, alice, BOB, b"x")
    world.clock.run_for(40)
    send(world, alice, BOB, b"1")
    send(world, alice, BOB, b"2")
    with pytest.raises(QueueFullError, match="2 messages wait"):
        send(world, alice, BOB, b"3")


def test_receipts_come_a_random_time_later(world: World) -> None:
    alice, bob = people(world, config=ClientSettings(receipts=True, receipt_delay_mean_s=20.0))
    message_id = send(world, alice, BOB, b"did you get it?")
    assert world.wait_for(lambda: state(world, alice, message_id) is MessageState.STORED, 30)
    stored_s = world.clock.seconds()
    bob.restart()
    assert world.wait_for(lambda: state(world, alice, message_id) is MessageState.RECEIVED, 300)
    assert world.clock.seconds() > stored_s + 1
    history = world.run(alice.client.message(message_id)).history
    assert [change.state for change in history][-2:] == [MessageState.STORED, MessageState.RECEIVED]
    world.clock.run_for(20)
    assert bodies(world, alice) == []  # nothing is sent for a receipt, and none is shown
    assert world.run(bob.client.state_changes(after=0, limit=10)) == []
    assert world.run(bob.client.status()).queued_messages == 0


def test_a_receipt_that_comes_first_counts_for_all(world: World) -> None:
    alice, _ = people(world, config=ClientSettings(receipts=True, receipt_delay_mean_s=0.01))
    home = world.providers["home"]
    box = home.mailboxes[alice.keys.identity_key.public]
    message_id = send(world, alice, BOB, b"x" * 3000)

    def lose_acknowledgements() -> bool:
        for number, (kind, _, _) in list(box.items.items()):
            if kind.value == 2:
                del box.items[number]
        return state(world, alice, message_id) is MessageState.RECEIVED

    assert world.wait_for(lose_acknowledgements, 120)
    message = world.run(alice.client.message(message_id))
    assert message.state is MessageState.RECEIVED
    assert message.fragments_acknowledged == message.fragments
    assert world.run(alice.client.status()).queued_messages == 0


def test_state_changes_are_numbered_and_survive(world: World) -> None:
    alice, _ = people(world)
    first = send(world, alice, BOB, b"1")
    second = send(world, alice, BOB, b"2")
    world.clock.run_for(20)
    changes = world.run(alice.client.state_changes(after=0, limit=100))
    assert [change.number for change in changes] == list(range(1, 7))
    assert {change.message_id for change in changes} == {first, second}
    newest = world.run(alice.client.newest())
    assert (newest.received, newest.changes) == (0, 6)
    alice.restart()
    assert world.run(alice.client.state_changes(after=0, limit=100)) == changes
    assert world.run(alice.client.state_changes(after=4, limit=1)) == changes[4:5]


def test_listeners_hear_of_news(world: World) -> None:
    alice, bob = people(world)
    heard: list[float] = []
    stop = bob.client.on_change(lambda: heard.append(world.clock.seconds()))
    send(world, alice, BOB, b"1")
    assert world.wait_for(lambda: bodies(world, bob), 20)
    assert heard
    stop()
    stop()
    heard.clear()
    send(world, alice, BOB, b"2")
    world.clock.run_for(20)
    assert heard == []


def test_finished_messages_are_forgotten_after_a_while() -> None:
    world = World(params=SLOW)
    alice, _ = people(world, config=ClientSettings(keep_finished_s=60.0))
    first = send(world, alice, BOB, b"1", key="1")
    world.clock.run_for(60)
    second = send(world, alice, BOB, b"2", key="2")
    world.clock.run_for(200)
    with pytest.raises(UnknownMessageError):
        state(world, alice, first)
    with pytest.raises(UnknownMessageError):
        state(world, alice, second)
    # A reader that has seen the newest number must not seem to be ahead.
    assert world.run(alice.client.newest()).changes == 6
    world.stop()


def test_of_too_many_sent_messages_those_that_ended_first_are_forgotten() -> None:
    world = World(params=SLOW)
    alice, _ = people(world, config=ClientSettings(keep_finished_messages=2))
    for number in range(4):
        send(world, alice, BOB, b"x", key=str(number))
        world.clock.run_for(30)
    world.clock.run_for(120)
    assert [message.number for message in world.run(alice.client.sent())] == [7, 10]
    world.stop()


def test_what_is_kept_is_bounded_in_time(world: World) -> None:
    assert ClientSettings().give_up_s == 5 * DAY_S
    alice, bob = people(world)
    send(world, alice, BOB, b"x" * 2500)
    world.clock.run_for(20)
    assert bob.store.write(lambda c: c.exec_driver_sql("SELECT count(*) FROM seen").scalar_one()) == 2
    assert bob.store.write(lambda c: c.exec_driver_sql("SELECT count(*) FROM incoming_fragments").scalar_one()) == 0
    assert alice.store.write(lambda c: c.exec_driver_sql("SELECT count(*) FROM fragments").scalar_one()) == 0
