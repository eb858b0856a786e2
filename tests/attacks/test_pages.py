"""Attacks on the pages of a daemon: by other pages, other programs, and whoever gets hold of a link or a cookie."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from twisted.logger import LogEvent, eventAsText, globalLogPublisher

from loopixmix.web.pages import PAGES_GROUP, PageContext
from loopixmix.web.visiting.links import LINK_LIFE_S
from tests.worlds.clients.memory_api import MemoryApi
from tests.worlds.clients.memory_web import RawConversation, converse, request_bytes
from tests.worlds.web.gallery import Gallery
from tests.worlds.web.installed import install
from tests.worlds.web.memory_pages import FOLLOWED, LED_HERE, OPENED, SENT, cookie_of

GOOD = "name=Ada&motto=&age=36&season=summer"
EVIL = "http://evil.example"
MADE: dict[str, Gallery] = {}


def vote(context: PageContext[object]) -> Gallery:
    """Make the pages of one application."""
    return MADE.setdefault("vote", Gallery())


def stats(context: PageContext[object]) -> Gallery:
    """Make the pages of another one."""
    return MADE.setdefault("stats", Gallery())


class Victim:
    """A daemon with two applications, and the browser of its user, who has opened one of them."""

    def __init__(self, directory: Path) -> None:
        self.api = MemoryApi(directory)
        url = urlsplit(self.link("vote"))
        assert url.port is not None
        self.host, self.port, self.link_path = url.netloc, url.port, url.path
        self.cookie = cookie_of(self.ask(self.link_path, OPENED))

    def link(self, name: str) -> str:
        url: str = json.loads(self.api.ask("POST", f"/v1/pages/{name}/links").body)["url"]
        return url

    def ask(
        self, target: str, headers: dict[str, str], *, method: str = "GET", body: bytes = b"", host: str = ""
    ) -> RawConversation:
        sent = {"Host": host or self.host, "Connection": "close", **headers}
        answer = converse(self.api.web, self.port, request_bytes(method, target, sent, body))
        self.api.clock.pump([0.0] * 3)
        return answer

    def token(self) -> str:
        page = self.ask("/pages/vote/survey", {**FOLLOWED, "Cookie": self.cookie}).body.decode()
        found = re.search(r'name="form-token" value="([^"]+)"', page)
        assert found is not None
        return found[1]


@pytest.fixture
def victim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Victim]:
    here = "tests.attacks.test_pages"
    install(monkeypatch, tmp_path / "path", PAGES_GROUP, {"vote": f"{here}:vote", "stats": f"{here}:stats"})
    MADE.clear()
    made = Victim(tmp_path)
    assert made.ask("/pages/vote/", {**FOLLOWED, "Cookie": made.cookie}).status == 200
    yield made
    made.api.stop()


def test_a_name_rebound_to_this_machine_is_refused_by_its_host(victim: Victim) -> None:
    for host in (f"evil.example:{victim.port}", f"127.0.0.1:{victim.port}", f"localhost:{victim.port}"):
        answer = victim.ask("/pages/vote/", {**FOLLOWED, "Cookie": victim.cookie}, host=host)
        assert answer.status == 421
        assert b"Charts" not in answer.body


@pytest.mark.parametrize(
    "headers",
    [
        {**LED_HERE, "Origin": EVIL},
        {**LED_HERE, "Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Origin": EVIL},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:3000"},
        {"Origin": EVIL},
        {"Origin": "null"},
        {},
    ],
)
def test_a_forged_form_does_nothing_even_with_cookie_and_token(victim: Victim, headers: dict[str, str]) -> None:
    form = f"{GOOD}&form-token={victim.token()}".encode()
    sent = {**headers, "Cookie": victim.cookie, "Content-Type": SENT["Content-Type"]}
    answer = victim.ask("/pages/vote/survey", sent, method="POST", body=form)
    assert answer.status == 403
    assert MADE["vote"].carried_out == []
    assert b"access-control" not in answer.head


def test_a_forged_form_that_looks_like_ours_lacks_the_token(victim: Victim) -> None:
    sent = {**SENT, "Cookie": victim.cookie}
    assert victim.ask("/pages/vote/survey", sent, method="POST", body=GOOD.encode()).status == 403
    assert MADE["vote"].carried_out == []


def test_a_used_link_opens_nothing(victim: Victim) -> None:
    for method, headers in (("GET", OPENED), ("POST", SENT), ("GET", LED_HERE)):
        answer = victim.ask(victim.link_path, headers, method=method)
        assert answer.status == 403
        assert b"set-cookie" not in answer.head
    # The session that it did open goes on.
    assert victim.ask("/pages/vote/", {**FOLLOWED, "Cookie": victim.cookie}).status == 200


def test_an_old_link_opens_nothing(victim: Victim) -> None:
    path = urlsplit(victim.link("vote")).path
    victim.api.clock.advance(LINK_LIFE_S)
    assert victim.ask(path, OPENED).status == 403


def test_a_link_opens_the_pages_it_was_made_for_and_no_others(victim: Victim) -> None:
    secret = urlsplit(victim.link("stats")).path.rpartition("/")[2]
    assert victim.ask(f"/pages/vote/open/{secret}", OPENED).status == 403
    assert victim.ask(f"/pages/stats/open/{secret}", OPENED).status == 404


def test_a_session_that_an_attacker_knows_is_never_given_to_the_user(victim: Victim) -> None:
    planted = "session=" + "a" * 43
    opened = victim.ask(urlsplit(victim.link("vote")).path, {**OPENED, "Cookie": planted})
    given = cookie_of(opened)
    assert given not in ("", planted, victim.cookie)
    assert victim.ask("/pages/vote/", {**FOLLOWED, "Cookie": planted}).status == 403
    # Nor does one that the attacker did open get another user in: a second cookie of that name counts as none.
    both = f"{victim.cookie}; {given}"
    assert victim.ask("/pages/vote/", {**FOLLOWED, "Cookie": both}).status == 403


def test_no_page_can_be_framed(victim: Victim) -> None:
    for target in ("/pages/vote/", "/pages/vote/nowhere", victim.link_path):
        head = victim.ask(target, {**FOLLOWED, "Cookie": victim.cookie}).head
        assert b"frame-ancestors 'none'" in head
        assert b"x-frame-options: deny" in head
    framed = {**LED_HERE, "Sec-Fetch-Dest": "iframe", "Cookie": victim.cookie}
    assert victim.ask("/pages/vote/", framed).status == 403


def test_a_stolen_cookie_opens_nothing_of_the_local_api(victim: Victim) -> None:
    secret = victim.cookie.partition("=")[2]
    for authorization in ({}, {"Authorization": f"Bearer {secret}"}):
        for host in ("127.0.0.1:7078", victim.host):
            headers = {"Host": host, "Cookie": victim.cookie, **authorization}
            for method, target in (("GET", "/v1/status"), ("GET", "/v1/pages"), ("POST", "/v1/pages/vote/links")):
                answer = victim.api.raw(request_bytes(method, target, headers))
                assert answer.status == (401 if host.startswith("127") else 421)


def test_the_local_api_is_not_at_the_port_of_pages_even_with_its_token(victim: Victim) -> None:
    for host in (victim.host, f"127.0.0.1:{victim.port}"):
        headers = {"Authorization": victim.api.headers["Authorization"], "Cookie": victim.cookie}
        assert victim.ask("/v1/status", headers, host=host).status in (404, 421)


def test_a_page_that_learned_the_token_of_the_local_api_is_refused_by_its_origin(victim: Victim) -> None:
    headers = {**victim.api.headers, "Origin": f"http://{victim.host}", "Sec-Fetch-Site": "cross-site"}
    assert victim.api.raw(request_bytes("GET", "/v1/status", headers)).status == 403


def test_a_session_of_one_application_reaches_no_page_of_another(victim: Victim) -> None:
    other = urlsplit(victim.link("stats")).netloc
    assert victim.ask("/pages/stats/", {**FOLLOWED, "Cookie": victim.cookie}, host=other).status == 403
    assert victim.ask("/pages/stats/", {**FOLLOWED, "Cookie": victim.cookie}).status == 404
    assert victim.ask("/pages/vote/", {**FOLLOWED, "Cookie": victim.cookie}, host=other).status == 404
    assert victim.ask("/pages/vote/../stats/", {**FOLLOWED, "Cookie": victim.cookie}).status == 404


def test_what_a_stranger_wrote_is_shown_and_never_run(victim: Victim) -> None:
    body = victim.ask("/pages/vote/hostile", {**FOLLOWED, "Cookie": victim.cookie}).body
    assert b"&lt;script&gt;document.title" in body
    assert b"<script" not in body


def test_no_log_has_a_link_a_cookie_or_what_was_entered(victim: Victim) -> None:
    lines: list[str] = []

    def keep(event: LogEvent) -> None:
        lines.append(eventAsText(event, includeTraceback=True))

    globalLogPublisher.addObserver(keep)
    try:
        token = victim.token()
        form = f"{GOOD.replace('Ada', 'markedname')}&form-token={token}".encode()
        sent = {**SENT, "Cookie": victim.cookie}
        assert victim.ask("/pages/vote/survey", sent, method="POST", body=form).status == 303
        assert victim.ask("/pages/vote/fails/badly", {**FOLLOWED, "Cookie": victim.cookie}).status == 500
        secret = urlsplit(victim.link("vote")).path.rpartition("/")[2]
        victim.ask(f"/pages/vote/open/{secret}", OPENED)
    finally:
        globalLogPublisher.removeObserver(keep)
    log = "\n".join(lines)
    assert "a secret detail" in log  # it is a log that would have them
    for marked in ("markedname", token, victim.cookie.partition("=")[2], secret):
        assert marked not in log
