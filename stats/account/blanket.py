"""k-ary randomised response, shuffled: the privacy blanket of Balle, Bell, Gascon, Nissim 2019, by its numbers.

A report of `krr` is, with probability gamma = k p, a value drawn evenly (p = 1 / (e**eps0 + k - 1)). An observer who is
told which of the others' reports are not drawn evenly can take them away. What is left is the report of the person in
question among the M - 1 even ones, M ~ Bin(n, gamma) (theorem 5.3 and lemma 5.1 there):

    delta = 1 / (gamma n) * E[(sum of L over M even values)_+]

where L of a value is the likelihood of the one answer less e**eps times that of the other. So with s of the M values
at one of the two answers, and h of these s at the first one:

    sum of L = k p (1 - e**eps) M + k (q - p) (h - e**eps (s - h)),  q = e**eps0 p,  h ~ Bin(s, 1/2)

`hadamard` and `sampled-bit` have k = 2, too. They also send, with probability gamma = 2 b / (a + b), a report drawn
evenly. For two answers, some of the reports tell these apart (L is a - e**eps b or b - e**eps a, evenly, up to a common
factor), and some do not (L is (1 - e**eps) a or (1 - e**eps) b, evenly). Both have one mean, and the former are wider,
so that E[(sum of L)_+] grows if all of them tell the answers apart; then it is the sum above with k = 2.

A simpler reduction, with clones ~ Bin(n - 1, 2 p) and nothing else, is below the truth for k > 2 (erratum to
arXiv:2208.04591); `tests/stats/account/test_shuffling.py` has a case.
"""

from __future__ import annotations

import math

import numpy as np

from stats.account.binomials import SLACK, Floats, Whole, groups, masses, window

MOST_GROUPS = 400
"""Groups of numbers s. Each counts at its worst, which makes delta a little larger."""
_GROUPS_TIMES_ROOT = 40_000
"""If s is large, so many groups for its square root are as good: what they add is a share of s."""
_MOST_CELLS = 400_000
"""Of a table of the even reports elsewhere; beyond, groups of s share a row, that of their largest s."""
MOST_NODES = 96
"""Values of the even reports elsewhere, M - s, that are looked at."""
_SPARE = 1e-6
"""What is left out is at most this share of delta, and is added to it."""


