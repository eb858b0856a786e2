from __future__ import annotations

import pytest

from loopixmix.web.forms.bodies import FormBody
from loopixmix.web.forms.forms import Form
from tests.worlds.vote_polls import choose, grade, lists, rank, score, write_in, yes_no
from votes.ballot.choices import (
    BlankVote,
    Choice,
    ChoiceError,
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
from votes.voting.page.questions import question_of

CHOOSE = choose(3, least=1, most=2, blank=True)
YES_NO = yes_no(blank=True)
RANK = rank(3, least=1, most=3, blank=True)
SCORE = score(2, 5, blank=True)
GRADE = grade(2, 3, blank=True)
LISTS = lists(2, (0, 0, 1), least=0, most=1, blank=True)
WRITE_IN = write_in(20, blank=True)


def read(poll: Poll, **texts: tuple[str, ...]) -> Choice:
    question = question_of(poll)
    form = Form(*question.fields, submit="Go")
    filled = form.read(FormBody({name.replace("_", "-"): values for name, values in texts.items()}))
    assert filled.is_good, filled.errors
    return question.read(filled)


@pytest.mark.parametrize(
    ("poll", "texts", "choice", "words"),
    [
        (CHOOSE, {"choose": ("0", "2")}, ChosenOptions(frozenset({0, 2})), ["Option 1", "Option 3"]),
        (CHOOSE, {"choose": ("blank",)}, BlankVote(), ["A blank vote"]),
        (CHOOSE, {}, ChosenOptions(frozenset()), ["No option"]),
        (YES_NO, {"yes_no": ("0",)}, YesOrNo(True), ["Yes"]),
        (YES_NO, {"yes_no": ("1",)}, YesOrNo(False), ["No"]),
        (YES_NO, {"yes_no": ("blank",)}, BlankVote(), ["A blank vote"]),
        (RANK, {"rank_0": ("2",), "rank_2": ("1",), "rank_1": ("",)}, Ranking((2, 0)), ["1. Option 3", "2. Option 1"]),
        (RANK, {"rank_0": ("",), "rank_1": ("",), "rank_2": ("",)}, BlankVote(), ["A blank vote"]),
        (SCORE, {"score_0": ("5",), "score_1": ("0",)}, Scores((5, 0)), ["Option 1: 5", "Option 2: 0"]),
        (SCORE, {"score_0": ("",), "score_1": ("",)}, BlankVote(), ["A blank vote"]),
        (GRADE, {"grade_0": ("1",), "grade_1": ("0",)}, Grades((1, 0)), None),
        (GRADE, {"grade_0": ("",), "grade_1": ("",)}, BlankVote(), ["A blank vote"]),
        (LISTS, {"lists": ("1",)}, ListVote(1), None),
        (LISTS, {"lists": ("blank",)}, BlankVote(), ["A blank vote"]),
        (WRITE_IN, {"write_in": ("Grace Hopper",)}, WrittenText("Grace Hopper"), ["Grace Hopper"]),
        (WRITE_IN, {"write_in": ("",)}, BlankVote(), ["A blank vote"]),
    ],
)
def test_what_is_entered_becomes_a_choice_and_words(
    poll: Poll, texts: dict[str, tuple[str, ...]], choice: Choice, words: list[str] | None
) -> None:
    assert read(poll, **texts) == choice
    assert words is None or choice_in_words(poll, choice) == words
    assert all(choice_in_words(poll, choice))


@pytest.mark.parametrize(
    ("poll", "texts", "why"),
    [
        (CHOOSE, {"choose": ("0", "blank")}, "a blank vote names nothing else"),
        (RANK, {"rank_0": ("1",), "rank_1": ("1",), "rank_2": ("",)}, "use each number from 1 to 2 once"),
        (RANK, {"rank_0": ("2",), "rank_1": ("",), "rank_2": ("",)}, "use each number from 1 to 1 once"),
        (RANK, {"rank_0": ("first",), "rank_1": ("",), "rank_2": ("",)}, "'first' is no whole number"),
        (SCORE, {"score_0": ("5",), "score_1": ("",)}, "every option needs a score; Option 2 has none"),
        (GRADE, {"grade_0": ("0",), "grade_1": ("",)}, "every option needs a grade"),
        (rank(2, least=1, most=2), {"rank_0": ("",), "rank_1": ("",)}, "no option is ranked"),
    ],
)
def test_what_makes_no_choice_is_told(poll: Poll, texts: dict[str, tuple[str, ...]], why: str) -> None:
    with pytest.raises(ChoiceError, match=why):
        read(poll, **texts)


def test_a_question_that_must_be_answered_is_told_by_its_field() -> None:
    question = question_of(yes_no())
    filled = Form(*question.fields, submit="Go").read(FormBody({}))
    assert filled.errors == {"yes-no": "choose one"}
