"""The evidence in one departure from a mix (Loopix, USENIX Security 2017, Theorems 1 and 2, appendix A).

Beware of the letters: in Theorem 1, k counts the old packets that are left and l the new ones; in eq. 5 (the live
entropy of `loopixmix.observing.anonymity.LiveEntropy`) k counts the new ones and l the old.
"""

from __future__ import annotations

from loopixmix.errors import MisuseError


def old_packet_posterior(
    arrived: int, left: int, new: int, *, delay_rate_per_s: float = 1.0, loop_rate_per_s: float = 0.0
) -> float:
    """Return the probability that the next departure is a given one of the old packets.

    `arrived` (n): packets that came into the empty mix; `left` (k): how many of them are still there, after which
    `new` (l) others came. `delay_rate_per_s` (mu): 1 / mean delay. `loop_rate_per_s` (lambda_M): loops the mix sends.
    Theorem 1: k / (n (l + k)); with loops (k / n) mu / ((l + k) mu + lambda_M), as the appendix A.2 derives it. The
    body of Theorem 2 has the two lines, old and new, in each other's place: a misprint.
    """
    _check_counts(arrived, left, new)
    if left == 0:
        return 0.0
    # Exponential delays have no memory: each packet held leaves next with the same rate, however long it has been
    # there.
    held_per_s = (new + left) * delay_rate_per_s
    return left / arrived * delay_rate_per_s / (held_per_s + loop_rate_per_s)


def new_packet_posterior(left: int, new: int, *, delay_rate_per_s: float = 1.0, loop_rate_per_s: float = 0.0) -> float:
    """Return the probability that the next departure is a given one of the `new` packets: 1 / (l + k).

    With loops mu / ((l + k) mu + lambda_M). The letters are those of `old_packet_posterior`.
    """
    _check_counts(max(left, 1), left, new)
    if new == 0:
        return 0.0
    return delay_rate_per_s / ((new + left) * delay_rate_per_s + loop_rate_per_s)


def loop_posterior(left: int, new: int, *, delay_rate_per_s: float, loop_rate_per_s: float) -> float:
    """Return the probability that the next departure is a loop of the mix: lambda_M / ((l + k) mu + lambda_M)."""
    _check_counts(max(left, 1), left, new)
    return loop_rate_per_s / ((new + left) * delay_rate_per_s + loop_rate_per_s)


def _check_counts(arrived: int, left: int, new: int) -> None:
    if not (0 <= left <= arrived and arrived >= 1 and new >= 0):
        raise MisuseError(f"of {arrived} packets that arrived {left} cannot be left, with {new} new ones")
