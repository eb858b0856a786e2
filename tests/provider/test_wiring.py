"""Putting a provider together: where that fails, nothing is left."""

from __future__ import annotations

import random
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from loopixmix.config import parse_config
from loopixmix.cover.loops import LoopSender
from loopixmix.cover.plan import LoopMaker
from loopixmix.errors import ConfigError, LoopixmixError, StoreError
from loopixmix.hop.limits import HopLimits
from loopixmix.hop.unwrapping import ThreadedUnwrapping
from loopixmix.node.running import NodeParts
from loopixmix.node.wiring import wire_hop
from loopixmix.params import NetworkParams
from loopixmix.routing.path import Neighbourhood
from loopixmix.wire import LinkRole
from provider.cards.decoys import SECRET_FILE
from provider.config import ProviderConfig
from provider.service import ProviderService
from provider.wiring import make_provider
from tests.worlds.networks.mixes import MixWorld
from tests.worlds.networks.reactor_threads import ReactorThread

MINIMAL = 'name = "p1"\nlisten = "127.0.0.1:30001"\n'


def result_of(
    reactor: ReactorThread, deferred: Deferred[ProviderService | None]
) -> ProviderService | LoopixmixError | None:
    results: list[ProviderService | LoopixmixError | None] = []
    deferred.addCallbacks(results.append, lambda failure: results.append(failure.value))
    reactor.run_until(lambda: bool(results))
    return results[0]


def parts(world: MixWorld, directory: Path, reactor: ReactorThread) -> NodeParts:
    node_id = world.net.named("p1").id
    observer = world.provider("p1").recorder
    neighbourhood = Neighbourhood(node_id)
    network = world.network(neighbourhood, LinkRole.PROVIDER, observer)
    rng = random.Random(1)
    hop = wire_hop(
        neighbourhood,
        keyring=world.keyring(node_id),
        frames=world.packet_format.frames,
        unwrapping=ThreadedUnwrapping(world.packet_format.sphinx, threads=1, call_from_thread=reactor.call),
        limits=HopLimits(),
        clock=world.clock,
        network=network,
        observer=observer,
    )
    return NodeParts(
        directory=directory,
        packet_format=world.packet_format,
        hop=hop,
        loops=LoopSender(
            LoopMaker(node_id, world.packet_format, rng), clock=world.clock, network=network, observer=observer
        ),
        network=network,
        clock=world.clock,
        rng=rng,
        observer=observer,
    )


def build(directory: Path, text: str = "") -> tuple[ReactorThread, ProviderService | LoopixmixError | None]:
    reactor = ReactorThread()
    config = parse_config(MINIMAL + text, ProviderConfig, source="node.toml")
    making = make_provider(parts(MixWorld(NetworkParams()), directory, reactor), config, call_on_reactor=reactor.call)
    return reactor, result_of(reactor, Deferred.fromCoroutine(making))


def store_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("store")]


def test_a_provider_is_made_of_its_directory_and_configuration(tmp_path: Path) -> None:
    reactor, service = build(tmp_path, 'services = ["echo"]\n')
    assert isinstance(service, ProviderService)
    assert service.status()["services"] == "echo loop"
    assert len(store_threads()) == 2
    assert result_of(reactor, service.stop()) is None
    assert store_threads() == []


def test_every_start_skips_item_numbers(tmp_path: Path) -> None:
    numbers = []
    for _ in range(2):
        reactor, service = build(tmp_path)
        assert isinstance(service, ProviderService)
        result_of(reactor, service.stop())
        with closing(sqlite3.connect(tmp_path / "mail.sqlite3")) as store:
            numbers += store.execute("SELECT next_number FROM accounts").fetchone()
    assert 2**20 < numbers[0] < numbers[1] - 2**20


@pytest.mark.parametrize(
    ("text", "error"),
    [('services = ["votez"]\n', ConfigError), ('store = "sqlite:////nowhere/at/all"\n', StoreError)],
)
def test_what_cannot_be_made_leaves_no_thread(tmp_path: Path, text: str, error: type[LoopixmixError]) -> None:
    _, failure = build(tmp_path, text)
    assert isinstance(failure, error)
    assert store_threads() == []


def test_a_broken_secret_leaves_no_thread(tmp_path: Path) -> None:
    (tmp_path / SECRET_FILE).write_text("broken")
    _, failure = build(tmp_path)
    assert isinstance(failure, ConfigError)
    assert store_threads() == []
