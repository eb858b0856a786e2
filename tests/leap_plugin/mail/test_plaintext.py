"""Plain text in one form."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap_plugin.mail.plaintext import codec_of, normalised, unflow


@pytest.mark.parametrize(
    ("flowed", "text"),
    [
        ("one \ntwo \nthree\nfour\n", "one two three\nfour\n"),
        ("> one \n> two\n>> deep \n>> er\nout", "> one two\n>> deep er\nout"),
        # A change of depth ends a paragraph, whatever its last line says.
        ("> one \nout", "> one \nout"),
        (" >not quoted\n  indented\n", ">not quoted\n indented\n"),
        ("end \n-- \nAlice", "end \n-- \nAlice"),
        ("", ""),
    ],
)
def test_soft_line_breaks_are_undone(flowed: str, text: str) -> None:
    assert unflow(flowed) == text


def test_the_blank_of_a_soft_line_break_may_be_none_of_the_text() -> None:
    assert unflow("用 \n户\n", delete_space=True) == "用户\n"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("a\n", "a\n"),
        ("a", "a\n"),
        ("a\n\n\n", "a\n"),
        ("", ""),
        ("\n\n", ""),
        ("\ufeffa \t\nb", "a\nb\n"),
        ("u\u0308", "\u00fc\n"),
        ("a\n-- \nAlice \n", "a\n-- \nAlice\n"),
        ("\n a", "\n a\n"),
    ],
)
def test_what_nobody_sees_is_left_out(text: str, form: str) -> None:
    assert normalised(text) == form


@given(st.text())
def test_the_form_is_one(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


@pytest.mark.parametrize("name", ["punycode", "PunyCode", "idna", "klingon"])
def test_charsets_of_host_names_are_none_of_texts(name: str) -> None:
    with pytest.raises(LookupError):
        codec_of(name)


def test_a_paragraph_of_a_million_lines_is_put_together_at_once() -> None:
    begun_s = time.process_time()
    assert len(unflow("ab \n" * 1_000_000)) == 3_000_000
    assert time.process_time() - begun_s < 20
