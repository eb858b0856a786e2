"""Fonts for the letters of a report: the packaged one, then those that are installed."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from fontTools.ttLib import TTFont, TTLibError  # type: ignore[import-untyped]

from loopixmix.errors import MisuseError

PLACES = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts", "/Library/Fonts")
MOST_FONTS = 2_000
"""So many fonts are looked into, at most."""
_RIGHT_TO_LEFT = ("R", "AL", "AN")
_JOINED = ((0x0900, 0x0DFF), (0x0F00, 0x109F), (0x1780, 0x17FF), (0x1800, 0x18AF), (0xA840, 0xABFF))
"""Scripts from India to Mongolia, whose letters change their shape beside others."""


class UnshownLettersError(MisuseError):
    """A text of the election has letters that a PDF cannot show here."""


@dataclass(frozen=True)
class FontCover:
    """Fonts beside the packaged one. `unshown`: letters that none of them shows rightly."""

    fonts: tuple[Path, ...]
    unshown: frozenset[str]


def cover_of(missing: Collection[str], fonts: Iterable[Path]) -> FontCover:
    """Return those of the fonts that are needed for the letters which the packaged one lacks.

    Letters of scripts that are written from right to left, or joined, would come out wrong: they count as not shown.
    """
    wanted = {letter for letter in missing if not _needs_shaping(letter)}
    chosen = []
    # To look for fonts takes a while.
    for path in fonts if wanted else ():
        found = {letter for letter in wanted if ord(letter) in letters_of(path)}
        if found:
            chosen.append(path)
            wanted -= found
        if not wanted:
            break
    return FontCover(tuple(chosen), frozenset(wanted | {letter for letter in missing if _needs_shaping(letter)}))


def installed_fonts() -> Iterator[Path]:
    """Yield the TrueType fonts of this machine, those without slant and weight first."""
    found: list[Path] = []
    plots = find_spec("matplotlib")
    if plots is not None and plots.origin is not None:
        found += sorted((Path(plots.origin).parent / "mpl-data" / "fonts" / "ttf").glob("DejaVuSans.ttf"))
    for place in PLACES:
        found += sorted(Path(place).expanduser().rglob("*.[to]tf"))
    yield from sorted(found, key=lambda path: not _is_plain(path.stem))[:MOST_FONTS]


def letters_of(path: Path) -> Collection[int]:
    """Return the numbers of the letters that a font has; none if it cannot be read."""
    try:
        with path.open("rb") as file, TTFont(file, lazy=True) as font:
            return dict(font.getBestCmap() or {})
    except (OSError, TTLibError, KeyError, AssertionError):
        # A broken font of the machine is none that we need.
        return ()


def in_words(letters: Iterable[str]) -> str:
    """Return letters with their numbers, the first few."""
    ordered = sorted(set(letters))
    named = ", ".join(f"{letter} (U+{ord(letter):04X})" for letter in ordered[:5])
    return named if len(ordered) <= 5 else f"{named} and {len(ordered) - 5} more"


def _is_plain(name: str) -> bool:
    lower = name.lower()
    return "sans" in lower and not any(word in lower for word in ("bold", "italic", "oblique", "mono", "light"))


def _needs_shaping(letter: str) -> bool:
    number = ord(letter)
    return unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT or any(low <= number <= high for low, high in _JOINED)
