"""Third-party unlinkability (Loopix 4.3): how much more likely one sender of a message is than another."""

from __future__ import annotations

from simulations.unlinkability.experiment import Experiment, MixLayer, papers_experiment
from simulations.unlinkability.fluid import fluid_epsilon
from simulations.unlinkability.repetitions import epsilons
from simulations.unlinkability.scenarios import check_unlinkability, epsilon_of, experiment_of, fluid_epsilon_of

__all__ = [
    "Experiment",
    "MixLayer",
    "check_unlinkability",
    "epsilon_of",
    "epsilons",
    "experiment_of",
    "fluid_epsilon",
    "fluid_epsilon_of",
    "papers_experiment",
]
