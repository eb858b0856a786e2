"""Entropy of continuous-time mixes in closed form. All in bits, unless a name says nats.

Sources: Danezis, "The traffic analysis of continuous-time mixes", PET 2004 (one mix, eq. 13); the same argument for
layers: a packet's time in L mixes is Erlang distributed, and a packet that leaves at time t has the mass f(t) / rate.
"""

from __future__ import annotations

from math import e, exp, lgamma, log, log2

from loopixmix.errors import MisuseError

# Written out, so that this module needs nothing but the standard library.
EULER_GAMMA = 0.577215664901532860606512090082
# Packets a mix should hold for the layered form: it is 0.05 bit too high at 27, 0.3 at 13 and 1.4 at 7.
LEAST_POOL = 25


def digamma(whole: int) -> float:
    """Return psi(n), n = 1, 2, ...: minus Euler's constant plus the first n - 1 terms of the harmonic series."""
    if whole < 1:
        raise MisuseError(f"digamma is wanted for whole numbers from 1, not {whole}")
    return -EULER_GAMMA + sum(1 / term for term in range(1, whole))


def erlang_entropy_nats(shape: int, scale_s: float) -> float:
    """Return the differential entropy of an Erlang distribution: k + ln(scale Gamma(k)) + (1 - k) psi(k).

    `shape`: how many exponential delays, 1 or more. `scale_s`: the mean of each, positive.
    """
    _check(scale_s=scale_s)
    return shape + log(scale_s) + lgamma(shape) + (1 - shape) * digamma(shape)


def one_mix_entropy_bits(rate_per_s: float, delay_mean_s: float, width: int = 1) -> float:
    """Return the entropy of a packet that leaves one of `width` mixes side by side: log2(e rate delay / width).

    `rate_per_s`: packets that enter all of them together. Danezis 2004, eq. 13. Raises `MisuseError` below one packet
    for each mean delay, if the form is not valid.
    """
    _check(rate_per_s=rate_per_s, delay_mean_s=delay_mean_s, width=width)
    # Mixes side by side share the packets, and an observer of the links knows which of them the target left.
    pool = rate_per_s * delay_mean_s / width
    if pool < 1:
        raise MisuseError(
            f"the closed form needs one packet or more for each mean delay in a mix, not {pool:.3g} "
            "(rate_per_s x delay_mean_s / width)"
        )
    return log2(e * pool)


def layered_entropy_bits(rate_per_s: float, delay_mean_s: float, layers: int, *, width: int = 1) -> float:
    """Return the entropy of a packet that leaves the last of `layers` layers.

    `H = log2 rate + [L + ln Gamma(L) + ln delay + (1 - L) psi(L)] / ln 2`; for three layers
    `log2(rate x 3 delay) + 1.0805`. `rate_per_s`: packets that enter the network. With two layers or more the width
    does not matter as long as each mix holds about `LEAST_POOL` packets; a single layer is `one_mix_entropy_bits`.
    """
    if layers == 1:
        return one_mix_entropy_bits(rate_per_s, delay_mean_s, width)
    _check(rate_per_s=rate_per_s, delay_mean_s=delay_mean_s, layers=layers)
    # A packet that leaves t after the target came has the mass f(t) / rate. Over all of them -sum p log2 p is log2 rate
    # plus the differential entropy of f: the sum is an integral, if there are many packets in each delay.
    return log2(rate_per_s) + erlang_entropy_nats(layers, delay_mean_s) / log(2)


def two_layer_loss_bits(width: int, pool: float) -> float:
    """Return how much less than the closed form two layers give: W / (2 pool ln 2), to first order.

    A mix of the second layer gets one packet in W from the target's first mix, so that its share of the mass is a mean
    of some pool / W such packets. By a linear noise argument its relative variance at time t is (W / pool)(delay / t),
    which is W / pool on average over the mass, and half a relative variance is the loss in nats. `pool`: packets in a
    mix of the second layer. MiXiM Fig. 7a, two layers of 10 mixes: 13.329 - 0.034 = 13.295, published 13.296.
    """
    _check(width=width, pool=pool)
    return width / (2 * pool * log(2))


def anonymity_set(bits: float) -> float:
    """Return the effective number of packets among which one hides: 2 to the power of its entropy."""
    return float(2.0**bits)


def needed_rate_per_s(bits: float, layers: int, total_delay_s: float, *, width: int = 1) -> float:
    """Return the packets a second that must enter the network for an entropy: 2^H / e^h, h the Erlang entropy.

    `total_delay_s`: the sum of the mean delays of all layers, without links. (The facts' table for one second end to
    end is `total_delay_s = 0.8`: four links of 50 ms take the rest.) Inverse of `layered_entropy_bits`.
    """
    _check(total_delay_s=total_delay_s, layers=layers, width=width)
    # A second layer joins what the mixes of the first have parted; a single layer keeps its packets apart.
    mixes_apart = width if layers == 1 else 1
    return mixes_apart * float(2.0**bits) / exp(erlang_entropy_nats(layers, total_delay_s / layers))


def needed_delay_mean_s(bits: float, layers: int, rate_per_s: float, *, width: int = 1) -> float:
    """Return the mean delay of each mix that gives an entropy at a rate; inverse of `layered_entropy_bits`."""
    _check(rate_per_s=rate_per_s, layers=layers, width=width)
    return needed_rate_per_s(bits, layers, float(layers), width=width) / rate_per_s


def _check(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < float("inf"):
            raise MisuseError(f"{name} must be positive and finite, not {value}")
