"""Scores and grades."""

from __future__ import annotations

from collections.abc import Iterable

from loopixmix.group.ristretto import ristretto255
from tests.worlds.vote_polls import grade, score
from votes.ballot.choices import Choice, Grades, Scores
from votes.ballot.plaintexts import coding_of
from votes.record.polls import Poll
from votes.tally.counts import ChoiceCounts, count_choices
from votes.tally.outcomes import Winners
from votes.tally.valued import grade_outcome, score_outcome


def _counted(poll: Poll, choices: Iterable[Choice]) -> ChoiceCounts:
    return count_choices(coding_of(poll, ristretto255()), choices)


def test_scores_are_added_up() -> None:
    poll = score(3, 2, seats=2)
    outcome = score_outcome(poll, _counted(poll, [Scores((0, 1, 2)), Scores((1, 1, 2)), Scores((0, 2, 2))]))
    assert [row.figures for row in outcome.tables[0].rows] == [(1, "0.333"), (4, "1.333"), (6, "2.000")]
    assert [row.figures for row in outcome.tables[1].rows] == [(2, 1, 0), (0, 2, 1), (0, 0, 3)]
    assert outcome.winners == Winners(("Option 3", "Option 2"))


def test_the_table_of_many_scores_is_left_out() -> None:
    poll = score(3, 11)
    assert len(score_outcome(poll, _counted(poll, [Scores((0, 1, 2))])).tables) == 1


def test_the_best_median_grade_wins() -> None:
    poll = grade(3, 4)
    outcome = grade_outcome(poll, _counted(poll, [Grades((0, 1, 3)), Grades((3, 1, 3)), Grades((3, 2, 0))]))
    assert [row.figures for row in outcome.tables[0].rows] == [("Grade 4",), ("Grade 2",), ("Grade 4",)]
    assert [row.figures for row in outcome.tables[1].rows] == [(1, 0, 0, 2), (0, 2, 1, 0), (1, 0, 0, 2)]
    assert outcome.winners == Winners(("Option 2",))


def test_without_ballots_all_are_equal() -> None:
    poll, graded = score(2, 3), grade(2, 3)
    equal = Winners((), ("Option 1", "Option 2"), 1)
    scored = score_outcome(poll, _counted(poll, []))
    assert (scored.winners, scored.tables[0].rows[0].figures) == (equal, (0, "-"))
    assert grade_outcome(graded, _counted(graded, [])).winners == equal


def test_surveys_have_no_winner() -> None:
    poll, graded = score(2, 3, method="counts"), grade(2, 3, method="counts")
    assert score_outcome(poll, _counted(poll, [Scores((1, 2))])).winners is None
    assert grade_outcome(graded, _counted(graded, [Grades((1, 2))])).winners is None
