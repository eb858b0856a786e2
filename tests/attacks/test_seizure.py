"""Disks in the wrong hands: a node's after its epoch, a provider's while it runs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopixmix.epoch import epoch_at
from loopixmix.keyring.keyring import MixKeyring
from loopixmix.keyring.keystore import KeyFiles
from loopixmix.sphinx import Discard, Geometry, Hop, PacketError, Sphinx, load_arithmetic, unwrap, wrap
from tests.worlds.clients.world import World
from tests.worlds.networks.towns import Town
from tests.worlds.sealed_files import opened_pages

EPOCH_S, GRACE_S = 600, 10
SPHINX = Sphinx(Geometry(), load_arithmetic())
START_S = 40.0 * EPOCH_S


def everything_in(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file())


def opens_with_anything_found(seized: bytes, packet: bytes) -> bool:
    """Try every 32 bytes of what was seized as a private key, as they are and as hexadecimal digits."""
    candidates = {seized[start : start + 32] for start in range(len(seized) - 31)}
    for start in range(len(seized) - 63):
        digits = seized[start : start + 64]
        if digits.isalnum() and set(digits) <= set(b"0123456789abcdef"):
            candidates.add(bytes.fromhex(digits.decode()))
    for candidate in candidates:
        try:
            unwrap([candidate], packet, sphinx=SPHINX)
        except PacketError:
            continue
        return True
    return False


def test_a_recorded_packet_opens_with_nothing_on_the_disk_once_its_epoch_is_over(tmp_path: Path) -> None:
    """Record a packet, seize the node later. Before the key is erased the same search finds it."""
    keyring = MixKeyring(
        KeyFiles(tmp_path),
        rng=random.Random(1),
        epoch_length_s=EPOCH_S,
        grace_s=GRACE_S,
        max_tags=1000,
    ).open(START_S)
    public = keyring.public_keys(START_S)[epoch_at(START_S, EPOCH_S)]
    recorded = wrap([Hop(public, Discard())], b"", sphinx=SPHINX, rng=random.Random(2))
    over_s = START_S + EPOCH_S + GRACE_S
    keyring.advance(over_s - 1)
    assert opens_with_anything_found(everything_in(tmp_path), recorded)
    keyring.advance(over_s)
    assert not opens_with_anything_found(everything_in(tmp_path), recorded)
    keyring.close()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    yield town
    town.stop()


def test_a_providers_disk_names_no_sender_and_no_time(town: Town, tmp_path: Path) -> None:
    """Mail waits for Bob and for nobody, and Alice asked for his card: the disk has Bob's account and sealed bodies."""
    town.alice.deliver(town.bob.id, b"marked-body", exit=town.p2.identity)
    town.alice.deliver(bytes(32), b"marked-void", exit=town.p2.identity)
    town.settle()
    seized = (tmp_path / "provider2.sqlite3").read_bytes() + (tmp_path / "provider2.sqlite3-wal").read_bytes()
    assert town.bob.id in seized
    assert b"marked-body" in seized  # what clients put there is sealed to the recipient; this test's is not
    assert town.alice.id not in seized
    assert all(surb_id not in seized for surb_id in town.alice.surbs)
    with town.p2.store._databases.writing.connect() as connection:
        rows = connection.exec_driver_sql("SELECT stored_day, surb_id FROM items").all()
        assert {day * 86_400 <= town.world.clock.seconds() < (day + 1) * 86_400 for day, _ in rows} == {True}


def test_what_was_fetched_is_nowhere_in_a_providers_file(tmp_path: Path) -> None:
    """Deleting is not enough: what a database needs no more it leaves where it was, unless it is told to overwrite."""
    town = Town(tmp_path)
    for number in range(12):
        town.alice.deliver(town.bob.id, b"marked-body%d" % number, exit=town.p2.identity)
        town.settle(0.5)
    assert everything_in(tmp_path).count(b"marked-body") >= 12
    assert len(town.bob.collect(pulls=4)) == 12
    town.settle()
    town.stop()  # what was written ahead is gone with it
    assert b"marked-body" not in (tmp_path / "provider2.sqlite3").read_bytes()


def test_what_was_sent_is_nowhere_in_a_clients_file(tmp_path: Path) -> None:
    """An anonymous message waits in clear until it is sealed; once it has left, its sender's disk does not know it."""
    world = World(seed=12, arithmetic=load_arithmetic())
    path = tmp_path / "store.sqlite3"
    alice, bob = world.person("alice@home", path=path), world.person("bob@away")
    world.acquaint(alice, bob)
    body = b"marked-body" * 2000
    world.run(alice.client.send("bob@away", body, kind="text", idempotency_key="1", anonymous=True))
    assert b"marked-body" in everything_in(tmp_path)
    assert world.wait_for(lambda: world.run(bob.client.inbox()), 120)
    world.clock.run_for(20)
    world.stop()
    assert b"marked-body" not in path.read_bytes()


