"""Debian's Chromium, driven by playwright in a thread of its own, and axe-core's rules."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Playwright

T = TypeVar("T")

BROWSER = ("chromium", "playwright", "axe_playwright_python")
"""All that a test in the browser needs."""

TIMEOUT_S = 60.0
ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Look:
    """How a page is looked at."""

    width: int
    scheme: str

    def __str__(self) -> str:
        return f"{self.scheme}-{self.width}"


LOOKS = tuple(Look(width, scheme) for width in (320, 1280) for scheme in ("light", "dark"))
PLAIN = Look(1280, "light")


class Chromium:
    """A browser that starts when it is used for the first time.

    Playwright's plain interface keeps an asyncio loop running in its thread. In the thread of the tests no other test
    could run one of its own then, and the reactor of other tests lives there too.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "chromium")
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    def visit(self, work: Callable[[Page], T], look: Look = PLAIN, **options: Any) -> T:
        """Do `work` with a page in a fresh profile."""
        return self.visit_all(lambda context: work(context.new_page()), look, **options)

    def visit_all(self, work: Callable[[BrowserContext], T], look: Look = PLAIN, **options: Any) -> T:
        """Do `work` with a fresh profile that may have several pages."""

        def run() -> T:
            context = self._started().new_context(
                viewport={"width": look.width, "height": 800}, color_scheme=look.scheme, **options
            )
            context.set_default_timeout(TIMEOUT_S * 1000 / 2)
            try:
                return work(context)
            finally:
                context.close()

        return self._thread.submit(run).result(TIMEOUT_S * 2)

    def stop(self) -> None:
        """End the browser, if it was started."""

        def end() -> None:
            if self._browser is not None:
                self._browser.close()
            if self._playwright is not None:
                self._playwright.stop()

        self._thread.submit(end).result(TIMEOUT_S)
        self._thread.shutdown()

    def _started(self) -> Browser:
        from playwright.sync_api import sync_playwright

        if self._browser is None:
            self._playwright = sync_playwright().start()
            # Chromium does not run as root with its sandbox, and build servers are often root.
            arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
            # Names of attackers, who point them to wherever they like.
            arguments.append("--host-resolver-rules=MAP *.example 127.0.0.1")
            self._browser = self._playwright.chromium.launch(
                executable_path=shutil.which("chromium"), headless=True, args=arguments
            )
        return self._browser


def complaints(page: Page) -> list[str]:
    """Begin to listen to what the browser complains about on a page; the list grows."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


def violations(page: Page) -> list[str]:
    """Return what axe-core finds wrong with a page, by all of its rules, and whether it is wider than the window."""
    from axe_playwright_python.base import AxeBase

    class Bundled(AxeBase):
        def run(self, *_: object, **__: object) -> None:
            raise NotImplementedError

    # By the debugger, which the page's policy does not bind: as a script element it would be refused.
    page.evaluate(Bundled().axe_script)
    options = {"rules": {"target-size": {"enabled": True}}, "resultTypes": ["violations"]}
    results = page.evaluate(f"axe.run(document, {json.dumps(options)})")
    found = [
        f"{rule['id']}: {rule['help']}: {[node['html'] for node in rule['nodes']]}" for rule in results["violations"]
    ]
    width, window = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    if width > window:
        found.append(f"the page is {width} pixels wide, the window {window}")
    return found


def focus_order(page: Page) -> list[str]:
    """Press Tab until the focus comes round; return what had it, each as TAG:TEXT. Fails if it cannot be seen."""
    seen: list[str] = []
    page.evaluate("document.activeElement.blur()")
    for _ in range(200):
        page.keyboard.press("Tab")
        told: Mapping[str, Any] = page.evaluate(
            """() => {
                const e = document.activeElement, box = e.getBoundingClientRect();
                const ring = [e, e.closest('.option')].some(x => x && getComputedStyle(x).outlineStyle !== 'none');
                return {tag: e.tagName.toLowerCase(), name: e.id || e.innerText || '', ring,
                        seen: box.width > 0 && box.bottom > 0 && box.right > 0 && box.left < innerWidth};
            }"""
        )
        if told["tag"] == "body":
            return seen
        name = f"{told['tag']}:{told['name'].strip()}"
        assert told["ring"], f"{name} has the focus, and nothing shows it"
        assert told["seen"], f"{name} has the focus outside of the window"
        seen.append(name)
    raise AssertionError(f"the focus never comes round: {seen[-5:]}")


@contextmanager
def gallery(*arguments: str) -> Iterator[Callable[[], str]]:
    """Serve the gallery in a process of its own; gives what makes one-time links.

    `arguments`: `tls`, or none.
    """
    with serving("tests.worlds.web.gallery", *arguments) as link:
        yield link


@contextmanager
def serving(module: str, *arguments: str) -> Iterator[Callable[[], str]]:
    """Serve pages by a module in a process of its own; gives what makes one-time links.

    The module prints a link for each line that it reads, and ends with its input.
    """
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", module, *arguments],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    asked, told = process.stdin, process.stdout

    def link() -> str:
        asked.write("link\n")
        asked.flush()
        return told.readline().strip()

    try:
        yield link
    finally:
        asked.close()
        process.wait(30)
        told.close()
