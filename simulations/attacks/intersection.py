"""Intersection: which users were linked at each moment at which a message of the unknown sender came?

The recipient knows those moments, and so does her provider if it is corrupt. Cover does not help against it, being
linked does: after n messages at t_1 ... t_n another user is left with `q = p prod_i stay(t_i+1 - t_i)`
(`simulations.attacks.sessions`; p^n if the moments are far apart), 1 + (N - 1) q users are left on average, and
the sender is guessed with E[1 / (1 + Binomial(N - 1, q))] = `(1 - (1 - q)^N) / (N q)`.
(Intersection attacks: Raymond 2000; Berthold and Langos 2002; Danezis and Serjantov 2004.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from loopixmix.errors import MisuseError
from simulations.attacks.estimates import MeanEstimate
from simulations.attacks.sessions import FloatArray, Habit, draw_sessions, sending_times
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds

TRIALS = 400
_FEWEST_TRIALS = 10
_WORK = 2_000_000
_DAY_S = 86_400.0


@dataclass(frozen=True)
class IntersectionResult:
    """`success`: how often the sender is guessed; `bound`: by formula; `remaining`: how many users are left."""

    success: MeanEstimate
    remaining: MeanEstimate
    bound: float
    baseline: float
    messages: float


def remaining_share(habit: Habit, times_s: FloatArray) -> float:
    """Return the probability (q) that another user was linked at every one of these moments, which rise."""
    if times_s.size == 0:
        return 1.0
    return habit.online_share * float(np.prod(habit.still_online(np.diff(times_s))))


def guessed_share(users: int, remaining: float) -> float:
    """Return how often the sender is guessed if each of the others is left with probability `remaining` (0 to 1)."""
    if users < 1 or not 0 <= remaining <= 1:
        raise MisuseError(f"of {users} users {remaining} of the others cannot be left")
    # Below this the formula is 0/0 in floats, and the sender is the only one left.
    if remaining * users < 1e-9:
        return 1.0
    return float(-np.expm1(users * np.log1p(-remaining))) / (users * remaining) if remaining < 1 else 1 / users


def intersect(
    habit: Habit, users: int, messages_per_s: float, duration_s: float, trials: int, generator: Generator
) -> IntersectionResult:
    """Let a sender write to one recipient, and follow how many others are linked at every one of those moments.

    `users`: all, with the sender; `messages_per_s`: hers to this recipient; `trials`: 1 or more. Those who were linked
    at all moments so far are alike, by the chain that they follow, so that only their number need be drawn.
    """
    if users < 1 or trials < 1:
        raise MisuseError(f"an intersection needs users and trials, not {users} and {trials}")
    left = np.empty(trials)
    bounds, messages = np.empty(trials), np.empty(trials)
    for trial in range(trials):
        sender = draw_sessions(habit, 1, duration_s, generator)
        times_s = sending_times(sender, messages_per_s, generator)
        others = users - 1
        if times_s.size:
            others = int(generator.binomial(others, habit.online_share))
        # Only the number of those who were linked at all moments so far is kept: they are alike, and users are
        # millions.
        for stay in habit.still_online(np.diff(times_s)):
            others = int(generator.binomial(others, stay))
            if others == 0:
                break
        left[trial] = 1 + others
        bounds[trial] = guessed_share(users, remaining_share(habit, times_s))
        messages[trial] = times_s.size
    return IntersectionResult(
        success=MeanEstimate.of_trials(1 / left),
        remaining=MeanEstimate.of_trials(left),
        bound=float(bounds.mean()),
        baseline=1 / users,
        messages=float(messages.mean()),
    )


def attack_intersection(scenario: Scenario, seeds: Seeds) -> dict[str, float]:
    """Return `attack.intersection.success`, `.bound`, `.baseline` (1/N) and `.remaining_users`, for one recipient.

    Asked for by the table `attacks.disclosure`: for `days`, a sender writes `messages_per_day` to her `users.contacts`
    in turn; the recipient looked at is one of them.
    """
    disclosure = scenario.attacks.disclosure
    if disclosure is None:
        return {}
    messages_per_s = disclosure.messages_per_day / _DAY_S / scenario.users.contacts
    duration_s = disclosure.days * _DAY_S
    result = intersect(
        Habit(scenario.users.online_share, scenario.users.session_mean_s),
        scenario.users.count,
        messages_per_s,
        duration_s,
        min(TRIALS, max(_FEWEST_TRIALS, int(_WORK / (1 + messages_per_s * duration_s)))),
        seeds.generator("attacks"),
    )
    return {
        **result.success.figures("attack.intersection.success"),
        "attack.intersection.bound": result.bound,
        "attack.intersection.baseline": result.baseline,
        **result.remaining.figures("attack.intersection.remaining_users"),
    }
