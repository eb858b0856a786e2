"""The streams of the two challenge senders: Poisson, with payloads that carry their sender's label."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from simulations.unlinkability.experiment import Experiment

FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]


def poisson_times(rate_per_s: float, duration_s: float, rows: int, generator: Generator) -> FloatArray:
    """Return the times of `rows` independent Poisson processes, sorted, one in each row; the rest is infinity."""
    counts = generator.poisson(rate_per_s * duration_s, rows)
    columns = np.arange(max(int(counts.max(initial=0)), 1))
    # Given its number, the times of a Poisson process are uniform: one draw for a whole row, and no loop over gaps.
    times = np.where(columns < counts[:, None], generator.uniform(0, duration_s, (rows, columns.size)), np.inf)
    times.sort(axis=1)
    return times


def carries_payload(times: FloatArray, period_s: float) -> BoolArray:
    """Tell which of a sender's packets are payloads: one is queued at each whole multiple of `period_s`, from 1.

    `times`: a sender's packets in each row, sorted; if it is infinite there is none. A packet is a payload if
    one is waiting. The number sent after packet j, S_j = min(S_(j-1) + 1, floor(t_j / period)), is a running minimum.
    """
    number = np.arange(1, times.shape[1] + 1)
    queued = np.floor(np.where(np.isfinite(times), times, 0.0) / period_s)
    sent = number + np.minimum(0, np.minimum.accumulate(queued - number, axis=1))
    before = np.concatenate([np.zeros((times.shape[0], 1)), sent[:, :-1]], axis=1)
    return (sent > before) & np.isfinite(times)


def challenge_packets(experiment: Experiment, rows: int, generator: Generator) -> tuple[FloatArray, BoolArray]:
    """Return times and payload marks of one challenge sender, one repetition in each of `rows` rows."""
    times = poisson_times(experiment.rate_per_s, experiment.observed_s, rows, generator)
    return times, carries_payload(times, experiment.payload_period_s)
