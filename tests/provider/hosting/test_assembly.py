"""Shares of one request, in whatever order and number."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.errors import FormatError
from loopixmix.requests.coding import MAX_SHARES, encode_shares
from loopixmix.requests.parts import RequestHead, request_content, request_head
from provider.hosting.assembly import Assembly
from tests.worlds.mailboxes.hosts import SIZE


def request_of(body_bytes: int) -> tuple[RequestHead, bytes]:
    content = request_content(bytes(16), random.Random(body_bytes).randbytes(body_bytes))
    return request_head(bytes(16), content, last_epoch=1, size=SIZE), content


@given(st.integers(0, 30_000), st.randoms(use_true_random=False))
def test_any_k_shares_in_any_order_give_the_content(body_bytes: int, rng: random.Random) -> None:
    head, content = request_of(body_bytes)
    assembly, indices = Assembly(head), rng.sample(range(MAX_SHARES), head.pieces)
    for number, index in enumerate(indices):
        assert not assembly.is_complete
        [share] = encode_shares(content, head.share_bytes, [index])
        assert assembly.add(index, share)
        assert not assembly.add(index, share)
        assert assembly.size_bytes == (number + 1) * head.share_bytes
    assert assembly.received == frozenset(indices)
    assert assembly.is_complete
    assert assembly.content() == content


def test_more_shares_than_are_needed_take_no_memory() -> None:
    head, content = request_of(4000)
    assembly = Assembly(head)
    for index, share in enumerate(encode_shares(content, head.share_bytes, range(10))):
        assert assembly.add(index, share) == (index < head.pieces)
    assert assembly.size_bytes == head.pieces * head.share_bytes


@pytest.mark.parametrize("place", [0, 100, -1])
def test_a_changed_share_gives_nothing(place: int) -> None:
    head, content = request_of(4000)
    assembly = Assembly(head)
    first, *others = encode_shares(content, head.share_bytes, range(head.pieces))
    changed = bytearray(first)
    changed[place] ^= 1
    for index, share in enumerate([bytes(changed), *others]):
        assembly.add(index, share)
    with pytest.raises(FormatError):
        assembly.content()
