"""Requests of one packet and their answers: what is encoded is decoded again, and everything else is refused."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.errors import FormatError, MisuseError
from loopixmix.requests.single import (
    ReplyStatus,
    Request,
    ServiceReply,
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
    reply_body_bytes,
    request_body_bytes,
)


@dataclass(frozen=True)
class Payload:
    payload_bytes: int = 2048


SIZE = Payload()
REQUEST_ID = bytes(range(16))


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
