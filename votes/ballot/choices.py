"""Choices: what a voter may say to a poll, one value for each kind of poll (docs/protocol/votes.md, 2.1).

Options are numbered from 0, in the order of the record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from loopixmix.errors import MisuseError


class ChoiceError(MisuseError):
    """This is not a choice that the poll allows."""


@dataclass(frozen=True)
class BlankVote:
    """None of all this; counted as such."""


@dataclass(frozen=True)
class ChosenOptions:
    """A set of options."""

    options: frozenset[int]


@dataclass(frozen=True)
class YesOrNo:
    """The answer to a question of yes or no."""

    yes: bool


@dataclass(frozen=True)
class Ranking:
    """Options in the order of preference, the best first."""

    order: tuple[int, ...]


@dataclass(frozen=True)
class Scores:
    """A score for each option."""

    values: tuple[int, ...]


@dataclass(frozen=True)
class Grades:
    """A grade for each option, by its index: 0 is the best."""

    values: tuple[int, ...]


@dataclass(frozen=True)
class ListVote:
    """A list, by its index; perhaps with preferred options of it."""

    list_index: int
    options: frozenset[int] = frozenset()


@dataclass(frozen=True)
class WrittenText:
    """A text of the voter's own."""

    text: str


Choice: TypeAlias = BlankVote | ChosenOptions | YesOrNo | Ranking | Scores | Grades | ListVote | WrittenText
