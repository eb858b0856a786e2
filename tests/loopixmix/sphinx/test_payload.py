"""Bodies: what is sealed comes back, and everything else has its reason."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sphinxmix.SphinxClient import pad_body

from loopixmix.drops import DropReason
from loopixmix.errors import FormatError, MisuseError
from loopixmix.sphinx import PacketError, Payload, Surb, SurbKeys, decode_surb, open_payload
from loopixmix.sphinx.payload import decode_content, encode_content, open_body, pad, seal_body
from tests.worlds.packets.sphinx_paths import FIRST_HOP, GEOMETRY, sphinx_of

KEY = b"a payload key 16"
SURB = Surb(FIRST_HOP, bytes(range(256)) + bytes(GEOMETRY.header_bytes - 256), b"a reply key 16 b")


@given(st.binary(max_size=GEOMETRY.payload_bytes), st.booleans())
def test_what_is_sealed_is_opened(payload: bytes, with_surb: bool) -> None:
    surb = SURB if with_surb else None
    body = seal_body(KEY, encode_content(payload, surb, GEOMETRY), GEOMETRY)

    assert len(body) == GEOMETRY.body_bytes
    assert open_payload(KEY, body, sphinx=sphinx_of()) == Payload(surb, payload)


@pytest.mark.parametrize(
    "payload",
    [b"", b"\x7f", b"\xff", b"\x7f\xff", b"\xff" * 2048, b"\x7f" * 2048, b"\x00" * 2048, b"ends in \x7f\xff\xff"],
)
@pytest.mark.parametrize("surb", [None, SURB])
def test_payloads_that_look_like_padding_come_back_whole(payload: bytes, surb: Surb | None) -> None:
    body = seal_body(KEY, encode_content(payload, surb, GEOMETRY), GEOMETRY)

    assert open_payload(KEY, body, sphinx=sphinx_of()) == Payload(surb, payload)


@pytest.mark.parametrize("size", [0, 1, 2048, GEOMETRY.content_bytes])
def test_padding_is_that_of_sphinxmix(size: int) -> None:
    assert pad(bytes(size), GEOMETRY) == pad_body(GEOMETRY.body_bytes - 16, bytes(size))


def test_every_changed_byte_of_a_body_is_a_tagged_payload() -> None:
    body = seal_body(KEY, encode_content(b"payload", None, GEOMETRY), GEOMETRY)

    for position in range(len(body)):
        changed = bytearray(body)
        changed[position] ^= 0x01
        assert _reason(KEY, bytes(changed)) is DropReason.TAGGED_PAYLOAD
    assert _reason(b"another key 16 b", body) is DropReason.TAGGED_PAYLOAD


def test_a_body_of_another_length_is_refused() -> None:
    body = seal_body(KEY, b"\x00payload", GEOMETRY)

    for wrong in (b"", body[:16], body[:-1], body + b"\xff"):
        assert _reason(KEY, wrong) is DropReason.WRONG_LENGTH


@pytest.mark.parametrize(
    "padded",
    [
        b"\xff" * 2420,
        b"\x00" * 2420,
        b"\x00payload".ljust(2420, b"\xff"),
        b"\x00payload\x7f".ljust(2419, b"\xff") + b"\xfe",
        b"\x00payload\x7f".ljust(2420, b"\x00"),
    ],
    ids=["only padding", "zeros", "no mark", "last byte", "zero padding"],
)
def test_wrong_padding_under_a_right_mac_is_a_bad_payload(padded: bytes) -> None:
    assert _reason(KEY, _sealed_as_is(padded)) is DropReason.BAD_PAYLOAD


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x02payload",
        b"\xffpayload",
        b"\x01",
        b"\x01" + bytes(GEOMETRY.surb_bytes - 1),
        b"\x00" + bytes(GEOMETRY.payload_bytes + 1),
        b"\x00" + bytes(GEOMETRY.content_bytes - 1),
    ],
    ids=["empty", "flag 2", "flag 255", "no surb", "short surb", "long payload", "payload in the surb's place"],
)
def test_a_content_that_no_sender_makes_is_a_bad_payload(content: bytes) -> None:
    assert _reason(KEY, seal_body(KEY, content, GEOMETRY)) is DropReason.BAD_PAYLOAD


def test_the_largest_content_fills_the_body_exactly() -> None:
    content = encode_content(bytes(GEOMETRY.payload_bytes), SURB, GEOMETRY)

    assert len(content) == GEOMETRY.content_bytes
    assert pad(content, GEOMETRY) == content + b"\x7f"
    assert decode_content(content, GEOMETRY) == Payload(SURB, bytes(GEOMETRY.payload_bytes))


def test_a_payload_or_reply_block_that_does_not_fit_is_refused() -> None:
    with pytest.raises(MisuseError, match=r"2048 bytes, not 2049"):
        encode_content(bytes(2049), None, GEOMETRY)
    with pytest.raises(MisuseError, match="another geometry"):
        encode_content(b"", Surb(FIRST_HOP, SURB.header + b"\x00", SURB.reply_key), GEOMETRY)


def test_reply_blocks_and_their_keys_have_one_encoding() -> None:
    encoded = SURB.encode()
    assert len(encoded) == GEOMETRY.surb_bytes
    assert decode_surb(encoded, GEOMETRY) == SURB
    for wrong in (b"", encoded[:-1], encoded + b"\x00"):
        with pytest.raises(FormatError):
            decode_surb(wrong, GEOMETRY)

    keys = SurbKeys(b"r" * 16, (b"1" * 16, b"2" * 16))
    assert SurbKeys.decode(keys.encode()) == keys
    for wrong in (b"", bytes(16), bytes(31), bytes(33), bytes(16 * 34)):
        with pytest.raises(FormatError):
            SurbKeys.decode(wrong)


@pytest.mark.parametrize(("first_hop", "reply_key"), [(bytes(31), bytes(16)), (bytes(33), bytes(16)), (bytes(32), b"")])
def test_a_reply_block_with_wrong_parts_cannot_be_made(first_hop: bytes, reply_key: bytes) -> None:
    with pytest.raises(MisuseError):
        Surb(first_hop, SURB.header, reply_key)


def _reason(key: bytes, body: bytes) -> DropReason:
    with pytest.raises(PacketError) as caught:
        open_payload(key, body, sphinx=sphinx_of())
    return caught.value.reason


def _sealed_as_is(padded: bytes) -> bytes:
    """A body whose MAC is right, whatever is under it."""
    return hmac.digest(KEY, padded, hashlib.sha256)[:16] + padded


def test_open_body_is_the_inverse_of_seal_body_for_any_content() -> None:
    for content in (b"", b"\x7f", b"\xff", bytes(GEOMETRY.content_bytes)):
        assert open_body(KEY, seal_body(KEY, content, GEOMETRY), GEOMETRY) == content
