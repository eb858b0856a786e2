"""Each section is its part of the message, byte for byte (RFC 3501 section 6.4.5)."""

from __future__ import annotations

import pytest

from leap_plugin.bridge.imap.grammar.fetching import BodySection, Kind
from leap_plugin.bridge.imap.message.mime import parse_message
from leap_plugin.bridge.imap.message.sections import section_name, section_text

INNER = b"Subject: inner\r\nX: y\r\n\r\ninner text"
MESSAGE = (
    b"Subject: outer\r\nFrom: a\r\n b\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    b"--x\r\nX-Part: 1\r\n\r\none\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n" + INNER + b"\r\n--x--\r\n"
)


@pytest.mark.parametrize(
    ("section", "text"),
    [
        (BodySection((), Kind.WHOLE), MESSAGE),
        (BodySection((), Kind.WHOLE, partial=(9, 5)), b"outer"),
        (BodySection((), Kind.WHOLE, partial=(10_000, 5)), b""),
        (BodySection((), Kind.FIELDS, (b"from",)), b"From: a\r\n b\r\n\r\n"),
        (BodySection((1,), Kind.WHOLE), b"one"),
        (BodySection((1,), Kind.MIME), b"X-Part: 1\r\n\r\n"),
        (BodySection((2,), Kind.WHOLE), INNER),
        (BodySection((2,), Kind.HEADER), b"Subject: inner\r\nX: y\r\n\r\n"),
        (BodySection((2,), Kind.FIELDS_NOT, (b"SUBJECT",)), b"X: y\r\n\r\n"),
        (BodySection((2,), Kind.TEXT), b"inner text"),
        (BodySection((2, 1), Kind.WHOLE), b"inner text"),
        (BodySection((2, 1, 1), Kind.WHOLE), None),
        (BodySection((1, 1), Kind.WHOLE), None),
        (BodySection((3,), Kind.WHOLE), None),
        (BodySection((1,), Kind.TEXT), None),
    ],
)
def test_sections(section: BodySection, text: bytes | None) -> None:
    assert section_text(parse_message(MESSAGE), section) == text


def test_a_message_of_one_part_is_its_part_1() -> None:
    message = parse_message(b"A: b\r\n\r\ntext")
    assert section_text(message, BodySection((1,), Kind.WHOLE)) == b"text"
    assert section_text(message, BodySection((1, 1), Kind.WHOLE)) is None


def test_a_section_is_called_as_it_was_asked_for() -> None:
    assert section_name(BodySection((4, 1), Kind.MIME, partial=(5, 9), peek=True)) == b"BODY[4.1.MIME]<5>"
    assert section_name(BodySection((), Kind.FIELDS, (b"a", b"b c"))) == b'BODY[HEADER.FIELDS (a "b c")]'
