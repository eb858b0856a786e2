"""The search for an element that holds data, whatever arithmetic tells what an element is."""

from __future__ import annotations

import itertools

import pytest

from loopixmix.group.embedding import candidates, embed, extract

DATA = bytes(range(30))


def odd_counter(encoding: bytes) -> bool:
    """Stand in for the group: every second candidate is an element."""
    return encoding[0] & 2 == 2


def test_the_search_has_a_fixed_order() -> None:
    found = list(candidates(DATA))
    assert found[:2] == [b"\x00" + DATA + b"\x00", b"\x02" + DATA + b"\x00"]
    assert found[127:129] == [b"\xfe" + DATA + b"\x00", b"\x00" + DATA + b"\x01"]
    assert len(found) == len(set(found)) == 2**14


def test_the_neutral_element_is_passed_over() -> None:
    assert next(candidates(bytes(30))) == b"\x02" + bytes(31)


def test_data_is_found_in_the_first_element_only() -> None:
    first, second = itertools.islice(filter(odd_counter, candidates(DATA)), 2)
    assert embed(DATA, odd_counter) == first
    assert extract(first, odd_counter) == DATA
    assert extract(second, odd_counter) is None


@pytest.mark.parametrize("data", [b"", bytes(29), bytes(31)])
def test_only_one_length_fits(data: bytes) -> None:
    with pytest.raises(ValueError, match="30 bytes"):
        embed(data, odd_counter)
