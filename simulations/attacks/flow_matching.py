"""Flow matching: at which of several recipients does a long transfer end? By the times of its packets alone.

The statistical attack of MixMatch (PoPETs 2024.2), which is the matched filter of Danezis (The Traffic Analysis of
Continuous-Time Mixes, PET 2004, section 4): what Alice sends, convolved with the distribution of the network's latency,
is the rate r(t) at which it arrives where it ends. An arrival stream y_1 ... y_n gets the log-likelihood ratio
`sum log((b + r(y_j)) / (b + c))` against one of the same volume without her, b being what else arrives there and c the
rate of a transfer. The best candidate is named; a guess is right with 1/candidates.

Not spread: each transfer leaves as a Poisson stream of its own and is handed over as it comes; all candidates get one
of the same size and rate in the same time, which is the hardest case for the adversary (a Poisson stream with a known
number of packets: each leaves at any time alike). Spread, as deployed: packets of
the transfer take the place of cover in a stream that looks the same without them, and recipients pull at a constant
rate, so that the wires show no candidate anything different: 1/candidates is the bound, for any adversary. A corrupt
provider of the recipients sees packets come into mailboxes, and can match those.

Theory: the scores of the right candidate and of the others are sums over many packets and so nearly normal; with their
means and variances, summed over the window, the right one is the best with (some hundredths too little below a
hundred packets)
`int phi(z) Phi((m1 + s1 z - m0)/s0)^(candidates - 1) dz`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from loopixmix.errors import MisuseError
from simulations.attacks.estimates import ShareEstimate
from simulations.attacks.sessions import FloatArray, IntArray
from simulations.flows.rates import flows_of
from simulations.formulas.latency import erlang_cdf
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds

# Eight bins to a standard deviation keep the shape of the law of latency.
_STEPS_PER_SD = 8
# Twelve mean latencies: no packet in a hundred thousand takes longer, with one stage that is exp(-12).
_LATENCIES = 12
_AT_ONCE = 4_000_000
# With more draws than this the attack would run for many minutes: it is refused before it begins.
_MOST_WORK = 2e10
_MOST_BINS = 5_000_000
_MOST_HEARD = 20_000_000


@dataclass(frozen=True)
class Transfer:
    """A long transfer and what the adversary sees beside it.

    `packets` leave at `rate_per_s`, among `cover_per_s` packets a second that go elsewhere and look alike; each
    candidate gets `noise_per_s` other packets. The latency of a packet is that of `stages` exponential delays.
    """

    packets: int
    candidates: int
    rate_per_s: float
    cover_per_s: float
    noise_per_s: float
    stages: int
    delay_mean_s: float

    def __post_init__(self) -> None:
        if self.packets < 1 or self.candidates < 2 or self.stages < 1:
            raise MisuseError("a transfer to be matched needs packets, two candidates and a stage that mixes")
        if not (self.rate_per_s > 0 and self.delay_mean_s > 0 and self.cover_per_s >= 0 and self.noise_per_s >= 0):
            raise MisuseError("a transfer to be matched needs a rate and a delay, and no rate below 0")

    @property
    def step_s(self) -> float:
        """The adversary's resolution: a small part of the spread of latencies."""
        return math.sqrt(self.stages) * self.delay_mean_s / _STEPS_PER_SD

    @property
    def duration_s(self) -> float:
        """How long packets of the transfer leave."""
        return self.packets / self.rate_per_s

    @property
    def bins(self) -> int:
        """Bins of the window: that in which the transfer leaves, and twelve mean latencies for the last to arrive."""
        return math.ceil((self.duration_s + _LATENCIES * self.stages * self.delay_mean_s) / self.step_s)

    @property
    def noise_per_bin(self) -> float:
        """Other packets that a candidate gets in a bin, on average."""
        return self.noise_per_s * self.step_s


@dataclass(frozen=True)
class MatchingResult:
    """How often the right candidate was named, by theory (`expected`) and by guessing (`baseline`)."""

    success: ShareEstimate
    expected: float
    baseline: float


def match_flows(transfer: Transfer, trials: int, generator: Generator) -> MatchingResult:
    """Attack with arrivals in sight: `trials` transfers (1 or more), each among its candidates."""
    if trials < 1:
        raise MisuseError(f"matching needs trials, not {trials}")
    kernel = _kernel(transfer)
    right, expected = 0, 0.0
    for _ in range(trials):
        sent = _sent(transfer, generator)
        weights = _filter(transfer, kernel, np.concatenate(sent))
        mine = float(weights[_arrivals(transfer, sent[0], generator)].sum())
        right += int(mine > _best_of_others(transfer, weights, mine, generator))
        expected += _expected(transfer, kernel, weights, sent[0])
    return MatchingResult(ShareEstimate.of_trials(right, trials), expected / trials, 1 / transfer.candidates)


