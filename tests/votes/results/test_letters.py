from __future__ import annotations

from pathlib import Path

from votes.results.letters import cover_of, in_words, letters_of

HEBREW = "\u05e9"


def test_a_font_that_is_broken_has_no_letters(tmp_path: Path) -> None:
    for name, content in (
        ("empty.ttf", b""),
        ("noise.ttf", bytes(range(256))),
        ("collection.ttf", b"ttcf" + bytes(40)),
    ):
        (tmp_path / name).write_bytes(content)
        assert list(letters_of(tmp_path / name)) == []
    assert list(letters_of(tmp_path / "away.ttf")) == []


def test_without_fonts_nothing_more_is_shown() -> None:
    cover = cover_of({"\u65e5", HEBREW}, ())
    assert cover.fonts == ()
    assert cover.unshown == {"\u65e5", HEBREW}


def test_fonts_are_not_looked_at_if_nothing_is_missing() -> None:
    def never():  # type: ignore[no-untyped-def]
        raise AssertionError("looked at")
        yield

    assert cover_of((), never()).unshown == frozenset()


def test_letters_are_named_by_their_numbers() -> None:
    assert in_words("ba") == "a (U+0061), b (U+0062)"
    assert in_words("abcdefg").endswith("e (U+0065) and 2 more")
