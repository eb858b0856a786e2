"""Frames of a service's socket: what is encoded is decoded again, and everything else is refused."""

from __future__ import annotations

import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.errors import FormatError, MisuseError
from loopixmix.requests.parts import MAX_BODY_BYTES
from provider.api import Declaration
from provider.serving.frames import (
    MAX_FRAME_BYTES,
    Ask,
    AskAnswered,
    AskOutcome,
    FindCard,
    FoundCard,
    FrameReader,
    FromProgram,
    FromProvider,
    Greeting,
    Health,
    PublishCard,
    Published,
    Welcome,
    encode_frame,
    from_program,
    from_provider,
)

KEY = bytes(range(16))
FROM_PROVIDER: list[FromProvider] = [
    Greeting(1, bytes(32), "poll"),
    Ask(7, KEY, b"body"),
    Ask(2**63 - 1, KEY, bytes(MAX_BODY_BYTES)),
    FoundCard(3, b"card"),
    Published(4, True),
]
FROM_PROGRAM: list[FromProgram] = [
    Welcome(1, "poll", Declaration()),
    AskAnswered(7, AskOutcome.DONE, b"answer"),
    AskAnswered(7, AskOutcome.REFUSED, b""),
    Health("the disk is full"),
    FindCard(3, "alice"),
    PublishCard(4, b"\x02"),
]


def read(*chunks: bytes) -> list[bytes]:
    reader = FrameReader()
    return [message for chunk in chunks for message in reader.feed(chunk)]


@pytest.mark.parametrize("message", FROM_PROVIDER, ids=lambda message: type(message).__name__)
def test_what_a_provider_says_is_read_back(message: FromProvider) -> None:
    [encoded] = read(encode_frame(message))
    assert from_provider.decode(encoded) == message


@pytest.mark.parametrize("message", FROM_PROGRAM, ids=lambda message: type(message).__name__)
def test_what_a_program_says_is_read_back(message: FromProgram) -> None:
    [encoded] = read(encode_frame(message))
    assert from_program.decode(encoded) == message


# Bytes by hand, from the page: another language's program writes these.
def test_a_question_has_the_bytes_of_the_page() -> None:
    encoded = b"\x94\xa1a\x07\xc4\x10" + KEY + b"\xc4\x02hi"
    assert encode_frame(Ask(7, KEY, b"hi")) == struct.pack(">I", len(encoded)) + encoded


def test_an_answer_has_the_bytes_of_the_page() -> None:
    assert from_program.decode(b"\x94\xa1d\x07\x00\xc4\x02hi") == AskAnswered(7, AskOutcome.DONE, b"hi")


def test_a_declaration_may_leave_fields_out() -> None:
    welcome = from_program.decode(b"\x94\xa1w\x01\xa4poll\x81\xa7at_once\x05")
    assert welcome == Welcome(1, "poll", Declaration(at_once=5))


@given(st.lists(st.sampled_from(FROM_PROVIDER[:2]), max_size=5), st.data())
def test_frames_are_found_however_the_bytes_are_cut(messages: list[FromProvider], data: st.DataObject) -> None:
    stream = b"".join(map(encode_frame, messages))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    chunks = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [from_provider.decode(encoded) for encoded in read(*chunks)] == messages


def test_a_frame_that_is_too_long_is_refused_before_it_is_there() -> None:
    with pytest.raises(FormatError, match="524289 bytes"):
        read(struct.pack(">I", MAX_FRAME_BYTES + 1))
    with pytest.raises(MisuseError, match="at most"):
        encode_frame(AskAnswered(1, AskOutcome.DONE, bytes(MAX_FRAME_BYTES)))


def test_frames_before_a_broken_one_are_still_read() -> None:
    reader = FrameReader()
    frames = reader.feed(encode_frame(Health("x")) + struct.pack(">I", 2**32 - 1))
    assert from_program.decode(next(frames)) == Health("x")
    with pytest.raises(FormatError):
        next(frames)


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        b"\xc0",
        b"\x90",
        b"\x91\xa1z",  # an unknown letter
        b"\x94\xa1d\x07\x00\xc4\x02hi",  # a program's message
        b"\x93\xa1a\x07\xc4\x10" + KEY,  # without a body
        b"\x95\xa1a\x07\xc4\x10" + KEY + b"\xc4\x00\x00",  # one field more
        b"\x94\xa1a\xff\xc4\x10" + KEY + b"\xc4\x00",  # a negative number
        b"\x94\xa1a\x07\xc4\x0f" + KEY[1:] + b"\xc4\x00",  # a short key
        b"\x94\xa1a\x07\xc4\x10" + KEY + b"\xa2hi",  # text for a body
        b"\x94\xa1a\x07\xc4\x10" + KEY + b"\xc4\x00\x00",  # a byte more
        b"\x94\xa1a\x07\xc4\x10" + KEY + b"\xc6" + struct.pack(">I", MAX_BODY_BYTES + 1) + bytes(MAX_BODY_BYTES + 1),
    ],
)
def test_other_bytes_are_no_message_of_a_provider(encoded: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        from_provider.decode(encoded)


@pytest.mark.parametrize(
    "encoded",
    [
        b"\x94\xa1d\x07\x04\xc4\x00",  # an unknown outcome
        b"\x92\xa1p\xda\x02\x00" + b"x" * 512,  # a health line without end
        b"\x93\xa1f\x01\xa0",  # no name
        b"\x94\xa1w\x01\xa4poll\x81\xa3foo\x05",  # an unknown field of the declaration
        b"\x94\xa1w\x01\xa4poll\x81\xa7at_once\x00",  # a declaration that nobody can keep
    ],
)
def test_other_bytes_are_no_message_of_a_program(encoded: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        from_program.decode(encoded)
