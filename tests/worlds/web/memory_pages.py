"""The gallery on a page server in memory, and a browser that sends what browsers send."""

from __future__ import annotations

import random
import re
from urllib.parse import urlsplit

from twisted.internet.task import Clock

from loopixmix.web.visiting.server import PageServer
from tests.worlds.clients.memory_web import MemoryWeb, RawConversation, converse, request_bytes
from tests.worlds.web.gallery import Gallery

PORT = 40_001
OPENED = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
FOLLOWED = {**OPENED, "Sec-Fetch-Site": "same-origin"}
LED_HERE = {**OPENED, "Sec-Fetch-Site": "cross-site"}
SENT = {**FOLLOWED, "Origin": "null", "Content-Type": "application/x-www-form-urlencoded"}


class MemoryPages:
    """A server with two applications, and one cookie jar."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_000_000)
        self.web = MemoryWeb(self.clock)
        self.server = PageServer(
            sockets=self.web, clock=self.clock, rng=random.Random(1), how=lambda name: f"Run: open {name}."
        )
        self.server.start()
        self.gallery, self.other = Gallery(), Gallery()
        self.server.add("gallery", self.gallery)
        self.server.add("other", self.other)
        self.host = urlsplit(self.server.link("gallery")).netloc
        self.cookie = ""

    def ask(
        self,
        target: str,
        headers: dict[str, str] | None = None,
        *,
        method: str = "GET",
        body: bytes = b"",
        host: str = "",
        cookie: str | None = None,
    ) -> RawConversation:
        """Send a request; the session's cookie goes along as a browser would send it."""
        sent = {"Host": host or self.host, "Connection": "close", **(OPENED if headers is None else headers)}
        jar = self.cookie if cookie is None else cookie
        if jar:
            sent["Cookie"] = jar
        answer = converse(self.web, PORT, request_bytes(method, target, sent, body))
        self.clock.pump([0.0] * 3)
        return answer

    def send(self, target: str, form: str, headers: dict[str, str] | None = None, **more: str) -> RawConversation:
        """Send a form as our own pages send it."""
        return self.ask(target, SENT if headers is None else headers, method="POST", body=form.encode(), **more)

    def link(self, name: str = "gallery") -> str:
        """Return the path of a new one-time link."""
        return urlsplit(self.server.link(name)).path

    def open(self) -> RawConversation:
        """Begin a session, and keep its cookie."""
        answer = self.ask(self.link(), cookie="")
        self.cookie = cookie_of(answer)
        return answer

    def token(self) -> str:
        """Return the form token as a page of the session shows it."""
        page = self.ask("/pages/gallery/survey", FOLLOWED).body.decode()
        found = re.search(r'name="form-token" value="([^"]+)"', page)
        assert found is not None
        return found[1]


def cookie_of(answer: RawConversation) -> str:
    """Return the cookie that an answer sets, as a browser sends it back."""
    found = re.search(rb"(?im)^set-cookie: ([^;\r]+)", answer.received.partition(b"\r\n\r\n")[0])
    return "" if found is None else found[1].decode()
