"""Secrets are overwritten where they are."""

from __future__ import annotations

import random

import pytest

from loopixmix.errors import MisuseError
from loopixmix.wiping import wipe


@pytest.mark.parametrize("length", [16, 32, 1000])
def test_bytes_are_zeros_in_place_and_nothing_around_them_changes(length: int) -> None:
    rng = random.Random(length)
    around = [rng.randbytes(length) for _ in range(50)]
    copies = [bytearray(each) for each in around]
    also = around[25]
    wipe(around[25])
    assert also == bytes(length)
    assert len(also) == length
    assert all(one == other for index, (one, other) in enumerate(zip(around, copies, strict=True)) if index != 25)
    changeable = bytearray(copies[3])
    wipe(changeable)
    assert changeable == bytes(length)


def test_a_string_that_python_may_share_is_refused() -> None:
    with pytest.raises(MisuseError, match="at least 16 bytes, not 1"):
        wipe(b"a")
    assert bytes([97]) == b"a"
