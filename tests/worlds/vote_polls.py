"""Polls of each kind, with options called by their numbers from 1."""

from __future__ import annotations

from collections.abc import Sequence

from votes.record.polls import ChoosePoll, GradePoll, ListPoll, RankPoll, ScorePoll, WriteInPoll, YesNoPoll


def option_names(count: int) -> tuple[str, ...]:
    """Return names for options."""
    return tuple(f"Option {number}" for number in range(1, count + 1))


def choose(
    size: int, *, least: int, most: int, blank: bool = False, method: str = "most-votes", seats: int = 1
) -> ChoosePoll:
    """Choose `least` to `most` of `size` options."""
    return ChoosePoll(
        id="choose",
        title="Board",
        question="Who shall be on the board?",
        blank=blank,
        method=method,
        seats=seats,
        options=option_names(size),
        least=least,
        most=most,
    )


def yes_no(*, blank: bool = False, method: str = "majority") -> YesNoPoll:
    """Say yes or no."""
    return YesNoPoll(
        id="yes-no",
        title="Statutes",
        question="Shall the new statutes hold?",
        blank=blank,
        method=method,
        seats=1,
        options=("Yes", "No"),
    )


def rank(size: int, *, least: int, most: int, blank: bool = False, method: str = "irv", seats: int = 1) -> RankPoll:
    """Rank `least` to `most` of `size` options."""
    return RankPoll(
        id="rank",
        title="Chair",
        question="Who shall lead?",
        blank=blank,
        method=method,
        seats=seats,
        options=option_names(size),
        least=least,
        most=most,
    )


def score(size: int, highest: int, *, blank: bool = False, method: str = "score", seats: int = 1) -> ScorePoll:
    """Give each of `size` options 0 to `highest` points."""
    return ScorePoll(
        id="score",
        title="Plans",
        question="How good is each plan?",
        blank=blank,
        method=method,
        seats=seats,
        options=option_names(size),
        highest=highest,
    )


def grade(
    size: int, grades: int, *, blank: bool = False, method: str = "majority-judgment", seats: int = 1
) -> GradePoll:
    """Give each of `size` options one of so many grades."""
    return GradePoll(
        id="grade",
        title="Drafts",
        question="What do you think of each draft?",
        blank=blank,
        method=method,
        seats=seats,
        options=option_names(size),
        grades=tuple(f"Grade {number}" for number in range(1, grades + 1)),
    )


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
    return ListPoll(
        id="lists",
        title="Council",
        question="Which list shall be in the council?",
        blank=blank,
        method=method,
        seats=seats,
        options=option_names(len(list_of)),
        lists=tuple(f"List {number}" for number in range(1, count + 1)),
        list_of=tuple(list_of),
        least=least,
        most=most,
    )


def write_in(longest: int, *, blank: bool = False, method: str = "counts", seats: int = 1) -> WriteInPoll:
    """Write a text of at most `longest` bytes."""
    return WriteInPoll(
        id="write-in",
        title="Name",
        question="How shall it be called?",
        blank=blank,
        method=method,
        seats=seats,
        longest=longest,
    )
