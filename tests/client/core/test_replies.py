from __future__ import annotations

import random

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

from client.core import replies
from client.core.replies import (
    ReplyFragment,
    ReplyMessage,
    join_reply,
    open_reply_fragment,
    reply_data_bytes,
    seal_reply,
    split_reply,
)
from client.core.sealing import NotForUsError
from loopixmix.errors import FormatError, MisuseError

KEY = b"k" * 32
ID = bytes(range(16))
PAYLOAD_BYTES = 2048


@given(st.integers(0, 9000))
def test_a_reply_comes_back(length: int) -> None:
    message = ReplyMessage("mail", random.Random(length).randbytes(length))
    fragments = split_reply(message, message_id=ID, sequence=3, payload_bytes=PAYLOAD_BYTES)
    parts = []
    for number, fragment in enumerate(fragments, 5):
        sealed = seal_reply(fragment, reply_key=KEY, number=number, payload_bytes=PAYLOAD_BYTES)
        assert len(sealed) == PAYLOAD_BYTES
        opened = open_reply_fragment(sealed, reply_key=KEY, number=number)
        assert opened == fragment
        assert (opened.sequence, opened.count) == (3, len(fragments))
        parts.append(opened.data)
    assert join_reply(parts) == message


def sealed_fragment() -> bytes:
    fragment = ReplyFragment(ID, 0, 0, 1, b"data")
    return seal_reply(fragment, reply_key=KEY, number=1, payload_bytes=PAYLOAD_BYTES)


@pytest.mark.parametrize(("reply_key", "number"), [(b"j" * 32, 1), (KEY, 2)])
def test_a_reply_by_another_block_is_refused(reply_key: bytes, number: int) -> None:
    with pytest.raises(NotForUsError):
        open_reply_fragment(sealed_fragment(), reply_key=reply_key, number=number)


def test_an_altered_or_cut_reply_is_refused() -> None:
    altered = bytearray(sealed_fragment())
    altered[100] ^= 1
    for wrong in (bytes(altered), sealed_fragment()[:-1], b""):
        with pytest.raises(NotForUsError):
            open_reply_fragment(wrong, reply_key=KEY, number=1)


def box(plaintext: bytes) -> bytes:
    import hmac

    key = hmac.digest(KEY, b"loopixmix/reply/v1" + (1).to_bytes(4), "sha256")
    return ChaCha20Poly1305(key).encrypt(bytes(12), plaintext, None)


def head(index: int, count: int, length: int) -> bytes:
    return ID + bytes(4) + index.to_bytes(2) + count.to_bytes(2) + length.to_bytes(4)


@pytest.mark.parametrize(
    "plaintext",
    [b"short", head(1, 1, 0), head(0, 0, 0), head(0, 1, 5) + b"data", head(0, 1, 2) + b"data"],
    ids=["short", "index", "count", "length", "padding"],
)
def test_a_head_that_contradicts_itself_is_refused(plaintext: bytes) -> None:
    with pytest.raises(FormatError):
        open_reply_fragment(box(plaintext), reply_key=KEY, number=1)


def test_too_much_for_a_block_is_not_sealed() -> None:
    room = reply_data_bytes(PAYLOAD_BYTES)
    with pytest.raises(MisuseError):
        seal_reply(ReplyFragment(ID, 0, 0, 1, bytes(room + 1)), reply_key=KEY, number=0, payload_bytes=PAYLOAD_BYTES)


@pytest.mark.parametrize("stream", [b"", b"junk", msgspec.msgpack.encode(["Mail", b""]), msgspec.msgpack.encode([1])])
def test_what_is_no_reply_is_refused(stream: bytes) -> None:
    with pytest.raises(FormatError):
        join_reply([stream])


def test_the_data_of_a_reply_is_not_shown() -> None:
    assert "marked" not in repr(replies.ReplyFragment(ID, 0, 0, 1, b"marked"))
