"""Shares: how a content of several packets is coded against loss.

A content is cut into k pieces of one length, the last one filled up with zeros. Reed-Solomon coding over GF(2^8) makes
up to 255 shares of them, of which any k give the content back (Rizzo, "Effective erasure codes for reliable computer
communication protocols", 1997; the library zfec). The first k shares are the pieces themselves. So nothing is computed
for a content that comes without loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

import zfec

from loopixmix.errors import FormatError, MisuseError

MAX_SHARES = 255
"""The shares of one content have the indices 0 to 254."""


def piece_count(content_bytes: int, share_bytes: int) -> int:
    """Return k: how many shares of `share_bytes` give back a content of `content_bytes`. An empty one takes one."""
    return 1 if content_bytes == 0 else -(-content_bytes // share_bytes)


def fitting_share_bytes(content_bytes: int, room_bytes: int) -> int:
    """Return the length of the shares, if each may take `room_bytes`: the pieces are as few and as equal as can be.

    Raises `MisuseError` if that takes more than `MAX_SHARES`.
    """
    if room_bytes < 1:
        raise MisuseError(f"a packet has no room for a share: {room_bytes} bytes")
    count = piece_count(content_bytes, room_bytes)
    if count > MAX_SHARES:
        raise MisuseError(f"{MAX_SHARES} shares of {room_bytes} bytes do not hold {content_bytes} bytes")
    return -(-content_bytes // count)


def encode_shares(content: bytes, share_bytes: int, indices: Iterable[int]) -> list[bytes]:
    """Return the shares with these `indices`, each of `share_bytes`."""
    wanted = list(indices)
    if not all(0 <= index < MAX_SHARES for index in wanted):
        raise MisuseError(f"the index of a share is 0 to {MAX_SHARES - 1}")
    count = piece_count(len(content), share_bytes)
    pieces = [content[start : start + share_bytes].ljust(share_bytes, b"\0") for start in _starts(count, share_bytes)]
    # The library takes no empty pieces, and all shares of a single piece are alike.
    if count == 1:
        return pieces * len(wanted)
    shares: list[bytes] = _encoder(count).encode(pieces, wanted)
    return shares


def decode_shares(shares: Mapping[int, bytes], content_bytes: int, share_bytes: int) -> bytes:
    """Return the content of which these are shares, by their indices; at least k of them, each of `share_bytes`.

    Raises `FormatError` if the filling after the content is not zero: then the shares are not those of one content.
    """
    count = piece_count(content_bytes, share_bytes)
    chosen = sorted(shares)[:count]
    if len(chosen) < count:
        raise MisuseError(f"{count} shares are needed, not {len(chosen)}")
    if count == 1:
        joined = shares[chosen[0]]
    elif chosen[-1] < count:
        joined = b"".join(shares[index] for index in chosen)
    else:
        joined = b"".join(_decoder(count).decode(*_in_place([(index, shares[index]) for index in chosen], count)))
    if any(joined[content_bytes:]):
        raise FormatError("the shares are not those of one content")
    return joined[:content_bytes]


def _starts(count: int, share_bytes: int) -> Iterable[int]:
    return (number * share_bytes for number in range(count))


def _in_place(chosen: list[tuple[int, bytes]], count: int) -> tuple[list[bytes], list[int]]:
    """Return shares and indices with each piece at its own place, as the library wants them."""
    places: list[tuple[int, bytes] | None] = [None] * count
    coded = []
    for index, share in chosen:
        if index < count:
            places[index] = index, share
        else:
            coded.append((index, share))
    filled = [place if place is not None else coded.pop() for place in places]
    return [share for _, share in filled], [index for index, _ in filled]


# A matrix takes some milliseconds to make for a hundred pieces; most contents need one of a few sizes.
@lru_cache(maxsize=16)
def _encoder(count: int) -> zfec.Encoder:
    return zfec.Encoder(count, MAX_SHARES)


@lru_cache(maxsize=16)
def _decoder(count: int) -> zfec.Decoder:
    return zfec.Decoder(count, MAX_SHARES)
