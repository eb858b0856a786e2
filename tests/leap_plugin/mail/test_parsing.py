"""Mails taken apart: what is malformed is refused, with the rule that it breaks."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap_plugin.mail.envelope import MAX_MAIL_BYTES, MailTooLongError
from leap_plugin.mail.parsing import DEEPEST, MOST_PARTS, MailPart, MalformedMailError, parse_mail
from tests.worlds.mails import LATIN1_8BIT, MALFORMED, NESTED, PNG, QUOTED_PRINTABLE, SAMPLES, SMTPUTF8, crlf

PROBLEMS = {
    "no_closing_boundary": "close boundary not found",
    "no_first_boundary": "start boundary not found",
    "no_boundary_named": "no boundary in multipart",
    "header_without_colon": "missing header body separator",
    "broken_base64": "no base64",
    "broken_quoted_printable": "not quoted-printable",
    "unknown_charset": "charset 'klingon'",
    "bytes_outside_charset": "charset 'us-ascii'",
    "unknown_encoding": "unknown encoding 'x-uuencode'",
    "two_subjects": "Subject comes twice",
    "bare_carriage_return": "carriage return",
    "header_of_no_charset": "'Subject' is not in UTF-8",
}


def read_all(mail: bytes) -> list[MailPart]:
    """Take a mail apart and read all that a canonical form may need."""
    parts = list(parse_mail(mail).walk())
    for part in parts:
        for name in ("To", "Cc", "Subject", "Content-Disposition"):
            part.structured(name)
        if not part.parts:
            part.text() if part.content_type == "text/plain" else part.content()
    return parts


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_mail_is_refused_by_the_rule_that_it_breaks(name: str) -> None:
    with pytest.raises(MalformedMailError, match=PROBLEMS[name]):
        read_all(MALFORMED[name])


@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in MALFORMED])
def test_well_formed_mail_is_not(name: str) -> None:
    assert read_all(SAMPLES[name])


@pytest.mark.parametrize("mail", [LATIN1_8BIT, QUOTED_PRINTABLE])
def test_text_is_decoded(mail: bytes) -> None:
    assert parse_mail(mail).text() == "Grüße aus Köln\n"


def test_a_nested_mail_has_its_parts_in_their_order() -> None:
    parts = read_all(NESTED)
    assert [part.content_type for part in parts] == [
        *("multipart/mixed", "multipart/alternative", "text/plain", "multipart/related"),
        *("text/html", "image/png", "application/x-pdf"),
    ]
    assert parts[5].content() == PNG


def test_header_lines_beyond_ascii_are_read() -> None:
    part = parse_mail(SMTPUTF8)
    to = part.structured("To")
    assert to is not None
    assert to.addresses[0].addr_spec == "用户@example.org"
    assert str(part.structured("Subject")) == "Grüße"
    assert part.structured("Cc") is None


def test_a_file_keeps_the_line_ends_of_the_wire() -> None:
    mail = crlf("Content-Type: application/x-thing\n\nline\nline\n")
    assert parse_mail(mail).content() == b"line\r\nline\r\n" == parse_mail(mail.replace(b"\r\n", b"\n")).content()


def nested(depth: int) -> bytes:
    lines = ["MIME-Version: 1.0"]
    for level in range(depth):
        lines += [f"Content-Type: multipart/mixed; boundary=b{level}", "", f"--b{level}"]
    lines += ["", "text"] + [f"--b{level}--" for level in reversed(range(depth))]
    return "\r\n".join([*lines, ""]).encode()


def test_depth_parts_header_lines_and_length_are_bounded() -> None:
    assert len(read_all(nested(DEEPEST))) == DEEPEST + 1
    for depth in (DEEPEST + 1, 5000):
        with pytest.raises(MalformedMailError):
            parse_mail(nested(depth))
    parts = b"--b\r\n\r\nx\r\n"
    head = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    parse_mail(head + parts * (MOST_PARTS - 1) + b"--b--\r\n")
    with pytest.raises(MalformedMailError, match="more than 200 parts"):
        parse_mail(head + parts * MOST_PARTS + b"--b--\r\n")
    with pytest.raises(MalformedMailError, match="more than 500 header lines"):
        parse_mail(b"X: y\r\n" * 501 + b"\r\n")
    with pytest.raises(MailTooLongError):
        parse_mail(bytes(MAX_MAIL_BYTES + 1))


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Type: text",
        b"Content-Type: text/plain; charset",
        b"Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: base64",
        b"Subject: =?klingon?q?abc?=",
        b"Subject: =?utf-8?b?!!!?=",
        b"Subject: =?utf-8?q?=FF?=",
        b"Subject: =?utf-8?q?=Z?=",
        b"Subject: =?utf-8?x?abc?=",
        b"To: a@x.example, <",
        b"Subject: a\x0bb",
        b"Subject: =?punycode?q?abc?=",
        b"Content-Type: text/plain; charset=punycode",
        b"To: " + b"a " * 10_000,
        b"Content-Type: text/plain; " + b"a=b; " * 1_000,
    ],
)
def test_header_lines_out_of_form_are_refused(head: bytes) -> None:
    with pytest.raises(MalformedMailError):
        read_all(head + b"\r\n\r\ntext\r\n")


@settings(max_examples=300)
@given(st.data())
def test_spoilt_mail_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    mail = bytearray(data.draw(st.sampled_from(list(SAMPLES.values()))))
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(mail) - 1))
        mail[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        if not mail:
            return
    with suppress(MalformedMailError):
        read_all(bytes(mail))
