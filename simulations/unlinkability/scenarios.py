"""Epsilon as a measure of a scenario: that of two of its users."""

from __future__ import annotations

import numpy as np

from loopixmix.sweeps.work import Progress
from simulations.flows.corruption import corrupt_mixes, routing_shares
from simulations.flows.rates import PROVIDERS, flows_of
from simulations.measures.catalogue import Figures, Measure
from simulations.scenario.reading import ScenarioError
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds
from simulations.unlinkability.experiment import Experiment, MixLayer
from simulations.unlinkability.fluid import fluid_epsilon
from simulations.unlinkability.repetitions import epsilons

# Packets of one repetition. Each takes some 300 bytes, so that these are about a gigabyte.
MOST_PACKETS = 3_000_000
FLUID_REPETITIONS = 20_000
FLUID_PACKETS = 5e6
"""Of the theory: at most so many repetitions, and packets of one challenge sender in all of them."""


def check_unlinkability(scenario: Scenario) -> None:
    """Raise `ScenarioError` if the scenario asks for an epsilon that cannot be measured."""
    asked = scenario.unlinkability
    if asked is None:
        return
    if scenario.traffic.payload_rate_per_s <= 0:
        raise ScenarioError("unlinkability needs users that send payloads: traffic.payload_rate_per_s is 0")
    if asked.payload_period_s * scenario.traffic.payload_rate_per_s <= 1:
        raise ScenarioError(
            f"unlinkability.payload_period_s ({asked.payload_period_s}) times traffic.payload_rate_per_s "
            f"({scenario.traffic.payload_rate_per_s}) must be above 1, or payloads queue up for ever"
        )
    flows = flows_of(scenario)
    packets = max(stage.packets_per_s for stage in flows.stages) * asked.observed_s
    if packets > MOST_PACKETS:
        raise ScenarioError(
            f"unlinkability.observed_s ({asked.observed_s}) gives {packets:.3g} packets in each repetition, "
            f"with users.count ({scenario.users.count}): at most {MOST_PACKETS:.3g} are followed"
        )


def experiment_of(scenario: Scenario, seeds: Seeds) -> Experiment | None:
    """Return what Loopix 4.3 does, with two users of the scenario; None if it has no table `unlinkability`.

    The challenge senders' streams are their payload streams; all else that flows, from users and nodes, is traffic of
    others, which enters at the first stage as far as it passes the first. What a stage takes less than one before it
    is taken to go on. Links add the same to all and change nothing. Of the last layer one mix is honest: if all
    are corrupt, the first is not.
    """
    asked = scenario.unlinkability
    if asked is None:
        return None
    check_unlinkability(scenario)
    corrupt = corrupt_mixes(scenario, seeds)
    shares = routing_shares(scenario, corrupt)
    if corrupt[-1].all():
        corrupt[-1, 0] = False
    # The two challenge senders are users of the scenario, and counted in its flows: what they send is not others'.
    own_per_s = 2 * scenario.traffic.payload_rate_per_s
    stages = []
    for number, stage in enumerate(stage for stage in flows_of(scenario).stages if stage.name != PROVIDERS):
        stages.append(
            MixLayer(
                width=stage.width,
                others_per_s=max(0.0, stage.packets_per_s - own_per_s),
                delay_mean_s=stage.delay_mean_s,
                shares=tuple(shares[number].tolist()),
                corrupt=tuple(corrupt[number].tolist()),
            )
        )
    held = [stage for stage in flows_of(scenario).stages if stage.name == PROVIDERS]
    providers = [MixLayer(one.width, max(0.0, one.packets_per_s - own_per_s), one.delay_mean_s) for one in held]
    return Experiment(
        stages=(*providers, *stages),
        rate_per_s=scenario.traffic.payload_rate_per_s,
        payload_period_s=asked.payload_period_s,
        observed_s=asked.observed_s,
    )


def epsilon_of(scenario: Scenario, seeds: Seeds, *, progress: Progress | None = None) -> Figures:
    """Return the figure `epsilon` of one replicate, for an engine to add to its own; empty if it is not asked for.

    The mean over `unlinkability.repetitions`, drawn from the subsystem `measures`. Raises `ScenarioError` as
    `check_unlinkability` does.
    """
    asked = scenario.unlinkability
    experiment = experiment_of(scenario, seeds)
    if asked is None or experiment is None:
        return {}
    own = seeds.sequence("measures").spawn(1)[0]  # engines draw from the subsystem's generator itself
    values = epsilons(experiment, asked.repetitions, np.random.default_rng(own), progress=progress)
    return {Measure.EPSILON: float(np.nanmean(values))} if np.isfinite(values).any() else {}


def fluid_epsilon_of(scenario: Scenario, seeds: Seeds) -> Figures:
    """Return the figure `epsilon` in theory, for mixes that hold very many packets; empty if it is not asked for.

    Empty also with corrupt mixes, for which there is no theory. Raises `ScenarioError` as `check_unlinkability` does.
    """
    experiment = experiment_of(scenario, seeds)
    if experiment is None or any(any(stage.corrupt) for stage in experiment.stages):
        return {}
    # The second child: the first is that of the simulated epsilon, which theory must not share its draws with.
    own = np.random.default_rng(seeds.sequence("measures").spawn(2)[1])
    drawn = experiment.rate_per_s * experiment.observed_s
    repetitions = int(min(FLUID_REPETITIONS, max(2, FLUID_PACKETS / drawn)))
    epsilon, _ = fluid_epsilon(experiment, own, repetitions=repetitions)
    return {Measure.EPSILON: epsilon} if np.isfinite(epsilon) else {}
