from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.errors import FormatError
from loopixmix.tokens import (
    BadTokenError,
    begin_token,
    decode_token,
    encode_token,
    finish_token,
    spent_hash,
    verify_token,
)
from loopixmix.tokens.blinding import BadSignatureError, blind
from tests.worlds.tokens import ENDS_S, new_token, signer_of, token_key

KEY = token_key()
NOW_S = 1_500_000.0
TOKEN = new_token(KEY, random.Random(1))


def test_a_token_counts_for_its_key_in_its_period() -> None:
    verify_token(TOKEN, KEY, NOW_S)
    assert decode_token(encode_token(TOKEN)) == TOKEN


def test_the_issuer_sees_nothing_of_the_token() -> None:
    pending = begin_token(KEY, random.Random(2))
    signature = signer_of().sign_many([pending.blinded])[0]
    token = finish_token(pending, signature)
    assert token.prefix not in pending.blinded
    assert token.signature not in (signature, pending.blinded)
    # Any token could come of any signing: there is a blind that leads from one to the other.
    power = pow(int.from_bytes(pending.blinded), -1, KEY.modulus) * pow(
        int.from_bytes(TOKEN.signature), 65537, KEY.modulus
    )
    inverse = pow(int.from_bytes(signature), -1, KEY.modulus) * int.from_bytes(TOKEN.signature) % KEY.modulus
    assert pow(inverse, 65537, KEY.modulus) == power % KEY.modulus


@pytest.mark.parametrize("now_s", [999_999.0, float(ENDS_S), 3e6])
def test_outside_of_its_period_a_token_does_not_count(now_s: float) -> None:
    with pytest.raises(BadTokenError):
        verify_token(TOKEN, KEY, now_s)


def test_a_token_counts_under_no_other_key() -> None:
    other = token_key(1)
    forged = msgspec.structs.replace(TOKEN, key_id=other.key_id)
    for token, key in ((TOKEN, other), (forged, other), (forged, KEY)):
        with pytest.raises(BadTokenError):
            verify_token(token, key, NOW_S)


@given(st.integers(0, len(encode_token(TOKEN)) - 1), st.integers(1, 255))
def test_a_token_that_was_changed_anywhere_does_not_count(place: int, change: int) -> None:
    data = bytearray(encode_token(TOKEN))
    data[place] ^= change
    with pytest.raises((BadTokenError, FormatError)):
        verify_token(decode_token(bytes(data)), KEY, NOW_S)


@given(st.binary(max_size=600))
def test_other_bytes_are_no_token(data: bytes) -> None:
    with pytest.raises((BadTokenError, FormatError)):
        verify_token(decode_token(data), KEY, NOW_S)


@pytest.mark.parametrize("length", [0, 1, 64, 65, 320, 322, 448, 450, 578])
def test_a_token_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(FormatError):
        decode_token(b"\1" * length)


def test_the_same_message_signed_twice_is_one_token() -> None:
    # A client can ask for a second signature of its message under another salt.
    prepared = TOKEN.prefix + b"loopixmix/token/v1" + KEY.key_id
    blinded, inverse = blind(KEY.public, prepared, salt=b"s" * 48, blinding=7)
    number = int.from_bytes(signer_of().sign_many([blinded])[0]) * int.from_bytes(inverse) % KEY.modulus
    again = msgspec.structs.replace(TOKEN, signature=number.to_bytes(256))
    verify_token(again, KEY, NOW_S)
    assert again != TOKEN
    assert spent_hash(again) == spent_hash(TOKEN)
    assert spent_hash(new_token(KEY, random.Random(3))) != spent_hash(TOKEN)


def test_a_signature_of_another_key_does_not_finish_a_token() -> None:
    pending = begin_token(KEY, random.Random(4))
    with pytest.raises(BadSignatureError):
        finish_token(pending, signer_of(1).sign_many([b"\0" + pending.blinded[1:]])[0])


def test_secrets_do_not_show() -> None:
    pending = begin_token(KEY, random.Random(5))
    for secret in (TOKEN.prefix, TOKEN.signature, pending.inverse, pending.prefix):
        assert secret.hex() not in repr((TOKEN, pending))
        assert repr(secret) not in repr((TOKEN, pending))
