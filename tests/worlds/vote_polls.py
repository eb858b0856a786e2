"""Polls of each kind, with options called by their numbers from 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from votes.record.polls import ChoosePoll, GradePoll, ListPoll, Poll, RankPoll, ScorePoll, WriteInPoll, YesNoPoll

_P = TypeVar("_P", bound=Poll)


def option_names(count: int) -> tuple[str, ...]:
    """Return names for options."""
    return _numbered("Option", count)


def choose(
    size: int, *, least: int, most: int, blank: bool = False, method: str = "most-votes", seats: int = 1
) -> ChoosePoll:
    """Choose `least` to `most` of `size` options."""
    words = ("choose", "Board", "Who shall be on the board?")
    own = {"options": option_names(size), "least": least, "most": most}
    return _poll(ChoosePoll, words, own, blank=blank, method=method, seats=seats)


def yes_no(*, blank: bool = False, method: str = "majority") -> YesNoPoll:
    """Say yes or no."""
    words = ("yes-no", "Statutes", "Shall the new statutes hold?")
    return _poll(YesNoPoll, words, {"options": ("Yes", "No")}, blank=blank, method=method)


def rank(size: int, *, least: int, most: int, blank: bool = False, method: str = "irv", seats: int = 1) -> RankPoll:
    """Rank `least` to `most` of `size` options."""
    own = {"options": option_names(size), "least": least, "most": most}
    return _poll(RankPoll, ("rank", "Chair", "Who shall lead?"), own, blank=blank, method=method, seats=seats)


def score(size: int, highest: int, *, blank: bool = False, method: str = "score", seats: int = 1) -> ScorePoll:
    """Give each of `size` options 0 to `highest` points."""
    own = {"options": option_names(size), "highest": highest}
    return _poll(ScorePoll, ("score", "Plans", "How good is each plan?"), own, blank=blank, method=method, seats=seats)


def grade(
    size: int, grades: int, *, blank: bool = False, method: str = "majority-judgment", seats: int = 1
) -> GradePoll:
    """Give each of `size` options one of so many grades."""
    words = ("grade", "Drafts", "What do you think of each draft?")
    own = {"options": option_names(size), "grades": _numbered("Grade", grades)}
    return _poll(GradePoll, words, own, blank=blank, method=method, seats=seats)


def lists(
    count: int,
    list_of: Sequence[int],
    *,
    least: int,
    most: int,
    blank: bool = False,
    method: str = "d-hondt",
    seats: int = 1,
) -> ListPoll:
    """Choose one of `count` lists or options of one; `list_of`: the list of each option."""
    words = ("lists", "Council", "Which list shall be in the council?")
    own = {
        "options": option_names(len(list_of)),
        "lists": _numbered("List", count),
        "list_of": tuple(list_of),
        "least": least,
        "most": most,
    }
    return _poll(ListPoll, words, own, blank=blank, method=method, seats=seats)


def write_in(longest: int, *, blank: bool = False, method: str = "counts", seats: int = 1) -> WriteInPoll:
    """Write a text of at most `longest` bytes."""
    words = ("write-in", "Name", "How shall it be called?")
    return _poll(WriteInPoll, words, {"longest": longest}, blank=blank, method=method, seats=seats)


def _poll(
    kind: type[_P], words: tuple[str, str, str], own: dict[str, object], *, blank: bool, method: str, seats: int = 1
) -> _P:
    """Return a poll. `words`: its id, title and question; `own`: what only polls of this kind have."""
    name, title, question = words
    return kind(id=name, title=title, question=question, blank=blank, method=method, seats=seats, **own)


def _numbered(word: str, count: int) -> tuple[str, ...]:
    return tuple(f"{word} {number}" for number in range(1, count + 1))
