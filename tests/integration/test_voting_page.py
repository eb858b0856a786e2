"""The voter's page in Debian's Chromium: by keyboard, at 320 pixels, and by axe-core's rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.worlds.web.chromium import BROWSER, LOOKS, Chromium, Look, complaints, serving, violations

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.long, pytest.mark.needs(*BROWSER)]


@pytest.fixture
def link(tmp_path: Path) -> Iterator[Callable[[], str]]:
    with serving("tests.worlds.web.voting_page", str(tmp_path)) as made:
        yield made


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_every_page_keeps_the_rules_of_accessibility(chromium: Chromium, link: Callable[[], str], look: Look) -> None:
    def work(page: Page) -> dict[str, list[str]]:
        page.goto(link())
        found = {"questions": violations(page)}
        page.get_by_role("button", name="Look at the ballot").click()
        found["with mistakes"] = violations(page)
        page.get_by_label("Ada").check()
        page.get_by_label("Yes").check()
        page.get_by_role("button", name="Look at the ballot").click()
        found["preview"] = violations(page)
        page.get_by_role("link", name="My ballots").click()
        found["ballots"] = violations(page)
        return found

    found = chromium.visit(work, look)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_a_ballot_is_cast_without_a_mouse_and_found_on_the_board(chromium: Chromium, link: Callable[[], str]) -> None:
    def work(page: Page) -> tuple[str, str, str, list[str]]:
        found = complaints(page)
        page.goto(link())
        page.get_by_label("Ada").focus()
        page.keyboard.press("Space")
        page.get_by_label("Yes").focus()
        page.keyboard.press("Space")
        page.get_by_role("button", name="Look at the ballot").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/preview")
        preview = page.locator("main").inner_text()
        page.get_by_role("button", name="Cast this ballot").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/ballots")
        waiting = page.locator("main").inner_text()
        check = page.get_by_role("button", name="Look for it on the board")
        for _ in range(60):
            if check.count():
                break
            page.wait_for_timeout(500)
            page.reload()
        check.focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/check/1")
        return preview, waiting, page.locator("main").inner_text(), found

    preview, waiting, checked, found = chromium.visit(work, Look(320, "light"))
    assert "Ada" in preview
    assert "Tracking code" in preview
    assert "It waits for its time" in waiting
    assert "Your ballot is entry 5" in checked
    assert found == []


def test_a_challenged_ballot_is_opened_and_another_one_is_made(chromium: Chromium, link: Callable[[], str]) -> None:
    def work(page: Page) -> tuple[str, str]:
        page.goto(link())
        page.get_by_label("Ben").check()
        page.get_by_label("No", exact=True).check()
        page.get_by_role("button", name="Look at the ballot").click()
        page.get_by_role("button", name="Challenge this ballot").click()
        challenged = page.locator("main").inner_text()
        page.get_by_role("link", name="Make another ballot").click()
        return challenged, page.locator("main").inner_text()

    challenged, again = chromium.visit(work)
    assert "goes to the board with all that opens it" in challenged
    assert "Who is to be on the board?" in again
