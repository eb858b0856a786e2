"""What is said where samples are few."""

from __future__ import annotations

from simulations.measures.catalogue import Measure
from simulations.measures.samples import FEW, sample_notes
from simulations.outcome import Distribution


def test_few_samples_and_none_are_told_and_enough_are_not() -> None:
    found = {
        "latency_s": Distribution.of([1.0] * FEW),
        "delivery_s": Distribution.of([1.0] * (FEW - 1)),
    }
    few, none = sample_notes(found, wanted=[Measure.LATENCY_S, Measure.DELIVERY_S, Measure.REQUEST_S])
    assert few.startswith("delivery_* are of fewer than 100 messages a replicate")
    assert none == "request_* are left out: none of the requests that set out in run.duration_s has come."


def test_what_is_not_measured_is_not_told() -> None:
    assert list(sample_notes({}, wanted=[])) == []
