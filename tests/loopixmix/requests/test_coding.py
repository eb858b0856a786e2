"""Shares: any k of them give the content back, and fewer do not."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopixmix.errors import FormatError, MisuseError
from loopixmix.requests.coding import (
    MAX_SHARES,
    decode_shares,
    encode_shares,
    fitting_share_bytes,
    piece_count,
)

LONGEST = 256 * 1024


@given(st.binary(max_size=20_000), st.integers(90, 3000), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_any_shares_as_many_as_there_are_pieces_give_the_content_back(
    content: bytes, room: int, rng: random.Random
) -> None:
    share_bytes = fitting_share_bytes(len(content), room)
    count = piece_count(len(content), share_bytes)
    indices = rng.sample(range(MAX_SHARES), count)
    shares = dict(zip(indices, encode_shares(content, share_bytes, indices), strict=True))
    assert decode_shares(shares, len(content), share_bytes) == content


def test_the_longest_content_is_coded_in_the_smallest_packets() -> None:
    content = random.Random(1).randbytes(LONGEST)
    share_bytes = fitting_share_bytes(LONGEST, 1226)
    count = piece_count(LONGEST, share_bytes)
    indices = range(MAX_SHARES - count, MAX_SHARES)
    shares = dict(zip(indices, encode_shares(content, share_bytes, indices), strict=True))
    assert count == 214
    assert decode_shares(shares, LONGEST, share_bytes) == content


def test_the_first_shares_are_the_content_itself() -> None:
    assert encode_shares(b"abcdefgh", 3, [0, 1, 2]) == [b"abc", b"def", b"gh\0"]


# zfec's Vandermonde matrix over GF(2^8) with the polynomial x^8 + x^4 + x^3 + x^2 + 1 (Rizzo 1997): of two pieces p, q,
# the first coded share is that of the line through (1, p) and (alpha, q). Here computed by hand, without the library.
def test_a_coded_share_is_the_one_of_the_published_code() -> None:
    def times(a: int, b: int) -> int:
        product = 0
        while b:
            product ^= a if b & 1 else 0
            a = (a << 1) ^ (0x11D if a & 0x80 else 0)
            b >>= 1
        return product

    inverse = {a: b for a in range(1, 256) for b in range(1, 256) if times(a, b) == 1}
    # Piece i is the value at x_0 = 0, x_1 = 1, x_i = alpha^(i - 1); share 2 is the value at alpha.
    first, second, at = 0, 1, 2
    [share] = encode_shares(bytes([0x53, 0xCA]), 1, [2])
    slope = times(0x53 ^ 0xCA, inverse[first ^ second])
    assert share == bytes([0x53 ^ times(slope, at ^ first)])


@pytest.mark.parametrize(("length", "share"), [(0, 0), (1, 1), (100, 100), (101, 51), (300, 100), (301, 76)])
def test_pieces_are_as_few_and_as_equal_as_can_be(length: int, share: int) -> None:
    assert fitting_share_bytes(length, 100) == share


def test_more_than_there_can_be_is_refused() -> None:
    assert fitting_share_bytes(25_500, 100) == 100
    with pytest.raises(MisuseError, match="255 shares of 100 bytes"):
        fitting_share_bytes(25_501, 100)
    with pytest.raises(MisuseError, match="no room"):
        fitting_share_bytes(1, 0)
    with pytest.raises(MisuseError, match="0 to 254"):
        encode_shares(b"a", 1, [255])


def test_too_few_shares_are_refused() -> None:
    with pytest.raises(MisuseError, match="2 shares are needed"):
        decode_shares({7: b"abc"}, 6, 3)


def test_shares_of_several_contents_are_noticed_by_their_filling() -> None:
    assert decode_shares({0: b"abc", 1: b"d\0\0"}, 4, 3) == b"abcd"
    with pytest.raises(FormatError, match="one content"):
        decode_shares({0: b"abc", 1: b"def"}, 4, 3)
