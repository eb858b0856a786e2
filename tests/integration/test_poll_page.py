"""The page of the poll as its user has it: the command prints a link, a browser opens it, and a vote is cast."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.worlds.commands import command
from tests.worlds.web.chromium import BROWSER, LOOKS, PLAIN, ROOT, Chromium, Look, complaints, focus_order, violations

if TYPE_CHECKING:
    from playwright.sync_api import Page

ENVIRONMENT = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
IN_BROWSER = (pytest.mark.long, pytest.mark.needs(*BROWSER))


class Home:
    """The directory of a client whose daemon runs."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def open(self, *arguments: str, code: int = 0) -> str:
        """Run `loopixmix client open alice`."""
        done = command("client", "open", "alice", *arguments, directory=self.root, environment=ENVIRONMENT)
        assert done.returncode == code, done.stderr.decode()
        return (done.stdout if code == 0 else done.stderr).decode().strip()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    root = tmp_path_factory.mktemp("poll")
    line = [sys.executable, "-P", "-m", "tests.worlds.web.poll_daemon", str(root)]
    process = subprocess.Popen(line, env=ENVIRONMENT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield Home(root)
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_the_command_prints_a_link_and_lists_what_is_installed(home: Home) -> None:
    form = r"http://poll-[0-9a-f]{16}\.localhost:\d+/pages/poll/open/[A-Za-z0-9_-]{43}"
    assert re.fullmatch(form, home.open("poll"))
    assert home.open("poll") != home.open("poll")
    told = json.loads(home.open("poll", "--json"))
    assert re.fullmatch(form, told["url"])
    assert told["valid_s"] == 300
    assert "poll" in home.open().splitlines()
    assert "poll" in json.loads(home.open("--json"))


def test_pages_that_are_not_installed_are_told_in_one_line(home: Home) -> None:
    told = home.open("nothing", code=2)
    assert told.startswith("loopixmix: no installed package offers the pages 'nothing' (there are: ")
    assert "\n" not in told


@pytest.mark.parametrize("look", [pytest.param(look, marks=IN_BROWSER, id=str(look)) for look in LOOKS])
def test_the_poll_keeps_the_rules_of_accessibility(home: Home, chromium: Chromium, look: Look) -> None:
    def work(page: Page) -> list[str]:
        heard = complaints(page)
        page.goto(home.open("poll"))
        found = violations(page)
        page.get_by_role("link", name="Result").click()
        found += violations(page)
        assert heard == []
        page.get_by_role("link", name="Vote").click()
        page.get_by_role("button", name="Cast the vote").click()
        assert page.get_by_role("alert").is_visible()
        return found + violations(page)

    assert chromium.visit(work, look) == []


@pytest.mark.long
@pytest.mark.needs(*BROWSER)
def test_a_vote_is_cast_by_keyboard_alone_and_seen_in_the_chart(home: Home, chromium: Chromium) -> None:
    def work(page: Page) -> tuple[list[str], str, str]:
        page.goto(home.open("poll"))
        order = focus_order(page)
        page.get_by_role("radio").first.focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("result"))
        page.locator("summary").focus()
        page.keyboard.press("Enter")
        return order, page.get_by_role("status").inner_text(), page.get_by_role("row", name="More trees").inner_text()

    order, status, row = chromium.visit(work, PLAIN)
    assert order[-2:] == ["input:field-option-0", "button:Cast the vote"]
    assert status == "Your vote is counted."
    assert row.split() == ["More", "trees", "1"]


@pytest.mark.long
@pytest.mark.needs(*BROWSER)
def test_closing_the_page_ends_what_the_browser_may_do(home: Home, chromium: Chromium) -> None:
    def work(page: Page) -> str:
        page.goto(home.open("poll"))
        first = page.url
        page.get_by_role("button", name="Close").click()
        page.goto(first)
        return page.content()

    assert "loopixmix client open DIR poll" in chromium.visit(work)
