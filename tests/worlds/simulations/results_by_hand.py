"""Results without an engine: outcomes drawn from distributions that a test knows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import gamma

from simulations.outcome import PROBABILITIES, Distribution, Outcome
from simulations.results.manifest import Manifest, Swept
from simulations.results.provenance import Code
from simulations.results.result import Result
from simulations.scenario import Scenario
from simulations.sweep.points import Axis, points_of
from simulations.sweep.tasks import Record

CODE = Code(version="0", revision="unknown", changed=False, fingerprint="0" * 64, native=False)


def result_by_hand(
    sweep: Mapping[str, Sequence[object]], *, replicates: int = 4, theory: bool = True, scenario: Scenario | None = None
) -> Result:
    """Return a result of `nodes` whose latencies are Gamma distributed and whose entropy follows from the delay."""
    base = scenario or Scenario(name="by-hand")
    points = points_of(base, [Axis(key, tuple(values)) for key, values in sweep.items()])
    rng = np.random.default_rng(11)
    records, exact = [], {}
    for point in points:
        shape, delay_s = point.scenario.topology.layers + 1, point.scenario.mix.delay_mean_s
        bits = math.log2(3000 * delay_s) + 0.3 * shape
        inner = np.clip(PROBABILITIES, 1e-9, 1 - 1e-9)
        law = Distribution(
            count=0,
            mean=shape * delay_s,
            sd=shape**0.5 * delay_s,
            quantiles=tuple(gamma.ppf(inner, shape, scale=delay_s).tolist()),
        )
        figures = {"latency_mean_s": shape * delay_s, "entropy_bits": bits}
        laws = {"latency_s": law, "delivery_s": law}
        exact[point.number] = Outcome(engine="exact", figures=figures, distributions=laws)
        for replicate in range(replicates):
            times_s = rng.gamma(shape, delay_s, 2000)
            found = Distribution.of(times_s)
            figures = {
                "latency_mean_s": float(times_s.mean()),
                "entropy_bits": bits + float(rng.normal()) * 0.05,
                "pool_mean": 5.0 + float(rng.normal()) * 0.1,
            }
            both = {"latency_s": found, "delivery_s": found}
            outcome = Outcome(engine="nodes", figures=figures, distributions=both)
            records.append(Record(point=point.number, replicate=replicate, outcome=outcome))
    manifest = Manifest(
        engine="nodes",
        replicates=replicates,
        points=len(points),
        sweep=tuple(Swept(key=key, values=tuple(values)) for key, values in sweep.items()),
        scenario=base,
        window="",
        code=CODE,
        tasks=len(records),
        complete=True,
    )
    return Result(manifest=manifest, points=points, records=records, theory=exact if theory else {})
