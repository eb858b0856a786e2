"""The whole face of a dashboard in memory, called by a program with a token or by a browser."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import msgspec

from loopixmix.web.visiting.policy import WebOrigin
from stats.dashboard.face import DashboardParts, dashboard_factory
from tests.worlds.clients.memory_web import MemoryWeb, RawConversation, converse, request_bytes
from tests.worlds.stats_dashboard import DashboardWorld, at_once

HOST = "collector.localhost:8430"
FORM = "application/x-www-form-urlencoded"


class DashboardFaceWorld:
    """Requests to the dashboard of a world."""

    def __init__(self, world: DashboardWorld) -> None:
        self.world = world
        self.web = MemoryWeb(world.clock)
        factory = dashboard_factory(
            DashboardParts(world.view, world.columns, world.data_sets, world.book),
            origin=WebOrigin.parse(f"http://{HOST}"),
            in_thread=at_once,
            clock=world.clock,
            rng=random.Random(3),
        )
        self.web.listen("127.0.0.1", 8430, factory)

    def token(self, name: str = "ada") -> str:
        """Return a token of an analyst, who is added with all rights if need be."""
        self.world.holder(name)
        return self.world.book.make_token(name, "program", 1)

    def ask(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> RawConversation:
        """Send a request; nothing goes along that is not told."""
        sent = {"Host": HOST, "Connection": "close", **(headers or {})}
        answer = converse(self.web, 8430, request_bytes(method, target, sent, body))
        self.world.clock.pump([0.0] * 3)
        return answer

    def call(self, target: str, token: str, asked: object = None) -> RawConversation:
        """Call as a program does: GET, or POST with a body."""
        headers = {"Authorization": f"Bearer {token}"}
        if asked is None:
            return self.ask("GET", target, headers)
        return self.ask("POST", target, {**headers, "Content-Type": "application/json"}, msgspec.json.encode(asked))


def body_of(answer: RawConversation) -> bytes:
    """Return a body, put together again if it came in chunks."""
    if b"transfer-encoding: chunked" not in answer.head:
        return answer.body
    whole, rest = b"", answer.body
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        whole, rest = whole + rest[:length], rest[length + 2 :]
        if not length:
            break
    return whole


def told(answer: RawConversation) -> Any:
    """Return a JSON body."""
    return msgspec.json.decode(body_of(answer))
