"""The rules of polls."""

from __future__ import annotations

import re
from collections.abc import Iterator

from votes.record.polls import (
    METHODS,
    ChoosePoll,
    GradePoll,
    ListPoll,
    Poll,
    RankPoll,
    ScorePoll,
    WriteInPoll,
    YesNoPoll,
    options_of,
)
from votes.record.rules.ranges import NAME, Allowed, RuleFault, count_faults, number_faults, text_faults, unique_faults

POLL_ID = re.compile("[a-z0-9-]{1,32}")
TITLE = Allowed(1, 200)
QUESTION = Allowed(0, 10_000)
OPTIONS = Allowed(1, 1_000)
YES_AND_NO = Allowed(2, 2)
SCHULZE_OPTIONS = Allowed(1, 100)
"""Its work grows with the cube of the options."""
ONE_SEAT = ("irv", "majority", "counts")
HIGHEST_SCORE = Allowed(1, 1_000)
GRADES = Allowed(2, 100)
LISTS = Allowed(1, 1_000)
LONGEST_TEXT = Allowed(1, 1_500)
"""Bytes. A text of that length takes 51 ciphertexts, some 6 kB of a ballot."""


def poll_faults(poll: Poll, field: str) -> Iterator[RuleFault]:
    """Yield the faults of one poll, which stands at `field`."""
    if not POLL_ID.fullmatch(poll.id):
        yield RuleFault(f"{field}.id", f"is {poll.id!r}; allowed are 1 to 32 of a-z, 0-9 and -")
    yield from text_faults(f"{field}.title", poll.title, TITLE)
    yield from text_faults(f"{field}.question", poll.question, QUESTION, lines=True)
    methods = METHODS[type(poll)]
    if poll.method not in methods:
        yield RuleFault(f"{field}.method", f"is {poll.method!r}; allowed is {' or '.join(methods)}")
    yield from _names(f"{field}.options", options_of(poll), _option_counts(poll))
    yield from number_faults(f"{field}.seats", poll.seats, _seats(poll))
    yield from _own_faults(poll, field)


def _option_counts(poll: Poll) -> Allowed:
    if isinstance(poll, WriteInPoll):
        return Allowed(0, 0)
    if isinstance(poll, YesNoPoll):
        return YES_AND_NO
    return SCHULZE_OPTIONS if poll.method == "schulze" else OPTIONS


def _seats(poll: Poll) -> Allowed:
    if poll.method in ONE_SEAT:
        return Allowed(1, 1)
    return Allowed(1, OPTIONS.most if isinstance(poll, WriteInPoll) else len(options_of(poll)))


def _own_faults(poll: Poll, field: str) -> Iterator[RuleFault]:
    match poll:
        case ChoosePoll() | RankPoll():
            yield from _span(poll, field, len(poll.options))
        case ScorePoll():
            yield from number_faults(f"{field}.highest", poll.highest, HIGHEST_SCORE)
        case GradePoll():
            yield from _names(f"{field}.grades", poll.grades, GRADES)
        case ListPoll():
            yield from _names(f"{field}.lists", poll.lists, LISTS)
            yield from _lists(poll, field)
        case WriteInPoll():
            yield from number_faults(f"{field}.longest", poll.longest, LONGEST_TEXT)
        case YesNoPoll():
            pass


def _span(poll: ChoosePoll | RankPoll | ListPoll, field: str, most: int) -> Iterator[RuleFault]:
    yield from number_faults(f"{field}.most", poll.most, Allowed(1, most))
    yield from number_faults(f"{field}.least", poll.least, Allowed(0, poll.most))


def _lists(poll: ListPoll, field: str) -> Iterator[RuleFault]:
    count = len(poll.options)
    yield from count_faults(f"{field}.list_of", poll.list_of, Allowed(count, count))
    for number, each in enumerate(poll.list_of):
        yield from number_faults(f"{field}.list_of[{number}]", each, Allowed(0, len(poll.lists) - 1))
    longest = max((poll.list_of.count(each) for each in set(poll.list_of)), default=0)
    yield from _span(poll, field, longest)


def _names(field: str, names: tuple[str, ...], allowed: Allowed) -> Iterator[RuleFault]:
    yield from count_faults(field, names, allowed)
    yield from unique_faults(field, names)
    for number, each in enumerate(names):
        yield from text_faults(f"{field}[{number}]", each, NAME)
