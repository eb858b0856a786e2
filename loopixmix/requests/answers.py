"""The parts of an answer, version 2: each comes back by one reply block of the request.

    version u8 = 2 | status u8 | more, by the status:
        0 done      answer length u32 | sent u16 | held u16 | index u8 | share
        1 failed    -
        2 over      -
        3 missing   32 bytes: bit i of them, counted from the highest of the first byte, says that share i came

Shares of an answer are cut and coded like those of a request. Specification: docs/protocol/mailbox.md, section 6.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable
from typing import TypeAlias

import msgspec

from loopixmix.errors import FormatError, MisuseError
from loopixmix.requests.coding import MAX_SHARES, encode_shares, fitting_share_bytes, piece_count
from loopixmix.requests.parts import MAX_BODY_BYTES, PART_VERSION, PartSize

MAX_SENT = 2**16 - 1

_STATUS = struct.Struct(">BB")
_DONE_HEAD = struct.Struct(">BBIHHB")
_DONE, _FAILED, _OVER, _MISSING = range(4)
_BITMAP_BYTES = 32
_CODING_UNIT = 256


class AnswerShare(msgspec.Struct, frozen=True, gc=False):
    """A share of what the service answered.

    `answer_bytes`: the length of the whole answer. `sent`: how many shares have been sent until now, this one counted,
    at most `MAX_SENT`. `held`: reply blocks that the provider still has for this request.
    """

    answer_bytes: int
    sent: int
    held: int
    index: int
    share: bytes


class RequestFailed(msgspec.Struct, frozen=True):
    """The service could not carry out the request. All failures look alike."""


class RequestOver(msgspec.Struct, frozen=True):
    """The request is not one of this time: its last epoch has ended, or is too far ahead.

    Nothing is known of it here any more, so it may have been executed before.
    """


class SharesMissing(msgspec.Struct, frozen=True):
    """The request is not complete yet. `received`: the indices of the shares that came."""

    received: frozenset[int]


AnswerPart: TypeAlias = AnswerShare | RequestFailed | RequestOver | SharesMissing


def answer_room_bytes(size: PartSize) -> int:
    """Return how much of a payload is left for the share of an answer."""
    return size.payload_bytes - _DONE_HEAD.size


def answer_share_bytes(answer_bytes: int, size: PartSize) -> int:
    """Return the length of the shares of an answer of that length."""
    return fitting_share_bytes(answer_bytes, answer_room_bytes(size))


def answer_pieces(answer_bytes: int, size: PartSize) -> int:
    """Return how many shares give back an answer of that length."""
    return piece_count(answer_bytes, answer_room_bytes(size))


def answer_shares(answer: bytes, indices: Iterable[int], size: PartSize) -> list[bytes]:
    """Return the shares of `answer` with these indices."""
    return encode_shares(answer, answer_share_bytes(len(answer), size), indices)


def wanted_shares(pieces: int, coding: int, again: int) -> int:
    """Return how many shares of an answer are sent, if there are reply blocks for them.

    `pieces`: how many give it back. `coding`: this many 256ths of them are sent in addition, against loss. `again`:
    this many are sent because others were lost. Share number n has the index n modulo `MAX_SHARES`.
    """
    return pieces - (-pieces * coding // _CODING_UNIT) + again


def encode_answer(part: AnswerPart, size: PartSize) -> bytes:
    """Encode a part of an answer; raise `MisuseError` if it contradicts itself."""
    match part:
        case AnswerShare():
            return _encode_share(part, size)
        case RequestFailed():
            return _STATUS.pack(PART_VERSION, _FAILED)
        case RequestOver():
            return _STATUS.pack(PART_VERSION, _OVER)
        case SharesMissing(received):
            return _STATUS.pack(PART_VERSION, _MISSING) + _bitmap(received)


def decode_answer(payload: bytes, size: PartSize) -> AnswerPart:
    """Decode a part of an answer; raise `FormatError` if it is none."""
    if len(payload) < _STATUS.size:
        raise FormatError("an answer is shorter than its head")
    version, status = _STATUS.unpack_from(payload)
    if version != PART_VERSION:
        raise FormatError(f"unknown version {version} of an answer")
    match status:
        case 0:
            return _decode_share(payload, size)
        case 3 if len(payload) == _STATUS.size + _BITMAP_BYTES:
            return SharesMissing(_received(payload[_STATUS.size :]))
        case 1 | 2 if len(payload) == _STATUS.size:
            return RequestFailed() if status == _FAILED else RequestOver()
        case _:
            raise FormatError(f"an answer with status {status} has not this form")


def _encode_share(part: AnswerShare, size: PartSize) -> bytes:
    if not 0 <= part.answer_bytes <= MAX_BODY_BYTES or not 0 <= part.index < MAX_SHARES:
        raise MisuseError("an answer is too long, or has no share of that index")
    if len(part.share) != answer_share_bytes(part.answer_bytes, size):
        raise MisuseError("a share of an answer has not the length that its answer asks for")
    sent, held = min(part.sent, MAX_SENT), min(part.held, MAX_SENT)
    return _DONE_HEAD.pack(PART_VERSION, _DONE, part.answer_bytes, sent, held, part.index) + part.share


def _decode_share(payload: bytes, size: PartSize) -> AnswerShare:
    if len(payload) < _DONE_HEAD.size:
        raise FormatError("an answer is shorter than its head")
    _, _, answer_bytes, sent, held, index = _DONE_HEAD.unpack_from(payload)
    if answer_bytes > MAX_BODY_BYTES or index >= MAX_SHARES or sent < 1:
        raise FormatError("an answer is too long, or has no share of that index")
    share = payload[_DONE_HEAD.size :]
    if len(share) != answer_share_bytes(answer_bytes, size):
        raise FormatError("a share of an answer has not the length that its answer asks for")
    return AnswerShare(answer_bytes, sent, held, index, share)


def _bitmap(received: Collection[int]) -> bytes:
    if not all(0 <= index < MAX_SHARES for index in received):
        raise MisuseError(f"the index of a share is 0 to {MAX_SHARES - 1}")
    return sum(1 << (8 * _BITMAP_BYTES - 1 - index) for index in received).to_bytes(_BITMAP_BYTES)


def _received(bitmap: bytes) -> frozenset[int]:
    bits = int.from_bytes(bitmap)
    if bits & 1:
        raise FormatError(f"the index of a share is 0 to {MAX_SHARES - 1}")
    return frozenset(index for index in range(MAX_SHARES) if bits >> (8 * _BITMAP_BYTES - 1 - index) & 1)
