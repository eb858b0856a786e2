"""The parts of a request, version 2: each is one packet, with a share of the content and with reply blocks.

    version u8 = 2 | flags u8 | request id 16 | digest 16 | last epoch u64 | content length u32 | share length u16
    | coding u8 | again u16 | blocks end u8 | index u8 | block count u8 | share | reply blocks

All but `flags`, `coding`, `again`, `blocks end`, `index` and `block count` is the same in all parts of a request: its
`RequestHead`. The content is `repetition key 16 | body`. Specification: docs/protocol/mailbox.md, section 6.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Protocol

import msgspec

from loopixmix.errors import FormatError, MisuseError
from loopixmix.requests.coding import MAX_SHARES, fitting_share_bytes, piece_count

PART_VERSION = 2
REQUEST_ID_BYTES = 16
DIGEST_BYTES = 16
REPETITION_KEY_BYTES = 16
MAX_BODY_BYTES = 256 * 1024
"""The longest body of a request, and of an answer."""
MAX_CONTENT_BYTES = REPETITION_KEY_BYTES + MAX_BODY_BYTES
NO_SHARE = MAX_SHARES
"""The index of a part that brings reply blocks only."""
EPOCHS_AHEAD = 2
"""The last epoch of a request is at most the one after the next."""

_HEAD = struct.Struct(f">BB{REQUEST_ID_BYTES}s{DIGEST_BYTES}sQIHBHBBB")
_REPORT = 1
_CONTENT_DOMAIN = b"loopixmix/request/content/v2:"
_KEPT_DOMAIN = b"loopixmix/request/kept/v2:"
_SEAL_DOMAIN = b"loopixmix/request/seal/v2:"


class PartSize(Protocol):
    """The part of a packet's geometry that these formats need."""

    @property
    def payload_bytes(self) -> int:
        """The longest payload of one packet."""

    @property
    def surb_bytes(self) -> int:
        """The length of a reply block."""


class RequestHead(msgspec.Struct, frozen=True, gc=False):
    """What all parts of one request say alike.

    `last_epoch`: the last one in which the request may be executed. `share_bytes`: the length of each share.
    """

    request_id: bytes
    digest: bytes
    last_epoch: int
    content_bytes: int
    share_bytes: int

    @property
    def pieces(self) -> int:
        """How many shares give the content back."""
        return piece_count(self.content_bytes, self.share_bytes)

    def kept_name(self, service: bytes) -> bytes:
        """Return the name under which a provider keeps the answer of `service`, 32 bytes that look random."""
        return hashlib.sha256(_KEPT_DOMAIN + service + self.request_id + self.digest).digest()

    def seal_key(self, service: bytes) -> bytes:
        """Return the key, 32 bytes, that seals the kept answer; what it is made of is kept nowhere."""
        return hashlib.sha256(_SEAL_DOMAIN + service + self.request_id + self.digest).digest()


class RequestPart(msgspec.Struct, frozen=True, gc=False):
    """One part of a request.

    `index`, `share`: which share of the content it brings; `NO_SHARE` and nothing if none. `blocks`: further reply
    blocks, encoded, beside the one that every packet has. `blocks_end`: the last epoch in which its reply blocks work,
    counted back from the request's last epoch. `coding`, `again`: how many shares of the answer the sender wants, see
    `wanted_shares`. `report`: if shares are missing after this part, the provider tells which.
    """

    head: RequestHead
    index: int
    share: bytes
    blocks: tuple[bytes, ...] = ()
    blocks_end: int = 0
    coding: int = 0
    again: int = 0
    report: bool = False

    @property
    def blocks_epoch(self) -> int:
        """The last epoch in which the reply blocks of this part work."""
        return self.head.last_epoch - self.blocks_end


def request_content(repetition_key: bytes, body: bytes) -> bytes:
    """Return the content of a request; raise `MisuseError` if the body is over `MAX_BODY_BYTES`.

    `repetition_key`: the same in all requests that are attempts at one thing, see `Service`.
    """
    if len(repetition_key) != REPETITION_KEY_BYTES:
        raise MisuseError(f"a repetition key has {REPETITION_KEY_BYTES} bytes, not {len(repetition_key)}")
    if len(body) > MAX_BODY_BYTES:
        raise MisuseError(f"a request has at most {MAX_BODY_BYTES} bytes, not {len(body)}")
    return repetition_key + body


def split_content(content: bytes) -> tuple[bytes, bytes]:
    """Return repetition key and body of a content that `check_content` has passed."""
    return content[:REPETITION_KEY_BYTES], content[REPETITION_KEY_BYTES:]


