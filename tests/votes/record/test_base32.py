from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votes.record.base32 import ALPHABET, as_typed, base32, in_groups


@given(st.binary(max_size=50).filter(lambda data: len(data) % 5 == 0))
def test_the_letters_are_the_number_that_the_bytes_are(data: bytes) -> None:
    number = 0
    for letter in base32(data):
        number = number * 32 + ALPHABET.index(letter)
    assert number == int.from_bytes(data, "big")
    assert len(base32(data)) == len(data) * 8 // 5


def test_letters_stand_in_groups_of_five() -> None:
    assert in_groups("ABCDEFGHJKMN") == "ABCDE-FGHJK-MN"


def test_letters_that_look_alike_are_read_as_one() -> None:
    assert as_typed("il o0-1u") == "11001U"


def test_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 5"):
        base32(b"1234")
