"""The entropy that mixes measure themselves (Loopix, appendix A.1, eq. 5), in expectation.

`loopixmix.observing.anonymity.LiveEntropy` is the deployed estimate: with k packets arrived since the last departure
and l older ones, `H = h(k/(k+l)) + k/(k+l) log2 k + l/(k+l) H_prev`. In the steady state of an M/M/infinity mix its
expectation is that of a Markov chain over the packets left behind, solved here to the last bit: no simulation.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import e, log, log2, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.linalg import solve_banded
from scipy.special import gammaln, xlogy

from loopixmix.errors import MisuseError

FloatArray = NDArray[np.float64]

_FEW_POOLS = 100
# From here on the chain has thousands of states, and its mean differs from the limit by less than 1e-9 bit.
_LARGE_POOL = 20_000.0
# Standard deviations of the pool beyond which the chain is cut: a Poisson tail of less than 1e-30.
_SPREAD = 12.0
# The chance of one more arrival before the next departure falls with every arrival: longer runs have no weight.
_LONGEST_RUN = 64


def live_entropy_bits(pool: float) -> float:
    """Return the mean over departures of eq. 5 in a mix that holds `pool` packets on average (rate x delay).

    From `_LARGE_POOL` on log2(e pool), which it approaches. Loopix Fig. 4: 7.092 bits at a pool of 50.
    Raises `MisuseError` if the pool is not positive.
    """
    if not pool > 0:
        raise MisuseError(f"a mix that measures its entropy holds packets, not {pool}")
    return log2(e * pool) if pool > _LARGE_POOL else _stationary_bits(pool)


def live_entropies_bits(pools: Sequence[float]) -> dict[float, float]:
    """Return `live_entropy_bits` of many pools (positive, rising); of hundreds by interpolation, to some 1e-6 bit."""
    if len(pools) <= _FEW_POOLS:
        return {pool: live_entropy_bits(pool) for pool in pools}
    # Smooth in the logarithm, where the limit log2(e pool) is a straight line: few points tell all others.
    logs = np.log(pools)
    nodes = np.linspace(logs[0], logs[-1], _FEW_POOLS)
    spline = CubicSpline(nodes, [live_entropy_bits(pool) for pool in np.exp(nodes).tolist()])
    return dict(zip(pools, spline(logs).tolist(), strict=True))


@lru_cache(maxsize=256)
def _stationary_bits(pool: float) -> float:
    # The number left behind is Poisson distributed, as the number that an arrival finds is. With pi its law,
    # g(m) = pi(m) E[H | m] satisfies g(m) = sum over l of P(l -> m) (pi(l) own(l, m) + kept(l, m) g(l)).
    reach = _SPREAD * sqrt(pool) + 40
    lowest, highest = max(0, int(pool - reach)), int(pool + reach)
    left = np.arange(lowest, highest + 1, dtype=np.float64)
    # In logarithms: pool^m and m! overflow from a pool of 150 on.
    weight = np.exp(xlogy(left, pool) - pool - gammaln(left + 1))
    weight /= weight.sum()
    size = left.size
    runs = min(size, _LONGEST_RUN + int(4 * sqrt(pool)))
    bands = np.zeros((runs + 1, size))  # solve_banded's form: bands[1 + m - l, l], one above the diagonal
    bands[1] = 1.0
    source = np.zeros(size)
    arriving = np.ones(size)  # probability that `new` packets arrive before the next departure
    for new in range(runs):
        held = left + new
        leaves = arriving * held / (pool + held)
        own = _own_bits(new, left)
        kept = np.divide(left, held, out=np.zeros(size), where=held > 0)
        step = new - 1  # from l to l + new - 1
        begin, end = max(0, -step), size - max(0, step)
        if end > begin:
            source[begin + step : end + step] += (weight * leaves * own)[begin:end]
            bands[1 + step, begin:end] -= (leaves * kept)[begin:end]
        arriving = arriving * pool / (pool + held)
    # Banded, because at most `runs` packets come between two departures: solved in full it would take the cube of its
    # size.
    return float(solve_banded((runs - 1, 1), bands, source).sum())


def _own_bits(new: int, left: FloatArray) -> FloatArray:
    if new == 0:
        return np.zeros(left.size)
    # H(share) + share log2(new): the part of eq. 5 that does not look back. xlogy is 0 at a share of 0.
    share = new / (left + new)
    choice = xlogy(share, share) + xlogy(1 - share, 1 - share)
    return np.asarray(share * log2(new) - choice / log(2), dtype=np.float64)
