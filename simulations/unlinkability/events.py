"""The same experiment event by event in plain Python: an oracle for the fast one, and the trap of equal times.

Without link delay a packet leaves one mix and arrives at the next at the same time. A program that takes the arrival
first adds what the packet carried *before* it was mixed. It leaves out every mix but the last, so that epsilon of two
layers comes out like that of one.
"""

from __future__ import annotations

from math import log
from random import Random

from loopixmix.errors import MisuseError
from simulations.unlinkability.experiment import Experiment

Event = tuple[float, int, int, int]
"""When, its rank among those of the same time, the packet, and the stage: -1 - stage for a departure."""


def epsilon_event_by_event(experiment: Experiment, rng: Random, *, arrivals_first: bool = False) -> list[float]:
    """Return |ln(p0 / p1)| in each mix of the last stage, after one run. All mixes are honest.

    `arrivals_first`: fall into the trap. Mixes in which one of the two certainly has nothing are left out; a network
    that is empty at first is given 20 mean delays to fill, for each stage.
    """
    if any(any(stage.corrupt) for stage in experiment.stages):
        raise MisuseError("event by event all mixes are honest")
    until_s = experiment.observed_s
    paths, masses = [], []
    for sent_s, mass in _sent(experiment, rng):
        paths.append([rng.randrange(stage.width) for stage in experiment.stages])
        masses.append((sent_s, mass))
    events = _events(experiment, masses, rng, until_s=until_s, arrivals_first=arrivals_first)
    carried = [mass for _, mass in masses]
    held = [[0] * stage.width for stage in experiment.stages]
    pools = [[[0.0, 0.0] for _ in range(stage.width)] for stage in experiment.stages]
    for _, _, packet, code in events:
        stage = code if code >= 0 else -1 - code
        mix = paths[packet][stage]
        pool = pools[stage][mix]
        if code >= 0:
            held[stage][mix] += 1
            pool[0] += carried[packet][0]
            pool[1] += carried[packet][1]
        else:
            shared = 1 / held[stage][mix]
            carried[packet] = (pool[0] * shared, pool[1] * shared)
            held[stage][mix] -= 1
            pool[0] -= pool[0] * shared
            pool[1] -= pool[1] * shared
    return [_ratio(pool) for pool in pools[-1] if pool[0] > 0 and pool[1] > 0]


def _sent(experiment: Experiment, rng: Random) -> list[tuple[float, tuple[float, float]]]:
    """Return when each packet leaves its sender, and its masses: the others' from before 0 on."""
    first = experiment.stages[0]
    # After 20 mean delays a share of exp(-20) of the steady state is missing.
    at_s = -20.0 * sum(stage.delay_mean_s for stage in experiment.stages)
    sent: list[tuple[float, tuple[float, float]]] = []
    while (at_s := at_s + rng.expovariate(first.others_per_s)) < experiment.observed_s:
        sent.append((at_s, (0.0, 0.0)))
    for own in ((1.0, 0.0), (0.0, 1.0)):
        now_s, waiting, queued = 0.0, 0, 0
        while (now_s := now_s + rng.expovariate(experiment.rate_per_s)) < experiment.observed_s:
            while (queued + 1) * experiment.payload_period_s <= now_s:
                queued += 1
                waiting += 1
            sent.append((now_s, own if waiting else (0.0, 0.0)))
            waiting = max(0, waiting - 1)
    return sent


def _events(
    experiment: Experiment,
    sent: list[tuple[float, tuple[float, float]]],
    rng: Random,
    *,
    until_s: float,
    arrivals_first: bool,
) -> list[Event]:
    # Rank decides among equal times: departures come first, as in the fast version, unless the trap is wanted.
    arrives, departs = (0, 1) if arrivals_first else (1, 0)
    events: list[Event] = []
    for packet, (at_s, _) in enumerate(sent):
        for number, stage in enumerate(experiment.stages):
            events.append((at_s, arrives, packet, number))
            at_s += rng.expovariate(1 / stage.delay_mean_s)
            events.append((at_s, departs, packet, -1 - number))
    return sorted(event for event in events if event[0] <= until_s)


def _ratio(pool: list[float]) -> float:
    return abs(log(pool[0] / pool[1]))
