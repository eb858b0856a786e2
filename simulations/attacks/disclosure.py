"""Statistical disclosure: to whom does Alice write? For weeks the observer notes when she sends and who receives.

In each round an observer notes how much Alice sends, a, and what arrives for each user, y. Users for whom more arrives
when she sends more are her contacts: the score of a user is sum (a - mean a) y, which is the estimate of Danezis
(Statistical Disclosure Attacks, 2003; with Serjantov, 2004) with the background taken from the rounds without her
(Mathewson and Dingledine, Practical Traffic Analysis, 2004, section 2). The best m scores are named, m contacts being
known; a guess finds m/(N - 1) of them.

What the observer of all links sees depends on cover. Without: each message. With the deployed streams: frames of a
Poisson stream while Alice is linked, and for each user constant answers to constant pulls while that one is; neither
follows a message. A corrupt provider of the recipients sees more: what comes into each mailbox, when Alice is linked.

Rounds needed (Danezis 2003): of t rounds in which Alice sends one message, a contact gets t/m from her; of b - 1
messages of others in each, everybody gets (b-1)/N. The contact stands l standard deviations clear of the noise, on
both sides, if `t > (m l)^2 (sqrt((b-1)(N-1)/N^2) + sqrt((m-1)/m^2 + (b-1)(N-1)/N^2))^2`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.random import Generator

from loopixmix.errors import MisuseError
from simulations.attacks.estimates import ShareEstimate
from simulations.attacks.sessions import FloatArray, Habit, Sessions, draw_sessions, sending_times
from simulations.flows.rates import flows_of
from simulations.scenario.values import Scenario
from simulations.seeds import Seeds

_DAY_S = 86_400.0
# Alices, rounds and messages are bounded, so that a scenario of years ends in some seconds with a wider interval.
_MOST_TARGETS = 100
_WORK = 20_000_000
_SESSIONS_AT_ONCE = 2_000_000
_MOST_ROUNDS = 20_000_000
_MOST_MESSAGES = 10_000_000
# At so many standard deviations (l) a contact counts as disclosed: 95 %, as in the papers.
CLEAR_BY = 2.0


@dataclass(frozen=True)
class Correspondence:
    """The users that are observed. `users`: N, with Alice; `contacts`: m, hers and everybody's; rates by user.

    `stages`, `delay_mean_s`: what each message waits on its way; `frames_per_s`: of Alice's streams under cover.
    """

    users: int
    contacts: int
    habit: Habit
    messages_per_s: float
    others_messages_per_s: float
    frames_per_s: float
    duration_s: float
    round_s: float
    stages: int
    delay_mean_s: float

    def __post_init__(self) -> None:
        if not 1 <= self.contacts < self.users - 1:
            raise MisuseError(
                f"users.contacts ({self.contacts}) must be below users.count - 1 ({self.users - 1}):"
                " otherwise all other users are contacts"
            )
        if not 0 < self.round_s <= self.duration_s:
            raise MisuseError(
                f"attacks.disclosure.round_s ({self.round_s}) is longer than"
                f" attacks.disclosure.days ({self.duration_s / _DAY_S})"
            )

        if self.rounds > _MOST_ROUNDS or self.messages_per_s * self.duration_s > _MOST_MESSAGES:
            raise MisuseError(
                "attacks.disclosure would take too long: fewer attacks.disclosure.days or messages_per_day, or a longer"
                f" round_s, please ({_MOST_ROUNDS:.0e} rounds, {_MOST_MESSAGES:.0e} messages at most)"
            )

    @property
    def rounds(self) -> int:
        """Whole rounds that are observed."""
        return int(self.duration_s / self.round_s)

    @property
    def background_per_round(self) -> float:
        """Messages of all others in one round, on average (b - 1)."""
        return (self.users - 1) * self.others_messages_per_s * self.round_s


@dataclass(frozen=True)
class DisclosureResult:
    """Share of contacts that were named, that guessing would name (`baseline`), and in how many `rounds` Alice sent.

    The contacts of one Alice compete for the same places, so that the interval of `success` is a little too wide.
    """

    success: ShareEstimate
    baseline: float
    rounds: float


def rounds_needed(users: int, contacts: int, background: float, clear_by: float = CLEAR_BY) -> float:
    """Return in how many rounds Alice must send for her contacts to stand clear by l standard deviations.

    `users` (N): 2 or more; `contacts` (m): 1 or more; `background` (b - 1): others' messages in a round, 0 or more.
    """
    if users < 2 or contacts < 1 or background < 0 or clear_by <= 0:
        raise MisuseError(f"no disclosure among {users} users with {contacts} contacts and {background} messages")
    noise = background * (users - 1) / users**2
    return (contacts * clear_by * (math.sqrt(noise) + math.sqrt((contacts - 1) / contacts**2 + noise))) ** 2


def disclose_messages(setting: Correspondence, targets: int, generator: Generator) -> DisclosureResult:
    """Attack without cover: the observer sees each message leave Alice and arrive. `targets`: Alices, 1 or more."""
    return _disclose(setting, targets, generator, lambda _alice, sent_s: _sent_in_rounds(setting, sent_s))


def disclose_links(setting: Correspondence, targets: int, generator: Generator) -> DisclosureResult:
    """Attack the deployed cover from the wires: streams of frames while Alice is linked, pulls while others are."""
    found, rounds = 0, 0
    for _ in range(targets):
        alice = draw_sessions(setting.habit, 1, setting.duration_s, generator)
        linked = _linked_in_rounds(setting, alice)
        frames = generator.poisson(linked * setting.frames_per_s * setting.round_s).astype(np.float64)
        scores = _scores_of_sessions(setting, frames - frames.mean(), generator)
        found += _contacts_named(setting, scores, generator)
        rounds += int(np.count_nonzero(linked))
    return _result(setting, found, targets, rounds)


def disclose_mailboxes(setting: Correspondence, targets: int, generator: Generator) -> DisclosureResult:
    """Attack the deployed cover with the recipients' provider: what comes into mailboxes while Alice is linked
    (for half of a round or more)."""
    return _disclose(setting, targets, generator, lambda alice, _sent_s: np.rint(_linked_in_rounds(setting, alice)))


Activity: TypeAlias = Callable[[Sessions, FloatArray], FloatArray]
"""The adversary's notes on Alice in each round, from her sessions and the times at which she sends."""


