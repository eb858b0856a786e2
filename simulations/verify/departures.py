"""One departure of one mix: Theorems 1 and 2, FIFO guesses, n-1, and corrupt paths, each by trying it out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.random import Generator

from simulations.formulas.corruption import (
    balanced_corrupt_path_share,
    fifo_guess_success,
    n_minus_one_success,
    seen_within,
)
from simulations.formulas.posteriors import loop_posterior, new_packet_posterior, old_packet_posterior
from simulations.verify import publications
from simulations.verify.rows import SHARE_ERRORS, Case, Effort, Row

_TRIALS = 1_000_000


@dataclass(frozen=True)
class Observation:
    """The case of Theorem 1: n arrived, k of them are left, then l more arrive, then one departs.

    `loop_rate_per_s` (lambda_M) is that of the mix's own loops, with a mean delay of 1 / mu = 1.
    """

    arrived: int
    left: int
    new: int
    loop_rate_per_s: float = 0.0


OBSERVATIONS = (
    Observation(10, 4, 3),
    Observation(20, 12, 1),
    Observation(10, 4, 3, loop_rate_per_s=2.0),
    Observation(20, 12, 5, loop_rate_per_s=10.0),
)


def posterior_rows(seen: Observation, effort: Effort, generator: Generator) -> Sequence[Row]:
    """Draw delays, wait until k of n are left, let l arrive and count who departs next: no theory is used."""
    trials = effort.trials(_TRIALS)
    old, new, loop = _who_departs(seen, trials, generator)
    loops = {"delay_rate_per_s": 1.0, "loop_rate_per_s": seen.loop_rate_per_s}
    expected = [
        ("old", old, old_packet_posterior(seen.arrived, seen.left, seen.new, **loops)),
        ("new", new, new_packet_posterior(seen.left, seen.new, **loops)),
    ]
    if seen.loop_rate_per_s:
        expected.append(("loop", loop, loop_posterior(seen.left, seen.new, **loops)))
    figure = "loopix-theorem2" if seen.loop_rate_per_s else "loopix-theorem1"
    setting = f"n={seen.arrived} k={seen.left} l={seen.new}"
    if seen.loop_rate_per_s:
        setting += f" lambda_M={seen.loop_rate_per_s:g}mu"
    return [share_row(figure, f"{setting}, {which}", share, theory, trials) for which, share, theory in expected]


def _who_departs(seen: Observation, trials: int, generator: Generator) -> tuple[float, float, float]:
    """Return how often the next departure is the first of the old, the first of the new, and a loop."""
    delays = generator.exponential(1.0, (trials, seen.arrived))
    gone = np.sort(delays, axis=1)[:, : seen.arrived - seen.left]
    now = gone[:, -1:] if gone.shape[1] else np.zeros((trials, 1))
    # Those that have gone cannot depart again: infinity is never the least.
    remaining = np.where(delays > now, delays - now, np.inf)
    fresh = generator.exponential(1.0, (trials, seen.new))
    loops = np.full((trials, 1), np.inf)
    if seen.loop_rate_per_s:
        loops = generator.exponential(1 / seen.loop_rate_per_s, (trials, 1))
    first = np.argmin(np.concatenate([remaining, fresh, loops], axis=1), axis=1)
    return tuple(float(np.mean(first == which)) for which in (0, seen.arrived, seen.arrived + seen.new))  # type: ignore[return-value]


def fifo_rows(rate_per_s: float, effort: Effort, generator: Generator) -> Sequence[Row]:
    """Let two packets of a Poisson stream into a mix and count how often the first leaves first; mu = 1."""
    trials = effort.trials(_TRIALS)
    gaps = generator.exponential(1 / rate_per_s, trials)
    delays = generator.exponential(1.0, (2, trials))
    share = float(np.mean(delays[0] < gaps + delays[1]))
    theory = fifo_guess_success(rate_per_s, 1.0)
    return [share_row("fifo", f"lambda_u={rate_per_s:g}mu", share, theory, trials)]


def n_minus_one_rows(slowed: float, others_per_s: float, effort: Effort, generator: Generator) -> Sequence[Row]:
    """Let 1/s of the others and all loops into a mix with the target, mu = 1, lambda_M = 5; see whether it leaves next.

    The pool is Poisson with mean a; the target is the next to leave with probability (1 - e^-a) / a, the formula is
    1 / a: from a = 10 on they are the same to a hundred-thousandth.
    """
    trials, loops_per_s = effort.trials(200_000), 5.0
    mean = others_per_s / slowed + loops_per_s
    pools = generator.poisson(mean, trials)
    others = generator.exponential(1.0, (trials, int(pools.max())))
    others[np.arange(others.shape[1]) >= pools[:, None]] = np.inf
    share = float(np.mean(generator.exponential(1.0, trials) < others.min(axis=1)))
    theory = n_minus_one_success(slowed, 1.0, loops_per_s, others_per_s)
    return [share_row("n-1", f"s={slowed:g} lambda_R={others_per_s:g}mu", share, theory, trials)]


def corrupted_rows(effort: Effort, generator: Generator) -> Sequence[Row]:
    """Send 500 packets of a user through three layers of ten mixes, one of each corrupt, and see if one is lost."""
    users = effort.trials(20_000)
    path_share = balanced_corrupt_path_share(publications.CORRUPTED_SHARE, 3)
    seen = 0
    # A thousand users at a time: all at once were 10 million packets, three times over.
    for begin in range(0, users, 1000):
        many = min(1000, users - begin)
        corrupt = np.ones((many, publications.CORRUPTED_PACKETS), dtype=np.bool_)
        for _ in range(3):
            corrupt &= generator.integers(0, 10, corrupt.shape) == 0
        seen += int(corrupt.any(axis=1).sum())
    row = share_row(
        "corruption",
        "b=.1 L=3 m=500",
        seen / users,
        seen_within(path_share, publications.CORRUPTED_PACKETS),
        users,
        publication=publications.CORRUPTED_SEEN,
    )
    return [row]


def share_row(
    figure: str,
    setting: str,
    share: float,
    theory: float,
    trials: int,
    *,
    publication: float | None = None,
) -> Row:
    """Return a row for a share of independent trials, whose tolerance is in standard errors of it."""
    within = SHARE_ERRORS * math.sqrt(theory * (1 - theory) / trials)
    return Row(
        figure=figure,
        setting=setting,
        unit="",
        simulated=share,
        theory=theory,
        published=publication,
        theory_within=within,
        published_within=within if publication is not None else None,
        reason=f"{SHARE_ERRORS:g} standard errors of {trials:,} trials",
    )


CASES = (
    *(
        Case(
            "loopix-theorem2" if seen.loop_rate_per_s else "loopix-theorem1",
            f"n={seen.arrived} k={seen.left} l={seen.new}",
            partial(posterior_rows, seen),
            2.0,
        )
        for seen in OBSERVATIONS
    ),
    *(Case("fifo", f"lambda_u={rate:g}mu", partial(fifo_rows, rate)) for rate in (0.5, 2.0, 20.0)),
    *(
        Case("n-1", f"s={slowed:g} lambda_R={others:g}mu", partial(n_minus_one_rows, slowed, others))
        for slowed, others in ((1.0, 20.0), (2.0, 40.0), (10.0, 60.0))
    ),
    Case("corruption", "b=.1 L=3 m=500", corrupted_rows),
)
