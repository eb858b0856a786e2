"""What attackers stand on: a town of shipped nodes, and a reader of logs. What they do to wires is in `wires`."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from twisted.logger import ILogObserver, LogEvent, LogLevel
from zope.interface import implementer

from loopixmix.params import NetworkParams
from loopixmix.routing.path import draw_delays_s, hops_for
from loopixmix.sphinx import Discard, wrap
from loopixmix.wire import Registered
from provider.api import Setting
from provider.mailbox import MailboxRules
from tests.worlds.networks.mixes import MixWorld, RunningMix
from tests.worlds.networks.providers import HandClient, RunningProvider

TOWN_PARAMS = NetworkParams(delay_mean_s=0.02, node_loop_rate_per_s=0.5, pull_batch=4, epoch_length_s=600, grace_s=10)


class Town:
    """Two providers, three mixes, and Alice at one provider, Bob at the other; everything but the two is shipped."""

    def __init__(
        self,
        directory: Path,
        *,
        params: NetworkParams = TOWN_PARAMS,
        mailbox: MailboxRules | None = None,
        services: Sequence[str] = ("echo", "keys"),
        settings: Mapping[str, Mapping[str, Setting]] | None = None,
    ) -> None:
        self.world = MixWorld(params, providers=2, latency_s=0.001)
        self.directory = directory
        self.mixes: list[RunningMix] = [self.world.mix(name) for name in ("mix11", "mix21", "mix31")]
        self.p1, self.p2 = (
            RunningProvider(self.world, name, directory, mailbox=mailbox, services=services, settings=settings)
            for name in ("provider1", "provider2")
        )
        for node in (*self.mixes, self.p1, self.p2):
            node.adopt(self.world.model.document)
            node.start()
        self.alice = self.client("alice", self.p1)
        self.bob = self.client("bob", self.p2)

    def client(self, name: str, provider: RunningProvider) -> HandClient:
        client = HandClient(self.world, name, provider)
        assert client.register() == Registered()
        return client

    def settle(self, seconds: float = 2.0) -> None:
        """Let everything arrive."""
        self.world.run(seconds)

    def silence(self) -> None:
        """End the nodes' own loops, so that only the attack is left."""
        for node in (*self.mixes, self.p1, self.p2):
            node.service.loops.stop()

    def stop(self) -> None:
        """Stop everybody, and see that nobody left a call behind."""
        for node in (*self.mixes, self.p1, self.p2):
            node.stop()
        assert self.world.clock.getDelayedCalls() == []


@implementer(ILogObserver)
class LogReader:
    """Keeps every log event, of any level, as whoever reads the log would have it."""

    def __init__(self) -> None:
        self.events: list[LogEvent] = []

    def __call__(self, event: LogEvent) -> None:
        self.events.append(event)

    @property
    def defects(self) -> list[LogEvent]:
        """Events that tell of an exception nobody expected."""
        return [event for event in self.events if event.get("log_level") is LogLevel.critical]

    @property
    def text(self) -> str:
        return "\n".join(
            json.dumps({key: repr(value) for key, value in event.items() if key != "log_source"})
            for event in self.events
        )


def relay_packet(world: MixWorld, names: Sequence[str], rng: random.Random) -> bytes:
    """Return a packet through these nodes, which the last one discards, with delays as senders draw them."""
    nodes = [world.model.node(name).entry() for name in names]
    delays_s = draw_delays_s(len(nodes) - 1, world.params, rng)
    hops = hops_for(world.model.document, nodes, Discard(), delays_s, start_s=world.clock.seconds())
    return wrap(hops, b"", sphinx=world.packet_format.sphinx, rng=rng)
