"""The dashboard of statistics in Debian's Chromium: by axe-core's rules, by keyboard alone, and without scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.worlds.web.chromium import (
    BROWSER,
    LOOKS,
    PLAIN,
    Chromium,
    Look,
    complaints,
    focus_order,
    serving,
    violations,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.long, pytest.mark.needs(*BROWSER)]

SURVEY_PAGES = ("", "/cross?rows=home&columns=age", "/batches", "/sql", "/export", "/question/home")
SERIES = "/question/age/series"
MAPS = ("", "/question/place", "/question/trip", "/question/route")


@pytest.fixture(scope="module")
def ask() -> Iterator[Callable[[], str]]:
    with serving("tests.worlds.stats_dashboard_server") as made:
        yield made


def enter(page: Page, told: str) -> str:
    """Log in; return where the dashboard is."""
    home, name, password = told.split()
    page.goto(f"{home}/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Surveys", level=1).wait_for()
    return home


def survey(page: Page, home: str, title: str) -> str:
    """Return the address of a survey."""
    page.goto(f"{home}/")
    return home + str(page.get_by_role("link", name=title).get_attribute("href"))


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_every_page_keeps_the_rules_of_accessibility(chromium: Chromium, ask: Callable[[], str], look: Look) -> None:
    def work(page: Page) -> dict[str, list[str]]:
        page.goto(ask().split()[0])
        found = {"door": violations(page)}
        page.get_by_label("Name").fill("ada")
        page.get_by_role("button", name="Log in").click()
        found["door with errors"] = violations(page)
        home = enter(page, ask())
        weekly, ways = (survey(page, home, title) for title in ("Neighbourhood", "Ways"))
        clinic, festival = (survey(page, home, title) for title in ("Clinic", "Festival"))
        page.goto(f"{home}/data")
        data_set = home + str(page.locator("tbody a").first.get_attribute("href"))
        own = (f"{home}/{name}" for name in ("", "data", "refusals", "record", "about", "nowhere"))
        of_weekly = (weekly + path for path in (*SURVEY_PAGES, SERIES))
        for address in (*own, *of_weekly, *(ways + path for path in MAPS), festival, clinic, data_set):
            page.goto(address)
            for summary in page.locator("summary").all():
                summary.click()
            found[address.removeprefix(home)] = violations(page)
        return found

    found = chromium.visit(work, look)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_pages_give_the_browser_nothing_to_complain_about(chromium: Chromium, ask: Callable[[], str]) -> None:
    def work(page: Page) -> list[str]:
        home = enter(page, ask())
        weekly, ways = (survey(page, home, title) for title in ("Neighbourhood", "Ways"))
        found = complaints(page)
        for address in (weekly, ways, f"{ways}/question/place", f"{weekly}{SERIES}"):
            page.goto(address)
        return found

    assert chromium.visit(work) == []


@pytest.mark.parametrize("look", [PLAIN, Look(320, "dark")], ids=str)
def test_the_keyboard_reaches_everything_in_order(chromium: Chromium, ask: Callable[[], str], look: Look) -> None:
    def work(page: Page) -> tuple[list[str], list[str]]:
        home = enter(page, ask())
        page.goto(f"{survey(page, home, 'Neighbourhood')}/export")
        form = focus_order(page)
        page.goto(survey(page, home, "Neighbourhood"))
        return form, focus_order(page)

    form, shown = chromium.visit(work, look)
    menu = ["a:Surveys", "a:Data sets", "a:Refusals", "a:Record", "a:Help"]
    assert form[:8] == ["a:Skip to the content", "a:Private statistics", *menu, "button:Close"]
    assert form[9:] == [
        *("input:field-part-0", "input:field-format-0", "input:field-first", "input:field-last", "button:Export"),
    ]
    assert next(name for name in shown if name.startswith("summary")) == "summary:Choose periods"
    assert "a:Look again" in shown


def test_a_person_logs_in_looks_and_leaves_without_a_mouse(chromium: Chromium, ask: Callable[[], str]) -> None:
    def work(page: Page) -> tuple[str, str, str]:
        home, name, password = ask().split()
        page.goto(f"{home}/")
        page.get_by_label("Name").focus()
        page.keyboard.type(name)
        page.keyboard.press("Tab")
        page.keyboard.type(password)
        page.keyboard.press("Enter")
        page.get_by_role("link", name="Neighbourhood").focus()
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="How do you live?").wait_for()
        shown = page.locator("main").inner_text()
        page.locator("summary", has_text="Choose periods").focus()
        page.keyboard.press("Enter")
        page.get_by_label("From period").focus()
        page.keyboard.type("2")
        page.keyboard.press("Enter")
        page.wait_for_url("**from=2**")
        filtered = page.locator("figcaption").first.inner_text()
        page.get_by_role("button", name="Close").focus()
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Closed").wait_for()
        page.goto(f"{home}/")
        return shown, filtered, page.locator("h1").inner_text()

    shown, filtered, after = chromium.visit(work)
    assert "7,500 answers are in the results" in shown
    assert "6,000 reports." in filtered
    assert after == "Log in"


def test_without_scripts_all_works_and_a_file_is_kept(chromium: Chromium, ask: Callable[[], str]) -> None:
    def work(page: Page) -> tuple[str, bytes, str]:
        home = enter(page, ask())
        page.goto(f"{survey(page, home, 'Festival')}/export")
        page.get_by_label("Estimates").check()
        page.get_by_label("CSV").check()
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Export").click()
        file = waiting.value
        page.goto(f"{home}/record")
        return file.suggested_filename, Path(file.path()).read_bytes(), page.locator("tbody tr").first.inner_text()

    name, body, record = chromium.visit(work, java_script_enabled=False)
    assert name.endswith("-estimates.csv")
    assert body.startswith(b"survey,open,question,value,label,hidden,")
    assert "ada" in record
    assert "3 rows" in record


def test_a_question_spends_once_although_it_is_loaded_again(chromium: Chromium, ask: Callable[[], str]) -> None:
    def work(page: Page) -> tuple[str, str, list[str]]:
        home = enter(page, ask())
        page.goto(f"{home}/data")
        page.locator("tbody a").first.click()
        page.get_by_label("Spend at most (eps)").fill("0.5")
        page.get_by_role("button", name="Ask, and spend").click()
        page.wait_for_url("**answer=**")
        first = page.get_by_role("status").inner_text()
        page.reload()
        return first, page.get_by_role("status").inner_text(), violations(page)

    first, again, wrong = chromium.visit(work)
    assert first == again
    assert first.startswith("This answer cost eps 0.5; eps 1.5 of 2 was left then.")
    assert wrong == []
