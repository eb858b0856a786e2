"""Plans of counters, nodes with keys, and collectors of shares, as tests want them."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred

from loopixmix.seams import Clock
from loopixmix.store.access import inline_access
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from stats.counters.ledger import HeldPlan, add_plan, tell_total
from stats.counters.plan import CounterPlan, CountingNode, RelayCounter
from stats.counters.shares import public_key
from stats.counters.store import SCHEMA
from stats.counters.taking import ShareIntake
from stats.counters.totals import CounterTotal

OPENS_S = 1_800_000_000
PERIOD_S = 3_600
DELIVER_S = 1_800


def private_key(node: int) -> bytes:
    """Return the private key of a node."""
    return bytes([node + 1]) * 32


def new_plan(count: int = 4, **changes: Any) -> CounterPlan:
    """Return a sound plan; `changes` are fields of it."""
    plan = CounterPlan(
        name="traffic",
        opens=datetime.fromtimestamp(OPENS_S, UTC),
        period_s=PERIOD_S,
        periods=3,
        deliver_s=DELIVER_S,
        collectors=("alpha", "beta"),
        eps="1",
        delta="0.000001",
        least_nodes=3,
        dishonest=1,
        counters=(
            RelayCounter(name="packets", path="packets_in", protected=100),
            RelayCounter(name="replays", path="dropped.replay", protected=2),
        ),
        nodes=tuple(
            CountingNode(name=f"mix-{number}", key=public_key(private_key(number)).hex()) for number in range(count)
        ),
    )
    return msgspec.structs.replace(plan, **changes)


def status(packets: int, replays: int | None = None, *, started_at_s: float = 1.0) -> bytes:
    """Return a node's status file."""
    dropped = {} if replays is None else {"replay": replays}
    return json.dumps({"started_at_s": started_at_s, "packets_in": packets, "dropped": dropped}).encode()


@dataclass
class NoNoise:
    """Draws zeros, and remembers the scales."""

    scales: list[int] = field(default_factory=list)

    def draw(self, sigma: int) -> int:
        self.scales.append(sigma)
        return 0


class RoundedNoise:
    """Draws rounded Gaussian numbers from a seed: good enough for a test of sums."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)

    def draw(self, sigma: int) -> int:
        return round(self._rng.gauss(0, sigma))


class CollectorOfShares:
    """One collector of a plan, without a network."""

    def __init__(self, directory: Path, plan: CounterPlan, place: int, clock: Clock) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.plan, self.place, self.clock = plan, place, clock
        self.store = Store(SCHEMA, sqlite_url(directory / "counters.sqlite3"), exclusive=True)
        self.store.write(lambda connection: add_plan(connection, plan, place))
        self.intake = ShareIntake(self.store, inline_access(self.store), clock=clock)

    def take(self, share: bytes) -> bool:
        taken: list[bool] = []
        Deferred.fromCoroutine(self.intake.take(share)).addCallback(taken.append)
        return taken[0]

    def total(self, period: int = 0, among: list[str] | None = None) -> CounterTotal:
        held = HeldPlan(self.plan, self.place)
        return self.store.write(lambda connection: tell_total(connection, held, period, among))

    def close(self) -> None:
        self.store.close()