class BlanketLoss:
    """The bound for one eps0, n and k; `delta` is then quick for each eps."""

    def __init__(self, eps0: float, n: int, domain: int, delta: float) -> None:
        """`eps0`: over 0. `n`: honest reports, 1 or more. `domain`: k. `delta`: the size that is of interest."""
        self._eps0 = eps0
        least = 1 / (math.exp(eps0) + domain - 1)
        self._scale = math.expm1(eps0) / n
        # A part of the distribution with mass x adds at most e**eps0 x: no value is more likely than that.
        self._outside = delta * _SPARE
        outside = self._outside * math.exp(-eps0) / 4
        low, high = window(n, 2 * least, outside)
        begins = groups(low, high, max(MOST_GROUPS // 6, min(MOST_GROUPS, int(_GROUPS_TIMES_ROOT / math.sqrt(high)))))
        ends: Whole = np.append(begins[1:] - 1, high)
        self._masses: Floats = np.add.reduceat(masses(n, 2 * least, low, high), begins - low)
        self._begins: Floats = begins.astype(np.float64)
        self._ends: Floats = ends.astype(np.float64)
        self._excess = _Excess(ends, outside)
        share = (domain - 2) * least / (1 - 2 * least)
        few, rows = _shared_rows(n - ends, share, outside)
        elsewhere, self._nodes = _elsewhere(few, share, outside)
        self._elsewhere: Floats = elsewhere[rows]

    def delta(self, eps: float) -> float:
        """Return delta at `eps`, from 0 to eps0; never below the truth."""
        if eps >= self._eps0:
            return 0.0
        bound = math.exp(eps)
        # h has to be over s * tilt + (s + elsewhere) * pull. Both grow with s, and the spread of h grows too: a group
        # counts its smallest s in the one, and its largest in the other.
        tilt = (bound - 1) / (2 * (1 + bound))
        pull = (bound - 1) / (math.expm1(self._eps0) * (1 + bound))
        fixed = self._ends / 2 + self._begins * (tilt + pull)
        excess = self._excess.over(fixed[:, None] + pull * self._nodes[None, :])
        mean = float(np.sum(excess * self._elsewhere, axis=1) @ self._masses)
        return min(1.0, mean * (1 + bound) * self._scale * (1 + SLACK) + self._outside)


class _Excess:
    """E[(h - x)_+] for h ~ Bin(s, 1/2), for each s of a list: a line between whole x, and so exact."""

    def __init__(self, coins: Whole, outside: float) -> None:
        self._coins = coins
        widest = int(coins[-1])
        log = math.log(4 * (widest + 1) / outside)
        # Hoeffding's inequality: so far from the mean, in units of h, no coin of any row comes.
        self._reach = math.ceil(math.sqrt(log * widest / 2)) + 2
        self._low: Whole = coins // 2 - self._reach
        offsets = np.arange(2 * self._reach + 1)
        heads = self._low[:, None] + offsets[None, :]
        self._table = _tail_sums(_tail_sums(_fair_masses(coins, heads)))
        # E[(h - x)_+] at x = low + j is the sum of P(h > low + i) for i >= j.
        self._table = np.concatenate((self._table[:, 1:], np.zeros((len(coins), 2))), axis=1)

    def over(self, thresholds: Floats) -> Floats:
        """Return the excess over thresholds: a row for each number of coins."""
        distance = thresholds - self._low[:, None]
        place = np.clip(distance, 0, self._table.shape[1] - 2)
        whole = place.astype(np.int64)
        part = place - whole
        below = np.take_along_axis(self._table, whole, axis=1)
        above = np.take_along_axis(self._table, whole + 1, axis=1)
        return np.asarray(below + (above - below) * part + np.clip(-distance, 0, None), dtype=np.float64)


def _fair_masses(coins: Whole, heads: Whole) -> Floats:
    """Return how likely so many fair coins show so many heads; a row for each number of coins, each summing to 1."""
    n = coins[:, None].astype(np.float64)
    ratios = np.clip((n - heads[:, :-1]) / np.maximum(heads[:, :-1] + 1, 1), 0, None)
    half = ratios.shape[1] // 2
    ones = np.ones((len(coins), 1))
    right = np.cumprod(np.concatenate((ones, ratios[:, half:]), axis=1), axis=1)
    # To the left of the middle the ratios are turned round; where there are no heads there is no mass.
    with np.errstate(divide="ignore"):
        turned = np.where(heads[:, :half] >= 0, 1 / ratios[:, :half], 0)
    left = np.cumprod(turned[:, ::-1], axis=1)[:, ::-1]
    relative = np.concatenate((left, right), axis=1)
    return np.asarray(relative / relative.sum(axis=1, keepdims=True), dtype=np.float64)


def _tail_sums(rows: Floats) -> Floats:
    return np.asarray(np.cumsum(rows[:, ::-1], axis=1)[:, ::-1], dtype=np.float64)


def _shared_rows(trials: Whole, share: float, outside: float) -> tuple[Whole, Whole]:
    """Return few of the falling numbers of trials, and for each number which of these is at most it and nearest.

    With fewer trials there are fewer even reports elsewhere, and these hide less.
    """
    low, high = window(int(trials[0]), share, outside)
    most = max(20, _MOST_CELLS // (high - low + 1))
    width = -(-len(trials) // most)
    last = np.minimum(np.arange(len(trials)) // width * width + width - 1, len(trials) - 1)
    kept = np.unique(last)
    return trials[kept], np.searchsorted(kept, last)


def _elsewhere(trials: Whole, share: float, outside: float) -> tuple[Floats, Floats]:
    """Return the distribution of the even reports elsewhere, a row for each number of trials, on a few nodes.

    A number between two nodes is split between them so that the mean stays. The loss is convex in this number, so that
    the split makes it larger (Jensen's inequality).
    """
    if share <= 0:
        return np.ones((len(trials), 1)), np.zeros(1)
    low, _ = window(int(trials[-1]), share, outside)
    _, high = window(int(trials[0]), share, outside)
    counts = np.arange(low, high + 1, dtype=np.float64)
    odds = share / (1 - share)
    ratios = np.clip((trials[:, None] - counts[None, :-1]) / (counts[None, :-1] + 1) * odds, 0, None)
    # Logarithms, since the rows are far apart if there are few reports: what is usual in one is never seen in another.
    with np.errstate(divide="ignore"):
        steps = np.cumsum(np.log(ratios), axis=1)
    logs = np.concatenate((np.zeros((len(trials), 1)), steps), axis=1)
    relative = np.exp(logs - logs.max(axis=1, keepdims=True))
    relative /= relative.sum(axis=1, keepdims=True)
    if high - low < MOST_NODES:
        return relative, counts
    # Nodes in the same distance of each other, the last one at or beyond the highest count.
    width = -(-(high - low) // (MOST_NODES - 1))
    starts = np.arange(0, high - low + 1, width)
    upwards = (np.arange(high - low + 1) % width) / width
    on_nodes = np.zeros((len(trials), len(starts) + 1))
    on_nodes[:, :-1] = np.add.reduceat(relative * (1 - upwards), starts, axis=1)
    on_nodes[:, 1:] += np.add.reduceat(relative * upwards, starts, axis=1)
    return on_nodes, low + width * np.arange(len(starts) + 1, dtype=np.float64)
