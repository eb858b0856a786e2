"""Somebody reads the logs of every node, at every level: they must link nobody with anybody."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.logger import globalLogPublisher

from client.core.settings import ClientSettings
from loopixmix.seams import PacketIn
from loopixmix.sphinx import load_arithmetic
from loopixmix.wire import Dummy
from tests.worlds.clients.world import World
from tests.worlds.networks.towns import LogReader, Town
from tests.worlds.packets.hostile_bytes import any_frame, forged_packet

MARK = "marked-by-the-test"


@pytest.fixture
def logs() -> Iterator[LogReader]:
    reader = LogReader()
    globalLogPublisher.addObserver(reader)
    yield reader
    globalLogPublisher.removeObserver(reader)


def forms_of(data: bytes) -> list[str]:
    """Return how bytes may show in a log: as a repr (without the quotes), in hexadecimal, or the start of it."""
    return [repr(data)[2:-1], data.hex(), data.hex()[:16]]


def test_a_towns_logs_name_no_client_no_packet_and_no_content(tmp_path: Path, logs: LogReader) -> None:
    town = Town(tmp_path)
    rng = random.Random(7)
    for number in range(5):
        town.alice.deliver(town.bob.id, f"{MARK}{number}".encode(), exit=town.p2.identity)
        town.alice.request("echo", MARK.encode(), at=town.p2.identity)
        town.settle()
    for _ in range(40):
        town.world.hub.carry(town.alice.id, town.p1.identity, any_frame(rng, town))
        town.world.hub.carry(
            town.alice.id,
            town.p1.identity,
            town.world.packet_format.frames.packet_frame(forged_packet(rng, town, "provider1")),
        )
        town.settle(0.2)
    town.p2.store._databases.writing.dispose()
    (tmp_path / "provider2.sqlite3").write_bytes(b"not a store any more" * 1000)
    town.alice.deliver(town.bob.id, MARK.encode(), exit=town.p2.identity)
    town.bob.pull()
    town.settle(20.0)
    tags = [fact.replay_tag for mix in town.mixes for fact in mix.recorder.of(PacketIn)]
    town.stop()
    text = logs.text
    assert logs.events  # the store that failed, at the least
    secrets = [MARK, "alice", "bob", *forms_of(town.alice.id), *forms_of(town.bob.id)]
    secrets += [form for tag in tags for form in forms_of(tag)]
    assert [secret for secret in secrets if secret in text] == []


def test_a_clients_logs_name_no_contact_and_no_content(logs: LogReader) -> None:
    world = World(seed=10, arithmetic=load_arithmetic())
    alice = world.person("alice@home", settings=ClientSettings(receipts=True, receipt_delay_mean_s=1))
    bob = world.person("bob@away")
    world.acquaint(alice, bob)
    for number, anonymous in enumerate((False, True)):
        world.run(
            alice.client.send(
                "bob@away", MARK.encode(), kind=MARK, idempotency_key=f"{MARK}{number}", anonymous=anonymous
            )
        )
    world.clock.run_for(20)
    away = world.providers["away"].model.id
    world.hub.carry(away, alice.keys.identity_key.public, world.format.encode(Dummy())[:-1])
    alice.link.cut = True
    world.clock.run_for(20)
    world.stop()
    text = logs.text
    secrets = [MARK, "bob@away", *forms_of(bob.keys.identity_key.public), *forms_of(alice.keys.identity_key.seed)]
    secrets += forms_of(alice.keys.sealing.seed)
    assert [secret for secret in secrets if secret in text] == []
