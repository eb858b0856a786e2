"""Sets of numbers: what they choose, and how they are written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leap_plugin.bridge.imap.grammar.sequences import NumberSet, Spans, encode_numbers

ENDS = st.one_of(st.none(), st.integers(1, 40))


def test_the_examples_of_the_rfc() -> None:
    # RFC 3501 section 9: in a folder of 15 messages, 2,4:7,9,12:* and 4,5,6,7,8,9,10 and 7 to the end.
    chosen = NumberSet(((2, 2), (4, 7), (9, 9), (12, None))).chosen(range(1, 16))
    assert chosen == [2, 4, 5, 6, 7, 9, 12, 13, 14, 15]
    # BodySection 6.4.8: "559:*" always has the last message, though its UID is smaller.
    assert NumberSet(((559, None),)).chosen([4, 8]) == [8]


@given(st.sets(st.integers(1, 40)), st.lists(st.tuples(ENDS, ENDS), min_size=1, max_size=5))
def test_a_set_chooses_what_lies_in_a_range(numbers: set[int], ranges: list[tuple[int | None, int | None]]) -> None:
    in_use = sorted(numbers)
    spans = [sorted(in_use[-1] if end is None else end for end in pair) for pair in ranges] if in_use else []
    expected = [number for number in in_use if any(a <= number <= b for a, b in spans)]
    assert NumberSet(tuple(ranges)).chosen(in_use) == expected


@given(st.sets(st.integers(1, 40)), st.lists(st.tuples(ENDS, ENDS), min_size=1, max_size=5))
def test_the_spans_of_a_set_have_what_it_chooses(
    numbers: set[int], ranges: list[tuple[int | None, int | None]]
) -> None:
    in_use = sorted(numbers)
    chosen = NumberSet(tuple(ranges))
    spans = chosen.spans(in_use[-1] if in_use else 0)
    assert [number for number in in_use if number in spans] == chosen.chosen(in_use)
    assert all(last + 1 < first for last, first in zip(spans.lasts, spans.firsts[1:], strict=False))


def test_a_set_of_all_messages_takes_no_room_for_each() -> None:
    assert NumberSet(((1, None), (5, 50_000))).spans(50_000) == Spans((1,), (50_000,))


def test_neighbours_are_written_as_ranges() -> None:
    assert encode_numbers([1, 2, 3, 7, 9, 10]) == b"1:3,7,9:10"
    assert encode_numbers([3, 1]) == b"3,1"
