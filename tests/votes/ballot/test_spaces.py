"""Choices and numbers: each choice has one number, and each number below the count one choice."""

from __future__ import annotations

from itertools import chain, combinations, permutations, product
from math import comb, factorial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.errors import FormatError
from loopixmix.group.ristretto import ristretto255
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
from votes.ballot.plaintexts import coding_of
from votes.ballot.spaces import space_of
from votes.record.polls import Poll

SMALL_POLLS = st.one_of(
    st.builds(
        lambda size, ends, blank: choose(size, least=min(ends), most=max(1, *ends), blank=blank),
        st.integers(4, 6),
        st.tuples(st.integers(0, 4), st.integers(0, 4)),
        st.booleans(),
    ),
    st.builds(
        lambda size, ends, blank: rank(size, least=min(ends), most=max(1, *ends), blank=blank),
        st.integers(4, 5),
        st.tuples(st.integers(0, 4), st.integers(0, 4)),
        st.booleans(),
    ),
    st.builds(lambda blank: yes_no(blank=blank), st.booleans()),
    st.builds(lambda size, highest, blank: score(size, highest, blank=blank), *[st.integers(1, 4)] * 2, st.booleans()),
    st.builds(
        lambda size, grades, blank: grade(size, grades, blank=blank),
        st.integers(1, 4),
        st.integers(2, 4),
        st.booleans(),
    ),
    st.builds(
        lambda list_of, ends, blank: lists(3, list_of, least=min(ends), most=max(1, *ends), blank=blank),
        st.lists(st.integers(0, 2), min_size=1, max_size=7),
        st.tuples(st.integers(0, 3), st.integers(0, 3)),
        st.booleans(),
    ),
)


@given(SMALL_POLLS)
def test_each_number_below_the_count_is_one_choice_and_leads_back(poll: Poll) -> None:
    space = space_of(poll)
    choices = [space.choice(number) for number in range(space.count)]
    assert len(set(choices)) == space.count
    assert [space.number(choice) for choice in choices] == list(range(space.count))


def _subsets(size: int, least: int, most: int) -> set[Choice]:
    every = chain.from_iterable(combinations(range(size), length) for length in range(least, most + 1))
    return {ChosenOptions(frozenset(each)) for each in every}


def _rankings(size: int, least: int, most: int) -> set[Choice]:
    every = chain.from_iterable(permutations(range(size), length) for length in range(least, most + 1))
    return {Ranking(each) for each in every}


@pytest.mark.parametrize(
    ("poll", "choices"),
    [
        (choose(5, least=1, most=3), _subsets(5, 1, 3)),
        (choose(4, least=0, most=4, blank=True), {BlankVote(), *_subsets(4, 0, 4)}),
        (rank(4, least=0, most=4), _rankings(4, 0, 4)),
        (rank(5, least=2, most=3, blank=True), {BlankVote(), *_rankings(5, 2, 3)}),
        (yes_no(blank=True), {BlankVote(), YesOrNo(True), YesOrNo(False)}),
        (score(3, 2), {Scores(each) for each in product(range(3), repeat=3)}),
        (grade(2, 4), {Grades(each) for each in product(range(4), repeat=2)}),
        (
            lists(3, [0, 0, 2, 0, 2], least=0, most=2),
            {
                *(ListVote(index) for index in range(3)),
                *(ListVote(0, frozenset(each)) for each in [{0}, {1}, {3}, {0, 1}, {0, 3}, {1, 3}]),
                *(ListVote(2, frozenset(each)) for each in [{2}, {4}, {2, 4}]),
            },
        ),
    ],
)
def test_the_choices_are_those_that_brute_force_finds(poll: Poll, choices: set[Choice]) -> None:
    space = space_of(poll)
    assert {space.choice(number) for number in range(space.count)} == choices


def test_the_order_of_the_page() -> None:
    """Numbers that were worked out by hand from the page's table."""
    assert space_of(choose(5, least=1, most=3)).number(ChosenOptions(frozenset({1, 3, 4}))) == 5 + 10 + 1 + 3 + 4
    assert space_of(choose(5, least=1, most=3, blank=True)).number(ChosenOptions(frozenset({2}))) == 1 + 2
    assert space_of(rank(4, least=1, most=4)).number(Ranking((2, 0, 3))) == 4 + 12 + (2 * 3 + 0) * 2 + 1
    assert space_of(score(3, 9)).number(Scores((3, 0, 7))) == 307
    assert space_of(grade(2, 6)).number(Grades((1, 5))) == 11
    assert space_of(lists(2, [0, 1, 1], least=1, most=2)).number(ListVote(1, frozenset({2}))) == 2 + 1 + 1
    assert space_of(write_in(3)).number(WrittenText("é")) == 0x0002C3A900


@given(st.text(min_size=1, max_size=7).filter(lambda text: max(text) < "\ud800" or min(text) > "\udfff"), st.booleans())
def test_a_text_comes_back_as_it_was_written(text: str, blank: bool) -> None:
    space = space_of(write_in(28, blank=blank))
    number = space.number(WrittenText(text))
    assert number < space.count
    assert space.choice(number) == WrittenText(text)


