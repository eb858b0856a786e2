from __future__ import annotations

import pytest

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
from votes.ballot.wording import choice_in_words
from votes.record.polls import Poll


@pytest.mark.parametrize(
    ("poll", "choice", "words"),
    [
        (yes_no(), YesOrNo(True), ["Yes"]),
        (yes_no(), YesOrNo(False), ["No"]),
        (yes_no(), BlankVote(), ["A blank vote"]),
        (choose(3, least=0, most=2), ChosenOptions(frozenset({2, 0})), ["Option 1", "Option 3"]),
        (choose(3, least=0, most=2), ChosenOptions(frozenset()), ["No option"]),
        (rank(3, least=0, most=3), Ranking((2, 0)), ["1. Option 3", "2. Option 1"]),
        (rank(3, least=0, most=3), Ranking(()), ["No option is ranked"]),
        (score(2, 5), Scores((0, 5)), ["Option 1: 0", "Option 2: 5"]),
        (grade(2, 3), Grades((0, 2)), ["Option 1: Grade 1", "Option 2: Grade 3"]),
        (lists(2, [0, 1, 1], least=1, most=2), ListVote(0), ["List 1"]),
        (
            lists(2, [0, 1, 1], least=1, most=2),
            ListVote(1, frozenset({2, 1})),
            ["List 2", "with Option 2", "with Option 3"],
        ),
        (write_in(9), WrittenText("hello"), ["hello"]),
    ],
)
def test_a_choice_is_told_with_the_names_of_options(poll: Poll, choice: Choice, words: list[str]) -> None:
    assert choice_in_words(poll, choice) == words


def test_a_choice_of_another_kind_of_poll_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="Grades is no choice of a ScorePoll"):
        choice_in_words(score(2, 5), Grades((0, 1)))