def _disclose(setting: Correspondence, targets: int, generator: Generator, activity: Activity) -> DisclosureResult:
    if targets < 1:
        raise MisuseError(f"a disclosure needs targets, not {targets}")
    found, rounds = 0, 0
    for _ in range(targets):
        alice = draw_sessions(setting.habit, 1, setting.duration_s, generator)
        sent_s = sending_times(alice, setting.messages_per_s, generator)
        seen = activity(alice, sent_s)
        # What others write does not depend on Alice, so that its sum can be drawn at once and added to hers.
        scores = _scores_of_background(setting, seen, generator)
        delays_s = generator.gamma(setting.stages, setting.delay_mean_s, sent_s.size) if setting.stages else 0.0
        arrived = np.minimum((sent_s + delays_s) / setting.round_s, setting.rounds - 1).astype(np.int64)
        to = generator.integers(0, setting.contacts, sent_s.size)
        scores[: setting.contacts] += np.bincount(to, (seen - seen.mean())[arrived], minlength=setting.contacts)
        found += _contacts_named(setting, scores, generator)
        rounds += int(np.count_nonzero(seen))
    return _result(setting, found, targets, rounds)


def _sent_in_rounds(setting: Correspondence, sent_s: FloatArray) -> FloatArray:
    """Return how many messages Alice sends in each round."""
    rounds = np.minimum(sent_s / setting.round_s, setting.rounds - 1).astype(np.int64)
    return np.bincount(rounds, minlength=setting.rounds).astype(np.float64)


def _linked_in_rounds(setting: Correspondence, alice: Sessions) -> FloatArray:
    """Return for which share of each round Alice is linked."""
    edges_s = np.arange(setting.rounds + 1) * setting.round_s
    lengths_s = np.concatenate([[0.0], np.cumsum(alice.end_s - alice.start_s)])
    began = np.searchsorted(alice.start_s, edges_s, side="right")
    last = np.maximum(began - 1, 0)
    within = np.minimum(edges_s, alice.end_s[last]) - alice.start_s[last] if alice.start_s.size else 0.0
    linked_s = np.where(began > 0, lengths_s[last] + within, 0.0)
    return np.diff(linked_s) / setting.round_s


def _scores_of_background(setting: Correspondence, seen: FloatArray, generator: Generator) -> FloatArray:
    """Return what others' messages add to the score of each user.

    They are Poisson, those in rounds with the same `seen` (a whole number) alike: their number is drawn for each user
    and value. A user is written to by those whose contact he is, and their number differs from user to user.
    """
    writers = generator.binomial(setting.users - 1, setting.contacts / (setting.users - 1), setting.users - 1)
    messages = writers / setting.contacts * setting.others_messages_per_s * setting.round_s
    scores = np.zeros(setting.users - 1)
    rounds = np.bincount(seen.astype(np.int64))
    # Rounds in which the adversary saw the same are alike, so that one draw for each value takes the place of one for
    # each round.
    for value in np.flatnonzero(rounds):
        scores += (value - seen.mean()) * generator.poisson(messages * rounds[value])
    return scores


