"""Commands are cut from a stream whatever pieces it comes in, and within bounds."""

from __future__ import annotations

import pytest

from leap_plugin.bridge.imap.grammar.lines import (
    BareLine,
    CommandReader,
    Input,
    Limits,
    LiteralWanted,
    NoCommand,
    RawCommand,
)
from leap_plugin.bridge.receiving_room import ReceivingRoom

SMALL = Limits(line_bytes=64, literal_bytes=10, message_bytes=20, skipped_bytes=200)


def inputs(*pieces: bytes, takes_messages: bool = False) -> list[Input]:
    reader = CommandReader(SMALL)
    reader.takes_messages = takes_messages
    found = []
    for piece in pieces:
        reader.feed(piece)
        while (one := reader.next_input()) is not None:
            found.append(one)
    return found


def test_a_line_is_a_command_in_whatever_pieces_it_comes() -> None:
    stream = b"a1 NOOP\r\na2 LOGIN {2+}\r\nme {3+}\r\na b\r\n"
    whole = [RawCommand((b"a1 NOOP",)), RawCommand((b"a2 LOGIN ", b"me", b" ", b"a b", b""))]
    assert inputs(stream) == whole
    assert inputs(*(bytes([byte]) for byte in stream)) == whole


def test_a_literal_that_waits_is_asked_for() -> None:
    assert inputs(b"a LOGIN {2}\r\n") == [LiteralWanted()]
    assert inputs(b"a LOGIN {2}\r\n", b"me x\r\n") == [LiteralWanted(), RawCommand((b"a LOGIN ", b"me", b" x"))]


def test_a_literal_holds_any_bytes() -> None:
    assert inputs(b"a X {6+}\r\n\r\n\0\xff{}\r\n") == [RawCommand((b"a X ", b"\r\n\0\xff{}", b""))]


def test_a_literal_that_is_too_large_is_refused_before_it_comes() -> None:
    assert inputs(b"a LOGIN {11}\r\nb NOOP\r\n") == [
        NoCommand(b"a", "a literal has at most 10 bytes here", fatal=False, too_big=True),
        RawCommand((b"b NOOP",)),
    ]
    # All literals of a command count together.
    assert [type(one) for one in inputs(b"a X {6}\r\n", b"123456 {6}\r\n")] == [LiteralWanted, NoCommand]


def test_a_large_literal_that_does_not_wait_ends_the_connection() -> None:
    (refused,) = inputs(b"a LOGIN {99999999999}\r\n".replace(b"}", b"+}"))
    assert isinstance(refused, NoCommand)
    assert refused.fatal


def test_only_append_brings_a_message_and_only_after_the_login() -> None:
    assert [type(one) for one in inputs(b"a APPEND x {20}\r\n")] == [NoCommand]
    assert [type(one) for one in inputs(b"a append x {20}\r\n", takes_messages=True)] == [LiteralWanted]
    assert [type(one) for one in inputs(b"a APPEND x {21}\r\n", takes_messages=True)] == [NoCommand]
    assert [type(one) for one in inputs(b"a LOGIN x {20}\r\n", takes_messages=True)] == [NoCommand]


def test_a_long_line_is_refused_and_the_next_command_is_read() -> None:
    line = b"tag NOOP " + b"x" * 100 + b"\r\nb NOOP\r\n"
    expected = [NoCommand(b"tag", "the line is too long"), RawCommand((b"b NOOP",))]
    assert inputs(line) == expected
    assert inputs(*(line[at : at + 7] for at in range(0, len(line), 7))) == expected


def test_a_line_without_an_end_is_not_kept_and_ends_the_connection() -> None:
    reader = CommandReader(SMALL)
    for _ in range(2):
        reader.feed(b"x" * 90)
        assert reader.next_input() is None
    reader.feed(b"x" * 90)
    assert reader.next_input() == NoCommand(None, "the line has no end", fatal=True)


@pytest.mark.parametrize("line", [b"a NOOP\n", b"a NO\rOP\r\n", b"a NO\0OP\r\n"])
def test_a_line_ends_in_crlf_and_has_no_other(line: bytes) -> None:
    (refused,) = inputs(line)
    assert isinstance(refused, NoCommand)
    assert refused.tag == b"a"


def test_a_literal_after_a_bad_tag_is_not_asked_for() -> None:
    assert [type(one) for one in inputs(b"* X {3}\r\n")] == [NoCommand]


def test_a_bare_line_is_no_command() -> None:
    reader = CommandReader(SMALL)
    reader.feed(b"{3}\r\na NOOP\r\n")
    assert reader.next_input(bare=True) == BareLine(b"{3}")
    assert reader.next_input() == RawCommand((b"a NOOP",))


@pytest.mark.parametrize(
    "pieces",
    [
        [b"a APPEND x\0 {9+}\r\n"],
        [b"a APPEND x\r {9+}\r\n"],
        [b"a APPEND x {9+}\n"],
        [b"a X " + b"x" * 100 + b" {9+}\r\n"],
        [b"a X " + b"x" * 100 + b" {9+", b"}\r\n"],
    ],
)
def test_the_literal_of_a_line_that_is_refused_is_never_read_as_commands(pieces: list[bytes]) -> None:
    # A mail that is stored could have such lines in it.
    *_, refused = inputs(*pieces)
    assert isinstance(refused, NoCommand)
    assert refused.fatal


def test_a_line_that_is_refused_and_has_no_literal_ends_nothing() -> None:
    refused, other = inputs(b"a X " + b"x" * 100 + b" {9}\r\nb NOOP\r\n")
    assert isinstance(refused, NoCommand)
    assert not refused.fatal
    assert other == RawCommand((b"b NOOP",))


def test_messages_that_come_at_the_same_time_have_room_together() -> None:
    room = ReceivingRoom(30)
    words = "other long messages are coming in just now: try again in a moment"
    one, other, third = (CommandReader(SMALL, room) for _ in range(3))
    for reader in (one, other, third):
        reader.takes_messages = True
    one.feed(b"a APPEND x {15}\r\n")
    other.feed(b"b APPEND x {15}\r\n")
    assert one.next_input() == other.next_input() == LiteralWanted()
    third.feed(b"c APPEND x {11}\r\nc NOOP\r\n")
    assert third.next_input() == NoCommand(
        b"c", "other long messages are coming in just now: try again in a moment", crowded=True
    )
    assert third.next_input() == RawCommand((b"c NOOP",))
    third.feed(b"d APPEND x {11+}\r\n")
    assert third.next_input() == NoCommand(b"d", words, fatal=True, crowded=True)
    one.feed(b"x" * 15 + b"\r\n")
    assert isinstance(one.next_input(), RawCommand)
    # In memory until the command was dealt with.
    third.feed(b"e APPEND x {11}\r\n")
    assert isinstance(third.next_input(), NoCommand)
    assert one.next_input() is None
    third.feed(b"f APPEND x {11}\r\n")
    assert third.next_input() == LiteralWanted()
    other.forget_room()
    one.feed(b"g APPEND x {15}\r\n")
    assert one.next_input() == LiteralWanted()