@given(st.binary(min_size=3, max_size=3), st.integers(0, 3))
def test_a_number_is_one_text_or_none(content: bytes, length: int) -> None:
    space = space_of(write_in(3))
    number = int.from_bytes(bytes([length]) + content, "big")
    try:
        choice = space.choice(number)
    except FormatError:
        return
    assert space.number(choice) == number


@pytest.mark.parametrize("encoded", [b"\0\0\0\0\0", b"\0\1ab\0", b"\0\1\xff\0\0", b"\0\1\0\0\1"])
def test_a_number_that_is_no_text_is_refused(encoded: bytes) -> None:
    with pytest.raises(FormatError):
        space_of(write_in(3)).choice(int.from_bytes(encoded, "big"))


REFUSED = [
    (rank(4, least=2, most=3), Ranking((0,)), "1 options are ranked; 2 to 3 may be ranked"),
    (rank(4, least=4, most=4), Ranking((0, 1, 2)), "3 options are ranked; 4 may be ranked"),
    (rank(4, least=2, most=3), Ranking((0, 1, 2, 3)), "4 options are ranked; 2 to 3 may be ranked"),
    (rank(4, least=2, most=3), Ranking((0, 1, 0)), "option 1 is ranked twice; once is allowed"),
    (rank(4, least=2, most=3), Ranking((0, 4)), "there is no option 5; there are 4"),
    (choose(4, least=1, most=2), ChosenOptions(frozenset()), "0 options are chosen; 1 to 2 may be chosen"),
    (choose(4, least=1, most=2), ChosenOptions(frozenset({0, 1, 2})), "3 options are chosen; 1 to 2 may be chosen"),
    (choose(4, least=1, most=2), ChosenOptions(frozenset({-1})), "there is no option 0; there are 4"),
    (choose(4, least=1, most=2), BlankVote(), "the poll does not allow a blank vote"),
    (yes_no(), ChosenOptions(frozenset({0})), "the poll does not allow a choice of the kind ChosenOptions"),
    (score(3, 5), Scores((1, 2)), "there are 2 scores; each of the 3 options has one"),
    (score(3, 5), Scores((1, 2, 6)), "the score of option 3 is 6; 0 to 5 are allowed"),
    (score(3, 5), Scores((1, -1, 5)), "the score of option 2 is -1; 0 to 5 are allowed"),
    (score(3, 5), Grades((1, 1, 1)), "the poll does not allow a choice of the kind Grades"),
    (grade(3, 5), Grades((1, 5, 2)), "the grade of option 2 is 5; 0 to 4 are allowed"),
    (lists(2, [0, 1], least=1, most=1), ListVote(2), "there is no list 3; there are 2"),
    (lists(2, [0, 1], least=1, most=1), ListVote(0, frozenset({1})), "option 2 does not stand on list 1"),
    (lists(2, [0, 0], least=1, most=1), ListVote(0, frozenset({0, 1})), "2 options are chosen; 1 may be chosen"),
    (write_in(5), WrittenText("äöü"), "the text has 6 bytes; 1 to 5 are allowed"),
    (write_in(5), WrittenText(""), "the text has 0 bytes; 1 to 5 are allowed"),
    (write_in(5), WrittenText("\ud800"), "the text has characters that are none of Unicode"),
]


@pytest.mark.parametrize(("poll", "choice", "message"), REFUSED)
def test_a_choice_that_the_poll_does_not_allow_is_refused_in_plain_words(
    poll: Poll, choice: Choice, message: str
) -> None:
    with pytest.raises(ChoiceError) as refusal:
        space_of(poll).number(choice)
    assert str(refusal.value) == message


def test_a_full_ranking_of_54_fits_into_one_element_and_one_of_55_does_not() -> None:
    group = ristretto255()
    assert coding_of(rank(54, least=54, most=54), group).width == 1
    assert coding_of(rank(55, least=55, most=55), group).width == 2
    assert coding_of(rank(54, least=0, most=54, blank=True), group).width == 1
    assert space_of(rank(54, least=54, most=54)).count == factorial(54)


def test_a_thousand_options_work() -> None:
    group = ristretto255()
    backwards = Ranking(tuple(reversed(range(1000))))
    every_third = ChosenOptions(frozenset(range(0, 1000, 3)))
    for poll, choice, width in [
        (rank(1000, least=0, most=1000), backwards, 36),
        (choose(1000, least=0, most=1000), every_third, 5),
        (score(1000, 10), Scores(tuple(option % 11 for option in range(1000))), 15),
    ]:
        coding = coding_of(poll, group)
        assert coding.width == width
        assert coding.decode(coding.encode(choice)) == choice
    assert space_of(choose(1000, least=2, most=2)).count == comb(1000, 2)


def test_the_smallest_and_the_largest_number_of_a_thousand_options() -> None:
    space = space_of(rank(1000, least=1000, most=1000))
    assert space.choice(0) == Ranking(tuple(range(1000)))
    assert space.choice(space.count - 1) == Ranking(tuple(reversed(range(1000))))
