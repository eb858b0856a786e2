"""A result as PDF."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import msgspec
import pytest

from tests.worlds.counted_elections import counted_election
from votes.record.election import Election
from votes.results.documents import PublishedResult, TableOfResult
from votes.results.letters import UnshownLettersError, installed_fonts
from votes.results.pdf import result_pdf

COUNTED = counted_election()


@pytest.fixture(scope="module")
def written() -> bytes:
    return result_pdf(COUNTED.election, COUNTED.result, fonts=())


def test_the_same_result_makes_the_same_file(written: bytes) -> None:
    assert result_pdf(COUNTED.election, COUNTED.result, fonts=()) == written


def test_it_is_a_pdf_of_several_pages(written: bytes) -> None:
    assert written.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b", written)) >= 4


def test_long_tables_and_long_names_fit() -> None:
    rows = tuple((f"Text {number} " + "long " * 40, *[number] * 20) for number in range(300))
    table = TableOfResult(title="Long", columns=("text", *map(str, range(20))), rows=rows, charted=1)
    first = msgspec.structs.replace(COUNTED.result.polls[0], tables=(table,), winners=("x" * 500,))
    result = msgspec.structs.replace(COUNTED.result, polls=(first, *COUNTED.result.polls[1:]))
    assert result_pdf(COUNTED.election, result, fonts=()).startswith(b"%PDF-")


@pytest.mark.needs("pdftotext")
def test_the_text_can_be_read(tmp_path: Path, written: bytes) -> None:
    text = _read(tmp_path / "result.pdf", written)
    assert "rehearsal" not in text
    assert "The answer is Yes." in text
    assert "Ekaterina Gerasimova" in text
    assert "135 ballots of 200 voters (67.5 %), 10 blank." in text
    assert "[U+65E5][U+672C]" in text


@pytest.mark.needs("pdftotext")
def test_a_rehearsal_is_told_at_the_top(tmp_path: Path) -> None:
    counted = counted_election(rehearsal=True)
    polls = counted.election.polls[:1], counted.result.polls[:1]
    election = msgspec.structs.replace(counted.election, polls=polls[0])
    result = msgspec.structs.replace(counted.result, polls=polls[1])
    text = _read(tmp_path / "result.pdf", result_pdf(election, result, fonts=()))
    assert text.index("This was a rehearsal") < text.index("The answer is Yes.")


GEORGIAN = "\u10d9\u10d0\u10db\u10de\u10d4\u10d0"
DEJAVU = [path for path in installed_fonts() if path.name == "DejaVuSans.ttf"][:1]


def titled(title: str) -> tuple[Election, PublishedResult]:
    """Return a small election with a title."""
    election = msgspec.structs.replace(COUNTED.election, title=title, polls=COUNTED.election.polls[:1])
    return election, msgspec.structs.replace(COUNTED.result, title=title, polls=COUNTED.result.polls[:1])


@pytest.mark.needs("pdftotext")
@pytest.mark.skipif(not DEJAVU, reason="the font DejaVu Sans is not installed")
def test_letters_that_the_packaged_font_lacks_come_from_an_installed_one(tmp_path: Path) -> None:
    assert f"{GEORGIAN} 2027" in _read(tmp_path / "result.pdf", result_pdf(*titled(f"{GEORGIAN} 2027"), fonts=DEJAVU))


@pytest.mark.parametrize(
    ("title", "letter"),
    [
        ("\u65e5\u672c", "\u65e5 (U+65E5)"),
        # A font that has these would show them from left to right, and not joined.
        ("\u05e9\u05dc\u05d5\u05dd", "(U+05DC)"),
        ("\u0645\u0631\u062d\u0628\u0627", "(U+0627)"),
        ("\u0928\u092e\u0938\u094d\u0924\u0947", "(U+0924)"),
    ],
    ids=["Japanese", "Hebrew", "Arabic", "Hindi"],
)
def test_letters_of_the_record_that_no_font_shows_are_refused(title: str, letter: str) -> None:
    with pytest.raises(UnshownLettersError) as refused:
        result_pdf(*titled(title), fonts=DEJAVU)
    assert letter in str(refused.value)


def _read(path: Path, written: bytes) -> str:
    path.write_bytes(written)
    return subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True).stdout
