"""The `vector` engine on one core: packets a second in the papers' model, and a million users for a minute of traffic.

Each is run in a process of its own that may use one processor only, by the engine as `loopixmix simulate run` calls
it: drawing, latencies, pools, live entropy, entropy of 100 targets by propagation, distributions and fits.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

import numpy as np

from benchmarks.engine_runs import ROUNDS, run_once
from benchmarks.report import Figure, barred
from loopixmix.sweeps.threads import keep_one_thread
from simulations.flows.rates import flows_of
from simulations.scenario import Scenario, change
from simulations.scenario.shipped import scenario_named
from simulations.vector.engine import ENGINE

_P = ParamSpec("_P")
_T = TypeVar("_T")

PACKETS_BAR = 1_500_000
MINUTE_BAR_S = 300
MINUTE_BAR_MB = 4000
PAPERS: dict[str, object] = {
    "users.count": 50_000,
    "topology.providers": 0,
    "topology.layers": 3,
    "topology.mixes_per_layer": 100,
    "traffic.replies": False,
    "traffic.node_loop_rate_per_s": 0.0,
}
"""The papers' model: three layers without providers or answers; rates, delays and the 100 targets as by default."""

MILLION: dict[str, object] = {
    "users.count": 1_000_000,
    "topology.mixes_per_layer": 100,
    "topology.providers": 100,
    "run.duration_s": 60.0,
    "run.warm_up_s": 10.0,
    "run.drain_s": 10.0,
}
"""A million users at the default rates: 3 packets a second each, and the answers."""


def measure() -> list[Figure]:
    """Measure everything; the million users take some minutes."""
    return [*_papers_model(), *_million_users()]


def _papers_model() -> list[Figure]:
    """Return the packets (from sender to recipient, each through three mixes) done in a second of processor time.

    All packets count that the engine draws and follows, those of warm-up and drain too, as they cost the same. The
    reference is what nothing that draws delays and orders events can do without: an exponential number for each of a
    packet's four events, in numpy, and their order, by argsort of 2^17 of them at a time.
    """
    scenario = change(Scenario(), PAPERS)
    reference_per_s = max(_alone(_raw_numpy_per_s) for _ in range(ROUNDS))
    plain_per_s = max(_alone(_packets_per_s, scenario) for _ in range(ROUNDS))
    linked_per_s = max(_alone(_packets_per_s, change(scenario, {"links.latency_s": 0.05})) for _ in range(ROUNDS))
    return [
        barred("vector_packets_per_s", plain_per_s, "1/s", bar=PACKETS_BAR, better="higher", reference=reference_per_s),
        Figure(
            name="vector_packets_per_s_links",
            value=linked_per_s,
            unit="1/s",
            reference=reference_per_s,
            ratio=linked_per_s / reference_per_s,
        ),
    ]


def _million_users() -> list[Figure]:
    """Return what a minute and the 20 seconds of warm-up and drain around it cost: with links at the rates of the
    shipped scenario, a tenth of the default ones, and without links at the default rates.
    """
    return [
        *_million("million_users", scenario_named("million-users")),
        *_million("million_users_default_rates", change(Scenario(), MILLION)),
    ]


def _million(name: str, scenario: Scenario) -> list[Figure]:
    wall_s, processor_s, peak_mb, packets = _alone(_cost_of, scenario)
    return [
        barred(f"{name}_minute_s", wall_s, "s", bar=MINUTE_BAR_S, better="lower"),
        barred(f"{name}_minute_mb", peak_mb, "MB", bar=MINUTE_BAR_MB, better="lower"),
        Figure(name=f"{name}_minute_processor_s", value=processor_s, unit="s"),
        Figure(name=f"{name}_packets", value=packets, unit="packets"),
    ]


def _packets_per_s(scenario: Scenario) -> float:
    _, processor_s, _, packets = _cost_of(scenario)
    return packets / processor_s


def _cost_of(scenario: Scenario) -> tuple[float, float, float, float]:
    """Return seconds by the clock and of the processor, the most memory in MB (10^6 bytes), and packets of one run.

    Packets: those of users and the answers to them, each from its beginning to the end of its path.
    """
    run, flows = scenario.run, flows_of(scenario)
    took = run_once(ENGINE, scenario)
    packets = (flows.forward_per_s + flows.replies_per_s) * (run.warm_up_s + run.duration_s + run.drain_s)
    return took.wall_s, took.processor_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, packets


def _raw_numpy_per_s() -> float:
    """Return the packets a second whose four exponential numbers numpy draws, adds up and sorts."""
    generator, events = np.random.Generator(np.random.SFC64(1)), 1 << 17
    begun_s, packets = time.process_time(), 0
    while time.process_time() - begun_s < 1:
        times_s = np.cumsum(generator.standard_exponential((4, events // 4)), axis=0).ravel()
        times_s[np.argsort(times_s)]
        packets += events // 4
    return packets / (time.process_time() - begun_s)


def _alone(work: Callable[_P, _T], *arguments: _P.args, **named: _P.kwargs) -> _T:
    """Do it in a fresh process on one processor, and return what it returns."""
    fresh = multiprocessing.get_context("spawn")
    with _one_processor(), ProcessPoolExecutor(1, fresh, keep_one_thread) as process:
        return process.submit(work, *arguments, **named).result()


@contextmanager
def _one_processor() -> Iterator[None]:
    """Leave one processor only to this thread, and so to all processes and threads that it starts."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
