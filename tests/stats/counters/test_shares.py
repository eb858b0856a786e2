"""Shares: the sum of all is the number, and each on its own is evenly distributed."""

from __future__ import annotations

import random

import pytest

from loopixmix.errors import FormatError, MisuseError, PeerError, SignatureError
from stats.counters.shares import (
    MODULUS,
    SHARE_BYTES,
    CounterShare,
    added,
    decode_share,
    encode_share,
    plan_of,
    signed_number,
    split,
)
from tests.worlds.stats.counting import new_plan, private_key

PLAN = new_plan()
SHARE = CounterShare(PLAN.plan_id, 1, 2, 0, (5, MODULUS - 1))


@pytest.mark.parametrize("collectors", [2, 3, 4])
def test_all_shares_together_are_the_numbers(collectors: int) -> None:
    rng = random.Random(1)
    numbers = (0, 17, -5, 2**63, -(2**63))
    found = added(split(numbers, collectors, rng))
    assert found == tuple(number % MODULUS for number in numbers)
    assert [signed_number(value) for value in found[:3]] == [0, 17, -5]


@pytest.mark.parametrize("collector", [0, 1])
@pytest.mark.parametrize("number", [0, 1, 123_456_789, -3])
def test_each_collector_alone_sees_numbers_that_are_evenly_distributed(collector: int, number: int) -> None:
    # Chi-squared of 16,000 shares over 64 cells of their highest and of their lowest bits: 63 degrees of freedom exceed
    # 113.5 in 1 of 10,000 seeds.
    rng = random.Random(100 * collector + number)
    shares = [split((number,), 2, rng)[collector][0] for _ in range(16_000)]
    for cell in (lambda share: share >> 58, lambda share: share & 63):
        counts = [0] * 64
        for share in shares:
            counts[cell(share)] += 1
        assert sum((count - 250) ** 2 / 250 for count in counts) < 113.5


def test_shares_say_nothing_of_each_other() -> None:
    # The same draws for another number: the first share does not change, and the second one by that number.
    first, second = split((7,), 2, random.Random(3)), split((1_000,), 2, random.Random(3))
    assert first[0] == second[0]
    assert (second[1][0] - first[1][0]) % MODULUS == 993


def test_a_share_is_bytes_of_one_size_and_comes_back() -> None:
    data = encode_share(SHARE, private_key(2))
    assert len(data) == SHARE_BYTES
    assert decode_share(data, PLAN) == SHARE
    assert plan_of(data) == PLAN.plan_id
    assert "18446744073709551615" not in repr(SHARE)


def test_any_changed_byte_is_found() -> None:
    data = encode_share(SHARE, private_key(2))
    for place in (*range(0, 130), 500, SHARE_BYTES - 1):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises(PeerError):
            decode_share(bytes(changed), PLAN)


def test_a_share_by_another_node_or_for_another_plan_is_refused() -> None:
    with pytest.raises(SignatureError):
        decode_share(encode_share(SHARE, private_key(1)), PLAN)
    with pytest.raises(FormatError, match="another plan"):
        decode_share(encode_share(SHARE, private_key(2)), new_plan(eps="2"))
    for data in (b"", b"\x01" * 999, b"\x02" + encode_share(SHARE, private_key(2))[1:]):
        with pytest.raises(FormatError):
            decode_share(data, PLAN)
    with pytest.raises(FormatError):
        plan_of(b"short")


@pytest.mark.parametrize("values", [(), (-1,), (MODULUS,), (0,) * 61])
def test_numbers_that_are_no_shares_are_not_encoded(values: tuple[int, ...]) -> None:
    with pytest.raises(MisuseError):
        encode_share(CounterShare(PLAN.plan_id, 0, 0, 0, values), private_key(0))
