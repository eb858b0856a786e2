from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.core.content import (
    MAX_REPLY_BLOCKS,
    AnonymousMessage,
    Receipt,
    ReplyBlock,
    Sender,
    SignedMessage,
    decode_content,
    encode_anonymous,
    encode_signed,
)
from loopixmix.errors import FormatError, SignatureError
from loopixmix.keys import IdentityKey

ALICE = IdentityKey.generate(random.Random(1))
BOB_ID = b"b" * 32
SENDER = Sender(ALICE.public, "alice", b"p" * 32)
ID = bytes(range(16))
SIGNED = SignedMessage(ID, "mail", b"hello", SENDER)
RECEIPT = Receipt(ID, b"r" * 16, SENDER)
ANONYMOUS = AnonymousMessage(ID, "votes/ballot", b"hello", b"k" * 32, (ReplyBlock(7, b"surb"),))

KINDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789./_-", min_size=1, max_size=64)


@given(st.binary(min_size=16, max_size=16), KINDS, st.binary(max_size=3000))
def test_a_signed_message_comes_back(message_id: bytes, kind: str, body: bytes) -> None:
    message = SignedMessage(message_id, kind, body, SENDER)
    assert decode_content(encode_signed(message, ALICE, recipient=BOB_ID), recipient=BOB_ID) == message


@given(KINDS, st.binary(max_size=3000), st.lists(st.tuples(st.integers(0, 2**40), st.binary(max_size=400)), max_size=8))
def test_an_anonymous_message_comes_back(kind: str, body: bytes, blocks: list[tuple[int, bytes]]) -> None:
    message = AnonymousMessage(ID, kind, body, b"k" * 32, tuple(ReplyBlock(*block) for block in blocks))
    assert decode_content(encode_anonymous(message), recipient=BOB_ID) == message


def test_a_receipt_comes_back() -> None:
    assert decode_content(encode_signed(RECEIPT, ALICE, recipient=BOB_ID), recipient=BOB_ID) == RECEIPT


@pytest.mark.parametrize("message", [SIGNED, RECEIPT], ids=["message", "receipt"])
def test_a_message_for_one_is_none_for_another(message: SignedMessage | Receipt) -> None:
    with pytest.raises(SignatureError):
        decode_content(encode_signed(message, ALICE, recipient=BOB_ID), recipient=b"c" * 32)


def test_a_message_signed_by_another_key_is_refused() -> None:
    eve = IdentityKey.generate(random.Random(2))
    with pytest.raises(SignatureError):
        decode_content(encode_signed(SIGNED, eve, recipient=BOB_ID), recipient=BOB_ID)


@pytest.mark.parametrize("message", [SIGNED, RECEIPT], ids=["message", "receipt"])
def test_every_changed_byte_is_refused(message: SignedMessage | Receipt) -> None:
    encoded = encode_signed(message, ALICE, recipient=BOB_ID)
    for position in range(len(encoded)):
        changed = bytearray(encoded)
        changed[position] ^= 1
        with pytest.raises((FormatError, SignatureError)):
            decode_content(bytes(changed), recipient=BOB_ID)


def test_a_signature_for_a_message_is_none_for_a_receipt() -> None:
    encoded = encode_signed(RECEIPT, ALICE, recipient=BOB_ID)
    with pytest.raises((FormatError, SignatureError)):
        decode_content(b"\x01" + encoded[1:], recipient=BOB_ID)


def replaced(**changes: object) -> bytes:
    return b"\x02" + msgspec.msgpack.encode(msgspec.structs.replace(ANONYMOUS, **changes))


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        b"\x00",
        b"\x04rest",
        b"\x01",
        b"\x02",
        b"\x02" + msgspec.msgpack.encode({"kind": "mail"}),
        encode_anonymous(ANONYMOUS) + b"x",
        encode_anonymous(ANONYMOUS)[:-1],
        b"\x02" + msgspec.msgpack.encode([*msgspec.structs.astuple(ANONYMOUS), 1]),
        replaced(message_id=b"short"),
        replaced(kind="Mail"),
        replaced(kind=""),
        replaced(kind="a" * 65),
        replaced(kind="mail\n"),
        replaced(body="text"),
        replaced(body=bytes(10 * 1024 * 1024 + 1)),
        replaced(reply_key=b"short"),
        replaced(blocks=(ReplyBlock(-1, b"surb"),)),
        replaced(blocks=(ReplyBlock(2**62, b"surb"),)),
        replaced(blocks=(ReplyBlock(1, b"surb"),) * (MAX_REPLY_BLOCKS + 1)),
    ],
)
def test_what_is_no_message_is_refused(encoded: bytes) -> None:
    with pytest.raises(FormatError):
        decode_content(encoded, recipient=BOB_ID)


@pytest.mark.parametrize(
    "sender",
    [Sender(b"short", "alice", b"p" * 32), Sender(ALICE.public, "Alice", b"p" * 32), Sender(ALICE.public, "a", b"p")],
    ids=["identity", "name", "provider"],
)
def test_a_sender_of_the_wrong_form_is_refused(sender: Sender) -> None:
    with pytest.raises(FormatError):
        decode_content(encode_signed(SignedMessage(ID, "mail", b"", sender), ALICE, recipient=BOB_ID), recipient=BOB_ID)


def test_bodies_and_keys_are_not_shown() -> None:
    assert "hello" not in repr(SIGNED) + repr(ANONYMOUS)
    assert "kkkk" not in repr(ANONYMOUS)
    assert "surb" not in repr(ANONYMOUS.blocks)
