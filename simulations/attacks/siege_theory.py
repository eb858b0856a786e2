"""n-1 in theory: how often the first packet that leaves is the target, the bound, and when loops tell of the attack.

Bound (Loopix 4.2.1): a share 1/s of what would go in gets through, s = 1/(1 - blocked_share). lambda_R is the rate of
what would go in and is no loop of the mix's own (users' packets, answers, other nodes' loops), lambda_M that of its own
loops, mu = 1/delay. The target is mixed with lambda_R/(s mu) packets and lambda_M/mu loops on average, and success is
at most 1 over that: `s mu/(s lambda_M + lambda_R)`; mu/lambda_M if all is blocked. It is a bound for the first that
leaves, too: E[1/(N + 1 + lambda_M/mu)] for N ~ Poisson(r) is at most 1/(r + lambda_M/mu). What passes, lambda_R/s,
is counted during the siege: what is blocked is not answered either, so that less comes than without.

Expected: with n others in the mix the next departure is the target's with f(n), where
`f(n) ((n+1) mu + lambda_M + a) = mu + a f(n+1)`, a = lambda_R/s still coming in, and n is Poisson(a/mu) at first.
"""

from __future__ import annotations

import math

from loopixmix.cover.loops import LATE_S
from loopixmix.errors import MisuseError
from simulations.formulas.loops import attack_loss_share

_MOST_OTHERS = 100_000


def next_departure_share(others_per_s: float, loops_per_s: float, delay_mean_s: float) -> float:
    """Return how often the first packet that leaves after the target came in is the target.

    `others_per_s` (a): what else comes in, in the steady state; `loops_per_s` (lambda_M): what the mix sends by itself;
    both 0 or more. `delay_mean_s` (1/mu): above 0.
    """
    if not (others_per_s >= 0 and loops_per_s >= 0 and delay_mean_s > 0):
        raise MisuseError(f"no such mix: {others_per_s} and {loops_per_s} packets/s, delay of {delay_mean_s} s")
    pool, loops = others_per_s * delay_mean_s, loops_per_s * delay_mean_s
    # Backwards from a number of others that never occurs, where the value hardly matters: forwards the recursion would
    # magnify every error.
    most = math.ceil(pool + 20 * math.sqrt(pool) + 40)
    if most > _MOST_OTHERS:
        return 1 / (1 + pool + loops)
    share = 1 / (most + 2 + loops)
    total = 0.0
    for others in range(most, -1, -1):
        share = (1 + pool * share) / (others + 1 + loops + pool)
        total += share * math.exp(-pool + others * math.log(pool) - math.lgamma(others + 1)) if pool else 0.0
    return total if pool else share


def success_bound(passing_per_s: float, loops_per_s: float, delay_mean_s: float) -> float:
    """Return s mu/(s lambda_M + lambda_R), at most 1 (Loopix 4.2.1).

    `passing_per_s`: what is let through, lambda_R/s; `loops_per_s` (lambda_M): both 0 or more; `delay_mean_s` (1/mu):
    above 0.
    """
    if not (passing_per_s >= 0 and loops_per_s >= 0 and delay_mean_s > 0):
        raise MisuseError(f"no such mix: {passing_per_s} and {loops_per_s} packets/s, delay of {delay_mean_s} s")
    mixed_with = (passing_per_s + loops_per_s) * delay_mean_s
    return min(1.0, 1 / mixed_with) if mixed_with > 0 else 1.0


def detection_mean_s(fewest_lost: int, loops_per_s: float, blocked_share: float, lost_share: float) -> float | None:
    """Return after how long `fewest_lost` loops of a window are known to be lost, on average; None if never.

    Those under way when the siege begins are lost as well, which makes up for how long loops are under way; each is
    given up `LATE_S` after its delays, when the node sends its next one.
    """
    lost_per_s = loops_per_s * attack_loss_share(lost_share, blocked_share)
    return fewest_lost / lost_per_s + LATE_S + 1 / loops_per_s if lost_per_s > 0 else None
