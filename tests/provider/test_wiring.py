"""Putting a provider together: where that fails, nothing is left."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import pytest
from twisted.internet.defer import Deferred

from loopixmix.cards import CARD_BYTES
from loopixmix.config import parse_config
from loopixmix.cover.loops import LoopSender
from loopixmix.cover.plan import LoopMaker
from loopixmix.errors import ConfigError, LoopixmixError, StoreError
from loopixmix.hop.unwrapping import ThreadedUnwrapping
from loopixmix.net.memory import MemoryEnd
from loopixmix.node.running_node import NodeParts
from loopixmix.params import NetworkParams
from loopixmix.routing.path import Neighbourhood
from loopixmix.tokens.redeeming import FixedKeys
from loopixmix.wire import LinkRole
from provider.agreed_time import AgreedTime
from provider.api import Declaration, KeyDirectory
from provider.cards.decoys import SECRET_FILE, load_decoy_secret
from provider.clients.allowance import Allowance, ClientRules
from provider.clients.client import Client
from provider.config import ProviderConfig, ProviderRules
from provider.hosting.asker import Hosted
from provider.hosting.asking.local import LocalAsker
from provider.mailbox import Mailbox
from provider.service import ProviderService
from provider.store import MEMORY_URL, MailStore
from provider.store.access import clocked_access
from provider.wiring import keeper_of, make_provider, wire_provider
from tests.worlds.networks.memory_worlds import Recorder
from tests.worlds.networks.mixes import MixWorld
from tests.worlds.networks.reactor_threads import ReactorThread

RULES = ClientRules()
MINIMAL = 'name = "provider1"\nlisten = "127.0.0.1:30001"\n'


def result_of(
    reactor: ReactorThread, deferred: Deferred[ProviderService | None]
) -> ProviderService | LoopixmixError | None:
    results: list[ProviderService | LoopixmixError | None] = []
    deferred.addCallbacks(results.append, lambda failure: results.append(failure.value))
    reactor.run_until(lambda: bool(results))
    return results[0]


def parts(world: MixWorld, directory: Path, reactor: ReactorThread) -> NodeParts:
    identity = world.model.node("provider1").id
    observer = Recorder()
    neighbourhood = Neighbourhood(identity)
    network = world.network(neighbourhood, LinkRole.PROVIDER, observer)
    rng = random.Random(1)
    hop = world.hop(
        neighbourhood,
        keyring=world.keyring(identity),
        network=network,
        observer=observer,
        unwrapping=ThreadedUnwrapping(
            world.packet_format.sphinx,
            threads=1,
            unwraps_per_s=1000.0,
            call_from_thread=reactor.call,
            processor_s=time.thread_time,
        ),
    )
    return NodeParts(
        directory=directory,
        packet_format=world.packet_format,
        hop=hop,
        loops=LoopSender(
            LoopMaker(identity, world.packet_format, rng), clock=world.clock, network=network, observer=observer
        ),
        network=network,
        clock=world.clock,
        rng=rng,
        observer=observer,
    )


class KeepingNetwork(MemoryEnd):
    """Notes which links stay."""

    def __init__(self) -> None:
        self.kept: dict[bytes, int] = {}

    def vouch(self, peer: bytes, *, queue_frames: int) -> None:
        self.kept[peer] = queue_frames

    def doubt(self, peer: bytes) -> None:
        self.kept[peer] = 0


def test_the_link_of_an_account_stays_with_room_for_its_answers() -> None:
    network = KeepingNetwork()
    keep = keeper_of(network)
    for name, pull_batch, registered in ((b"a", 9, True), (b"gateway", 200, True), (b"stranger", 9, None)):
        client = Client(name, Mailbox(pull_batch=pull_batch, lease_pulls=3), Allowance(NetworkParams(), RULES, 0.0))
        client.registered = registered
        keep(client)
    assert network.kept == {b"a": 32, b"gateway": 600, b"stranger": 0}


def _dials_nobody(*_: object) -> NoReturn:
    raise AssertionError("no service of these providers is a program of its own")


def build(directory: Path, text: str = "") -> tuple[ReactorThread, ProviderService | LoopixmixError | None]:
    reactor = ReactorThread()
    config = parse_config(MINIMAL + text, ProviderConfig, source="node.toml")
    making = make_provider(
        parts(MixWorld(NetworkParams()), directory, reactor), config, call_on_reactor=reactor.call, dial=_dials_nobody
    )
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


class LastWish:
    """A service that still asks for a card when it is closed."""

    name = "wish"

    def __init__(self, keys: KeyDirectory) -> None:
        self._keys = keys
        self.card = b""

    async def answer(self, body: bytes) -> bytes:
        return body

    async def close(self) -> None:
        self.card = await self._keys.card("alice")


def test_a_service_that_is_closed_still_has_the_store(tmp_path: Path) -> None:
    made, world, reactor = [], MixWorld(NetworkParams()), ReactorThread()
    own = parts(world, tmp_path, reactor)
    store, rules = MailStore(MEMORY_URL), ProviderRules()

    def make_services(keys: KeyDirectory) -> list[Hosted]:
        made.append(LastWish(keys))
        return [LocalAsker(made[0], Declaration())]

    service = wire_provider(
        hop=own.hop,
        loops=own.loops,
        packet_format=own.packet_format,
        clock=world.clock,
        network=own.network,
        rng=own.rng,
        observer=own.observer,
        rules=rules,
        access=clocked_access(store, rules.mailbox, clock=world.clock, write_s=0.01, read_s=0.01),
        decoy_secret=load_decoy_secret(tmp_path, rng=own.rng, today=1),
        make_services=make_services,
        guest_keys=FixedKeys(()),
        agreed=AgreedTime(world.clock),
    )
    stopped = service.stop()
    world.clock.advance(1.0)
    assert stopped.called
    assert len(made[0].card) == CARD_BYTES


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
