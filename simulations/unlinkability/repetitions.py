"""Epsilon of an experiment, repeated."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from loopixmix.errors import MisuseError
from loopixmix.sweeps.work import Progress
from simulations.unlinkability.experiment import Experiment
from simulations.unlinkability.passage import LABELS, FloatArray, Passed, PassingPackets, pass_stage, unlabelled
from simulations.unlinkability.senders import challenge_packets

# Some 200 MB of arrays, at the 300 bytes that a packet with its two events takes.
_EVENTS_AT_ONCE = 1_500_000


def epsilons(
    experiment: Experiment,
    repetitions: int,
    generator: Generator,
    *,
    progress: Progress | None = None,
) -> FloatArray:
    """Return epsilon = |ln(p0 / p1)| for each repetition: the mean over the honest mixes of the last stage.

    p0, p1: the probability that a message in the pool of such a mix is a payload of the one or the other challenge
    sender. A mix that certainly holds nothing of one of them is left out; NaN if all are. Raises `MisuseError` for
    fewer than one repetition.
    """
    if repetitions < 1:
        raise MisuseError(f"repetitions must be 1 or more, not {repetitions}")
    at_once = max(1, int(_EVENTS_AT_ONCE / (2 * _packets(experiment) + 1)))
    found = []
    for begin in range(0, repetitions, at_once):
        found.append(_epsilons(experiment, min(at_once, repetitions - begin), generator))
        if progress is not None:
            progress(min(begin + at_once, repetitions) / repetitions)
    return np.concatenate(found)


def _packets(experiment: Experiment) -> float:
    most = max(stage.others_per_s for stage in experiment.stages)
    return (most + LABELS * experiment.rate_per_s) * experiment.observed_s


def _epsilons(experiment: Experiment, repetitions: int, generator: Generator) -> FloatArray:
    until_s = experiment.observed_s
    packets = _challenges(experiment, repetitions, generator)
    others_per_s, passed = 0.0, None
    for stage in experiment.stages:
        # A stage that takes more than those before it gets the rest as new packets of others.
        more_per_s = max(0.0, stage.others_per_s - others_per_s)
        others_per_s += more_per_s
        packets = packets.and_these(unlabelled(more_per_s, until_s, repetitions, generator))
        passed = pass_stage(stage, packets, until_s, repetitions, generator)
        packets = passed.packets
    return _in_pools(experiment, passed)


def _challenges(experiment: Experiment, repetitions: int, generator: Generator) -> PassingPackets:
    packets = unlabelled(0.0, experiment.observed_s, repetitions, generator)
    for label in range(LABELS):
        times, payload = challenge_packets(experiment, repetitions, generator)
        there = np.isfinite(times)
        masses = np.zeros((int(there.sum()), LABELS))
        masses[:, label] = payload[there]
        packets = packets.and_these(PassingPackets(times[there], np.nonzero(there)[0], masses))
    return packets


def _in_pools(experiment: Experiment, passed: Passed | None) -> FloatArray:
    if passed is None:
        raise MisuseError("an experiment needs one stage or more")
    last = experiment.stages[-1]
    honest = ~np.array(last.corrupt or (False,) * last.width)
    pools = passed.pools[:, honest]
    seen = (pools > 0).all(axis=2)
    ratios = np.log(np.divide(pools[..., 0], pools[..., 1], out=np.ones(seen.shape), where=seen))
    counts = seen.sum(axis=1)
    sums = np.where(seen, np.abs(ratios), 0.0).sum(axis=1)
    # NaN and not 0 where no mix has mass of both: epsilon is then infinite for some mixes and unknown for the others.
    means: FloatArray = np.divide(sums, counts, out=np.full(counts.shape, np.nan), where=counts > 0)
    return means
