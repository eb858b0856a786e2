"""The gate, spoken to in raw HTTP: who gets in, and what everybody is told."""

from __future__ import annotations

import random

import pytest
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from loopixmix.web.forms.bodies import FormLimits
from loopixmix.web.showing.frame import STYLE_NAME
from loopixmix.web.visiting.gate import Entrance, PageGate
from loopixmix.web.visiting.links import OneTimeLinks
from loopixmix.web.visiting.policy import SECURITY_HEADERS, WebOrigin
from loopixmix.web.visiting.server import page_factory
from loopixmix.web.visiting.sessions import SessionLimits, WebSessions
from tests.worlds.clients.memory_web import MemoryWeb, converse, request_bytes
from tests.worlds.web.gallery import Gallery
from tests.worlds.web.memory_pages import FOLLOWED, LED_HERE, OPENED, SENT, MemoryPages, cookie_of

GOOD = "name=Ada&motto=&age=36&season=summer"


@pytest.fixture
def pages() -> MemoryPages:
    return MemoryPages()


def test_a_link_opens_a_session_and_leads_to_the_first_page(pages: MemoryPages) -> None:
    answer = pages.open()
    assert answer.status == 303
    assert b"location: /pages/gallery/" in answer.head
    assert b"path=/pages/gallery/; httponly; samesite=strict" in answer.head
    shown = pages.ask("/pages/gallery/", FOLLOWED)
    assert shown.status == 200
    assert b"<h1>Charts</h1>" in shown.body


def test_without_a_session_the_page_is_closed_and_tells_how_to_open_it(pages: MemoryPages) -> None:
    for cookie in ("", "session=" + "a" * 43, "session=x"):
        answer = pages.ask("/pages/gallery/", cookie=cookie)
        assert answer.status == 403
        assert b"Run: open gallery." in answer.body
        assert b"Charts" not in answer.body


def test_the_stylesheet_needs_no_session_and_may_be_kept(pages: MemoryPages) -> None:
    for prefix in ("/pages/gallery", ""):
        answer = pages.ask(f"{prefix}/{STYLE_NAME}", {"Sec-Fetch-Site": "same-origin"})
        assert answer.status == 200
        assert b"content-type: text/css" in answer.head
        assert b"cache-control: max-age=31536000, immutable" in answer.head


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/pages/gallery/", 200),
        ("/pages/gallery", 303),
        ("/pages/gallery/record/july.csv", 200),
        ("/pages/gallery/nowhere", 404),
        ("/pages/gallery/survey/", 404),
        ("/pages/gallery/a%2f..%2fb", 404),
        ("/pages/other/", 404),
        ("/v1/status", 404),
        ("/", 404),
        ("/pages/gallery/?a", 400),
        ("/pages/gallery/?a=%ff", 400),
        ("/pages/gallery/fails/away", 503),
        ("/pages/gallery/fails/peer", 502),
        ("/pages/gallery/hostile", 200),
    ],
)
def test_every_answer_has_the_headers_that_protect_it(pages: MemoryPages, target: str, status: int) -> None:
    pages.open()
    answer = pages.ask(target, FOLLOWED)
    assert answer.status == status
    for name, value in SECURITY_HEADERS:
        assert b"%b: %b" % (name.lower(), value.lower()) in answer.head
    assert b"cache-control: no-store" in answer.head


def test_a_path_that_is_no_utf_8_is_refused_before_any_page_is_looked_for(pages: MemoryPages) -> None:
    pages.open()
    answer = pages.ask("/pages/gallery/%ff", FOLLOWED)
    assert answer.status == 400
    assert b"content-type: text/plain" in answer.head
    assert b"cache-control: no-store" in answer.head
    assert b"\nserver:" not in answer.head
    assert b"access-control" not in answer.head


