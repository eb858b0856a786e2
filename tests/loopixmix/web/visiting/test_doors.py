"""A door in front of pages: people say who they are, and the session is theirs."""

from __future__ import annotations

import random

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from loopixmix.errors import UnavailableError
from loopixmix.web.forms.bodies import FormBody
from loopixmix.web.forms.fields import TextField
from loopixmix.web.forms.forms import Form
from loopixmix.web.showing.markup import paragraph
from loopixmix.web.visiting.answers import Shown
from loopixmix.web.visiting.gate import Entrance, PageGate
from loopixmix.web.visiting.links import OneTimeLinks
from loopixmix.web.visiting.policy import WebOrigin
from loopixmix.web.visiting.routes import PageRoutes
from loopixmix.web.visiting.server import page_factory
from loopixmix.web.visiting.sessions import SessionLimits, WebSessions
from loopixmix.web.visiting.visit import Visit
from tests.worlds.clients.memory_web import MemoryTransport, MemoryWeb, RawConversation, converse, request_bytes
from tests.worlds.web.memory_pages import FOLLOWED, LED_HERE, OPENED, SENT, cookie_of

WORD = TextField("word", "The word", complete="current-password")
ASKING = Form(WORD, submit="Enter", action="/enter")


class Rooms:
    """Pages that tell whose session it is."""

    app = PageRoutes()
    title = "Rooms"
    places = ()

    @app.page("/", methods=["GET", "POST"])
    def hall(self, visit: Visit) -> Shown:
        return Shown("Hall", paragraph(f"Welcome, {visit.holder}."))


class WordDoor:
    """Lets Ada in by a word, when the test says so; `broken` knows nobody just now."""

    def __init__(self) -> None:
        self.waiting: list[Deferred[str]] = []
        self.addresses: list[str] = []
        self.cancelled = 0

    def ask(self) -> Shown:
        return Shown("Who is there?", ASKING.show(""))

    async def knock(self, form: FormBody, address: str) -> str | Shown:
        self.addresses.append(address)
        filled = ASKING.read(form)
        if filled.value(WORD) == "broken":
            raise UnavailableError("the list cannot be read")
        if filled.value(WORD) == "wait":
            self.waiting.append(Deferred())
            try:
                return await self.waiting[-1]
            except CancelledError:
                self.cancelled += 1
                raise
        return "Ada" if filled.value(WORD) == "sesame" else Shown("No", ASKING.show("", filled), status=403)


class House:
    """The rooms behind their door, in memory, and one cookie jar."""

    def __init__(self) -> None:
        self.clock, rng = Clock(), random.Random(1)
        self.web, self.door, self.cookie = MemoryWeb(self.clock), WordDoor(), ""
        self.sessions = WebSessions(SessionLimits(), clock=self.clock, rng=rng)
        entrance = Entrance(OneTimeLinks(clock=self.clock, rng=rng), self.sessions, "Ask Ada.", self.door)
        gate = PageGate(Rooms(), origin=WebOrigin.parse("http://rooms.example"), entrance=entrance)
        self.web.listen("127.0.0.1", 80, page_factory(gate, clock=self.clock))

    def ask(self, method: str, target: str, headers: dict[str, str], body: str = "") -> RawConversation:
        sent = {"Host": "rooms.example", "Connection": "close", **headers}
        if self.cookie:
            sent["Cookie"] = self.cookie
        answer = converse(self.web, 80, request_bytes(method, target, sent, body.encode()))
        self.clock.pump([0.0] * 3)
        return answer

    def knock(self, word: str, headers: dict[str, str] = SENT) -> RawConversation:
        return self.ask("POST", "/enter", headers, f"form-token=&word={word}")


def test_whoever_has_no_session_is_led_to_the_door() -> None:
    house = House()
    for method, headers in (("GET", OPENED), ("POST", SENT)):
        answer = house.ask(method, "/", headers)
        assert answer.status == 303
        assert b"location: /enter\r\n" in answer.head
    asked = house.ask("GET", "/enter", FOLLOWED)
    assert asked.status == 200
    assert b"Who is there?" in asked.body
    assert b'type="password"' in asked.body
    assert b"Welcome" not in asked.body


def test_who_proves_it_gets_a_session_that_bears_the_name() -> None:
    house = House()
    answer = house.knock("sesame")
    assert answer.status == 303
    assert house.door.addresses == ["127.0.0.1"]
    house.cookie = cookie_of(answer)
    assert b"Welcome, Ada." in house.ask("GET", "/", FOLLOWED).body


def test_whoever_knocks_again_gets_another_session_in_place_of_the_old_one() -> None:
    house = House()
    first = house.cookie = cookie_of(house.knock("sesame"))
    assert house.ask("GET", "/enter", FOLLOWED).status == 200
    house.cookie = cookie_of(house.knock("sesame"))
    assert house.cookie not in ("", first)
    assert len(house.sessions) == 1


def test_a_wrong_word_gets_the_page_again_without_the_word_and_no_session() -> None:
    house = House()
    answer = house.knock("marked-word")
    assert answer.status == 403
    assert b"set-cookie" not in answer.head
    assert b"marked-word" not in answer.body
    assert len(house.sessions) == 0


def test_no_other_page_can_knock_for_a_person() -> None:
    house = House()
    for headers in ({**SENT, "Sec-Fetch-Site": "cross-site"}, {**LED_HERE, "Content-Type": SENT["Content-Type"]}):
        assert house.knock("sesame", headers).status == 403
    assert house.door.addresses == []


def test_a_damaged_form_and_a_broken_door_are_told_in_words() -> None:
    house = House()
    assert house.ask("POST", "/enter", SENT, "%ff").status == 400
    assert house.ask("POST", "/enter", SENT, "form-token=&other=1").status == 400
    answer = house.knock("broken")
    assert answer.status == 503
    assert b"The list cannot be read." in answer.body


def test_a_session_begins_when_the_door_has_decided() -> None:
    house = House()
    answer = house.knock("wait")
    assert answer.received == b""
    house.door.waiting[0].callback("Eve")
    house.clock.pump([0.0] * 3)
    assert answer.status == 303
    assert len(house.sessions) == 1


def test_a_browser_that_goes_away_ends_what_the_door_does_for_it() -> None:
    house = House()
    answer = house.knock("wait")
    assert isinstance(answer.transport, MemoryTransport)
    answer.transport.loseConnection()
    house.clock.pump([0.0] * 3)
    assert house.door.cancelled == 1
    assert len(house.sessions) == 0
