"""Every page of the gallery in Debian's Chromium: readable, usable by keyboard, and by axe-core's rules."""

from __future__ import annotations

import re
import subprocess
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
    gallery,
    violations,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.long, pytest.mark.needs(*BROWSER)]

PAGES = ("", "?done=1", "survey", "picture", "hostile", "nowhere", "fails/away", "fails/badly", "open/used")


@pytest.fixture(scope="module")
def link() -> Iterator[Callable[[], str]]:
    with gallery() as made:
        yield made


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_every_page_keeps_the_rules_of_accessibility(chromium: Chromium, link: Callable[[], str], look: Look) -> None:
    def work(page: Page) -> dict[str, list[str]]:
        page.goto(link())
        home = page.url
        found = {}
        for name in PAGES:
            page.goto(home + name)
            found[name] = violations(page)
        page.goto(home + "survey")
        page.get_by_role("button", name="Send the answers").click()
        found["with errors"] = violations(page)
        page.goto(home)
        for summary in page.locator("summary").all():
            summary.click()
        found["with tables"] = violations(page)
        return found

    found = chromium.visit(work, look)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_pages_give_the_browser_nothing_to_complain_about(chromium: Chromium, link: Callable[[], str]) -> None:
    def work(page: Page) -> tuple[list[str], str]:
        page.goto(link())
        home = page.url
        found = complaints(page)
        for name in ("", "survey", "picture", "hostile"):
            page.goto(home + name)
        return found, page.title()

    found, title = chromium.visit(work)
    assert found == []
    # What somebody hostile entered is the title, and did not set it.
    assert title.startswith("<script>")


@pytest.mark.parametrize("look", [PLAIN, Look(320, "dark")], ids=str)
def test_the_keyboard_reaches_everything_in_order_and_shows_where_it_is(
    chromium: Chromium, link: Callable[[], str], look: Look
) -> None:
    def work(page: Page) -> list[str]:
        page.goto(link())
        page.goto(page.url + "survey")
        return focus_order(page)

    menu = ["a:Charts", "a:Survey", "a:Picture"]
    order = chromium.visit(work, look)
    assert order[:2] == ["a:Skip to the content", "a:Gallery"]
    assert order[2:5] == menu
    assert order[5] == "button:Close"
    assert order[6:] == [
        *("input:field-name", "textarea:field-motto", "input:field-age", "input:field-season-0"),
        *(f"input:field-fruit-{number}" for number in range(3)),
        "select:field-town",
        "button:Send the answers",
    ]


def test_a_form_is_filled_in_without_a_mouse(chromium: Chromium, link: Callable[[], str]) -> None:
    def work(page: Page) -> tuple[str, str, str]:
        page.goto(link())
        page.goto(page.url + "survey")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.type("Ada")
        page.keyboard.press("Enter")
        page.wait_for_url("**/survey#content")
        summary = page.get_by_role("alert").inner_text()
        page.get_by_role("link", name="Age in years").focus()
        page.keyboard.press("Enter")
        focused: str = page.evaluate("document.activeElement.id")
        page.keyboard.type("36")
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(r"\?done=1"))
        return summary, focused, page.get_by_role("status").inner_text()

    summary, focused, status = chromium.visit(work)
    assert "Your name" not in summary
    assert "Age in years: enter a whole number from 0 to 130" in summary
    assert focused == "field-age"
    assert status == "Your answers were taken."


def test_without_scripts_all_works(chromium: Chromium, link: Callable[[], str]) -> None:
    def work(page: Page) -> str:
        page.goto(link())
        page.get_by_role("link", name="Survey").click()
        page.get_by_label("Your name").fill("Ada")
        page.get_by_label("Age in years").fill("36")
        page.get_by_label("Spring").check()
        page.get_by_role("button", name="Send the answers").click()
        return page.get_by_role("status").inner_text()

    assert chromium.visit(work, java_script_enabled=False) == "Your answers were taken."


def test_a_file_is_sent_and_one_is_kept(chromium: Chromium, link: Callable[[], str], tmp_path: Path) -> None:
    picture = tmp_path / "x.png"
    picture.write_bytes(b"x" * 900)

    def work(page: Page) -> tuple[str, str, bytes]:
        page.goto(link())
        home = page.url
        page.goto(home + "picture")
        page.get_by_label("A picture").set_input_files(picture)
        page.get_by_role("button", name="Send the picture").click()
        told = page.locator("main p").inner_text()
        with page.expect_download() as waiting:
            page.evaluate("address => { location.href = address }", home + "record/july.csv")
        return told, waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()

    assert chromium.visit(work) == ("It has 900 bytes.", "july.csv", b"a,b\r\n1,2\r\n")


def test_a_form_that_is_too_long_gets_a_page_like_all_others(
    chromium: Chromium, link: Callable[[], str], tmp_path: Path
) -> None:
    picture = tmp_path / "x.png"
    picture.write_bytes(b"x" * 2 * 1024 * 1024)

    def work(page: Page) -> tuple[str, str, list[str]]:
        page.goto(link())
        page.goto(page.url + "picture")
        page.get_by_label("A picture").set_input_files(picture)
        page.get_by_role("button", name="Send the picture").click()
        ground: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return page.get_by_role("heading").inner_text(), ground, violations(page)

    assert chromium.visit(work, Look(320, "dark")) == ("Too long", "rgb(20, 24, 31)", [])


def test_over_tls_browsers_take_the_cookie_that_no_neighbour_can_plant(chromium: Chromium) -> None:
    with gallery("tls") as link:

        def work(page: Page) -> tuple[str, list[dict[str, object]]]:
            page.goto(link())
            page.get_by_role("link", name="Survey").click()
            page.get_by_label("Your name").fill("Ada")
            page.get_by_label("Age in years").fill("36")
            page.get_by_label("Spring").check()
            page.get_by_role("button", name="Send the answers").click()
            return page.get_by_role("status").inner_text(), list(page.context.cookies())

        told, [cookie] = chromium.visit(work, ignore_https_errors=True)
    assert told == "Your answers were taken."
    assert (cookie["name"], cookie["path"], cookie["secure"]) == ("__Host-session", "/", True)
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")


def test_charts_are_told_to_those_who_do_not_see_them(chromium: Chromium, link: Callable[[], str]) -> None:
    def work(page: Page) -> str:
        page.goto(link())
        return page.get_by_role("img", name="Ages").aria_snapshot()

    assert "Ages" in chromium.visit(work)


@pytest.mark.needs("pdftoppm")
def test_a_printed_page_has_its_charts_and_no_buttons(
    chromium: Chromium, link: Callable[[], str], tmp_path: Path
) -> None:
    def work(page: Page) -> tuple[bytes, bool, bool]:
        page.goto(link())
        printed = page.pdf(format="A4")
        page.emulate_media(media="print")
        close = page.get_by_role("button", name="Close", include_hidden=True)
        return printed, close.is_visible(), page.locator("svg").first.is_visible()

    printed, shows_button, shows_chart = chromium.visit(work)
    assert (shows_button, shows_chart) == (False, True)
    subprocess.run(
        ["pdftoppm", "-r", "20", "-gray", "-", str(tmp_path / "page")], input=printed, check=True, timeout=60
    )
    assert 1 <= len(list(tmp_path.glob("page-*.pgm"))) <= 3
