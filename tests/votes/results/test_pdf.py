"""A result as PDF."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import msgspec
import pytest

from tests.worlds.counted_elections import counted_election
from votes.results.documents import TableOfResult
from votes.results.pdf import result_pdf

COUNTED = counted_election()


@pytest.fixture(scope="module")
def written() -> bytes:
    return result_pdf(COUNTED.election, COUNTED.result)


def test_the_same_result_makes_the_same_file(written: bytes) -> None:
    assert result_pdf(COUNTED.election, COUNTED.result) == written


def test_it_is_a_pdf_of_several_pages(written: bytes) -> None:
    assert written.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b", written)) >= 4


def test_long_tables_and_long_names_fit() -> None:
    rows = tuple((f"Text {number} " + "long " * 40, *[number] * 20) for number in range(300))
    table = TableOfResult(title="Long", columns=("text", *map(str, range(20))), rows=rows, charted=1)
    first = msgspec.structs.replace(COUNTED.result.polls[0], tables=(table,), winners=("x" * 500,))
    result = msgspec.structs.replace(COUNTED.result, polls=(first, *COUNTED.result.polls[1:]))
    assert result_pdf(COUNTED.election, result).startswith(b"%PDF-")


@pytest.mark.needs("pdftotext")
def test_the_text_can_be_read(tmp_path: Path, written: bytes) -> None:
    text = _read(tmp_path / "result.pdf", written)
    assert "rehearsal" not in text
    assert "The answer is Yes." in text
    assert "Ekaterina Gerasimova" in text
    assert "135 ballots of 200 voters (67.5 %), 10 blank." in text
    assert "up?down" in text
    assert "?? ?" in text


@pytest.mark.needs("pdftotext")
def test_a_rehearsal_is_told_at_the_top(tmp_path: Path) -> None:
    counted = counted_election(rehearsal=True)
    polls = counted.election.polls[:1], counted.result.polls[:1]
    election = msgspec.structs.replace(counted.election, polls=polls[0])
    result = msgspec.structs.replace(counted.result, polls=polls[1])
    text = _read(tmp_path / "result.pdf", result_pdf(election, result))
    assert text.index("This was a rehearsal") < text.index("The answer is Yes.")


def _read(path: Path, written: bytes) -> str:
    path.write_bytes(written)
    return subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True).stdout
