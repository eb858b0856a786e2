"""Pages of other packages in the daemon: made when they are opened, and whatever they do, the daemon goes on."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from twisted.logger import globalLogPublisher

from loopixmix.web.pages import PAGES_GROUP, PageContext
from tests.worlds.clients.memory_api import MemoryApi
from tests.worlds.clients.memory_web import RawConversation, converse, request_bytes
from tests.worlds.web.gallery import Gallery
from tests.worlds.web.installed import install
from tests.worlds.web.memory_pages import OPENED

HERE = "tests.client.http.serving.test_pages"
MADE: list[MadePages] = []


class MadePages(Gallery):
    """Remembers its context, and whether it was closed."""

    def __init__(self, context: PageContext[object]) -> None:
        super().__init__()
        self.context = context
        self.is_closed = False
        MADE.append(self)

    async def close(self) -> None:
        self.is_closed = True


class StubbornPages(MadePages):
    """Does not close."""

    async def close(self) -> None:
        raise RuntimeError("it does not close")


def broken(context: PageContext[object]) -> Gallery:
    """Cannot be made."""
    raise RuntimeError("a defect in another package")


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryApi]:
    points = {"good": "MadePages", "stubborn": "StubbornPages", "broken": "broken", "gone": "Nowhere"}
    install(monkeypatch, tmp_path / "path", PAGES_GROUP, {name: f"{HERE}:{value}" for name, value in points.items()})
    MADE.clear()
    made = MemoryApi(tmp_path)
    yield made
    made.stop()


def link(api: MemoryApi, name: str = "good") -> str:
    answer = api.ask("POST", f"/v1/pages/{name}/links")
    assert answer.status == 201
    url: str = json.loads(answer.body)["url"]
    return url


def open_link(api: MemoryApi, url: str) -> RawConversation:
    parts = urlsplit(url)
    assert parts.port is not None
    raw = request_bytes("GET", parts.path, {"Host": parts.netloc, "Connection": "close", **OPENED})
    answer = converse(api.web, parts.port, raw)
    api.clock.pump([0.0] * 3)
    return answer


def test_installed_pages_are_listed(api: MemoryApi) -> None:
    names = json.loads(api.ask("GET", "/v1/pages").body)["names"]
    assert {"good", "stubborn", "broken", "gone"} <= set(names)
    assert MADE == []


def test_a_link_opens_pages_with_the_daemons_client_and_a_private_directory(api: MemoryApi) -> None:
    url = link(api)
    assert re.fullmatch(r"http://good-[0-9a-f]{16}\.localhost:\d+/pages/good/open/[A-Za-z0-9_-]{43}", url)
    assert json.loads(api.ask("POST", "/v1/pages/good/links").body)["valid_s"] == 300
    assert open_link(api, url).status == 303
    [pages] = MADE
    assert pages.context.client is api.fake.alice
    assert pages.context.directory == api.directory / "pages" / "good"
    for directory in (pages.context.directory, pages.context.directory.parent):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_pages_have_a_port_of_their_own_which_opens_with_the_first(api: MemoryApi) -> None:
    assert set(api.web.listeners) == {7078}
    ports = {urlsplit(link(api, name)).port for name in ("good", "stubborn", "good")}
    assert len(ports) == 1
    assert set(api.web.listeners) == {7078} | ports


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing", "no installed package offers the pages 'nothing' (there are: "),
        ("gone", "cannot be loaded"),
        ("broken", "cannot be made; the daemon's log tells more"),
    ],
)
def test_pages_that_cannot_be_opened_are_told(api: MemoryApi, name: str, words: str) -> None:
    events: list[dict[str, object]] = []
    globalLogPublisher.addObserver(events.append)
    try:
        answer = api.ask("POST", f"/v1/pages/{name}/links")
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert answer.status == 400
    assert words in json.loads(answer.body)["message"]
    assert ("a defect in another package" in str([event.get("log_failure") for event in events])) == (name == "broken")
    assert set(api.web.listeners) == {7078}


def test_only_programs_with_the_token_get_a_link(api: MemoryApi) -> None:
    for target, method in (("/v1/pages", "GET"), ("/v1/pages/good/links", "POST")):
        assert api.raw(request_bytes(method, target, {"Host": "127.0.0.1:7078"})).status == 401
    assert MADE == []


def test_when_the_daemon_stops_its_pages_close_and_their_port_too(api: MemoryApi) -> None:
    link(api)
    link(api, "stubborn")
    api.fake.run(api.server.stop())
    assert [pages.is_closed for pages in MADE] == [True, False]
    assert api.web.listeners == {}
