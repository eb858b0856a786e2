from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.errors import FormatError, MisuseError
from loopixmix.tokens.exchange import (
    MAX_BODY_BYTES,
    decode_issue_request,
    encode_issue_request,
    most_messages,
    split_messages,
)
from tests.worlds.tokens import token_key

KEY = token_key()
MESSAGES = [bytes([0, number]) * 128 for number in range(7)]


@given(st.binary(max_size=128), st.integers(1, 7))
def test_a_wish_for_tokens_comes_back_as_it_was_written(credential: bytes, count: int) -> None:
    body = encode_issue_request(KEY, credential, MESSAGES[:count])
    request = decode_issue_request(body)
    assert (request.key_id, request.credential) == (KEY.key_id, credential)
    assert split_messages(request.messages, KEY) == MESSAGES[:count]


def test_the_longest_wish_fits_into_one_packet() -> None:
    assert most_messages(KEY) == 7
    assert len(encode_issue_request(KEY, bytes(128), MESSAGES)) <= MAX_BODY_BYTES


@pytest.mark.parametrize(
    ("credential", "messages"),
    [(bytes(129), MESSAGES[:1]), (b"", []), (b"", [*MESSAGES, bytes(256)]), (b"", [bytes(255)])],
)
def test_a_wish_beyond_the_bounds_is_not_made(credential: bytes, messages: list[bytes]) -> None:
    with pytest.raises(MisuseError):
        encode_issue_request(KEY, credential, messages)


@pytest.mark.parametrize(
    "body", [b"", b"\1", b"\2" + bytes(33), b"\1" + bytes(32) + b"\1", b"\1" + bytes(32) + b"\x81" * 200]
)
def test_a_wish_that_is_not_whole_is_refused(body: bytes) -> None:
    with pytest.raises(FormatError):
        decode_issue_request(body)


@pytest.mark.parametrize(
    "data", [b"", bytes(255), bytes(257), b"\xff" * 256, bytes(512), b"".join(bytes([0, n]) * 128 for n in range(65))]
)
def test_messages_that_cannot_be_signed_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        split_messages(data, KEY)


def test_a_credential_does_not_show() -> None:
    assert "secret" not in repr(decode_issue_request(encode_issue_request(KEY, b"secret", MESSAGES[:1])))
