"""One network of mixes as the papers have it: Poisson traffic through layers of a width, without providers or loops.

The entropies and latencies of a whole network need a scenario; this is for figures that give rates and sizes only
(Danezis 2004; Piotrowska et al. 2017, Fig. 4; Ben Guirat et al. 2022, Figs 5a and 7a).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from loopixmix.errors import MisuseError
from simulations.vector.draws import Draw, by_shares
from simulations.vector.propagation import propagation
from simulations.vector.recursion import FloatArray
from simulations.vector.targets import Targets

CHUNK_PACKETS = 32_768
"""Packets drawn at a time; results depend on it only as they depend on the seed."""

# Mean delays, for each layer's pool, after which an empty network is full: a share of exp(-25) is missing.
WARM_UP_MEANS = 25.0


@dataclass(frozen=True)
class Trace:
    """The figures of one network: each target's entropy in bits, latencies of packets (sampled), packets held by a mix.

    `latencies_s`: from entering the network to leaving its last link. `pool_mean`: over mixes and time.
    `live_bits`: Loopix eq. 5, the mean over departures, for each mix. `packets`: how many went through.
    """

    entropies_bits: FloatArray
    latencies_s: FloatArray
    pool_mean: float
    live_bits: FloatArray
    packets: int


def trace(
    *,
    rate_per_s: float,
    width: int,
    layers: int,
    delay_mean_s: float,
    generator: Generator,
    link_latency_s: float = 0.0,
    targets: int = 100,
    spacing_s: float | None = None,
    corrupt: NDArray[np.bool_] | None = None,
    shares: FloatArray | None = None,
) -> Trace:
    """Send Poisson traffic of `rate_per_s` through `layers` (1 or more) of `width` (1 or more) mixes, from the steady
    state on, and follow `targets` (0 or more) of its packets, one each `spacing_s` (the mean delay unless given).

    `delay_mean_s`: mean of the exponential delay at each mix. `link_latency_s`: constant, on each of the `layers + 1`
    links. `corrupt`: layers x width, the mixes that do not mix; none unless given. `shares`: layers x width, what each
    mix takes of its layer's packets; the same unless given.
    Raises `MisuseError` if an argument is out of its range.
    """
    spacing_s = delay_mean_s if spacing_s is None else spacing_s
    _check(rate_per_s=rate_per_s, delay_mean_s=delay_mean_s, spacing_s=spacing_s)
    _check_sizes(width, layers, link_latency_s, targets, corrupt)
    routes = [mix_draw(layer, width, None if shares is None else shares[layer], generator) for layer in range(layers)]
    path_s = (layers + 1) * link_latency_s
    # Each layer is full some time after the one before; what the last ones wait for shrinks like an Erlang tail.
    warm_up_s = path_s + delay_mean_s * (WARM_UP_MEANS + layers + 6 * layers**0.5)
    window_s = max(targets * spacing_s, 1 / rate_per_s)
    bad = np.zeros((layers, width), dtype=np.bool_) if corrupt is None else corrupt
    until_s = warm_up_s + window_s
    followed = propagation(
        bad.ravel().tolist(),
        live_from_s=warm_up_s,
        live_until_s=until_s,
        events_per_s=rate_per_s * (layers + 1),
    )
    chosen = Targets(targets, rate_per_s * spacing_s, generator)
    latencies: list[FloatArray] = []
    now_s, packets, held_s = 0.0, 0, 0.0
    end_s = until_s + warm_up_s
    while now_s < end_s:
        gaps_s = generator.exponential(1 / rate_per_s, CHUNK_PACKETS)
        # Times go on from the last one: chunks must not show in the stream.
        gaps_s[0] += now_s
        sent_s = np.cumsum(gaps_s)
        now_s = float(sent_s[-1])
        nodes, enters_s, leaves_s = _visits(sent_s, routes, delay_mean_s, link_latency_s, generator)
        warm = int(np.searchsorted(sent_s, warm_up_s))
        indices = chosen.among(len(sent_s) - warm) + np.int32(warm)
        followed.push(nodes, enters_s, leaves_s, indices)
        followed.advance(now_s + link_latency_s)
        measured = (sent_s >= warm_up_s) & (sent_s < until_s)
        latencies.append((leaves_s[-1] + link_latency_s - sent_s)[measured])
        for enter_s, leave_s in zip(enters_s, leaves_s, strict=True):
            inside_s = np.clip(leave_s, warm_up_s, until_s) - np.clip(enter_s, warm_up_s, until_s)
            held_s += float(inside_s.sum())
        packets += len(sent_s)
    return Trace(
        entropies_bits=followed.finish(),
        latencies_s=np.concatenate(latencies),
        pool_mean=held_s / window_s / (layers * width),
        live_bits=followed.live_bits,
        packets=packets,
    )


def mix_draw(layer: int, width: int, shares: FloatArray | None, generator: Generator) -> Draw:
    """Return what draws mixes of a layer (from 0) by their numbers, as often as their `shares` say, or all alike."""
    return by_shares(layer * width, np.full(width, 1 / width) if shares is None else shares, generator)


def _visits(
    sent_s: FloatArray, routes: Sequence[Draw], delay_mean_s: float, link_latency_s: float, generator: Generator
) -> tuple[list[NDArray[np.int32]], list[FloatArray], list[FloatArray]]:
    nodes, enters_s, leaves_s = [], [], []
    at_s = sent_s
    for route in routes:
        nodes.append(route(len(sent_s)))
        enter_s = at_s + link_latency_s if link_latency_s else at_s
        at_s = enter_s + generator.exponential(delay_mean_s, len(sent_s))
        enters_s.append(enter_s)
        leaves_s.append(at_s)
    return nodes, enters_s, leaves_s


def _check(**positive: float) -> None:
    for name, value in positive.items():
        if not 0 < value < np.inf:
            raise MisuseError(f"{name} must be positive and finite, not {value}")


def _check_sizes(
    width: int, layers: int, link_latency_s: float, targets: int, corrupt: NDArray[np.bool_] | None
) -> None:
    if not 0 <= link_latency_s < np.inf:
        raise MisuseError(f"link_latency_s must be 0 or more and finite, not {link_latency_s}")
    for name, count, least in (("width", width, 1), ("layers", layers, 1), ("targets", targets, 0)):
        if count < least:
            raise MisuseError(f"{name} must be {least} or more, not {count}")
    if corrupt is not None and corrupt.shape != (layers, width):
        raise MisuseError(f"corrupt must have {layers} rows of {width} mixes, not the shape {corrupt.shape}")