def _scores_of_sessions(setting: Correspondence, weights: FloatArray, generator: Generator) -> FloatArray:
    """Return for each user the sum of `weights` (by round) over the time in which he is linked."""
    summed = np.concatenate([[0.0], np.cumsum(weights)])
    edges = np.arange(summed.size) * setting.round_s
    scores = np.empty(setting.users - 1)
    at_once = max(1, int(_SESSIONS_AT_ONCE / setting.habit.sessions_in(setting.duration_s)))
    for first in range(0, scores.size, at_once):
        users = min(at_once, scores.size - first)
        sessions = draw_sessions(setting.habit, users, setting.duration_s, generator)
        # With the weights summed up once, a session costs two look-ups, however many rounds it lasts.
        gained = np.interp(sessions.end_s, edges, summed) - np.interp(sessions.start_s, edges, summed)
        scores[first : first + users] = np.bincount(sessions.user, gained, minlength=users)
    return scores


def _contacts_named(setting: Correspondence, scores: FloatArray, generator: Generator) -> int:
    """Return how many of Alice's contacts, who are the first users, have the best scores; among equals by chance."""
    # By score, and equal ones in random order: sorting alone would favour low numbers, and contacts have the lowest.
    order = np.lexsort((generator.random(scores.size), scores))
    return int(np.count_nonzero(order[-setting.contacts :] < setting.contacts))


def _result(setting: Correspondence, found: int, targets: int, rounds: int) -> DisclosureResult:
    return DisclosureResult(
        success=ShareEstimate.of_trials(found, targets * setting.contacts),
        baseline=setting.contacts / (setting.users - 1),
        rounds=rounds / targets,
    )


def attack_disclosure(scenario: Scenario, seeds: Seeds) -> dict[str, float]:
    """Return `attack.disclosure.success` and `.baseline`, `.rounds` in which Alice sent and `.rounds_needed`.

    With `attacks.disclosure.cover` the observer of the links attacks the deployed streams; what a corrupt provider of
    the recipients finds is `attack.disclosure.provider.success`. Without, each message is seen.
    """
    if scenario.attacks.disclosure is None:
        return {}
    setting = correspondence_of(scenario)
    generator = seeds.generator("attacks")
    figures = {"attack.disclosure.baseline": setting.contacts / (setting.users - 1)}
    if scenario.attacks.disclosure.cover:
        draws = setting.users * setting.habit.sessions_in(setting.duration_s)
        seen = disclose_links(setting, _targets(draws, setting.rounds), generator)
        provider = disclose_mailboxes(setting, _targets(2 * setting.users, setting.rounds), generator)
        figures |= provider.success.figures("attack.disclosure.provider.success")
        figures["attack.disclosure.rounds"] = 0.0
    else:
        seen = disclose_messages(setting, _targets(4 * setting.users, setting.rounds), generator)
        figures["attack.disclosure.rounds"] = seen.rounds
    figures |= seen.success.figures("attack.disclosure.success")
    needed = rounds_needed(setting.users, setting.contacts, setting.background_per_round)
    figures["attack.disclosure.rounds_needed"] = needed
    return figures


def correspondence_of(scenario: Scenario) -> Correspondence:
    """Return the setting that a scenario with a table `attacks.disclosure` describes; raise `MisuseError` otherwise."""
    disclosure, users = scenario.attacks.disclosure, scenario.users
    if disclosure is None:
        raise MisuseError("the scenario has no table attacks.disclosure")
    flows = flows_of(scenario)
    return Correspondence(
        users=users.count,
        contacts=users.contacts,
        habit=Habit(users.online_share, users.session_mean_s),
        messages_per_s=disclosure.messages_per_day / _DAY_S,
        others_messages_per_s=users.messages_per_day / _DAY_S,
        frames_per_s=flows.forward_per_s / flows.users_online,
        duration_s=disclosure.days * _DAY_S,
        round_s=disclosure.round_s,
        stages=flows.holding_stages,
        delay_mean_s=scenario.mix.delay_mean_s,
    )


def _targets(draws: float, rounds: int) -> int:
    """Return for how many Alices there is time, if each takes so many draws, and so many rounds are gone through."""
    return max(1, min(_MOST_TARGETS, int(_WORK / (draws + 2 * rounds))))
