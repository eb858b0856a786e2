"""The share of packets that an adversary with some of the mixes sees, and how often his guesses are right."""

from __future__ import annotations

from math import expm1, log1p, prod

from loopixmix.errors import MisuseError


def balanced_corrupt_path_share(share: float, layers: int) -> float:
    """Return the share of paths with corrupt mixes only: b^L, the share `share` (b, 0 to 1) of each layer being so."""
    _check_share(share)
    return share**layers


def random_corrupt_path_share(corrupt: int, mixes: int, layers: int) -> float:
    """Return the mean share of such paths for corrupt mixes placed at random: prod (B - i) / (N - i), i < L.

    `corrupt` (B) of all `mixes` (N), `layers` of them on a path.
    """
    if not 0 <= corrupt <= mixes or layers > mixes:
        raise MisuseError(f"of {mixes} mixes {corrupt} cannot be corrupt, nor {layers} be on a path")
    # Without replacement: the i-th mix of a path is drawn from those that are left.
    return prod(max(corrupt - i, 0) / (mixes - i) for i in range(layers))


def seen_within(path_share: float, packets: int) -> float:
    """Return the probability that one of `packets` packets takes such a path: 1 - (1 - a)^m.

    b = 0.1, three layers and 500 packets: 0.3936.
    """
    _check_share(path_share)
    # expm1 and log1p, because 1 - (1 - a)^m loses all digits for the shares of 1e-9 that many layers give.
    return 1.0 if path_share == 1 and packets else -expm1(packets * log1p(-path_share)) if packets else 0.0


def fifo_guess_success(others_per_s: float, delay_mean_s: float) -> float:
    """Return how often the first packet in is the first out: 1 - lambda_u / (2 (lambda_u + mu)).

    `others_per_s` (lambda_u): packets of others that enter the same mix; mu = 1 / `delay_mean_s`.
    """
    if not (others_per_s >= 0 and delay_mean_s > 0):
        raise MisuseError("the rate must not be negative and the delay must be positive")
    return 1 - others_per_s / (2 * (others_per_s + 1 / delay_mean_s))


def n_minus_one_success(
    loop_return_s: float, delay_rate_per_s: float, loops_per_s: float, others_per_s: float
) -> float:
    """Return the success of an n-1 attack against a mix with loops: s mu / (s lambda_M + lambda_R), at most 1.

    Loopix 4.2.1: `loop_return_s` (s), `delay_rate_per_s` (mu), `loops_per_s` (lambda_M), `others_per_s` (lambda_R).
    """
    below = loop_return_s * loops_per_s + others_per_s
    return 1.0 if below <= 0 else min(1.0, loop_return_s * delay_rate_per_s / below)


def _check_share(share: float) -> None:
    if not 0 <= share <= 1:
        raise MisuseError(f"a share lies between 0 and 1, unlike {share}")