def match_pulls(transfer: Transfer, pull_rate_per_s: float, trials: int, generator: Generator) -> ShareEstimate:
    """Attack the deployed cover from the wires: recipients pull at a constant rate from a phase of their own.

    Alice's stream is Poisson, with the transfer or without; the same filter is laid over what candidates are given.
    """
    if trials < 1 or not pull_rate_per_s > 0:
        raise MisuseError(f"matching pulls needs trials and pulls, not {trials} and {pull_rate_per_s} a second")
    kernel = _kernel(transfer)
    right = 0
    for _ in range(trials):
        weights = _filter(transfer, kernel, np.concatenate(_sent(transfer, generator)))
        window_s = transfer.bins * transfer.step_s
        pulls_s = np.arange(0.0, window_s, 1 / pull_rate_per_s)
        scores = np.empty(transfer.candidates)
        at_once = max(1, _AT_ONCE // max(1, pulls_s.size))
        for first in range(0, transfer.candidates, at_once):
            phases_s = generator.random(min(at_once, transfer.candidates - first)) / pull_rate_per_s
            bins = ((pulls_s[np.newaxis, :] + phases_s[:, np.newaxis]) / transfer.step_s).astype(np.int64)
            scores[first : first + phases_s.size] = weights[np.minimum(bins, transfer.bins - 1)].sum(axis=1)
        right += int(generator.choice(np.flatnonzero(scores == scores.max())) == 0)
    return ShareEstimate.of_trials(right, trials)


def best_of(apart: float, spread: float, others: int) -> float:
    """Return how often a normal score beats `others` (0 or more) standard normal ones.

    `apart`: its mean, `spread`: its standard deviation (0 or more), both in standard deviations of the others.
    """
    from scipy.special import log_ndtr

    if others < 0 or not spread >= 0:
        raise MisuseError(f"nothing beats {others} others with a spread of {spread}")
    # Gauss-Hermite: the integrand is a normal density times a smooth function, for which 80 points are exact to many
    # digits.
    nodes, node_weights = np.polynomial.hermite_e.hermegauss(80)
    # In logarithms: a probability to the power of a million is 0 in floats.
    chances = np.exp(others * log_ndtr(apart + spread * nodes))
    return float(np.sum(node_weights * chances) / math.sqrt(2 * math.pi))


def _sent(transfer: Transfer, generator: Generator) -> tuple[FloatArray, FloatArray]:
    """Return when packets of the transfer, and packets that go elsewhere, leave Alice."""
    times_s = generator.random(transfer.packets) * transfer.duration_s
    window_s = transfer.bins * transfer.step_s
    cover_s = generator.random(generator.poisson(transfer.cover_per_s * window_s)) * window_s
    return times_s, cover_s


def _binned(transfer: Transfer, times_s: FloatArray) -> IntArray:
    bins = (times_s / transfer.step_s).astype(np.int64)
    return bins[bins < transfer.bins]


def _arrivals(transfer: Transfer, sent_s: FloatArray, generator: Generator) -> IntArray:
    """Return the bins in which packets arrive at the right candidate."""
    delays_s = generator.gamma(transfer.stages, transfer.delay_mean_s, transfer.packets)
    noise = generator.poisson(transfer.noise_per_bin * transfer.bins)
    return np.concatenate([_binned(transfer, sent_s + delays_s), generator.integers(0, transfer.bins, noise)])


def _kernel(transfer: Transfer) -> FloatArray:
    """Return the probability of each bin of latency, up to twelve mean latencies."""
    edges_s = (
        np.arange(math.ceil(_LATENCIES * transfer.stages * transfer.delay_mean_s / transfer.step_s) + 1)
        * transfer.step_s
    )
    # A packet is anywhere in the bin in which it leaves: the mean over the bin, by its middle.
    return np.diff(erlang_cdf(transfer.stages, transfer.delay_mean_s, np.maximum(edges_s - transfer.step_s / 2, 0.0)))


def _filter(transfer: Transfer, kernel: FloatArray, seen_s: FloatArray) -> FloatArray:
    """Return for each bin what an arrival in it adds to a candidate's score."""
    from scipy.signal import fftconvolve

    seen = np.bincount(_binned(transfer, seen_s), minlength=transfer.bins).astype(np.float64)
    of_transfer = transfer.rate_per_s / (transfer.rate_per_s + transfer.cover_per_s)
    # The transform leaves small negative rates, and a logarithm follows.
    rates = np.maximum(fftconvolve(seen, kernel)[: transfer.bins], 0.0) * of_transfer
    usual = transfer.packets / transfer.bins
    # Where nothing can come from her something may all the same: bins are not moments.
    least = 1e-3 * usual
    weights: FloatArray = np.log((transfer.noise_per_bin + rates + least) / (transfer.noise_per_bin + usual + least))
    return weights


def _best_of_others(transfer: Transfer, weights: FloatArray, mine: float, generator: Generator) -> float:
    """Draw the transfers that the other candidates get; return the best score, or the first that is no worse than it.

    `mine`: the score of the right candidate.
    """
    left, best = transfer.candidates - 1, -math.inf
    per_candidate = transfer.packets + math.ceil(transfer.noise_per_bin * transfer.bins)
    # The trial is decided once one other is better: the rest need not be drawn.
    while left and best < mine:
        count = min(left, max(1, _AT_ONCE // per_candidate))
        left_s = generator.random((count, transfer.packets)) * transfer.duration_s
        came_s = left_s + generator.gamma(transfer.stages, transfer.delay_mean_s, left_s.shape)
        bins = (came_s / transfer.step_s).astype(np.int64)
        heard = np.append(weights, 0.0)[np.minimum(bins, transfer.bins)]
        noise = generator.poisson(transfer.noise_per_bin * transfer.bins, count)
        owner = np.repeat(np.arange(count), noise)
        more = np.bincount(owner, weights[generator.integers(0, transfer.bins, owner.size)], minlength=count)
        best = max(best, float((heard.sum(axis=1) + more).max()))
        left -= count
    return best


def _expected(transfer: Transfer, kernel: FloatArray, weights: FloatArray, sent_s: FloatArray) -> float:
    """Return how often the right candidate's score is the best, all scores being normal with their true moments."""
    from scipy.signal import fftconvolve

    def later(values: FloatArray) -> FloatArray:
        """Return what a packet that leaves in each bin adds on average, once it has arrived."""
        following: FloatArray = fftconvolve(values, kernel[::-1])[kernel.size - 1 :]
        return following

    noise = transfer.noise_per_bin * float(np.square(weights).sum())
    firsts, squares = later(weights), later(np.square(weights))
    hers = _binned(transfer, sent_s)
    mean = float(firsts[hers].sum())
    variance = float((squares[hers] - firsts[hers] ** 2).sum()) + noise
    leaving = slice(0, max(1, round(transfer.duration_s / transfer.step_s)))
    other_mean, other_square = float(firsts[leaving].mean()), float(squares[leaving].mean())
    other_sd = math.sqrt(transfer.packets * max(other_square - other_mean**2, 1e-300) + noise)
    apart = (mean - transfer.packets * other_mean) / other_sd
    return best_of(apart, math.sqrt(max(variance, 0.0)) / other_sd, transfer.candidates - 1)


def attack_flow_matching(scenario: Scenario, seeds: Seeds) -> dict[str, float]:
    """Return `attack.flow_matching.success`, `.bound`, `.baseline` (by guessing) and `.expected` (by theory).

    Spread, the bound is the baseline, and what a corrupt provider reaches is `attack.flow_matching.provider.success`
    and `.expected`. Where arrivals are seen the bound is 1: packets enough, and the transfer is found. Raises
    `MisuseError`, naming the keys, if nothing is sent or the attack would take too long.
    """
    matching = scenario.attacks.flow_matching
    if matching is None:
        return {}
    traffic, users, flows = scenario.traffic, scenario.users, flows_of(scenario)
    if traffic.payload_rate_per_s <= 0:
        raise MisuseError("attacks.flow_matching needs a transfer: traffic.payload_rate_per_s is 0")
    transfer = Transfer(
        packets=matching.packets,
        candidates=matching.candidates,
        rate_per_s=traffic.payload_rate_per_s,
        cover_per_s=traffic.loop_rate_per_s + traffic.drop_rate_per_s if matching.spread else 0.0,
        noise_per_s=users.messages_per_day * users.packets_per_message / 86_400.0,
        stages=flows.holding_stages,
        delay_mean_s=scenario.mix.delay_mean_s,
    )
    window_s = transfer.bins * transfer.step_s
    heard = matching.packets + (transfer.noise_per_s + transfer.cover_per_s + traffic.pull_rate_per_s) * window_s
    if transfer.bins > _MOST_BINS or heard > _MOST_HEARD or heard * matching.candidates * matching.trials > _MOST_WORK:
        raise MisuseError(
            "attacks.flow_matching would take too long: fewer packets, candidates or trials, please (about"
            f" {heard:.0f} packets x {matching.candidates} x {matching.trials}, {_MOST_WORK:.0e} at most; or"
            f" {transfer.bins} moments, {_MOST_BINS:.0e} at most: a higher traffic.payload_rate_per_s or"
            " mix.delay_mean_s)"
        )
    generator = seeds.generator("attacks")
    matched = match_flows(transfer, matching.trials, generator)
    name = "attack.flow_matching.provider" if matching.spread else "attack.flow_matching"
    figures = {
        "attack.flow_matching.baseline": matched.baseline,
        **matched.success.figures(f"{name}.success"),
        f"{name}.expected": matched.expected,
        f"{name}.bound": 1.0,
    }
    if matching.spread:
        pulled = match_pulls(transfer, traffic.pull_rate_per_s, matching.trials, generator)
        figures |= pulled.figures("attack.flow_matching.success")
        figures["attack.flow_matching.bound"] = matched.baseline
    return figures
