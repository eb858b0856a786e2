"""Attacks on pages by a real browser: Debian's Chromium, with a session, is led to the site of an attacker."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.worlds.web.chromium import BROWSER, Chromium, gallery

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = [pytest.mark.long, pytest.mark.needs(*BROWSER)]

FORM = '<input name="name" value="mallory"><input name="age" value="1"><input name="season" value="spring">'


class Evil:
    """A server of somebody else on this machine: shows what it is told to, and remembers which cookies it got."""

    def __init__(self) -> None:
        self.body = ""
        self.seen: list[tuple[str, str]] = []
        evil = self

        class Answering(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                evil.seen.append((self.path, self.headers.get("Cookie", "")))
                data = f"<!DOCTYPE html><title>evil</title>{evil.body}".encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    @property
    def home(self) -> str:
        return f"http://evil.example:{self.port}/"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def evil() -> Iterator[Evil]:
    made = Evil()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def link() -> Iterator[Callable[[], str]]:
    with gallery() as made:
        yield made


def test_a_page_in_a_frame_stays_empty(chromium: Chromium, link: Callable[[], str], evil: Evil) -> None:
    def work(page: Page) -> tuple[str, str]:
        page.goto(link())
        evil.body = f'<iframe src="{page.url}survey" width=500 height=500></iframe>'
        page.goto(evil.home)
        frame = page.frames[1]
        frame.wait_for_load_state()
        return frame.url, frame.content()

    url, content = chromium.visit(work)
    assert url == "chrome-error://chromewebdata/"
    assert "Your name" not in content


@pytest.mark.parametrize("place", ["evil.example", "127.0.0.1", "localhost", "other.localhost"])
def test_a_form_of_another_site_is_not_carried_out(
    chromium: Chromium, link: Callable[[], str], evil: Evil, place: str
) -> None:
    def work(page: Page) -> tuple[str, str]:
        page.goto(link())
        home = page.url
        evil.body = f'<form method=post action="{home}survey">{FORM}<button>Win!</button></form>'
        page.goto(f"http://{place}:{evil.port}/")
        page.get_by_role("button").click()
        page.wait_for_url(re.compile("survey"))
        refused = page.title()
        page.goto(home + "taken")
        return refused, page.content()

    refused, taken = chromium.visit(work)
    assert refused == "Error: Refused - Gallery"
    assert "mallory" not in taken


def test_a_script_of_another_site_reads_and_does_nothing(
    chromium: Chromium, link: Callable[[], str], evil: Evil
) -> None:
    def work(page: Page) -> tuple[str, str, str]:
        page.goto(link())
        home = page.url
        page.goto(evil.home)
        attempt = """async ([address, options]) => {
            try { const answer = await fetch(address, options); return answer.type + await answer.text() }
            catch (error) { return 'refused' }
        }"""
        form = {
            **{
                "method": "POST",
                "credentials": "include",
                "mode": "no-cors",
                "body": "name=mallory&age=1&season=spring",
            },
            "headers": {"Content-Type": "application/x-www-form-urlencoded"},
        }
        read = page.evaluate(attempt, [home, {"credentials": "include"}])
        sent = page.evaluate(attempt, [home + "survey", form])
        page.goto(home + "taken")
        return read, sent, page.content()

    read, sent, taken = chromium.visit(work)
    assert read == "refused"
    assert sent in ("opaque", "refused")
    assert "mallory" not in taken


def test_another_program_on_this_machine_is_not_handed_the_cookie(
    chromium: Chromium, link: Callable[[], str], evil: Evil
) -> None:
    def work(page: Page) -> str:
        page.goto(link())
        for place in ("127.0.0.1", "localhost", "gallery.localhost", "evil.example"):
            page.goto(f"http://{place}:{evil.port}/pages/gallery/")
            page.reload()
        return ""

    chromium.visit(work)
    assert len([path for path, _ in evil.seen if path == "/pages/gallery/"]) == 8
    assert {cookie for _, cookie in evil.seen} == {""}


def test_what_remains_a_program_that_knows_the_host_name_is_handed_the_cookie_of_whom_it_leads_there(
    chromium: Chromium, link: Callable[[], str], evil: Evil
) -> None:
    def work(page: Page) -> str:
        page.goto(link())
        page.goto(f"http://{urlsplit(page.url).hostname}:{evil.port}/pages/gallery/")
        return ""

    chromium.visit(work)
    assert any(cookie.startswith("session=") for _, cookie in evil.seen)


def test_a_name_rebound_to_this_machine_shows_nothing(chromium: Chromium, link: Callable[[], str]) -> None:
    def work(page: Page) -> str:
        page.goto(link())
        page.goto(f"http://evil.example:{urlsplit(page.url).port}/pages/gallery/")
        return page.content()

    content = chromium.visit(work)
    assert "belongs to another program" in content
    assert "Votes for each proposal" not in content


def test_another_page_that_leads_to_a_link_does_not_use_it_up(
    chromium: Chromium, link: Callable[[], str], evil: Evil
) -> None:
    def work(page: Page) -> tuple[str, str]:
        evil.body = f'<a href="{link()}">your mail</a>'
        page.goto(evil.home)
        page.get_by_role("link").click()
        page.wait_for_url(re.compile("/open/"))
        asked = page.title()
        page.get_by_role("button", name="Open").click()
        page.wait_for_url(re.compile("/pages/gallery/$"))
        return asked, page.title()

    assert chromium.visit(work) == ("Open Gallery? - Gallery", "Charts - Gallery")


def test_a_link_that_two_browsers_open_opens_for_the_first(chromium: Chromium, link: Callable[[], str]) -> None:
    url = link()

    def work(page: Page) -> str:
        page.goto(url)
        return page.title()

    assert chromium.visit(work) == "Charts - Gallery"
    assert chromium.visit(work).startswith("Error: This link was used already")


def test_even_markup_that_got_into_a_page_runs_no_script_and_loads_nothing(
    chromium: Chromium, link: Callable[[], str], evil: Evil
) -> None:
    def work(page: Page) -> tuple[str, str]:
        page.goto(link())
        page.evaluate(
            """home => {
                const script = document.createElement('script');
                script.textContent = "document.title = 'taken'";
                const image = document.createElement('img');
                image.src = home + 'image';
                const style = document.createElement('link');
                style.rel = 'stylesheet';
                style.href = home + 'style';
                const button = document.createElement('button');
                button.setAttribute('onclick', "document.title = 'taken'");
                document.body.append(script, image, style, button);
                button.click();
            }""",
            evil.home,
        )
        page.wait_for_timeout(500)
        return page.title(), page.evaluate("document.cookie")

    title, cookie = chromium.visit(work)
    assert title == "Charts - Gallery"
    assert cookie == ""
    assert evil.seen == []


def test_the_address_that_a_person_came_from_is_told_to_nobody(
    chromium: Chromium, link: Callable[[], str], evil: Evil
) -> None:
    def work(context: BrowserContext) -> str:
        page = context.new_page()
        page.goto(link())
        page.evaluate(
            "home => { const a = document.createElement('a'); a.href = home; a.id = 'out'; a.innerText = 'x';"
            " document.body.prepend(a) }",
            evil.home,
        )
        page.locator("#out").click()
        page.wait_for_url(evil.home)
        referrer: str = page.evaluate("document.referrer")
        return referrer

    assert chromium.visit_all(work) == ""