def request_head(request_id: bytes, content: bytes, *, last_epoch: int, size: PartSize) -> RequestHead:
    """Return the head of a request with this content, its shares as few and as equal as can be."""
    if len(request_id) != REQUEST_ID_BYTES:
        raise MisuseError(f"a request id has {REQUEST_ID_BYTES} bytes, not {len(request_id)}")
    share_bytes = fitting_share_bytes(len(content), part_room_bytes(size))
    return RequestHead(request_id, _digest(request_id, content), last_epoch, len(content), share_bytes)


def check_content(head: RequestHead, content: bytes) -> None:
    """Raise `FormatError` if these are not the bytes that the head promises: shares of two requests were mixed."""
    if _digest(head.request_id, content) != head.digest:
        raise FormatError("the shares of a request are not those of one content")


def part_room_bytes(size: PartSize) -> int:
    """Return how much of a payload is left for share and reply blocks."""
    return size.payload_bytes - _HEAD.size


def blocks_beside(share_bytes: int, size: PartSize) -> int:
    """Return how many further reply blocks fit beside a share of that length."""
    return max(0, part_room_bytes(size) - share_bytes) // size.surb_bytes


def encode_part(part: RequestPart, size: PartSize) -> bytes:
    """Encode a part; raise `MisuseError` if it is too long or contradicts itself."""
    head = part.head
    if len(part.share) != (0 if part.index == NO_SHARE else head.share_bytes) or not 0 <= part.index <= NO_SHARE:
        raise MisuseError("a part has a share of the stated length, or none")
    if len(part.share) + len(part.blocks) * size.surb_bytes > part_room_bytes(size):
        raise MisuseError(f"a part has room for {part_room_bytes(size)} bytes of share and reply blocks")
    if any(len(block) != size.surb_bytes for block in part.blocks):
        raise MisuseError(f"a reply block has {size.surb_bytes} bytes")
    packed = _HEAD.pack(
        PART_VERSION,
        _REPORT if part.report else 0,
        head.request_id,
        head.digest,
        head.last_epoch,
        head.content_bytes,
        head.share_bytes,
        part.coding,
        part.again,
        part.blocks_end,
        part.index,
        len(part.blocks),
    )
    return packed + part.share + b"".join(part.blocks)


def decode_part(payload: bytes, size: PartSize) -> RequestPart:
    """Decode a part; raise `FormatError` if it is none."""
    if len(payload) < _HEAD.size:
        raise FormatError("a part is shorter than its head")
    version, flags, request_id, digest, last_epoch, content_bytes, share_bytes, *rest = _HEAD.unpack_from(payload)
    coding, again, blocks_end, index, block_count = rest
    if version != PART_VERSION:
        raise FormatError(f"unknown version {version} of a part")
    if flags & ~_REPORT:
        raise FormatError(f"unknown flags {flags} of a part")
    head = RequestHead(request_id, digest, last_epoch, content_bytes, share_bytes)
    _check_lengths(head, size)
    if blocks_end > last_epoch:
        raise FormatError("the reply blocks of a part end before the first epoch")
    share_end = _HEAD.size + (0 if index == NO_SHARE else share_bytes)
    if len(payload) != share_end + block_count * size.surb_bytes:
        raise FormatError("the length of a part is not the one that its head says")
    blocks = tuple(
        payload[start : start + size.surb_bytes] for start in range(share_end, len(payload), size.surb_bytes)
    )
    return RequestPart(
        head, index, payload[_HEAD.size : share_end], blocks, blocks_end, coding, again, bool(flags & _REPORT)
    )


def _check_lengths(head: RequestHead, size: PartSize) -> None:
    if not REPETITION_KEY_BYTES <= head.content_bytes <= MAX_CONTENT_BYTES:
        raise FormatError(f"a request of {head.content_bytes} bytes is too long or too short")
    room_bytes = part_room_bytes(size)
    # One length only for each content: with others a peer could make many small shares, which cost more to join.
    fits = head.content_bytes <= MAX_SHARES * room_bytes
    if not fits or head.share_bytes != fitting_share_bytes(head.content_bytes, room_bytes):
        raise FormatError(f"a request of {head.content_bytes} bytes has no shares of {head.share_bytes} bytes")


def _digest(request_id: bytes, content: bytes) -> bytes:
    return hashlib.sha256(_CONTENT_DOMAIN + request_id + content).digest()[:DIGEST_BYTES]
