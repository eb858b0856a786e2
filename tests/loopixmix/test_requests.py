"""Requests and answers: what is encoded is decoded again, and everything else is refused."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.errors import FormatError, MisuseError, SignatureError
from loopixmix.keys import IdentityKey
from loopixmix.requests import (
    MAX_VERSION,
    LookUp,
    Publish,
    ReplyStatus,
    Request,
    ServiceReply,
    check_name,
    decode_keys_request,
    decode_reply,
    decode_request,
    encode_keys_request,
    encode_reply,
    encode_request,
    reply_body_bytes,
    request_body_bytes,
    sign_publish,
    verify_publish,
)


@dataclass(frozen=True)
class Payload:
    payload_bytes: int = 2048


SIZE = Payload()
REQUEST_ID = bytes(range(16))
names = st.text("abcdefghijklmnopqrstuvwxyz0123456789._-", min_size=1, max_size=64)


@given(st.binary(min_size=16, max_size=16), st.binary(max_size=2031))
def test_a_request_is_read_back(request_id: bytes, body: bytes) -> None:
    assert decode_request(encode_request(request_id, body, SIZE)) == Request(request_id, body)


@given(st.binary(max_size=2047))
def test_an_answer_is_read_back(body: bytes) -> None:
    assert decode_reply(encode_reply(ReplyStatus.OK, body, SIZE)) == ServiceReply(ReplyStatus.OK, body)


def test_a_failure_is_read_back() -> None:
    assert decode_reply(encode_reply(ReplyStatus.FAILED, b"", SIZE)) == ServiceReply(ReplyStatus.FAILED, b"")


def test_the_longest_bodies_fill_the_payload_exactly() -> None:
    assert len(encode_request(REQUEST_ID, bytes(request_body_bytes(SIZE)), SIZE)) == SIZE.payload_bytes
    assert len(encode_reply(ReplyStatus.OK, bytes(reply_body_bytes(SIZE)), SIZE)) == SIZE.payload_bytes


def test_what_does_not_fit_is_refused_before_it_is_sent() -> None:
    with pytest.raises(MisuseError, match="at most 2031"):
        encode_request(REQUEST_ID, bytes(2032), SIZE)
    with pytest.raises(MisuseError, match="16 bytes"):
        encode_request(REQUEST_ID[:-1], b"", SIZE)
    with pytest.raises(MisuseError, match="at most 2047"):
        encode_reply(ReplyStatus.OK, bytes(2048), SIZE)
    with pytest.raises(MisuseError, match="nothing more"):
        encode_reply(ReplyStatus.FAILED, b"why", SIZE)


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        (b"", "shorter"),
        (b"\x01" + REQUEST_ID[:-1], "shorter"),
        (b"\x00" + REQUEST_ID, "version 0"),
        (b"\x02" + REQUEST_ID, "version 2"),
    ],
)
def test_other_bytes_are_no_request(payload: bytes, complaint: str) -> None:
    with pytest.raises(FormatError, match=complaint):
        decode_request(payload)


@pytest.mark.parametrize(("payload", "complaint"), [(b"", "empty"), (b"\x02", "status 2"), (b"\x01x", "nothing more")])
def test_other_bytes_are_no_answer(payload: bytes, complaint: str) -> None:
    with pytest.raises(FormatError, match=complaint):
        decode_reply(payload)


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