def test_what_was_deleted_is_nowhere_in_a_clients_file(tmp_path: Path) -> None:
    """Bob deletes what he received, and Alice cancels and deletes what was still to leave."""
    world = World(seed=13)
    alice = world.person("alice@home", path=tmp_path / "alice.sqlite3")
    bob = world.person("bob@away", path=tmp_path / "bob.sqlite3")
    world.acquaint(alice, bob)
    world.run(alice.client.send("bob@away", b"marked-body" * 200, kind="text", idempotency_key="1"))
    assert world.wait_for(lambda: world.run(bob.client.inbox()), 120)
    later_s = world.clock.seconds() + 1000
    later = alice.client.send(
        "bob@away", b"marked-later" * 200, kind="text", idempotency_key="marked-key", not_before_s=later_s
    )
    message_id = world.run(later)
    seized = everything_in(tmp_path)
    assert b"marked-body" in seized
    assert b"marked-later" in seized
    world.run(bob.client.delete(1))
    world.run(alice.client.cancel(message_id))
    world.run(alice.client.delete_outgoing(message_id))
    world.stop()
    seized = everything_in(tmp_path)
    assert b"marked" not in seized
    assert message_id.encode() not in seized


def test_what_was_deleted_is_gone_while_the_client_runs(tmp_path: Path) -> None:
    """The log of changes has what was written before it was deleted: within a minute it is emptied."""
    world = World(seed=14)
    alice, bob = world.person("alice@home"), world.person("bob@away", path=tmp_path / "bob.sqlite3")
    world.acquaint(alice, bob)
    world.run(alice.client.send("bob@away", b"marked-body" * 200, kind="text", idempotency_key="1"))
    assert world.wait_for(lambda: world.run(bob.client.inbox()), 120)
    world.run(bob.client.delete(1))
    assert b"marked-body" in everything_in(tmp_path)
    world.clock.run_for(61)
    assert b"marked-body" not in everything_in(tmp_path)
    world.stop()


def test_a_sealed_client_tells_nothing_without_its_key_and_forgets_what_is_deleted(tmp_path: Path) -> None:
    """A part comes, all of it, Bob restarts, reads and deletes: his disk is copied at each step."""
    world = World(seed=15)
    alice = world.person("alice@home")
    bob = world.person("bob@away", path=tmp_path / "bob.sqlite3", sealed=True)
    key, path = bob.keys.store_key, tmp_path / "bob.sqlite3"
    world.acquaint(alice, bob)
    words = (b"marked-body", b"marked-kind", b"alice", alice.keys.identity_key.public)

    def is_in_clear() -> bool:
        return any(word in everything_in(tmp_path) for word in words)

    def opens_to(word: bytes) -> bool:
        return any(word in page for page in opened_pages(path, key))

    world.run(alice.client.send("bob@away", b"marked-body" * 2000, kind="marked-kind", idempotency_key="1"))
    assert world.wait_for(lambda: opens_to(b"marked-body"), 120)
    assert world.run(bob.client.inbox()) == []  # a part of it
    assert not is_in_clear()
    assert world.wait_for(lambda: world.run(bob.client.inbox()), 120)
    assert not is_in_clear()
    bob.restart()
    (message,) = world.run(bob.client.inbox())
    assert (message.body, message.kind, message.sender) == (b"marked-body" * 2000, "marked-kind", "alice@home")
    assert not is_in_clear()
    world.run(bob.client.delete(message.number))
    world.clock.run_for(61)
    assert not opens_to(b"marked-body")
    assert not is_in_clear()
    world.stop()
    assert not opens_to(b"marked-body")


def test_a_client_that_is_sealed_later_leaves_nothing_in_clear(tmp_path: Path) -> None:
    """Bob received before he chose to seal, and neither messages nor their order are lost by it."""
    world = World(seed=16)
    alice, bob = world.person("alice@home"), world.person("bob@away", path=tmp_path / "bob.sqlite3")
    world.acquaint(alice, bob)
    for number in range(3):
        text = b"marked-body %d" % number
        world.run(alice.client.send("bob@away", text, kind="text", idempotency_key=str(number)))
        assert world.wait_for(lambda: len(world.run(bob.client.inbox())) > number, 120)  # noqa: B023 (called at once)
    world.run(bob.client.delete(3))
    bob.sealed = True
    bob.restart()
    assert [message.number for message in world.run(bob.client.inbox())] == [1, 2]
    assert b"marked" not in everything_in(tmp_path)
    world.run(alice.client.send("bob@away", b"marked-body 3", kind="text", idempotency_key="3"))
    assert world.wait_for(lambda: len(world.run(bob.client.inbox())) == 3, 120)
    assert world.run(bob.client.inbox())[-1].number == 4  # no number is given twice
    assert b"marked" not in everything_in(tmp_path)
    world.stop()
