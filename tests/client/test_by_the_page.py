"""The client and the second implementation, written from docs/protocol/message.md, read each other's messages."""

from __future__ import annotations

import random

import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from client.core.content import (
    AnonymousMessage,
    Receipt,
    ReplyBlock,
    Sender,
    SignedMessage,
    decode_content,
    encode_anonymous,
    encode_signed,
)
from client.core.fragments import MAX_STREAM_BYTES, FragmentKey, FragmentSizes, open_head, seal_fragments
from client.core.replies import ReplyMessage, join_reply, open_reply_fragment, seal_reply, split_reply
from client.core.sealing import HpkeSealer, message_info
from loopixmix.cards import CARD_BYTES, SealingKey, decode_card, encode_card, fingerprint, make_card
from loopixmix.keys import IdentityKey
from tests.worlds.packets import message_by_the_page as page

RNG = random.Random(77)
SEED, SEALING_SEED = RNG.randbytes(32), RNG.randbytes(96)
OURS, THEIRS = IdentityKey(SEED), Ed25519PrivateKey.from_private_bytes(SEED)
SEALING, PAIR = SealingKey(SEALING_SEED), page.SealingPair(SEALING_SEED)
SEALER = HpkeSealer(SEALING)
RECIPIENT, PROVIDER, ID = b"r" * 32, b"p" * 32, bytes(range(16))
SENDER = Sender(OURS.public, "alice", PROVIDER)
SIZES = FragmentSizes(2048)


def test_cards_and_fingerprints() -> None:
    theirs = page.make_card(THEIRS, name="alice", provider=PROVIDER, sealing_key=PAIR.public, day=20_000)
    ours = make_card(OURS, name="alice", provider=PROVIDER, sealing_key=SEALING.public, now_s=20_000 * 86_400 + 5)
    assert theirs == encode_card(ours)
    assert len(theirs) == CARD_BYTES == 1414
    assert decode_card(theirs) == ours
    assert page.fingerprint(OURS.public) == fingerprint(OURS.public)


def test_sealing() -> None:
    assert PAIR.public == SEALING.public
    assert SEALER.open(message_info(RECIPIENT), page.seal(PAIR.public, RECIPIENT, b"to us")) == b"to us"
    assert page.unseal(PAIR, RECIPIENT, SEALER.seal(SEALING.public, message_info(RECIPIENT), b"to them")) == b"to them"
    with pytest.raises(InvalidTag):
        page.unseal(PAIR, b"x" * 32, SEALER.seal(SEALING.public, message_info(RECIPIENT), b"to them"))


@pytest.mark.parametrize("length", [0, 1, 875, 876, 2891, 2892, 30_000])
def test_fragments(length: int) -> None:
    stream = random.Random(length).randbytes(length)
    theirs = page.cut(stream, message_key=b"k" * 32, public=PAIR.public, recipient=RECIPIENT)
    ours = list(
        seal_fragments(
            stream,
            recipient=RECIPIENT,
            recipient_key=SEALING.public,
            message_key=b"k" * 32,
            sealer=SEALER,
            sizes=SIZES,
        )
    )
    assert ours[1:] == theirs[1:]
    assert len(ours[0]) == len(theirs[0]) == 2048
    assert page.put_together([ours[0], *reversed(ours[1:])], PAIR, RECIPIENT) == stream
    head = open_head(theirs[0], recipient=RECIPIENT, sealer=SEALER, sizes=SIZES)
    key = FragmentKey(head.message_key)
    pieces = [key.open(index, fragment, head.total_bytes, SIZES) for index, fragment in enumerate(theirs[1:], 1)]
    assert head.data + b"".join(pieces) == stream


def test_signed_contents() -> None:
    message = SignedMessage(ID, "mail", b"hello", SENDER)
    theirs = page.signed_contents(
        THEIRS, recipient=RECIPIENT, message_id=ID, kind="mail", body=b"hello", name="alice", provider=PROVIDER
    )
    ours = encode_signed(message, OURS, recipient=RECIPIENT)
    assert theirs == ours
    assert decode_content(theirs, recipient=RECIPIENT) == message
    assert page.read_contents(ours, RECIPIENT)[:3] == [ID, "mail", b"hello"]
    with pytest.raises(InvalidSignature):
        page.read_contents(ours, b"x" * 32)


def test_receipts() -> None:
    message = Receipt(ID, b"m" * 16, SENDER)
    theirs = page.receipt(
        THEIRS, recipient=RECIPIENT, message_id=ID, received=b"m" * 16, name="alice", provider=PROVIDER
    )
    assert theirs == encode_signed(message, OURS, recipient=RECIPIENT)
    assert page.read_contents(theirs, RECIPIENT)[1] == b"m" * 16


def test_anonymous_contents() -> None:
    blocks = ((7, b"block" * 74), (8, b"other" * 74))
    message = AnonymousMessage(ID, "quiz", b"who?", b"k" * 32, tuple(ReplyBlock(*block) for block in blocks))
    theirs = page.anonymous_contents(message_id=ID, kind="quiz", body=b"who?", reply_key=b"k" * 32, blocks=blocks)
    assert theirs == encode_anonymous(message)
    assert decode_content(theirs, recipient=RECIPIENT) == message


@pytest.mark.parametrize("length", [0, 100, 2004, 6000])
def test_answers(length: int) -> None:
    body = random.Random(length).randbytes(length)
    theirs = page.make_answer("text", body, message_id=ID, sequence=3, reply_key=b"k" * 32, first=2)
    fragments = split_reply(ReplyMessage("text", body), message_id=ID, sequence=3, payload_bytes=2048)
    ours = {
        2 + fragment.index: seal_reply(fragment, reply_key=b"k" * 32, number=2 + fragment.index, payload_bytes=2048)
        for fragment in fragments
    }
    assert theirs == ours
    assert page.read_answer(ours, b"k" * 32) == ("text", body)
    opened = [open_reply_fragment(payload, reply_key=b"k" * 32, number=number) for number, payload in theirs.items()]
    assert join_reply([fragment.data for fragment in opened]).body == body


def test_the_figures_on_the_page() -> None:
    assert MAX_STREAM_BYTES == 10_551_296
    assert SIZES.head_data_bytes == 2048 - 1173
    assert SIZES.body_data_bytes == 2048 - 32
