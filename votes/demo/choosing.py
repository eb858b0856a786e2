"""The polls of the demonstration, and what its voters choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loopixmix.seams import Rng
from votes.ballot.choices import BlankVote, Choice, ChosenOptions, Ranking, YesOrNo

POLLS: tuple[dict[str, object], ...] = (
    {
        "kind": "choose",
        "id": "committee",
        "title": "Committee",
        "question": "Who is to be on the committee? Choose up to two.",
        "options": ["Ada Berg", "Ben Okafor", "Cleo Martin", "Dora Lind"],
        "least": 1,
        "most": 2,
        "blank": True,
        "method": "most-votes",
        "seats": 2,
    },
    {
        "kind": "yes-no",
        "id": "shed",
        "title": "New shed",
        "question": "Do we build a new shed for at most 4,000 euros?",
        "options": ["Yes", "No"],
        "blank": True,
        "method": "majority",
        "seats": 1,
    },
    {
        "kind": "rank",
        "id": "feast",
        "title": "Summer feast",
        "question": "Where is the feast? Put as many places in order as you like.",
        "options": ["Lake", "Orchard", "Old mill"],
        "least": 1,
        "most": 3,
        "blank": True,
        "method": "irv",
        "seats": 1,
    },
)
"""As the plan of an election has them: three kinds, so that the result has three kinds of tables."""
CANDIDATE_WEIGHTS = (5, 4, 3, 2)
YES_SHARE = 0.6
BLANK_SHARE = 0.05
VOTES_AGAIN, CHALLENGES = 10, 25
"""Each voter whose number is a multiple of these votes again, or challenges a ballot first."""


@dataclass(frozen=True)
class Intention:
    """What one voter does. `ballots`: the choices of each ballot that is cast, one after the other; the last counts.

    `challenges`: whether a ballot of the last choices is made and opened for everybody first.
    """

    ballots: tuple[tuple[Choice, ...], ...]
    challenges: bool

    @property
    def counts(self) -> tuple[Choice, ...]:
        """The choices that are to be counted."""
        return self.ballots[-1]


def intentions(voters: int, rng: Rng) -> list[Intention]:
    """Draw what each voter does."""
    drawn = []
    for number in range(1, voters + 1):
        count = 2 if number % VOTES_AGAIN == 0 else 1
        drawn.append(Intention(tuple(_choices(rng) for _ in range(count)), number % CHALLENGES == 0))
    return drawn


def cast_ballots(intended: Sequence[Intention]) -> int:
    """Return how many ballots are cast in all."""
    return sum(len(each.ballots) for each in intended)


def _choices(rng: Rng) -> tuple[Choice, ...]:
    first, second = (rng.choices(range(4), CANDIDATE_WEIGHTS)[0] for _ in range(2))
    places = list(range(3))
    rng.shuffle(places)
    wanted = (
        ChosenOptions(frozenset({first, second})),
        YesOrNo(rng.random() < YES_SHARE),
        Ranking(tuple(places[: 1 + int(rng.random() * 3)])),
    )
    return tuple(BlankVote() if rng.random() < BLANK_SHARE else choice for choice in wanted)
