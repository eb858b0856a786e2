"""Bodies are read in one way only."""

from __future__ import annotations

import base64
import json
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from client.api import BadRequestError
from client.http.messages import Bulk, GuestBody, PostBody
from client.http.serving.bodies import LONG_CHARACTERS, SEARCHED_AT_ONCE, STRINGS_AT_ONCE, decode_body, decode_long_body


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


class Breaths:
    """Counts how often others had their turn."""

    def __init__(self) -> None:
        self.count = 0

    async def breathe(self) -> None:
        self.count += 1


def read_long(body: bytes, shape: type[msgspec.Struct], breaths: Breaths | None = None) -> msgspec.Struct:
    found: list[msgspec.Struct] = []
    failures: list[BaseException] = []
    reading = Deferred.fromCoroutine(decode_long_body(body, shape, (breaths or Breaths()).breathe))
    reading.addCallbacks(found.append, lambda failure: failures.append(failure.value))
    for failure in failures:
        raise failure
    return found[0]


@pytest.mark.parametrize("extra", [0, 1, 2, 3])
def test_a_long_message_is_read_in_pieces_as_it_would_be_at_once(extra: int) -> None:
    content = random.Random(extra).randbytes(300_000 + extra)
    written = {"service": "echo@p", "idempotency_key": "long bytes 0", "body": base64.b64encode(content).decode()}
    body = json.dumps(written).encode()
    breaths = Breaths()
    assert read_long(body, PostBody, breaths) == decode_body(body, PostBody, is_json=True)
    assert breaths.count >= len(content) * 4 // 3 // LONG_CHARACTERS


def test_long_messages_of_a_bulk_stay_apart() -> None:
    contents = [random.Random(seed).randbytes(length) for seed, length in ((1, 100_000), (2, 5), (3, 90_001))]
    contents += [b"long bytes 0", b"long bytes 1"]
    letters = [
        {"to": "b@c", "kind": "k", "idempotency_key": str(number), "body": base64.b64encode(content).decode()}
        for number, content in enumerate(contents)
    ]
    body = json.dumps({"letters": letters}).encode()
    assert read_long(body, Bulk) == decode_body(body, Bulk, is_json=True)


def test_short_bytes_that_are_written_in_another_way_are_not_taken_for_long_ones() -> None:
    long, mark = random.Random(1).randbytes(100_000), base64.b64encode(b"long bytes 0").decode()
    escaped = f"\\u{ord(mark[0]):04x}{mark[1:]}"
    letters = [
        f'{{"to": "b@c", "kind": "k", "idempotency_key": "{number}", "body": "{body}"}}'
        for number, body in enumerate((escaped, base64.b64encode(long).decode()))
    ]
    body = f'{{"letters": [{letters[0]}, {letters[1]}]}}'.encode()
    bulk = read_long(body, Bulk)
    assert isinstance(bulk, Bulk)
    assert [letter.body for letter in bulk.letters] == [b"long bytes 0", long]


def test_others_have_their_turn_while_the_ends_of_long_strings_are_looked_for() -> None:
    breaths = Breaths()
    body = json.dumps({"provider": "a" * (3 * SEARCHED_AT_ONCE) + "\n", "token": ""}).encode()
    read_long(body, GuestBody, breaths)
    assert breaths.count >= 6  # once for its end, once for the escape


def test_others_have_their_turn_while_many_short_strings_are_looked_at() -> None:
    breaths = Breaths()
    letter = {"to": "b@c", "kind": "k", "idempotency_key": "1", "body": ""}
    body = json.dumps({"letters": [letter] * STRINGS_AT_ONCE}).encode()
    read_long(body, Bulk, breaths)
    assert breaths.count >= 2 * len(letter)


LONG = base64.b64encode(bytes(90_000)).decode()


@pytest.mark.parametrize(
    "body",
    [
        f'{{"token": "{LONG[:-4]}AA=="{LONG[:4]}"}}',
        f'{{"token": "{LONG[:-4]}QR=="}}',
        f'{{"token": "{LONG[:65532]}AA=={LONG}"}}',
        f'{{"token": "{LONG[:-1]}"}}',
        f'{{"token": "{LONG[:-4]}-A=="}}',
        f'{{"token": "{LONG}", "token": "{LONG}"}}',
        f'{{"token": "QQ==", "nobody": "{LONG}"}}',
        f'{{"{LONG}": 1}}',
        f'{{"token": "{LONG}"',
        f'{{"token": "{LONG}\\"}}',
    ],
)
def test_long_ones_that_could_be_read_in_two_ways_are_refused_too(body: str) -> None:
    for read in (read_long, lambda data, shape: decode_body(data, shape, is_json=True)):
        with pytest.raises(BadRequestError, match="wrong"):
            read(body.encode(), GuestBody)


def test_long_text_where_no_bytes_belong_is_read_as_ever() -> None:
    body = json.dumps({"provider": "a" * 100_000, "token": ""}).encode()
    assert read_long(body, GuestBody) == decode_body(body, GuestBody, is_json=True)
