"""What is bounded stays within its bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.bounds import BoundedMap, BucketsByKey, TokenBucket
from loopixmix.errors import MisuseError


def test_a_bucket_lets_its_burst_through_and_then_its_rate() -> None:
    bucket = TokenBucket(2.0, 3, 100.0)
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(100.5), bucket.take(100.5)] == [True, False]
    assert not bucket.is_full(101.0)
    assert bucket.is_full(102.5)


def test_a_clock_that_goes_back_gives_no_tokens() -> None:
    bucket = TokenBucket(1.0, 1, 100.0)
    assert bucket.take(100.0)
    assert not bucket.take(50.0)
    assert bucket.take(51.0)


def test_a_smaller_burst_takes_tokens_away() -> None:
    bucket = TokenBucket(1.0, 10, 0.0)
    bucket.change_limits(1.0, 2, 0.0)
    assert [bucket.take(0.0) for _ in range(3)] == [True, True, False]
    with pytest.raises(MisuseError):
        TokenBucket(0, 1, 0.0)


@given(st.lists(st.floats(0, 10), max_size=60), st.floats(0.1, 5), st.integers(1, 10))
def test_no_more_than_burst_and_rate_ever_pass(gaps_s: list[float], rate_per_s: float, burst: int) -> None:
    bucket = TokenBucket(rate_per_s, burst, 0.0)
    now_s, passed = 0.0, 0
    for gap_s in gaps_s:
        now_s += gap_s
        passed += bucket.take(now_s)
        assert passed <= burst + rate_per_s * now_s + 1e-6


def test_a_bounded_map_pushes_the_oldest_out() -> None:
    bounded: BoundedMap[str, int] = BoundedMap(2)
    bounded["a"], bounded["b"], bounded["c"] = 1, 2, 3
    assert list(bounded.items()) == [("b", 2), ("c", 3)]
    bounded["b"] = 4
    bounded.setdefault("d", 5)
    assert list(bounded.items()) == [("c", 3), ("d", 5)]
    bounded.move_to_end("c")
    bounded["e"] = 6
    assert list(bounded) == ["c", "e"]


def test_a_bounded_map_holds_something() -> None:
    with pytest.raises(MisuseError, match="not 0"):
        BoundedMap(0)


@given(st.lists(st.integers(0, 20)), st.integers(1, 5))
def test_a_bounded_map_has_the_newest_keys(keys: list[int], capacity: int) -> None:
    bounded: BoundedMap[int, None] = BoundedMap(capacity)
    added: list[int] = []
    for key in keys:
        if key not in bounded:
            added.append(key)
        bounded[key] = None
    assert list(bounded) == added[-capacity:]


def test_each_key_has_a_bucket_of_its_own() -> None:
    buckets: BucketsByKey[str] = BucketsByKey(1.0, 2, capacity=10)
    assert [buckets.take("a", 0.0) for _ in range(3)] == [True, True, False]
    assert buckets.take("b", 0.0)
    assert buckets.take("a", 1.0)


def test_of_too_many_keys_the_idlest_is_forgotten() -> None:
    buckets: BucketsByKey[str] = BucketsByKey(1.0, 1, capacity=2)
    assert [buckets.take(key, 0.0) for key in "aba"] == [True, True, False]
    assert buckets.take("c", 0.0)  # pushes b out: a was heard of later
    assert not buckets.take("a", 0.0)
    assert buckets.take("b", 0.0)
