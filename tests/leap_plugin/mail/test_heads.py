"""Where the head of a mail ends, and lines of it left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap_plugin.mail.heads import head_of, lines_of, without_lines

MAIL = b"A: 1\r\nX-Mix-Policy:\r\n  named \r\nB: 2\r\n\r\nX-Mix-Policy: in the text\r\n"


@pytest.mark.parametrize(
    ("mail", "head"),
    [
        (MAIL, MAIL[: MAIL.index(b"\r\n\r\n") + 2]),
        (b"A: 1\n\nbody", b"A: 1\n"),
        (b"\r\nbody", b""),
        (b"\nbody", b""),
        (b"A: 1", b"A: 1"),
        (b"", b""),
    ],
)
def test_the_head_ends_before_the_first_empty_line(mail: bytes, head: bytes) -> None:
    assert head_of(mail) == head


def test_lines_are_found_by_their_name_in_any_case_and_unfolded() -> None:
    assert lines_of(MAIL, "x-mix-policy") == ("named",)
    assert lines_of(MAIL, "policy") == ()


def test_lines_are_left_out_of_the_head_only() -> None:
    assert without_lines(MAIL, "X-Mix-Policy") == b"A: 1\r\nB: 2\r\n\r\nX-Mix-Policy: in the text\r\n"
    assert without_lines(b"A: 1\nBcc: x", "bcc", "a") == b""


@given(st.binary())
def test_a_mail_without_such_a_line_stays_as_it_is(mail: bytes) -> None:
    assert b"x-q" in mail.lower() or without_lines(mail, "X-Q") == mail
