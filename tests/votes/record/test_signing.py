from __future__ import annotations

import random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from loopixmix.errors import FormatError, MisuseError, SignatureError
from votes.record.signing import PartyKey, SigningPurpose, check_identity, verify_signature

KEY = PartyKey.generate(random.Random(1))
LOW_ORDER = (
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
)
"""From "Taming the many EdDSAs" (Chalkias, Garillot, Nikolaenko 2020), table 1."""
NOT_CANONICAL = (
    "0100000000000000000000000000000000000000000000000000000000000080",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
)
ORDER = 2**252 + 27742317777372353535851937790883648493


def test_what_was_signed_verifies_for_its_purpose_and_message_only() -> None:
    signature = KEY.sign(SigningPurpose.HEAD, b"message")
    verify_signature(KEY.identity, signature, SigningPurpose.HEAD, b"message")
    other = PartyKey.generate(random.Random(2)).identity
    for identity, purpose, message in (
        (other, SigningPurpose.HEAD, b"message"),
        (KEY.identity, SigningPurpose.MIX, b"message"),
        (KEY.identity, SigningPurpose.HEAD, b"massage"),
    ):
        with pytest.raises(SignatureError):
            verify_signature(identity, signature, purpose, message)


def test_the_signed_bytes_are_those_of_the_page() -> None:
    another = Ed25519PrivateKey.from_private_bytes(KEY.seed)
    assert KEY.sign(SigningPurpose.RECORD, b"{}") == another.sign(b"loopixmix-votes-1/record\x00{}")


@pytest.mark.parametrize("identity", [*LOW_ORDER, *NOT_CANONICAL])
def test_keys_of_low_order_and_other_spellings_are_refused(identity: str) -> None:
    with pytest.raises(FormatError, match="canonical"):
        check_identity(bytes.fromhex(identity))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_keys_of_another_length_are_refused(length: int) -> None:
    with pytest.raises(FormatError, match="32 bytes"):
        check_identity(KEY.identity[:31] + bytes(max(0, length - 31)) if length > 30 else b"")


def test_a_signature_whose_scalar_is_not_canonical_is_refused() -> None:
    signature = KEY.sign(SigningPurpose.HEAD, b"message")
    scalar = int.from_bytes(signature[32:], "little") + ORDER
    with pytest.raises(SignatureError):
        verify_signature(KEY.identity, signature[:32] + scalar.to_bytes(32, "little"), SigningPurpose.HEAD, b"message")
    for wrong in (signature[:63], signature + b"\0", b""):
        with pytest.raises(SignatureError):
            verify_signature(KEY.identity, wrong, SigningPurpose.HEAD, b"message")


def test_the_private_seed_is_not_shown() -> None:
    assert KEY.seed.hex() not in repr(KEY)
    with pytest.raises(MisuseError, match="32 bytes"):
        PartyKey(bytes(31))
