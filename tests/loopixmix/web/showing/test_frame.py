"""The frame of every page."""

from __future__ import annotations

import re

import pytest

from loopixmix.web.showing.frame import STYLE, STYLE_NAME, Frame, MenuEntry, document
from loopixmix.web.showing.markup import paragraph

FRAME = Frame(
    application="Poll", prefix="/pages/poll", places=(MenuEntry("/", "Question"), MenuEntry("/result", "Result"))
)


def test_a_page_has_language_title_stylesheet_and_a_way_to_its_content() -> None:
    body = document(FRAME, "Result", paragraph("x")).decode()
    assert '<html lang="en">' in body
    assert "<title>Result - Poll</title>" in body
    assert f'<link rel="stylesheet" href="/pages/poll/{STYLE_NAME}" />' in body
    assert '<a href="#content" class="skip">' in body
    assert '<main id="content" tabindex="-1"><h1>Result</h1><p>x</p></main>' in body
    assert '<a href="/pages/poll/result" aria-current="page">Result</a>' in body
    assert '<a href="/pages/poll/">Question</a>' in body


def test_the_title_of_a_page_with_an_error_begins_with_it() -> None:
    assert "<title>Error: Survey - Poll</title>" in document(FRAME, "Survey", "", is_error=True).decode()


def test_the_stylesheet_needs_nothing_from_elsewhere() -> None:
    assert b"url(" not in STYLE
    assert b"@import" not in STYLE


def _luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1, 2])
def test_colours_can_be_told_apart_in_light_dark_and_print(scheme: int) -> None:
    # WCAG 2.2, 1.4.3 and 1.4.11: 4.5:1 for text, 3:1 for lines that carry meaning.
    blocks = re.findall(r":root \{(.*?)\}", STYLE.decode(), re.DOTALL)
    colour = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", blocks[scheme]))
    for ground in ("paper", "raised"):
        for text in ("ink", "quiet", "accent", "bad"):
            assert _contrast(colour[text], colour[ground]) >= 4.5, (text, ground)
        for line in ("edge", "bar", "series-0", "series-1", "series-2", "series-3"):
            assert _contrast(colour[line], colour[ground]) >= 3, (line, ground)
    # The line of an interval lies over its bar.
    assert _contrast(colour["ink"], colour["bar"]) >= 3
    for text, ground in [("accent-ink", "accent"), ("ink", "wash"), ("bad", "bad-wash"), ("ink", "good-wash")]:
        assert _contrast(colour[text], colour[ground]) >= 4.5, (text, ground)
