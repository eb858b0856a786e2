"""The envelope of a mail: byte for byte, and refused where it is anything else."""

from __future__ import annotations

import json
import tracemalloc
import zlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap_plugin.mail.envelope import (
    MAX_MAIL_BYTES,
    MAX_TOKEN_BYTES,
    EnclosedMail,
    MailTooLongError,
    decode_envelope,
    encode_envelope,
    token_in_head,
)
from loopixmix.errors import FormatError, MisuseError
from tests.worlds.mails import PNG, SAMPLES, in_base64

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "mail-envelope.json").read_text())


def made(*fields: object) -> bytes:
    return msgspec.msgpack.encode(["mail", *fields])


@pytest.mark.parametrize("name", SAMPLES)
def test_a_mail_comes_back_byte_for_byte(name: str) -> None:
    assert decode_envelope(encode_envelope(SAMPLES[name])) == EnclosedMail(SAMPLES[name])


@given(st.binary(max_size=500))
def test_any_bytes_come_back(mail: bytes) -> None:
    assert decode_envelope(encode_envelope(mail)) == EnclosedMail(mail)


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda vector: vector["name"])
def test_the_known_envelopes_are_read(vector: dict[str, str]) -> None:
    expected = EnclosedMail(bytes.fromhex(vector["mail"]), vector["to"], bytes.fromhex(vector["token"]))
    assert decode_envelope(bytes.fromhex(vector["envelope"])) == expected


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda vector: vector["name"])
def test_the_known_bad_envelopes_are_refused(vector: dict[str, str]) -> None:
    with pytest.raises(FormatError, match=vector["error"]):
        decode_envelope(bytes.fromhex(vector["envelope"]))


def test_what_cannot_be_packed_is_kept_as_it_is() -> None:
    assert encode_envelope(b"a") == bytes.fromhex("97a46d61696c01a0c4000001c40161")


def test_base64_becomes_shorter() -> None:
    mail = in_base64(PNG * 1000 + bytes(range(256))).encode()
    assert len(encode_envelope(mail)) < 0.76 * len(mail)


def test_a_mail_that_is_too_long_is_refused() -> None:
    with pytest.raises(MailTooLongError, match="at most 37,748,736"):
        encode_envelope(bytes(MAX_MAIL_BYTES + 1))


def test_recipient_and_token_are_told_and_shown_nowhere() -> None:
    token = bytes(MAX_TOKEN_BYTES)
    enclosed = decode_envelope(encode_envelope(b"a", to="用户@example.org", token=token))
    assert enclosed == EnclosedMail(b"a", "用户@example.org", token)
    assert repr(enclosed) == "EnclosedMail()"


def test_a_wrong_recipient_or_token_is_not_written() -> None:
    with pytest.raises(MisuseError, match="no mail address"):
        encode_envelope(b"a", to="erin")
    with pytest.raises(MisuseError, match="at most 1,024"):
        encode_envelope(b"a", token=bytes(MAX_TOKEN_BYTES + 1))


def test_a_bomb_is_unpacked_as_far_as_its_claim_and_no_further() -> None:
    bomb = zlib.compress(bytes(20_000_000), 9)
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match="length"):
            decode_envelope(made(1, "", b"", 1, 1000, bomb))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    with pytest.raises(FormatError, match="at most"):
        decode_envelope(made(1, "", b"", 1, MAX_MAIL_BYTES + 1, bomb))


def test_every_shorter_and_longer_one_is_refused() -> None:
    envelope = encode_envelope(SAMPLES["plain"], to="erin@example.org", token=b"token")
    for length in range(len(envelope)):
        with pytest.raises(FormatError):
            decode_envelope(envelope[:length])
    with pytest.raises(FormatError):
        decode_envelope(envelope + b"\0")


@pytest.mark.parametrize("to", ["", "a@b.example", f"{'a' * 60}@b.example"])
@pytest.mark.parametrize("length", [1, 255, 256, 1024])
def test_the_token_is_known_from_the_beginning_of_an_envelope(to: str, length: int) -> None:
    token = bytes([7] * length)
    whole = encode_envelope(b"x" * 5000, to=to, token=token)
    end = whole.index(token) + length
    assert token_in_head(whole) == token_in_head(whole[:end]) == token
    for beginning in (whole[: end - 1], b"", whole[:1], b"x" + whole[1:], b"\x97\xa4mail\x01\xc0"):
        assert token_in_head(beginning) == b""
