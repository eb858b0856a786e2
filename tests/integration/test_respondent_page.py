"""The respondent's pages in Debian's Chromium: by keyboard, by touch at 320 pixels, and by axe-core's rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.worlds.web.chromium import BROWSER, LOOKS, Chromium, Look, complaints, focus_order, serving, violations

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.long, pytest.mark.needs(*BROWSER)]


@pytest.fixture
def link(tmp_path: Path) -> Iterator[Callable[[], str]]:
    with serving("tests.worlds.web.respondent_page", str(tmp_path), "invited") as made:
        yield made


def fill_in(page: Page) -> None:
    """Answer everything, with all kinds of questions."""
    page.get_by_label("So-so").check()
    page.get_by_label("Sing").check()
    page.get_by_label("How old are you?").fill("33")
    page.get_by_label("Where do you live?").fill("52.52, 13.40")
    page.get_by_label("Where did you go? From where?").select_option("Home")
    page.get_by_label("To where?").select_option("Work")
    page.get_by_label("Which way? Place 1").select_option("Park")
    page.get_by_label("What should change?").fill("The rent.")
    page.get_by_label("How many visitors?").fill("12")
    page.get_by_label("Yes, knowing").check()


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_every_page_keeps_the_rules_of_accessibility(chromium: Chromium, link: Callable[[], str], look: Look) -> None:
    def work(page: Page) -> dict[str, list[str]]:
        page.goto(link())
        page.locator("summary").click()
        found = {"questions": violations(page)}
        page.get_by_role("button", name="Look at what is sent").click()
        found["with mistakes"] = violations(page)
        fill_in(page)
        page.get_by_role("button", name="Look at what is sent").click()
        found["preview"] = violations(page)
        page.get_by_role("button", name="Send it").click()
        found["reports"] = violations(page)
        page.get_by_role("link", name="My surveys").click()
        found["surveys"] = violations(page)
        page.get_by_role("link", name="Privacy budget").click()
        found["budget"] = violations(page)
        page.get_by_label("In so many days").fill("soon")
        page.get_by_role("button", name="Change the limits").click()
        found["budget with mistakes"] = violations(page)
        return found

    found = chromium.visit(work, look)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_a_survey_is_answered_without_a_mouse(chromium: Chromium, link: Callable[[], str]) -> None:
    def work(page: Page) -> tuple[str, str, str, list[str]]:
        found = complaints(page)
        page.goto(link())
        page.get_by_label("Bad").focus()
        page.keyboard.press("Space")
        for _ in range(200):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.name") == "consent":
                break
        page.keyboard.press("Space")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**/preview")
        preview = page.locator("main").inner_text()
        page.get_by_role("button", name="Send it").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/reports")
        waiting = page.locator("main").inner_text()
        for _ in range(60):
            if page.get_by_role("status").count():
                break
            page.wait_for_timeout(500)
            page.reload()
        return preview, waiting, page.locator("main").inner_text(), found

    preview, waiting, ended, found = chromium.visit(work, Look(320, "light"))
    assert "Your answer counts as: Bad" in preview
    assert "It waits for its token" in waiting
    assert "The collector has everything." in ended
    assert found == []


def test_by_touch_alone_and_without_scripts(chromium: Chromium, link: Callable[[], str]) -> None:
    def work(page: Page) -> str:
        page.goto(link())
        page.get_by_text("Good", exact=True).tap()
        page.get_by_text("Yes, knowing").tap()
        page.get_by_role("button", name="Look at what is sent").tap()
        page.wait_for_url("**/preview")
        page.get_by_role("button", name="Send it").tap()
        page.wait_for_url("**/reports")
        return page.locator("main").inner_text()

    told = chromium.visit(work, Look(320, "dark"), has_touch=True, is_mobile=True, java_script_enabled=False)
    assert "It waits for its token" in told


def test_the_keyboard_reaches_every_question_in_order(chromium: Chromium, link: Callable[[], str]) -> None:
    def work(page: Page) -> list[str]:
        page.goto(link())
        return focus_order(page)

    order = chromium.visit(work, Look(320, "light"))
    questions = [each.partition("field-q-")[2] for each in order if "field-q-" in each]
    # One stop for a group of radio buttons, one for each box.
    assert questions == [
        *("mood-0", "hobbies-0", "hobbies-1", "hobbies-2", "hobbies-3", "age", "home", "trip-from", "trip-to"),
        *("route-0", "route-1", "route-2", "wish", "visits"),
    ]
    assert order[-2:] == ["input:field-consent-0", "button:Look at what is sent"]


def test_an_invitation_is_taken_on_the_page(chromium: Chromium, tmp_path: Path) -> None:
    with serving("tests.worlds.web.respondent_page", str(tmp_path)) as link:
        address = link()

        def work(page: Page) -> tuple[str, str]:
            page.goto(address)
            empty = page.locator("main").inner_text()
            page.get_by_label("Your invitation").fill((tmp_path / "invitation").read_text())
            page.get_by_role("button", name="Take the invitation").click()
            return empty, page.get_by_role("heading", level=1).inner_text()

        empty, title = chromium.visit(work, Look(320, "light"))
    assert "Another survey" in empty
    assert title == "The everything survey"
