"""The `exact` engine at the largest topology that a scenario can have: 64 layers of 100,000 mixes."""

from __future__ import annotations

from benchmarks.engine_runs import ROUNDS, run_once
from benchmarks.report import Figure, barred
from simulations.exact.engine import ENGINE
from simulations.scenario import Scenario, change

BAR_S = 1.0
LARGEST: dict[str, object] = {
    "topology.layers": 64,
    "topology.mixes_per_layer": 100_000,
    "users.count": 1_000_000_000,
    "users.online_share": 0.5,
}
KINDS: dict[str, dict[str, object]] = {
    "exact_largest_s": {},
    "exact_largest_weighted_s": {"topology.mix_weights": [[6]]},
    "exact_largest_corrupt_s": {"corruption.share": 0.1, "corruption.placement": "random"},
}


def measure() -> list[Figure]:
    """Return the seconds of processor time that closed forms take."""
    return [
        barred(
            name,
            min(run_once(ENGINE, change(Scenario(), LARGEST | values)).processor_s for _ in range(ROUNDS)),
            "s",
            bar=BAR_S,
            better="lower",
        )
        for name, values in KINDS.items()
    ]
