"""How packets spread over the mixes of a layer: by the weights that the topology gives them."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulations.formulas.paths import Alike
from simulations.scenario.values import Topology

FloatArray: TypeAlias = NDArray[np.float64]


def weight_rows(topology: Topology) -> list[tuple[float, ...]]:
    """Return the different weights of each list of the topology, those that it leaves out included."""
    lists = topology.mix_weights or ((),)
    return [(*weights, *((1.0,) if len(weights) < topology.mixes_per_layer else ())) for weights in lists]


def weight_shares(topology: Topology) -> FloatArray:
    """Return the share of its layer's packets that each mix gets by its weight (layers x mixes, rows add up to 1).

    The array cannot be written to: layers that are alike share their memory.
    """
    shape = (topology.layers, topology.mixes_per_layer)
    rows = [_row(weights, topology.mixes_per_layer) for weights in topology.mix_weights or ((),)]
    # One list stands for all layers. A view and not a copy: the largest topologies have millions of mixes.
    return np.broadcast_to(rows[0], shape) if len(rows) == 1 else np.stack(rows)


def alike_mixes(shares: FloatArray) -> tuple[Alike, ...]:
    """Return the mixes of one layer, given the share of each, as groups of those that take the same share."""
    if shares.size == 0:
        return ()
    # Nearly always all are alike, and looking is much quicker than sorting.
    if shares.min() == shares.max():
        return (Alike(int(shares.size), float(shares[0])),)
    values, counts = np.unique(shares, return_counts=True)
    return tuple(Alike(nodes, share) for nodes, share in zip(counts.tolist(), values.tolist(), strict=True))


def _row(weights: tuple[float, ...], width: int) -> FloatArray:
    found = np.ones(width)
    found[: len(weights)] = weights
    found /= found.sum()
    return found
