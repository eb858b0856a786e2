"""Epsilon in theory: its limit for mixes that hold very many packets."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator

from simulations.unlinkability.experiment import Experiment
from simulations.unlinkability.passage import LABELS, FloatArray
from simulations.unlinkability.senders import challenge_packets


def fluid_epsilon(experiment: Experiment, generator: Generator, *, repetitions: int = 20_000) -> tuple[float, float]:
    """Return epsilon and its standard error with pools so large that chance in the mixes averages out.

    A payload sent a seconds ago is then in the last of L stages with probability (mu a)^(L-1) / (L-1)! e^(-mu a), the
    same for both senders, and |ln(p0 / p1)| comes from the times of their payloads alone. With one stage, in which no
    mass is spread yet, each payload goes to one mix only. All stages need the same delay; corrupt mixes are not
    treated: those shown by the adversary need the simulation. NaN if the senders never both have sent a payload.
    """
    mu = 1 / experiment.stages[0].delay_mean_s
    stages, width = len(experiment.stages), experiment.stages[-1].width
    sums: list[FloatArray] = []
    for _ in range(LABELS):
        times, payload = challenge_packets(experiment, repetitions, generator)
        # A single stage spreads nothing between mixes: of all payloads only those in the mix that is looked at count.
        if stages == 1:
            payload &= generator.integers(0, width, payload.shape) == 0
        # Cover gets the age 1, whose logarithm is 0: its weight is thrown away below, but must not be a warning.
        age = np.where(payload, experiment.observed_s - np.where(payload, times, 0.0), 1.0)
        # The Poisson probability in logarithms: (mu a)^(L-1) overflows for old payloads.
        weight = np.exp((stages - 1) * np.log(mu * age) - mu * age - math.lgamma(stages))
        sums.append(np.where(payload, weight, 0.0).sum(axis=1))
    seen = (sums[0] > 0) & (sums[1] > 0)
    values = np.abs(np.log(sums[0][seen] / sums[1][seen]))
    if values.size < 2:
        return math.nan, math.nan
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(values.size))
