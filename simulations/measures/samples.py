"""How many samples a distribution was measured on, and what to say where they are few."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from simulations.measures.catalogue import Measure
from simulations.outcome import Distribution

FEW = 100
"""Below so many samples the 95 % quantile is one of the five or so largest: a matter of chance."""
FEW_FOR_P99 = 5 * FEW
"""The same for the 99 % quantile, which only latencies have."""

_OF: Mapping[Measure, tuple[str, str]] = {
    Measure.LATENCY_S: ("latency_*", "packets"),
    Measure.DELIVERY_S: ("delivery_*", "messages"),
    Measure.REQUEST_S: ("request_*", "requests"),
}


def sample_notes(distributions: Mapping[str, Distribution], *, wanted: Iterable[Measure]) -> Iterator[str]:
    """Yield a sentence for each distribution of `wanted` that has few samples, or none, and for few targets."""
    for measure in wanted:
        figures, what = _OF[measure]
        if measure not in distributions:
            yield f"{figures} are left out: none of the {what} that set out in run.duration_s has come."
        elif distributions[measure].count < FEW:
            yield (
                f"{figures} are of fewer than {FEW} {what} a replicate, and their quantiles a matter of chance: a "
                "longer run.duration_s gives more."
            )
        elif measure is Measure.LATENCY_S and distributions[measure].count < FEW_FOR_P99:
            yield (
                f"latency_p99_s is of fewer than {FEW_FOR_P99} packets a replicate, and a matter of chance: a longer "
                "run.duration_s gives more."
            )
    if Measure.ENTROPY_BITS in distributions and distributions[Measure.ENTROPY_BITS].count < FEW:
        yield (
            f"entropy_p05_bits and entropy_min_bits are of fewer than {FEW} targets a replicate, and a matter of "
            "chance: a larger run.targets gives more."
        )
