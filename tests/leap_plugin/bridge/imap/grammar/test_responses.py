"""Strings, names and dates in responses."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from leap_plugin.bridge.imap.grammar.lines import CommandReader, Limits, RawCommand
from leap_plugin.bridge.imap.grammar.responses import encode_date_time, encode_folder, encode_string, tagged
from leap_plugin.bridge.imap.grammar.scanner import Scanner


@given(st.binary(max_size=300))
def test_a_string_is_read_back(data: bytes) -> None:
    reader = CommandReader(Limits())
    reader.feed(
        b"a X " + encode_string(data).replace(b"}\r\n", b"+}\r\n", 1) + b"\r\n"
        if _is_literal(data)
        else b"a X " + encode_string(data) + b"\r\n"
    )
    raw = reader.next_input()
    assert isinstance(raw, RawCommand)
    scanner = Scanner((raw.parts[0][4:], *raw.parts[1:]))
    assert scanner.string() == data


def _is_literal(data: bytes) -> bool:
    return encode_string(data).startswith(b"{")


def test_a_moment_is_read_back() -> None:
    at = datetime(1996, 7, 7, 2, 44, 25, tzinfo=timezone(timedelta(hours=-7)))
    assert encode_date_time(at) == b'" 7-Jul-1996 02:44:25 -0700"'
    assert Scanner((encode_date_time(at),)).date_time() == at


def test_a_name_of_a_folder_is_quoted() -> None:
    assert encode_folder('a "b"') == rb'"a \"b\""'
    assert encode_folder("Entwürfe") == b'"Entw&APw-rfe"'


def test_a_text_cannot_begin_another_response() -> None:
    assert tagged(b"a", "NO", "x\r\n* BYE", b"TRYCREATE") == b"a NO [TRYCREATE] x  * BYE\r\n"
