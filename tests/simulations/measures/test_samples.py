"""What is said where samples are few."""

from __future__ import annotations

from simulations.measures.catalogue import Measure
from simulations.measures.samples import FEW, FEW_FOR_P99, sample_notes
from simulations.outcome import Distribution


def test_few_samples_and_none_are_told_and_enough_are_not() -> None:
    found = {
        "latency_s": Distribution.of([1.0] * FEW_FOR_P99),
        "delivery_s": Distribution.of([1.0] * (FEW - 1)),
    }
    few, none = sample_notes(found, wanted=[Measure.LATENCY_S, Measure.DELIVERY_S, Measure.REQUEST_S])
    assert few.startswith("delivery_* are of fewer than 100 messages a replicate")
    assert none == "request_* are left out: none of the requests that set out in run.duration_s has come."


def test_a_tail_and_targets_need_samples_of_their_own() -> None:
    found = {
        "latency_s": Distribution.of([1.0] * (FEW_FOR_P99 - 1)),
        "entropy_bits": Distribution.of([1.0] * (FEW - 1)),
    }
    tail, targets = sample_notes(found, wanted=[Measure.LATENCY_S])
    assert tail.startswith("latency_p99_s is of fewer than 500 packets")
    assert targets.startswith("entropy_p05_bits and entropy_min_bits are of fewer than 100 targets")
    enough = {"latency_s": Distribution.of([1.0] * FEW_FOR_P99), "entropy_bits": Distribution.of([1.0] * FEW)}
    assert list(sample_notes(enough, wanted=[Measure.LATENCY_S])) == []


def test_what_is_not_measured_is_not_told() -> None:
    assert list(sample_notes({}, wanted=[])) == []
