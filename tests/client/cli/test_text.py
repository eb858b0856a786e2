"""Lines for people: nothing that others wrote steers the terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.cli.text import counted, duration, plain, plain_line, readable, size


@given(st.text())
def test_plain_text_steers_nothing(text: str) -> None:
    assert all(letter.isprintable() or letter in "\n\t\N{ZERO WIDTH JOINER}" for letter in plain(text))
    assert "\n" not in plain_line(text)


def test_plain_text_keeps_what_people_write() -> None:
    assert plain("Grüße, 世界 👩\N{ZERO WIDTH JOINER}🚀\n\tok") == "Grüße, 世界 👩\N{ZERO WIDTH JOINER}🚀\n\tok"


@pytest.mark.parametrize("evil", ["\x1b[31m", "\x9b31m", "\x07", "\x08", "\r", "\u202e", "\u2028", "\x7f"])
def test_what_steers_a_terminal_is_shown_as_such(evil: str) -> None:
    assert plain(f"a{evil}b").startswith("a\N{REPLACEMENT CHARACTER}")


def test_a_body_is_readable_where_it_is_text() -> None:
    assert readable("hällo\r\nyou".encode()) == "hällo\nyou"
    assert readable(b"") == ""
    assert readable(b"\xff\xfe") is None
    assert readable(b"PNG\0\1") is None


def test_figures_are_said_as_people_say_them() -> None:
    assert [size(n) for n in (1, 999, 1000, 1_500_000, 12_345_678_900)] == [
        "1 bytes",
        "999 bytes",
        "1.0 kB",
        "1.5 MB",
        "12345.7 MB",
    ]
    assert [duration(s) for s in (0.25, 119, 300, 90_000)] == ["0.2 s", "119.0 s", "5 min", "25.0 h"]
    assert [counted(n, "message") for n in (0, 1, 1200)] == ["0 messages", "1 message", "1,200 messages"]
