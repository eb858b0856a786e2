"""The Gamma distribution that fits best: what latency without links should be, an Erlang distribution."""

from __future__ import annotations

import numpy as np

from simulations.formulas.latency import FloatArray


def fit_gamma(samples: FloatArray) -> tuple[float, float]:
    """Return shape and scale of the Gamma distribution under which positive samples are most likely.

    Newton's method on ln k - psi(k) = ln mean - mean ln, from Minka's start ("Estimating a Gamma distribution", 2002).
    Without two different samples there is none: nan.
    """
    from scipy.special import polygamma, psi  # slow to import, and only needed once

    mean = float(samples.mean()) if samples.size else 0.0
    if not mean > 0 or not samples.min() > 0:
        return float("nan"), float("nan")
    excess = float(np.log(mean) - np.log(samples).mean())
    # Equal samples: the likelihood grows without end as the shape does.
    if not excess > 1e-12:
        return float("nan"), float("nan")
    shape = (3 - excess + np.sqrt((excess - 3) ** 2 + 24 * excess)) / (12 * excess)
    # From Minka's start Newton's method needs a few steps; the bound is for inputs that never settle.
    for _ in range(20):
        step = (np.log(shape) - psi(shape) - excess) / (1 / shape - polygamma(1, shape))
        shape -= step
        if abs(step) < 1e-12 * shape:
            break
    return float(shape), mean / float(shape)
