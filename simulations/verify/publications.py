"""Published settings and values. Each entry says where it is from.

The values of Loopix were recomputed from its definitions, as the paper prints curves only; those of MiXiM are in its
published notebooks.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OneMix:
    """Loopix Fig. 4: entropy in bits by eq. 5 at one mix; mu = 1 / mean delay."""

    rate_per_s: float
    delay_rate_per_s: float
    bits: float


@dataclass(frozen=True)
class PublishedUnlinkability:
    """Loopix Figs 5 and 6: epsilon, the mean of 100 repetitions whose standard deviation is about the mean."""

    delay_rate_per_s: float
    layers: int
    epsilon: float


@dataclass(frozen=True)
class Layers:
    """MiXiM Figs 5a and 7a: entropy in bits of a target; 5,000 packets a second, ten mixes a layer."""

    layers: int
    delay_mean_s: float
    bits: float


@dataclass(frozen=True)
class Needed:
    """The table of capacities: packets a second for so many bits, three layers, one second end to end."""

    bits: float
    rate_per_s: float


_RATES = (100.0, 200.0, 300.0, 400.0, 500.0)
_BITS = {
    2.0: (7.092, 8.092, 8.677, 9.093, 9.415),
    20.0: (3.755, 4.766, 5.353, 5.766, 6.090),
    0.2: (10.417, 11.415, 12.000, 12.416, 12.738),
}
LOOPIX_FIG_4 = tuple(
    OneMix(rate, mu, bits) for mu, row in _BITS.items() for rate, bits in zip(_RATES, row, strict=True)
)

LOOPIX_FIG_5 = tuple(
    PublishedUnlinkability(mu, 3, epsilon)
    for mu, epsilon in ((0.2, 0.022), (0.6, 0.102), (1.0, 0.205), (1.4, 0.295), (2.0, 0.441))
)
LOOPIX_FIG_6 = tuple(
    PublishedUnlinkability(1.0, layers, epsilon)
    for layers, epsilon in ((1, 2.607), (2, 0.305), (3, 0.205), (5, 0.124), (8, 0.088))
)
LOOPIX_REPETITIONS = 100

LOOPIX_FIG_10_FIT_MEAN_S = 1.93
LOOPIX_FIG_10_FIT_SD_S = 0.87

MIXIM_RATE_PER_S = 5000.0
MIXIM_WIDTH = 10
MIXIM_LINK_S = 0.05
MIXIM_FIG_7A = tuple(
    Layers(layers, (1.0 - (layers + 1) * MIXIM_LINK_S) / layers, bits)
    for layers, bits in ((1, 10.253), (2, 13.296), (3, 13.039), (5, 12.552), (10, 11.469))
)
MIXIM_FIG_5A = tuple(
    Layers(layers, 0.1, bits) for layers, bits in ((1, 7.111), (5, 12.070), (10, 12.634), (15, 12.933))
)


@dataclass(frozen=True)
class Routing:
    """MiXiM Fig. 6: entropies in bits of `targets` packets; the other parameters are those of Fig. 7a, L=3.

    As the published program has it, `biased` gives the first mix of the first layer 0.4 of its packets, and no other
    layer is biased; the corrupt tenth is the first mix of each layer.
    """

    biased: bool
    corrupt: bool
    targets: int
    mean: float


MIXIM_FIG_6 = (
    Routing(biased=True, corrupt=True, targets=442, mean=12.45),
    Routing(biased=False, corrupt=True, targets=73, mean=12.88),
    Routing(biased=True, corrupt=False, targets=73, mean=13.04),
    Routing(biased=False, corrupt=False, targets=73, mean=13.04),
)
MIXIM_FIG_6_MEDIAN = 12.90
MIXIM_FIG_6_P05 = 8.84
MIXIM_FIG_6_LEAST = 0.0
MIXIM_FIG_6_LOW = 23
"""Targets below 10 bits, of the 442 with biased routing and corrupt mixes."""
MIXIM_FIG_6_SHARE = 0.4

CORRUPTED_SHARE = 0.1
CORRUPTED_PACKETS = 500
CORRUPTED_SEEN = 0.3936

CAPACITY_LAYERS = 3
CAPACITY_DELAYS_S = 1.0 - (CAPACITY_LAYERS + 1) * MIXIM_LINK_S
CAPACITY = (
    Needed(8.0, 151.0),
    Needed(10.0, 605.0),
    Needed(12.0, 2421.0),
    Needed(14.0, 9684.0),
    Needed(16.0, 38736.0),
)

EQUAL_TIMES_EPSILON = 3.0
"""The value that two layers come near to if arrivals are taken before departures of equal time; .305 is right."""