def test_an_error_is_told_in_words_and_never_as_markup(pages: MemoryPages) -> None:
    pages.open()
    away = pages.ask("/pages/gallery/fails/away", FOLLOWED).body
    assert b"<title>Error: Not reachable just now - Gallery</title>" in away
    assert b"<p>The provider cannot be reached. Try again later.</p>" in away
    assert b"&lt;b&gt;nonsense&lt;/b&gt;" in pages.ask("/pages/gallery/fails/peer", FOLLOWED).body
    assert b"<script" not in pages.ask("/pages/gallery/hostile", FOLLOWED).body


def test_a_defect_is_logged_and_not_shown(pages: MemoryPages) -> None:
    events: list[dict[str, object]] = []
    globalLogPublisher.addObserver(events.append)
    try:
        pages.open()
        answer = pages.ask("/pages/gallery/fails/badly", FOLLOWED)
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert answer.status == 500
    assert b"Its log tells more" in answer.body
    assert b"secret detail" not in answer.body
    assert b"Traceback" not in answer.body
    assert any("secret detail" in str(event.get("log_failure")) for event in events)


def test_a_form_with_the_token_is_carried_out_once_and_leads_on(pages: MemoryPages) -> None:
    pages.open()
    answer = pages.send("/pages/gallery/survey", f"{GOOD}&form-token={pages.token()}")
    assert answer.status == 303
    assert b"location: /pages/gallery/?done=1" in answer.head
    assert pages.gallery.carried_out == ["Ada"]
    assert b"Your answers were taken." in pages.ask("/pages/gallery/?done=1", FOLLOWED).body


def test_a_form_that_is_wrong_comes_back_with_what_was_entered(pages: MemoryPages) -> None:
    pages.open()
    answer = pages.send("/pages/gallery/survey", f"name=Ada&motto=&age=x&form-token={pages.token()}")
    assert answer.status == 422
    assert b'value="Ada"' in answer.body
    assert b'href="#field-age"' in answer.body
    assert pages.gallery.carried_out == []


@pytest.mark.parametrize("form", [GOOD, f"{GOOD}&form-token=", f"{GOOD}&form-token={'a' * 43}"])
def test_a_form_without_the_token_does_nothing(pages: MemoryPages, form: str) -> None:
    pages.open()
    assert pages.send("/pages/gallery/survey", form).status == 403
    assert pages.gallery.carried_out == []


def test_the_token_of_another_session_does_nothing(pages: MemoryPages) -> None:
    pages.open()
    foreign = pages.token()
    pages.open()
    assert pages.send("/pages/gallery/survey", f"{GOOD}&form-token={foreign}").status == 403
    assert pages.gallery.carried_out == []


def test_a_token_twice_is_not_understood(pages: MemoryPages) -> None:
    pages.open()
    token = pages.token()
    assert pages.send("/pages/gallery/survey", f"{GOOD}&form-token={token}&form-token={token}").status == 400


def test_a_form_that_is_no_form_is_told(pages: MemoryPages) -> None:
    pages.open()
    assert pages.send("/pages/gallery/survey", "{}", {**SENT, "Content-Type": "application/json"}).status == 400
    fields = "&".join(f"a{number}=1" for number in range(1001))
    assert pages.send("/pages/gallery/survey", fields).status == 413
    assert pages.send("/pages/gallery/survey", "a" * (1024 * 1024 + 1)).status == 413


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(pages: MemoryPages, method: str) -> None:
    pages.open()
    assert pages.ask("/pages/gallery/", {"Sec-Fetch-Site": "same-origin"}, method=method).status == 405
    assert pages.send("/pages/gallery/", f"form-token={pages.token()}").status == 405


def test_a_file_is_taken_and_one_too_long_is_told(pages: MemoryPages) -> None:
    pages.open()
    for length, status, words in [(900, 200, b"It has 900 bytes."), (1001, 422, b"at most 1,000 bytes, not 1,001")]:
        parts = (
            f'--b\r\nContent-Disposition: form-data; name="form-token"\r\n\r\n{pages.token()}\r\n'
            f'--b\r\nContent-Disposition: form-data; name="photo"; filename="x.png"\r\n\r\n{"x" * length}\r\n--b--\r\n'
        )
        answer = pages.send(
            "/pages/gallery/picture", parts, {**SENT, "Content-Type": "multipart/form-data; boundary=b"}
        )
        assert answer.status == status
        assert words in answer.body


