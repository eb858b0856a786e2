"""The deployed nodes in virtual time: events and packet-hops a second, and a thousand clients held against theory."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from benchmarks.report import Figure, barred
from loopixmix import sphinx
from loopixmix.keys import MixKey
from simulations.exact.engine import ENGINE as EXACT
from simulations.nodes.engine import little_garbage_collection, measure_world
from simulations.nodes.measurement import Watch
from simulations.scenario import Scenario, change
from simulations.scenario.shipped import scenario_named
from simulations.seeds import Seeds
from simulations.world.clock import EventClock
from simulations.world.world import World

EVENTS_BAR = 300_000
PENDING = 10_000
HOPS_BAR = 30_000
POOL_BAR = 0.02
"""Relative. 4.4 million stays in nine mixes whose packets are partly the same: the standard error is about 0.2 %."""
LATENCY_BAR = 0.01
"""Relative. 180,000 latencies of a spread of a half: the standard error is 0.1 %."""
ENTROPY_BAR_BITS = 0.03
"""As for `simulate verify`, where the pool is 25 or more."""


def measure() -> list[Figure]:
    """Measure everything; the thousand clients take some minutes."""
    events_per_s = max(_clock_events_per_s() for _ in range(3))
    return [
        barred("event_clock_events_per_s", events_per_s, "1/s", bar=EVENTS_BAR, better="higher"),
        barred("nodes_hops_per_s", _hops_per_s(_scenario(1000), 8.0), "1/s", bar=HOPS_BAR, better="higher"),
        _sphinx_hops_per_s(),
        *_thousand_clients(),
    ]


def _clock_events_per_s() -> float:
    """Return how many calls a second are made, each of which asks for the next, while 10,000 are to come."""
    clock, rng = EventClock(1_800_000_000.0), random.Random(1)
    delays_s = [rng.expovariate(1.0) for _ in range(1 << 16)]

    def fire() -> None:
        clock.callLater(delays_s[clock.fired & 0xFFFF], fire)

    for delay_s in delays_s[:PENDING]:
        clock.callLater(delay_s, fire)
    begun_s, fired = time.process_time(), clock.fired
    clock.run_for(50)
    return (clock.fired - fired) / (time.process_time() - begun_s)


def _thousand_clients() -> list[Figure]:
    scenario = scenario_named("thousand-clients")
    seeds = Seeds(scenario.seeds, replicate=0)
    begun_s = time.perf_counter()
    world = World(scenario, seeds)
    watch = Watch(world)
    with little_garbage_collection():
        outcome = measure_world(world, watch, progress=_silent)
    wall_s = time.perf_counter() - begun_s
    theory = EXACT.run(scenario, seeds, progress=_silent).figures
    found = outcome.figures
    return [
        Figure(name="nodes_thousand_clients_s", value=wall_s, unit="s"),
        Figure(name="nodes_thousand_clients_hops", value=watch.hops, unit="hops"),
        _error("nodes_thousand_clients_pool_error", found["pool_mean"], theory["pool_mean"], POOL_BAR),
        _error("nodes_thousand_clients_latency_error", found["latency_mean_s"], theory["latency_mean_s"], LATENCY_BAR),
        barred(
            "nodes_thousand_clients_entropy_error_bits",
            abs(found["entropy_bits"] - theory["entropy_bits"]),
            "bit",
            bar=ENTROPY_BAR_BITS,
            better="lower",
        ),
    ]


def _silent(_share: float) -> None:
    """Show no progress."""


def _error(name: str, found: float, expected: float, bar: float) -> Figure:
    return barred(name, abs(found / expected - 1), "1", bar=bar, better="lower")


def _scenario(users: int) -> Scenario:
    """Return a network with all streams on at their default rates, and pulls that take what these bring."""
    return change(
        scenario_named("thousand-clients"),
        {
            "users.count": users,
            "traffic.payload_rate_per_s": 2.0,
            "traffic.loop_rate_per_s": 0.5,
            "traffic.drop_rate_per_s": 0.5,
            "traffic.pull_rate_per_s": 0.5,
            "traffic.pull_batch": 8,
        },
    )


def _hops_per_s(scenario: Scenario, span_s: float) -> float:
    """Return the packets that nodes take in a second of one core: clients, stores and measuring are part of it."""
    world = World(scenario, Seeds(scenario.seeds, replicate=0))
    watch = Watch(world)
    with little_garbage_collection():
        world.start()
        world.run_for(4)
        hops, begun_s = watch.hops, time.process_time()
        world.run_for(span_s)
        hops_per_s = (watch.hops - hops) / (time.process_time() - begun_s)
    world.stop()
    return hops_per_s


def _sphinx_hops_per_s() -> Figure:
    """Return the hops a second with real packets; against what unwrapping alone, by one core, would let through."""
    scenario = change(_scenario(100), {"packets.cryptography": True})
    hops_per_s = _hops_per_s(scenario, 10.0)
    bound_per_s = _unwraps_per_s()
    return Figure(
        name="nodes_hops_per_s_sphinx",
        value=hops_per_s,
        unit="1/s",
        reference=bound_per_s,
        ratio=hops_per_s / bound_per_s,
    )


def _unwraps_per_s() -> float:
    geometry, rng = sphinx.Geometry(hops=5, payload_bytes=2048), random.Random(1)
    real = sphinx.Sphinx(geometry, sphinx.load_arithmetic())
    keys = [MixKey.generate(rng) for _ in range(geometry.hops)]
    hops = [sphinx.Hop(key.public, sphinx.Relay(bytes(32), 1000)) for key in keys[:-1]]
    hops.append(sphinx.Hop(keys[-1].public, sphinx.Discard()))
    packet = sphinx.wrap(hops, b"", sphinx=real, rng=rng)
    return _per_s(lambda: sphinx.unwrap([keys[0].private], packet, sphinx=real))


def _per_s(work: Callable[[], object]) -> float:
    begun_s, count = time.process_time(), 0
    while time.process_time() - begun_s < 1:
        for _ in range(100):
            work()
        count += 100
    return count / (time.process_time() - begun_s)
