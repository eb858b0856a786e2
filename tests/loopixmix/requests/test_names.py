"""The requests of the `keys` service: what is encoded is decoded again, and everything else is refused."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.errors import FormatError, MisuseError, SignatureError
from loopixmix.keys import IdentityKey
from loopixmix.requests.names import (
    MAX_VERSION,
    LookUp,
    Publish,
    check_name,
    decode_keys_request,
    encode_keys_request,
    sign_publish,
    verify_publish,
)

names = st.text("abcdefghijklmnopqrstuvwxyz0123456789._-", min_size=1, max_size=64)


@given(names)
def test_a_look_up_is_read_back(name: str) -> None:
    assert decode_keys_request(encode_keys_request(LookUp(name))) == LookUp(name)


@given(names, st.integers(1, MAX_VERSION), st.binary(max_size=1500))
def test_a_publication_is_read_back_and_verifies(name: str, version: int, card: bytes) -> None:
    identity_key = IdentityKey(bytes(32))
    publish = decode_keys_request(encode_keys_request(sign_publish(identity_key, name, version, card)))
    assert isinstance(publish, Publish)
    verify_publish(publish, identity_key.public)
    assert (publish.name, publish.version, publish.card) == (name, version, card)


def test_a_publication_counts_for_its_own_name_version_card_and_key_only(rng: random.Random) -> None:
    identity_key, other = IdentityKey.generate(rng), IdentityKey.generate(rng)
    signed = sign_publish(identity_key, "alice", 7, b"card")
    forged = [
        Publish("alicf", 7, signed.signature, b"card"),
        Publish("alice", 8, signed.signature, b"card"),
        Publish("alice", 7, signed.signature, b"cord"),
        Publish("alice", 7, bytes(64), b"card"),
        Publish("alice", 7, signed.signature[:-1], b"card"),
    ]
    for publish in forged:
        with pytest.raises(SignatureError):
            verify_publish(publish, identity_key.public)
    with pytest.raises(SignatureError):
        verify_publish(signed, other.public)


@pytest.mark.parametrize("version", [0, -1, MAX_VERSION + 1])
def test_a_version_out_of_range_is_refused(version: int) -> None:
    with pytest.raises(MisuseError):
        sign_publish(IdentityKey(bytes(32)), "alice", version, b"")


@pytest.mark.parametrize("name", ["", "a" * 65, "Alice", "al ice", "älice", "a/b", "a\n"])
def test_a_name_of_another_form_is_refused(name: str) -> None:
    with pytest.raises(FormatError):
        check_name(name)
    with pytest.raises(FormatError):
        encode_keys_request(LookUp(name))


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "unknown request"),
        (b"\x00", "unknown request"),
        (b"\x03\x01a", "unknown request"),
        (b"\x01", "shorter"),
        (b"\x01\x02a", "shorter"),
        (b"\x01\x01ab", "bytes follow"),
        (b"\x01\x00", "characters"),
        (b"\x01\x01A", "characters"),
        (b"\x01\x02\xc3\xa4", "characters"),
        (b"\x02" + bytes(63), "shorter"),
        (b"\x02" + bytes(64) + b"\x01a" + bytes(7), "shorter"),
        (b"\x02" + bytes(64) + b"\x01a" + bytes(8), "version"),
        (b"\x02" + bytes(64) + b"\x01a" + b"\x80" + bytes(7), "version"),
    ],
)
def test_other_bytes_are_no_keys_request(body: bytes, complaint: str) -> None:
    with pytest.raises(FormatError, match=complaint):
        decode_keys_request(body)
