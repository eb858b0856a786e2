"""A counted election with a poll of each kind, among them texts that voters wrote to do harm."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from loopixmix.group.group import Group
from loopixmix.group.ristretto import ristretto255
from tests.worlds.elections import changed, new_election
from tests.worlds.real_elections import GNOME
from tests.worlds.vote_polls import choose, grade, lists, rank, score, write_in, yes_no
from votes.ballot.choices import (
    BlankVote,
    Choice,
    ChosenOptions,
    Grades,
    ListVote,
    Ranking,
    Scores,
    WrittenText,
    YesOrNo,
)
from votes.ballot.plaintexts import coding_of
from votes.record.election import Election
from votes.record.polls import Poll
from votes.results.documents import PublishedResult, published
from votes.tally.counts import ChoiceCounts, count_choices
from votes.tally.results import count_election

HARMFUL = ("=HYPERLINK(1)", "<script>alert(1)</script>", "up\u202edown", "tab\tand\rreturn", "日本 \U0001f600")
"""Texts for spreadsheets, for browsers, to turn the direction of reading, to break lines, and beyond the font."""


@dataclass(frozen=True)
class CountedElection:
    """A record and its result."""

    election: Election
    result: PublishedResult
    group: Group


def counted_election(*, counts_only: bool = False, rehearsal: bool = False) -> CountedElection:
    """Make the election; ranked ballots are those of the GNOME Foundation in 2018."""
    group = ristretto255()
    board = msgspec.structs.replace(rank(11, least=0, most=11, method="stv", seats=7), options=GNOME.options)
    polls: tuple[tuple[Poll, list[Choice]], ...] = (
        (yes_no(blank=True), [YesOrNo(True)] * 81 + [YesOrNo(False)] * 44 + [BlankVote()] * 10),
        (choose(3, least=1, most=2), [ChosenOptions(frozenset({0, 1}))] * 3 + [ChosenOptions(frozenset({2}))] * 4),
        (board, [Ranking(order) for order, count in GNOME.ballots.items() for _ in range(count)]),
        (score(3, 5), [Scores((1, 4, 5)), Scores((0, 5, 5))]),
        (grade(3, 4), [Grades((0, 3, 1)), Grades((1, 3, 0))]),
        (lists(2, [0, 0, 1], least=1, most=1, seats=3), [ListVote(0)] * 5 + [ListVote(1, frozenset({2}))] * 4),
        (write_in(60), [WrittenText(text) for text in (*HARMFUL, "plain", "plain")]),
    )
    record = new_election(group, polls=tuple(poll for poll, _ in polls), voters=200).election
    election = changed(record, counts_only=counts_only, rehearsal=rehearsal)
    counts = [_counts(poll, choices, group) for poll, choices in polls]
    return CountedElection(election, published(count_election(election, counts)), group)


def _counts(poll: Poll, choices: list[Choice], group: Group) -> ChoiceCounts:
    return count_choices(coding_of(poll, group), choices)