def test_closing_ends_the_session(pages: MemoryPages) -> None:
    pages.open()
    answer = pages.send("/pages/gallery/close", f"form-token={pages.token()}")
    assert answer.status == 200
    assert b"max-age=0" in answer.head
    assert pages.ask("/pages/gallery/", FOLLOWED).status == 403


def test_from_another_page_a_link_asks_first_and_stays_good(pages: MemoryPages) -> None:
    path = pages.link()
    for headers in (LED_HERE, {}, {**OPENED, "Sec-Purpose": "prefetch"}):
        asked = pages.ask(path, headers)
        assert asked.status == 200
        assert b"set-cookie" not in asked.head
        assert b"Open Gallery?" in asked.body
    assert pages.ask(path, OPENED, method="HEAD").status == 403
    opened = pages.send(path, "")
    assert opened.status == 303
    assert cookie_of(opened)


def test_opening_anew_ends_the_session_before(pages: MemoryPages) -> None:
    pages.open()
    before = pages.cookie
    assert pages.ask(pages.link()).status == 303
    assert pages.ask("/pages/gallery/", FOLLOWED, cookie=before).status == 403


def test_a_session_ends_by_itself(pages: MemoryPages) -> None:
    pages.open()
    pages.clock.advance(SessionLimits().idle_s + 1)
    assert pages.ask("/pages/gallery/", FOLLOWED).status == 403


class PublicBench:
    """The gallery for everybody, over TLS that ends in front of it."""

    def __init__(self, *, with_entrance: bool) -> None:
        self.clock = Clock()
        self.web = MemoryWeb(self.clock)
        rng = random.Random(1)
        entrance = Entrance(
            OneTimeLinks(clock=self.clock, rng=rng),
            WebSessions(SessionLimits(), clock=self.clock, rng=rng),
            "Ask the operator.",
        )
        self.gate = PageGate(
            Gallery(),
            origin=WebOrigin.parse("https://board.example.org"),
            entrance=entrance if with_entrance else None,
            limits=FormLimits(body_bytes=500),
        )
        self.web.listen("127.0.0.1", 80, page_factory(self.gate, clock=self.clock, limits=FormLimits(body_bytes=500)))

    def ask(self, method: str, target: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Host": "board.example.org", "Connection": "close", **named}
        answer = converse(self.web, 80, request_bytes(method, target, sent, body))
        self.clock.pump([0.0] * 3)
        return answer.status, answer.received


def test_pages_for_everybody_are_read_without_a_session_and_take_no_form() -> None:
    bench = PublicBench(with_entrance=False)
    assert bench.gate.link() == "https://board.example.org/"
    status, received = bench.ask("GET", "/survey")
    assert status == 200
    assert b"set-cookie" not in received.lower()
    assert b">Close<" not in received
    assert bench.ask("GET", "/?a=%ff")[0] == 400
    assert bench.ask("POST", "/survey", b"name=x", Origin="https://board.example.org")[0] == 405
    assert bench.ask("POST", "/survey", b"x" * 501, Origin="https://board.example.org")[0] == 413
    assert bench.ask("GET", "/survey", Host="evil.example")[0] == 421


def test_over_tls_the_cookie_is_of_this_host_alone() -> None:
    bench = PublicBench(with_entrance=True)
    link = bench.gate.link()
    assert link.startswith("https://board.example.org/open/")
    status, received = bench.ask("GET", link.removeprefix("https://board.example.org"), Sec_Fetch_Site="none")
    assert status == 303
    assert b"__Host-session=" in received
    assert b"; Path=/; HttpOnly; SameSite=Strict; Secure" in received
