"""Parts are found where they lie, and no bytes lead to an error."""

from __future__ import annotations

from email import message_from_bytes

from hypothesis import given
from hypothesis import strategies as st

from leap_plugin.bridge.imap.message.mime import MOST_DEPTH, MOST_PARTS, MessagePart, parse_message

NESTED = b"""From: a@example.org
Content-Type: multipart/mixed; boundary="out er"

preamble
--out er
Content-Type: multipart/alternative; boundary=in

--in
Content-Type: text/plain; charset=utf-8

one
--in
Content-Type: text/html

<p>one</p>

--in--
--out er
Content-Type: message/rfc822

Subject: inner

inner text
--out er--
epilogue
""".replace(b"\n", b"\r\n")


def leaves(part: MessagePart) -> list[bytes]:
    below = [*part.children, *([part.embedded] if part.embedded else [])]
    return [leaf for child in below for leaf in leaves(child)] if below else [part.body]


def test_parts_have_their_own_bytes() -> None:
    assert leaves(parse_message(NESTED)) == [b"one", b"<p>one</p>\r\n", b"inner text"]


def test_the_standard_library_finds_the_same_parts() -> None:
    for data in (NESTED, NESTED.replace(b"\r\n", b"\n")):
        ours = leaves(parse_message(data))
        theirs = [p.get_payload(decode=True) for p in message_from_bytes(data).walk() if not p.is_multipart()]
        assert ours == theirs


def test_a_folded_field_is_one() -> None:
    message = parse_message(b"Subject: a\r\n\tb\r\nX: y\r\n\r\n")
    assert message.field("SUBJECT") == b"a\tb"


def test_a_multipart_without_parts_is_text() -> None:
    assert parse_message(b"Content-Type: multipart/mixed; boundary=x\r\n\r\nno part").kind == ("text", "plain")


def test_depth_and_number_of_parts_are_bounded() -> None:
    deep = b"Content-Type: message/rfc822\r\n\r\n" * 5_000
    message, depth = parse_message(deep), 0
    while message.embedded:
        message, depth = message.embedded, depth + 1
    assert depth == MOST_DEPTH
    wide = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n\r\n" * 5_000
    assert len(parse_message(wide).children) <= MOST_PARTS


@given(
    st.lists(
        st.sampled_from(
            [b"\r\n", b"\n", b"--x", b"--", b"Content-Type: multipart/mixed; boundary=x", b":", b" ", b"\0", b"a"]
        )
    ).map(b"".join)
)
def test_any_bytes_are_a_message_that_keeps_them(data: bytes) -> None:
    message = parse_message(data)
    assert message.whole == data == message.header + message.body
