"""Replay filters are exact, bounded, and never forget."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.drops import DropReason
from loopixmix.keyring.replay import PlainTagSet, ReplayFilter, new_tag_set

NEW, REPLAY, FULL = None, DropReason.REPLAY, DropReason.OVERLOADED


def tag(number: int) -> bytes:
    return number.to_bytes(16, "big")


def make_filter(max_tags: int = 1000) -> ReplayFilter:
    return ReplayFilter(new_tag_set(), max_tags=max_tags)


def test_a_tag_passes_once() -> None:
    replay_filter = make_filter()
    assert replay_filter.judge_many([tag(1), tag(2)]) == [NEW, NEW]
    assert replay_filter.judge_many([tag(2), tag(3), tag(1)]) == [REPLAY, NEW, REPLAY]
    assert len(replay_filter) == 3


def test_a_tag_twice_in_one_batch_passes_once() -> None:
    assert make_filter().judge_many([tag(1), tag(1)]) == [NEW, REPLAY]


def test_restored_tags_are_known() -> None:
    replay_filter = make_filter()
    replay_filter.restore([[tag(1), tag(2)], [tag(3)]])
    assert replay_filter.judge_many([tag(3), tag(4)]) == [REPLAY, NEW]


def test_a_full_filter_refuses_what_is_new_and_still_knows_the_old() -> None:
    replay_filter = make_filter(max_tags=3)
    assert replay_filter.judge_many([tag(1), tag(2)]) == [NEW, NEW]
    assert replay_filter.judge_many([tag(1), tag(3), tag(4), tag(3)]) == [REPLAY, NEW, FULL, REPLAY]
    assert replay_filter.judge_many([tag(4), tag(1)]) == [FULL, REPLAY]
    assert len(replay_filter) == 3


@given(numbers=st.lists(st.integers(0, 20), max_size=60), max_tags=st.integers(1, 30), cut=st.integers(0, 60))
def test_it_agrees_with_a_list(numbers: list[int], max_tags: int, cut: int) -> None:
    seen: list[int] = []
    expected: list[DropReason | None] = []
    for number in numbers:
        if number in seen:
            expected.append(REPLAY)
        elif len(seen) >= max_tags:
            expected.append(FULL)
        else:
            seen.append(number)
            expected.append(NEW)
    replay_filter = make_filter(max_tags)
    tags = [tag(number) for number in numbers]
    assert replay_filter.judge_many(tags[:cut]) + replay_filter.judge_many(tags[cut:]) == expected


@pytest.mark.parametrize("tags", [PlainTagSet(), new_tag_set()], ids=["plain", "default"])
def test_both_sets_keep_what_they_were_given(tags: PlainTagSet) -> None:
    rng = random.Random(1)
    given_tags = [rng.randbytes(16) for _ in range(2000)]
    assert all(tags.add_many(given_tags))
    assert not any(tags.add_many(given_tags))
    assert len(tags) == 2000
    assert given_tags[0] in tags
    assert rng.randbytes(16) not in tags
    assert not tags.add(given_tags[7])
    assert tags.add(rng.randbytes(16))
