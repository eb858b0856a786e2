"""From choices to elements and back."""

from __future__ import annotations

import pytest

from loopixmix.errors import FormatError
from loopixmix.group.ristretto import ristretto255
from tests.worlds.vote_polls import rank, yes_no
from votes.ballot.choices import BlankVote, Ranking, YesOrNo
from votes.ballot.plaintexts import coding_of, embed_numbers, extract_numbers

GROUP = ristretto255()


def test_choices_come_back_from_their_elements() -> None:
    coding = coding_of(rank(60, least=60, most=60, blank=True), GROUP)
    choices = [Ranking(tuple(range(60))), BlankVote(), Ranking(tuple(reversed(range(60))))]
    columns = embed_numbers(GROUP, [coding.encode(choice) for choice in choices], coding.width)
    assert (coding.width, [len(column) for column in columns]) == (2, [3, 3])
    numbers = extract_numbers(GROUP, columns)
    assert [coding.decode(number) for number in numbers if number is not None] == choices


def test_a_blank_vote_is_not_the_neutral_element() -> None:
    coding = coding_of(yes_no(blank=True), GROUP)
    (column,) = embed_numbers(GROUP, [coding.encode(BlankVote())], coding.width)
    assert column.is_identity() == [False]


def test_elements_that_no_number_has_give_none() -> None:
    (good,) = embed_numbers(GROUP, [bytes(30)], 1)
    bad = GROUP.hash_to_elements(b"a test", [b"no number"])
    assert extract_numbers(GROUP, (GROUP.join([good, bad]),)) == [bytes(30), None]
    assert extract_numbers(GROUP, (GROUP.join([good, good]), GROUP.join([good, bad]))) == [bytes(60), None]


@pytest.mark.parametrize("number", [3, 2**240 - 1])
def test_a_number_above_the_count_is_no_choice(number: int) -> None:
    with pytest.raises(FormatError, match="the number is that of no choice"):
        coding_of(yes_no(blank=True), GROUP).decode(number.to_bytes(30, "big"))


def test_a_number_of_another_length_is_no_choice() -> None:
    coding = coding_of(yes_no(), GROUP)
    assert coding.decode(bytes(29) + b"\1") == YesOrNo(False)
    with pytest.raises(FormatError, match="the number is that of no choice"):
        coding.decode(bytes(30) + b"\1")
