"""Bodies are read in one way only."""

from __future__ import annotations

import base64
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.api import BadRequestError
from client.http.messages import Bulk, GuestBody, PostBody
from client.http.serving.bodies import decode_body


@given(st.binary(max_size=20), st.text(max_size=5).filter(lambda text: text.isprintable()))
def test_what_is_written_by_the_page_is_read(token: bytes, provider: str) -> None:
    body = json.dumps({"provider": provider, "token": base64.b64encode(token).decode()}).encode()
    assert decode_body(body, GuestBody, is_json=True) == GuestBody(provider=provider, token=token)
    packed = msgspec.msgpack.encode({"provider": provider, "token": token})
    assert decode_body(packed, GuestBody, is_json=False) == GuestBody(provider=provider, token=token)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"token": "QR=="}', "no bit is left over"),
        (b'{"token": "QQ=="} x', "wrong"),
        (b'{"token": "QQ==", "token": "QQ=="}', "'token' comes twice"),
        (b'{"provider": "a", "provid\\u0065r": "b"}', "'provider' comes twice"),
        ('{"provider": "a"}'.encode("utf-16"), "wrong"),
        (b'\xef\xbb\xbf{"provider": "a"}', "wrong"),
        (b'{"provider": "\\ud800"}', "wrong"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(BadRequestError, match=reason):
        decode_body(body, GuestBody, is_json=True)


def packed_map(fields: list[tuple[str, object]], *, wide: bool = False) -> bytes:
    """Encode fields as MessagePack, repeated ones too; `wide`: with more bytes for their number than it needs."""
    head = b"\xdf" + len(fields).to_bytes(4) if wide else bytes([0x80 | len(fields)])
    return head + b"".join(msgspec.msgpack.encode(name) + msgspec.msgpack.encode(value) for name, value in fields)


@given(st.binary(max_size=20), st.booleans())
def test_in_messagepack_no_field_comes_twice(body: bytes, wide: bool) -> None:
    fields: list[tuple[str, object]] = [("to", "bob@away"), ("body", body), ("kind", "text"), ("idempotency_key", "1")]
    for repeated in (0, 1):
        letter = packed_map(fields + fields[:repeated], wide=wide)
        letters = b"\x92" + packed_map(fields, wide=wide) + letter
        for count in (1, 2):
            written = bytes([0x80 | count]) + (msgspec.msgpack.encode("letters") + letters) * count
            if count + repeated == 1:
                assert [letter.body for letter in decode_body(written, Bulk, is_json=False).letters] == [body, body]
            else:
                with pytest.raises(BadRequestError, match="comes twice"):
                    decode_body(written, Bulk, is_json=False)


def test_many_fields_are_counted() -> None:
    fields: list[tuple[str, object]] = [("provider", "a")] * 20
    for count in (1, 20):
        packed = b"\xde" + count.to_bytes(2) + packed_map(fields[:count])[1:]
        if count == 1:
            assert decode_body(packed, GuestBody, is_json=False) == GuestBody(provider="a")
        else:
            with pytest.raises(BadRequestError, match="comes twice"):
                decode_body(packed, GuestBody, is_json=False)


@pytest.mark.parametrize("number", ["1e999", "NaN", "1" * 5000])
def test_a_number_that_is_none_is_refused(number: str) -> None:
    text = '{"service": "echo", "body": "", "idempotency_key": "1", "deadline_s": NUMBER}'.replace("NUMBER", number)
    with pytest.raises(BadRequestError, match="the body is wrong"):
        decode_body(text.encode(), PostBody, is_json=True)
