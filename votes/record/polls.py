"""Polls: one question each, and the way in which it is answered (docs/protocol/votes.md, 2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import msgspec


class _Base(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every poll has.

    `method`: how it is counted, see `METHODS`. `seats`: how many options win.
    """

    id: str
    title: str
    question: str
    blank: bool
    method: str
    seats: int


class ChoosePoll(_Base, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="choose"):
    """Choose at least `least` and at most `most` of the options."""

    options: tuple[str, ...]
    least: int
    most: int


class YesNoPoll(_Base, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="yes-no"):
    """Say yes, the first of two options, or no, the second one."""

    options: tuple[str, ...]


class RankPoll(_Base, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="rank"):
    """Put at least `least` and at most `most` of the options in an order, the best first."""

    options: tuple[str, ...]
    least: int
    most: int


class ScorePoll(_Base, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="score"):
    """Give each option a score of 0 to `highest`."""

    options: tuple[str, ...]
    highest: int


class GradePoll(_Base, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="grade"):
    """Give each option one of the grades, of which the first is the best."""

    options: tuple[str, ...]
    grades: tuple[str, ...]


class ListPoll(_Base, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="lists"):
    """Choose a list, or `least` to `most` options of one list. `list_of[i]`: the number of option i's list, from 0."""

    options: tuple[str, ...]
    lists: tuple[str, ...]
    list_of: tuple[int, ...]
    least: int
    most: int


class WriteInPoll(_Base, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="write-in"):
    """Write a text of at most `longest` bytes in UTF-8. There are no options."""

    longest: int


Poll: TypeAlias = ChoosePoll | YesNoPoll | RankPoll | ScorePoll | GradePoll | ListPoll | WriteInPoll

METHODS: Mapping[type[Poll], tuple[str, ...]] = {
    ChoosePoll: ("most-votes", "counts"),
    YesNoPoll: ("majority", "counts"),
    RankPoll: ("irv", "stv", "schulze", "borda", "counts"),
    ScorePoll: ("score", "counts"),
    GradePoll: ("majority-judgment", "counts"),
    ListPoll: ("d-hondt", "sainte-lague", "counts"),
    WriteInPoll: ("most-votes", "counts"),
}
"""By what a poll of each kind may be counted."""


def options_of(poll: Poll) -> tuple[str, ...]:
    """Return the options of a poll; none for a text."""
    return () if isinstance(poll, WriteInPoll) else poll.options
