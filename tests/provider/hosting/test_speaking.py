"""Shares of an answer in the order in which they leave."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.requests.answers import AnswerShare, RequestFailed, answer_share_bytes, decode_answer
from loopixmix.requests.coding import MAX_SHARES, decode_shares
from provider.hosting.speaking import Speech
from tests.worlds.mailboxes.hosts import SIZE


def say(speech: Speech, count: int) -> list[AnswerShare]:
    parts = [decode_answer(speech.next_payload(count - number), SIZE) for number in range(count)]
    assert all(isinstance(part, AnswerShare) for part in parts)
    return [part for part in parts if isinstance(part, AnswerShare)]


@given(st.binary(max_size=100), st.integers(0, 60_000), st.integers(0, 300))
def test_any_k_that_follow_give_the_answer(begin: bytes, length: int, skipped: int) -> None:
    answer = begin.ljust(length, b"\1")
    speech = Speech(answer, SIZE)
    pieces = -(-len(answer) // (2048 - 11)) or 1
    said = say(speech, skipped + pieces)[skipped:]
    assert [part.index for part in said] == [(skipped + n) % MAX_SHARES for n in range(pieces)]
    assert [part.sent for part in said] == list(range(skipped + 1, skipped + pieces + 1))
    assert [part.held for part in said] == list(range(pieces, 0, -1))
    share_bytes = answer_share_bytes(len(answer), SIZE)
    assert decode_shares({part.index: part.share for part in said}, len(answer), share_bytes) == answer


@pytest.mark.parametrize(
    ("answer", "coding", "again", "count"),
    [(b"", 0, 0, 1), (bytes(4000), 0, 0, 2), (bytes(4000), 1, 0, 3), (bytes(4000), 255, 3, 7), (None, 0, 2, 3)],
)
def test_as_many_are_sent_as_are_wanted(answer: bytes | None, coding: int, again: int, count: int) -> None:
    speech, sent = Speech(answer, SIZE), 0
    while speech.left(coding, again) == count - sent > 0:
        speech.next_payload(0)
        sent += 1
    assert sent == speech.sent == count
    assert speech.left(coding, again) == 0


def test_a_failure_is_said_in_the_same_way_each_time() -> None:
    speech = Speech(None, SIZE)
    assert {decode_answer(speech.next_payload(3), SIZE) for _ in range(2)} == {RequestFailed()}


def test_an_answer_that_was_put_aside_goes_on_from_where_it_was() -> None:
    answer = bytes(range(250)) * 40
    whole, parted = Speech(answer, SIZE), Speech(answer, SIZE)
    expected = say(whole, 5)
    first = [decode_answer(parted.next_payload(5 - number), SIZE) for number in range(1, 3)]
    parted.unload()
    assert (parted.is_loaded, parted.size_bytes, parted.left(0, 0)) == (False, 0, 3)
    parted.load(answer)
    assert parted.is_loaded
    rest = [decode_answer(parted.next_payload(5 - number), SIZE) for number in range(3, 6)]
    assert [part.share for part in [*first, *rest] if isinstance(part, AnswerShare)] == [p.share for p in expected]


def test_a_failure_needs_not_be_loaded() -> None:
    speech = Speech(None, SIZE)
    speech.unload()
    assert speech.is_loaded
