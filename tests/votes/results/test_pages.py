"""A result as a page: what it says, and how it looks in a browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from loopixmix.web.showing.frame import STYLE_NAME
from tests.worlds.counted_elections import counted_election
from tests.worlds.web.chromium import BROWSER, LOOKS, Chromium, Look, complaints, violations
from votes.record.fingerprint import shown
from votes.results.documents import ResultOfPoll, TableOfResult
from votes.results.pages import MOST_BARS, MOST_COLUMNS, MOST_ROWS, result_files

if TYPE_CHECKING:
    from playwright.sync_api import Page

COUNTED = counted_election()


def _page() -> str:
    return result_files(COUNTED.election, COUNTED.result)["result.html"].decode()


def test_the_page_says_who_won_and_how_to_check_it() -> None:
    page = _page()
    assert "The answer is Yes." in page
    assert "135 ballots of 200 voters (67.5 %), 10 blank." in page
    assert shown(COUNTED.result.fingerprint) in page
    assert page.count("<svg") == 7
    assert f'href="./{STYLE_NAME}"' in page


def test_what_voters_wrote_is_text() -> None:
    page = _page()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "up\ufffddown" in page


def test_all_identifiers_differ() -> None:
    identifiers = re.findall(r' id="([^"]*)"', _page())
    assert sorted(identifiers) == sorted(set(identifiers))


def test_a_rehearsal_is_told_at_the_top() -> None:
    counted = counted_election(rehearsal=True)
    page = result_files(counted.election, counted.result)["result.html"].decode()
    assert "This was a rehearsal with test ballots." in page
    assert "rehearsal" not in _page()


def test_a_long_result_is_cut_and_says_so() -> None:
    rows = tuple((f"Text {number}", *[number] * 20) for number in range(MOST_ROWS + 50))
    columns = ("text", *(f"round {number}" for number in range(20)))
    table = TableOfResult(title="Long", columns=columns, rows=rows, charted=1)
    page = _with_table(table)
    assert "The table goes on in the CSV and JSON files." in page
    assert f"The first {MOST_BARS} of 250." in page
    assert page.count("<rect ") >= MOST_BARS
    assert f"round {MOST_COLUMNS}<" not in page
    assert "round 19" in page


def _with_table(table: TableOfResult) -> str:
    first: ResultOfPoll = msgspec.structs.replace(COUNTED.result.polls[0], tables=(table,))
    result = msgspec.structs.replace(COUNTED.result, polls=(first, *COUNTED.result.polls[1:]))
    return result_files(COUNTED.election, result)["result.html"].decode()


@pytest.mark.long
@pytest.mark.needs(*BROWSER)
@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_the_page_keeps_the_rules_of_accessibility(chromium: Chromium, tmp_path: Path, look: Look) -> None:
    for name, content in result_files(COUNTED.election, COUNTED.result).items():
        (tmp_path / name).write_bytes(content)

    def work(page: Page) -> list[str]:
        found = complaints(page)
        page.goto((tmp_path / "result.html").as_uri())
        for summary in page.locator("summary").all():
            summary.click()
        return [*found, *violations(page)]

    assert chromium.visit(work, look) == []
