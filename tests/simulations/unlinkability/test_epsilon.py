"""Epsilon of Loopix 4.3: each step against plain loops, the whole against an event-by-event simulation and theory."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from loopixmix.errors import MisuseError
from simulations.unlinkability import Experiment, MixLayer, epsilons, fluid_epsilon, papers_experiment
from simulations.unlinkability.events import epsilon_event_by_event
from simulations.unlinkability.passage import LABELS, PassingPackets, pass_stage, unlabelled

LIMIT = 4.9
"""Standard errors that a true mean exceeds once in a million tests."""


def _mean_and_error(values: NDArray[np.float64]) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(values.size))


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    width=st.integers(1, 3),
    others=st.sampled_from([0.0, 0.3, 5.0, 40.0]),
    repetitions=st.integers(1, 3),
    corrupt=st.booleans(),
)
def test_masses_are_those_of_one_mix_after_the_other(
    seed: int, width: int, others: float, repetitions: int, corrupt: bool
) -> None:
    generator = np.random.default_rng(seed)
    packets = unlabelled(4.0, 6.0, repetitions, generator)
    masses = generator.uniform(0, 1, packets.masses.shape)
    packets = PassingPackets(packets.at_s, packets.repetition, masses)
    marks = (True,) + (False,) * (width - 1) if corrupt else ()
    stage = MixLayer(width, others, 0.7, corrupt=marks)
    passed = pass_stage(stage, packets, 6.0, repetitions, np.random.default_rng(seed + 1))
    expected = _masses_by_hand(stage, packets, 6.0, repetitions, np.random.default_rng(seed + 1))
    assert np.allclose(passed.packets.masses[np.argsort(passed.packets.at_s)], expected[0])
    assert np.allclose(passed.pools, expected[1])
    if not corrupt:
        total = passed.packets.masses.sum(axis=0) + passed.pools.sum(axis=(0, 1))
        assert np.allclose(total, masses.sum(axis=0))


def _masses_by_hand(
    stage: MixLayer, packets: PassingPackets, until_s: float, repetitions: int, generator: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    pools = generator.poisson(stage.others_per_s * stage.delay_mean_s / stage.width, (repetitions, stage.width))
    chosen = generator.choice(stage.width, packets.at_s.size, p=np.full(stage.width, 1 / stage.width))
    waits = generator.exponential(stage.delay_mean_s, packets.at_s.size + int(pools.sum()))
    events: list[tuple[float, int, int, int]] = []
    inputs: dict[int, NDArray[np.float64]] = {}
    for number, (at_s, repetition, mix) in enumerate(zip(packets.at_s, packets.repetition, chosen, strict=True)):
        node = int(repetition) * stage.width + int(mix)
        inputs[number] = packets.masses[number]
        events += [(float(at_s), 1, node, number), (float(at_s + waits[number]), -1, node, number)]
    number = packets.at_s.size
    for node, held in enumerate(pools.ravel()):
        for _ in range(held):
            inputs[number] = np.zeros(LABELS)
            events.append((float(waits[number]), -1, node, number))
            number += 1
    counts = pools.ravel().astype(float)
    masses = np.zeros((counts.size, LABELS))
    out = []
    for at_s, change, node, number in sorted(events):
        if at_s > until_s:
            break
        if change > 0:
            masses[node] += inputs[number]
        else:
            share = masses[node] / counts[node]
            corrupt = bool(stage.corrupt) and stage.corrupt[node % stage.width]
            out.append(inputs[number] if corrupt else share)
            masses[node] -= share
        counts[node] += change
    return np.array(out).reshape(-1, LABELS), masses.reshape(repetitions, stage.width, LABELS)


@pytest.mark.parametrize("layers", [1, 3])
def test_the_fast_way_and_event_by_event_agree(layers: int) -> None:
    # H0: the same mean. Welch's z of 400 against 60 independent repetitions; a false alarm in a million.
    stage = MixLayer(width=2, others_per_s=16.0, delay_mean_s=1.0)
    experiment = Experiment(stages=(stage,) * layers, rate_per_s=2.0, observed_s=25.0)
    fast, fast_error = _mean_and_error(epsilons(experiment, 400, np.random.default_rng(layers)))
    slow_values = [np.mean(epsilon_event_by_event(experiment, Random(100 * layers + i))) for i in range(60)]
    slow, slow_error = _mean_and_error(np.array(slow_values))
    assert abs(fast - slow) < LIMIT * math.hypot(fast_error, slow_error)
    assert fast_error < 0.1 * fast


@pytest.mark.parametrize("layers", [1, 3])
def test_with_many_packets_epsilon_is_that_of_the_fluid(layers: int) -> None:
    # H0: the same mean, as the pools hold 300 packets; Welch's z; a false alarm in a million.
    stage = MixLayer(width=2, others_per_s=600.0, delay_mean_s=1.0)
    experiment = Experiment(stages=(stage,) * layers, rate_per_s=2.0, observed_s=20.0)
    simulated, error = _mean_and_error(epsilons(experiment, 60, np.random.default_rng(7)))
    theory, theory_error = fluid_epsilon(experiment, np.random.default_rng(8), repetitions=1500)
    assert abs(simulated - theory) < LIMIT * math.hypot(error, theory_error)


def test_arrivals_first_lose_a_layer() -> None:
    experiment = papers_experiment(layers=2, delay_rate_per_s=1.0)
    right = np.mean([np.mean(epsilon_event_by_event(experiment, Random(i))) for i in range(2)])
    trapped = [np.mean(epsilon_event_by_event(experiment, Random(i), arrivals_first=True)) for i in range(2)]
    assert right < 0.8 < 1.2 < np.mean(trapped)


def test_corrupt_layers_before_the_last_leave_one_mixing_layer() -> None:
    honest = MixLayer(width=3, others_per_s=60.0, delay_mean_s=1.0)
    corrupt = MixLayer(width=3, others_per_s=60.0, delay_mean_s=1.0, corrupt=(True,) * 3)
    values = [
        float(np.nanmean(epsilons(Experiment(stages=stages, rate_per_s=2.0, observed_s=30.0), 60, generator)))
        for stages, generator in (
            ((honest, honest, honest), np.random.default_rng(1)),
            ((honest, corrupt, honest), np.random.default_rng(1)),
            ((corrupt, corrupt, honest), np.random.default_rng(1)),
        )
    ]
    assert values[0] < values[1] < values[2]
    assert values[2] > 1.5


def test_a_seed_gives_the_same_values_and_another_others() -> None:
    experiment = papers_experiment(layers=2, delay_rate_per_s=1.0)
    first = epsilons(experiment, 2, np.random.default_rng(3))
    assert first.tolist() == epsilons(experiment, 2, np.random.default_rng(3)).tolist()
    assert first.tolist() != epsilons(experiment, 2, np.random.default_rng(4)).tolist()


def test_senders_without_anything_in_the_last_mixes_give_no_value() -> None:
    stage = MixLayer(width=1, others_per_s=1.0, delay_mean_s=1.0)
    nothing = Experiment(stages=(stage,), rate_per_s=1.0, payload_period_s=50.0, observed_s=10.0)
    assert np.isnan(epsilons(nothing, 3, np.random.default_rng(1))).all()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: MixLayer(0, 1.0, 1.0), "one mix"),
        (lambda: MixLayer(2, -1.0, 1.0), "rate"),
        (lambda: MixLayer(2, 1.0, 0.0), "delay"),
        (lambda: MixLayer(2, 1.0, 1.0, shares=(1.0,)), "2 mixes"),
        (lambda: Experiment(stages=(), rate_per_s=1.0), "one stage"),
        (lambda: Experiment(stages=(MixLayer(1, 1.0, 1.0),), rate_per_s=0.0), "positive"),
        (lambda: Experiment(stages=(MixLayer(1, 1.0, 1.0, corrupt=(True,)),), rate_per_s=1.0), "honest"),
        (lambda: epsilons(papers_experiment(layers=1, delay_rate_per_s=1.0), 0, np.random.default_rng(1)), "1 or more"),
    ],
)
def test_what_makes_no_experiment_is_refused(make: object, says: str) -> None:
    assert callable(make)
    with pytest.raises(MisuseError, match=says):
        make()
