"""What a search finds."""

from __future__ import annotations

import pytest

from leap_plugin.bridge.imap.grammar.scanner import Scanner
from leap_plugin.bridge.imap.grammar.searching import (
    AnyOf,
    Containing,
    InHeader,
    SearchKey,
    TextPlace,
    parse_search,
)
from leap_plugin.bridge.imap.message.matching import Candidate, matches, resolved
from leap_plugin.bridge.imap.message.mime import MessagePart, bare_message, header_length, parse_message
from tests.worlds.mail_folders import NOON

DATA = (
    b"Date: Tue, 1 Feb 1994 23:30:00 -0800\r\nFrom: Smith <s@example.org>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Content-Transfer-Encoding: base64\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nR3LDvG4gaXN0\r\n"
)
FOUND = [
    "ALL",
    "OLD",
    "FLAGGED",
    "UNSEEN KEYWORD $junk",
    "FROM smith",
    'SUBJECT "grüße"',
    'HEADER Subject ""',
    'BODY "grün"',
    'TEXT "smith"',
    "LARGER 10 SMALLER 10000",
    "SENTON 1-Feb-1994",
    "SENTBEFORE 2-Feb-1994",
    "ON 29-Nov-2026",
    "3",
    "UID 30",
    "OR SEEN FLAGGED",
    "NOT 1:2",
    "99:*",
    "1,3:2,7",
    "UID 31:*",
    "(FLAGGED (ALL))",
]
NOT_FOUND = ["RECENT", "NEW", "SEEN", "BODY smith", 'HEADER X-None ""', "SENTSINCE 2-Feb-1994", "UID 3", "FLAGGED SEEN"]


def found(key_text: str, data: bytes = DATA) -> bool:
    # A quoted string is ASCII: others come as literals.
    first, _, rest = key_text.partition('"')
    text = rest.rstrip('"').encode()
    key = parse_search(Scanner((first.encode(), text, b"") if rest else (first.encode(),)))
    flags = frozenset({"\\Flagged", "$Junk"})
    header = data[: header_length(data)]
    message = Candidate(3, 30, flags, NOON, len(data), lambda: bare_message(header), lambda: parse_message(data))
    return matches(resolved(key, last_number=3, last_uid=30), message)


@pytest.mark.parametrize("key", FOUND)
def test_found(key: str) -> None:
    assert found(key)


@pytest.mark.parametrize("key", NOT_FOUND)
def test_not_found(key: str) -> None:
    assert not found(key)


@pytest.mark.parametrize(
    "data",
    [
        b"Date: 99 Nov 99999\r\n\r\n",
        b"Date: ((((\r\n\r\n",
        b"Subject: =?nosuch?b?%%%?=\r\n\r\n",
        b"Subject: =?utf-8?b?A?=\r\n\r\n",
        b"Content-Type: text/plain; charset=nosuch\r\nContent-Transfer-Encoding: base64\r\n\r\nA",
        b"Content-Type: text/plain; charset=base64\r\n\r\nA",
    ],
)
def test_malformed_messages_are_searched_too(data: bytes) -> None:
    assert not found("SENTON 1-Feb-1994", data)
    assert not found("TEXT nowhere", data)
    assert not found("SUBJECT nowhere", data)


def test_a_message_is_read_once_for_all_keys() -> None:
    reads: list[str] = []

    def read() -> MessagePart:
        reads.append("whole")
        return parse_message(DATA)

    def header() -> MessagePart:
        reads.append("header")
        return bare_message(DATA)

    message = Candidate(3, 30, frozenset(), NOON, len(DATA), header, read)
    texts: list[SearchKey] = [Containing(TextPlace.TEXT, b"nowhere %d" % number) for number in range(50)]
    fields: list[SearchKey] = [InHeader("Subject", b"nowhere %d" % number) for number in range(50)]
    assert not matches(AnyOf((*texts, *fields)), message)
    assert sorted(reads) == ["header", "whole", "whole"]
