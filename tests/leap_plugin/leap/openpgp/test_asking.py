"""Questions for keys and their answers: one encoding each, and all else is refused."""

from __future__ import annotations

import msgspec
import pytest

from leap_plugin.leap.openpgp.asking import (
    MAX_TOLD_BYTES,
    decode_answer,
    decode_question,
    encode_answer,
    encode_question,
)
from loopixmix.errors import FormatError

ID = bytes(range(16))


def test_a_question_is_read_as_it_was_written() -> None:
    question = decode_question(encode_question(ID, "alice@leap.example"))
    assert (question.lookup_id, question.address) == (ID, "alice@leap.example")


def test_an_answer_is_read_as_it_was_written() -> None:
    answer = decode_answer(encode_answer(ID, b"certificate"))
    assert (answer.lookup_id, answer.certificate) == (ID, b"certificate")


def test_a_certificate_that_is_too_long_to_be_told_is_left_out() -> None:
    assert decode_answer(encode_answer(ID, bytes(MAX_TOLD_BYTES))).certificate == bytes(MAX_TOLD_BYTES)
    assert decode_answer(encode_answer(ID, bytes(MAX_TOLD_BYTES + 1))).certificate == b""


@pytest.mark.parametrize(
    "fields",
    [
        ["told", 1, ID, "alice@leap.example"],
        ["ask", 2, ID, "alice@leap.example"],
        ["ask", 1, ID[:-1], "alice@leap.example"],
        ["ask", 1, ID, ""],
        ["ask", 1, ID, "a" * 255],
        ["ask", 1, ID, "alice@leap.example", 0],
        ["ask", 1, ID],
        ["ask", 1, ID, b"alice@leap.example"],
    ],
)
def test_other_questions_are_refused(fields: list[object]) -> None:
    with pytest.raises(FormatError):
        decode_question(msgspec.msgpack.encode(fields))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        encode_question(ID, "alice@leap.example") + b"\0",
        encode_question(ID, "alice@leap.example").replace(b"alice", b"\xff\xff\xff\xff\xff"),
        # The version in two bytes.
        encode_question(ID, "alice@leap.example").replace(b"ask\x01", b"ask\xcc\x01"),
    ],
)
def test_other_encodings_are_refused(body: bytes) -> None:
    with pytest.raises(FormatError):
        decode_question(body)


def test_an_answer_that_is_longer_than_any_is_refused() -> None:
    with pytest.raises(FormatError):
        decode_answer(msgspec.msgpack.encode(["told", 1, ID, bytes(MAX_TOLD_BYTES + 1)]))
