"""Envelopes and structures, with the examples of RFC 3501."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap_plugin.bridge.imap.message.addresses import encode_addresses
from leap_plugin.bridge.imap.message.mime import parse_message
from leap_plugin.bridge.imap.message.structure import encode_envelope, encode_structure
from tests.worlds.imap_samples import RFC_MESSAGE


def test_the_envelope_of_the_rfcs_example() -> None:
    # RFC 3501 section 8, "a003 fetch 12 full".
    gray = b'(("Terry Gray" NIL "gray" "cac.washington.edu"))'
    assert encode_envelope(parse_message(RFC_MESSAGE)) == (
        b'("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev1 WG mtg summary and minutes" '
        + b" ".join([gray] * 3)
        + b' ((NIL NIL "imap" "cac.washington.edu")) '
        b'((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL '
        b'"<B27397-0100000@cac.washington.edu>")'
    )


def test_the_structure_of_the_rfcs_example() -> None:
    body = b"x" * 72 + b"\r\n" + b"\r\n" * 2
    message = parse_message(RFC_MESSAGE + body)
    assert encode_structure(message, extended=False) == (
        b'("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" %d 3)' % len(body)
    )


def test_a_multipart_has_its_parts_side_by_side() -> None:
    data = (
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\na\r\n--x\r\n"
        b"Content-Type: image/png; name=p\r\nContent-Disposition: attachment; filename=p\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--x--\r\n"
    )
    assert encode_structure(parse_message(data), extended=True) == (
        b'(("TEXT" "PLAIN" NIL NIL NIL "7BIT" 1 0 NIL NIL NIL NIL)'
        b'("IMAGE" "PNG" ("NAME" "p") NIL NIL "BASE64" 4 NIL ("ATTACHMENT" ("FILENAME" "p")) NIL NIL)'
        b' "MIXED" ("BOUNDARY" "x") NIL NIL NIL)'
    )


def test_an_embedded_message_has_envelope_and_structure() -> None:
    data = b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nhi\r\n"
    assert encode_structure(parse_message(data), extended=False) == (
        b'("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 19 (NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) '
        b'("TEXT" "PLAIN" NIL NIL NIL "7BIT" 4 1) 3)'
    )


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (b"", b"NIL"),
        (b"a@example.org", b'((NIL NIL "a" "example.org"))'),
        (b'"A, B" <a@example.org>', b'(("A, B" NIL "a" "example.org"))'),
        (b"a@example.org (A B)", b'(("A B" NIL "a" "example.org"))'),
        (b"<@x,@y:a@example.org>", b'((NIL NIL "a" "example.org"))'),
        (b"G: a@b, c@d;", b'((NIL NIL "G" NIL)(NIL NIL "a" "b")(NIL NIL "c" "d")(NIL NIL NIL NIL))'),
        (b"nobody", b'((NIL NIL "nobody" ""))'),
    ],
)
def test_addresses(value: bytes, encoded: bytes) -> None:
    assert encode_addresses(value) == encoded


@given(st.lists(st.sampled_from([*b'()<>@,;:"\\ ab'])).map(bytes))
def test_any_bytes_are_addresses(value: bytes) -> None:
    assert encode_addresses(value)


def test_deep_comments_take_no_stack() -> None:
    assert encode_addresses(b"(" * 100_000) == b"NIL"
