"""Options, answers, texts and lists."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from loopixmix.group.ristretto import ristretto255
from tests.worlds.vote_polls import choose, lists, write_in, yes_no
from votes.ballot.choices import Choice, ChosenOptions, ListVote, WrittenText, YesOrNo
from votes.ballot.plaintexts import coding_of
from votes.record.polls import Poll
from votes.tally.counts import ChoiceCounts, count_choices
from votes.tally.outcomes import FigureTable, Winners
from votes.tally.plain import answer_outcome, chosen_outcome, list_outcome, text_outcome


def _counted(poll: Poll, choices: Iterable[Choice]) -> ChoiceCounts:
    return count_choices(coding_of(poll, ristretto255()), choices)


def _chosen(*options: int) -> ChosenOptions:
    return ChosenOptions(frozenset(options))


def _figures(table: FigureTable, column: int = 0) -> list[object]:
    return [row.figures[column] for row in table.rows]


def test_the_options_that_most_ballots_chose_win() -> None:
    poll = choose(4, least=0, most=3, seats=2)
    counts = _counted(poll, [_chosen(0, 1), _chosen(1), _chosen(1, 2), _chosen(2), _chosen()])
    outcome = chosen_outcome(poll, counts)
    assert _figures(outcome.tables[0]) == [1, 3, 2, 0]
    assert _figures(outcome.tables[0], 1) == ["20.0 %", "60.0 %", "40.0 %", "0.0 %"]
    assert outcome.winners == Winners(("Option 2", "Option 3"))


def test_what_no_ballot_chose_wins_nothing() -> None:
    poll = choose(4, least=1, most=1, seats=3)
    assert chosen_outcome(poll, _counted(poll, [_chosen(2)])).winners == Winners(("Option 3",))
    assert chosen_outcome(poll, _counted(poll, [])).winners == Winners()


def test_a_survey_has_no_winner() -> None:
    poll = choose(4, least=1, most=1, method="counts")
    assert chosen_outcome(poll, _counted(poll, [_chosen(2)])).winners is None
    answers = yes_no(method="counts")
    assert answer_outcome(answers, _counted(answers, [YesOrNo(True)])).winners is None
    texts = write_in(5)
    assert text_outcome(texts, _counted(texts, [WrittenText("x")])).winners is None
    councils = lists(2, [0, 1], least=1, most=1, method="counts")
    assert list_outcome(councils, _counted(councils, [ListVote(0)])).winners is None


@pytest.mark.parametrize(
    ("yes", "no", "winners"),
    [
        (2, 1, Winners(("Yes",))),
        (1, 2, Winners(("No",))),
        (2, 2, Winners((), ("Yes", "No"), 1)),
        (0, 0, Winners((), ("Yes", "No"), 1)),
    ],
)
def test_yes_needs_more_than_no(yes: int, no: int, winners: Winners) -> None:
    poll = yes_no()
    outcome = answer_outcome(poll, _counted(poll, [YesOrNo(True)] * yes + [YesOrNo(False)] * no))
    assert (outcome.winners, _figures(outcome.tables[0])) == (winners, [yes, no])


def test_texts_are_counted_by_what_they_are() -> None:
    poll = write_in(20, method="most-votes", seats=1)
    outcome = text_outcome(poll, _counted(poll, [WrittenText(text) for text in ("b", "a", "é", "e", "b", "B")]))
    assert [row.name for row in outcome.tables[0].rows] == ["b", "B", "a", "e", "é"]
    assert outcome.winners == Winners(("b",))


def test_lists_get_seats_and_their_strongest_options_take_them() -> None:
    poll = lists(3, [0, 0, 0, 1, 1], least=1, most=2, seats=4)
    cast = [ListVote(0)] * 4 + [ListVote(0, frozenset({2}))] * 2 + [ListVote(0, frozenset({1, 2}))]
    cast += [ListVote(1)] * 3 + [ListVote(2)]
    outcome = list_outcome(poll, _counted(poll, cast))
    assert [row.figures for row in outcome.tables[0].rows] == [(7, "63.6 %", 3), (3, "27.3 %", 1), (1, "9.1 %", 0)]
    assert _figures(outcome.tables[1]) == [0, 1, 3, 0, 0]
    assert outcome.winners == Winners(("Option 3", "Option 2", "Option 1", "Option 4"))


def test_a_list_with_more_seats_than_options_is_told() -> None:
    poll = lists(2, [0, 1, 1], least=1, most=1, seats=2)
    outcome = list_outcome(poll, _counted(poll, [ListVote(0)] * 5))
    assert outcome.winners == Winners(("Option 1",))
    assert outcome.notes == ("List 1 has 2 seats and 1 options.",)


def test_lists_that_are_tied_are_named_as_lists() -> None:
    poll = lists(2, [0, 1], least=1, most=1, seats=1)
    outcome = list_outcome(poll, _counted(poll, [ListVote(0), ListVote(1)]))
    assert outcome.winners == Winners((), ("List 1", "List 2"), 1)
    assert list_outcome(poll, _counted(poll, [])).winners == Winners((), (), 1)
