from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.cards import (
    CARD_BYTES,
    DAY_S,
    SEALING_KEY_BYTES,
    Card,
    SealingKey,
    decode_card,
    decode_sealing_key,
    encode_card,
    fingerprint,
    make_card,
    split_address,
)
from loopixmix.errors import FormatError, MisuseError, SignatureError
from loopixmix.keys import IdentityKey

RNG = random.Random(7)
IDENTITY = IdentityKey.generate(RNG)
SEALING = SealingKey.generate(RNG)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789._-", min_size=1, max_size=64)


def card(name: str = "alice", now_s: float = 1.7e9) -> Card:
    return make_card(IDENTITY, name=name, provider=bytes(range(32)), sealing_key=SEALING.public, now_s=now_s)


@given(NAMES, st.integers(0, 2**40))
def test_a_card_comes_back_as_it_was_made(name: str, now_s: int) -> None:
    made = card(name, now_s)
    encoded = encode_card(made)
    assert len(encoded) == CARD_BYTES
    assert decode_card(encoded) == made
    assert made.made_at_s % DAY_S == 0


def test_a_card_tells_only_the_day() -> None:
    assert encode_card(card(now_s=5 * DAY_S + 1)) == encode_card(card(now_s=5 * DAY_S + 80_000.5))
    with pytest.raises(FormatError, match="day"):
        encode_card(msgspec.structs.replace(card(), made_at_s=3))


@pytest.mark.parametrize("name", ["", "a" * 65, "Alice", "a b", "é"])
def test_a_name_of_the_wrong_form_is_refused(name: str) -> None:
    with pytest.raises(FormatError, match="name"):
        card(name)


def test_every_changed_byte_is_refused() -> None:
    encoded = encode_card(card())
    for position in range(0, CARD_BYTES):
        changed = bytearray(encoded)
        changed[position] ^= 1
        with pytest.raises((FormatError, SignatureError)):
            decode_card(bytes(changed))


@pytest.mark.parametrize("length", [0, CARD_BYTES - 1, CARD_BYTES + 1])
def test_another_length_is_refused(length: int) -> None:
    with pytest.raises(FormatError, match="bytes"):
        decode_card((encode_card(card()) + b"x")[:length])


@pytest.mark.parametrize("field", ["provider", "identity", "sealing_key", "signature"])
def test_a_field_of_another_length_is_not_encoded(field: str) -> None:
    with pytest.raises(FormatError, match="wrong length"):
        encode_card(msgspec.structs.replace(card(), **{field: b"short"}))


def test_a_signed_card_with_an_invalid_sealing_key_is_refused() -> None:
    bad = make_card(IDENTITY, name="eve", provider=bytes(32), sealing_key=b"\xff" * SEALING_KEY_BYTES, now_s=0)
    with pytest.raises(FormatError, match="sealing key"):
        decode_card(encode_card(bad))


@pytest.mark.parametrize(
    "public",
    [b"", SEALING.public[:-1], SEALING.public[:-32] + bytes(32), b"\xff" * 1184 + SEALING.public[-32:]],
    ids=["empty", "short", "low order point", "coefficients out of range"],
)
def test_an_invalid_sealing_key_is_refused(public: bytes) -> None:
    with pytest.raises(FormatError, match="sealing key"):
        decode_sealing_key(public)


def test_one_seed_gives_the_same_sealing_key() -> None:
    assert SealingKey(SEALING.seed).public == SEALING.public
    assert len(SEALING.public) == SEALING_KEY_BYTES
    assert SEALING.seed.hex() not in repr(SEALING)
    with pytest.raises(MisuseError, match="96"):
        SealingKey(b"short")


def test_a_fingerprint_is_fit_to_be_read_out() -> None:
    assert fingerprint(IDENTITY.public) == fingerprint(IDENTITY.public)
    assert len(fingerprint(IDENTITY.public)) == 39
    assert fingerprint(IDENTITY.public) != fingerprint(bytes(32))


def test_an_address_is_split() -> None:
    assert split_address("bob@north") == ("bob", "north")


@pytest.mark.parametrize("address", ["bob", "@north", "bob@", "bob@a@b", "Bob@north", "bob@no rth", ""])
def test_another_form_of_address_is_refused(address: str) -> None:
    with pytest.raises(FormatError):
        split_address(address)
