"""Bodies: what is sealed in a packet and how the last hop or the maker of a reply block checks it.

The layout is sphinxmix's: `MAC 16 | content | 0x7f | 0xff ...`, the MAC being HMAC-SHA-256 cut to 16 bytes.
"""

from __future__ import annotations

import hashlib
import hmac

from loopixmix.drops import DropReason
from loopixmix.errors import MisuseError
from loopixmix.sphinx.errors import PacketError
from loopixmix.sphinx.geometry import FLAG_BYTES, KEY_BYTES, Geometry
from loopixmix.sphinx.packet import Payload, Surb, decode_surb

_PADDING_MARK = b"\x7f"
_PADDING = b"\xff"
_WITHOUT_SURB = b"\x00"
_WITH_SURB = b"\x01"


def check_payload_size(payload: bytes, geometry: Geometry) -> None:
    """Raise `MisuseError` if `payload` does not fit a packet."""
    if len(payload) > geometry.payload_bytes:
        raise MisuseError(f"a packet carries {geometry.payload_bytes} bytes, not {len(payload)}")


def encode_content(payload: bytes, surb: Surb | None, geometry: Geometry) -> bytes:
    """Return the content of a forward packet: `0x00 | payload` or `0x01 | reply block | payload`."""
    check_payload_size(payload, geometry)
    if surb is None:
        return _WITHOUT_SURB + payload
    encoded = surb.encode()
    if len(encoded) != geometry.surb_bytes:
        raise MisuseError("the reply block was made for another geometry")
    return _WITH_SURB + encoded + payload


def decode_content(content: bytes, geometry: Geometry) -> Payload:
    """Return what `encode_content` put in; raise `PacketError` (`BAD_PAYLOAD`) if it could not have."""
    surb: Surb | None = None
    match content[:FLAG_BYTES]:
        case b"\x00":
            payload = content[FLAG_BYTES:]
        case b"\x01" if len(content) >= FLAG_BYTES + geometry.surb_bytes:
            surb = decode_surb(content[FLAG_BYTES : FLAG_BYTES + geometry.surb_bytes], geometry)
            payload = content[FLAG_BYTES + geometry.surb_bytes :]
        case _:
            raise PacketError(DropReason.BAD_PAYLOAD)
    if len(payload) > geometry.payload_bytes:
        raise PacketError(DropReason.BAD_PAYLOAD)
    return Payload(surb, payload)


def pad(content: bytes, geometry: Geometry) -> bytes:
    """Return `content` padded to what follows the MAC (sphinxmix `pad_body`)."""
    marked = content + _PADDING_MARK
    return marked + _PADDING * (geometry.body_bytes - KEY_BYTES - len(marked))


def unpad(padded: bytes) -> bytes:
    """Return the content that `pad` padded; raise `PacketError` (`BAD_PAYLOAD`) if it did not."""
    # The mark ends the run of 0xff, so that a content that itself ends in 0xff comes back whole.
    marked = padded.rstrip(_PADDING)
    if not marked.endswith(_PADDING_MARK):
        raise PacketError(DropReason.BAD_PAYLOAD)
    return marked[:-1]


def seal_body(key: bytes, content: bytes, geometry: Geometry) -> bytes:
    """Return the body that `open_body` checks: MAC and padded content."""
    padded = pad(content, geometry)
    return _mac(key, padded) + padded


def open_body(key: bytes, body: bytes, geometry: Geometry) -> bytes:
    """Return the content of a body from which every layer was taken.

    Raises `PacketError`: `WRONG_LENGTH`; `TAGGED_PAYLOAD` if the MAC is wrong, that is if somebody changed the
    body on its way; `BAD_PAYLOAD` if the padding is.
    """
    if len(body) != geometry.body_bytes:
        raise PacketError(DropReason.WRONG_LENGTH)
    mac, padded = body[:KEY_BYTES], body[KEY_BYTES:]
    # Before anything else is read: nothing of a body that was changed is believed, its padding neither.
    if not hmac.compare_digest(mac, _mac(key, padded)):
        raise PacketError(DropReason.TAGGED_PAYLOAD)
    return unpad(padded)


def _mac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, hashlib.sha256)[:KEY_BYTES]
