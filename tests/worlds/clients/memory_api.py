"""The local API of one fake client, spoken to in raw HTTP."""

from __future__ import annotations

import json
import random
from pathlib import Path

from client.core.journal import JournalledClient
from client.http.endpoint import LOCK_FILE, find_endpoint
from client.http.serving.server import ApiServer
from loopixmix.process.files import DirectoryLock
from tests.worlds.clients.contract import ALICE, BOB
from tests.worlds.clients.fakes import FakeWorld
from tests.worlds.clients.memory_web import MemoryWeb, RawConversation, converse, request_bytes


class MemoryApi:
    """Alice's daemon; Bob is her contact."""

    def __init__(self, directory: Path, client: JournalledClient | None = None) -> None:
        self.fake = FakeWorld()
        self.clock = self.fake.clock
        self.web = MemoryWeb(self.clock)
        self.directory = directory
        self.lock = DirectoryLock(directory / LOCK_FILE)
        self.fake.run(self.fake.alice.add_contact(BOB))
        self.fake.run(self.fake.bob.add_contact(ALICE))
        if directory.is_dir():
            self.lock.acquire()
        self.server = ApiServer(
            client or self.fake.alice,
            directory=directory,
            port=7078,
            sockets=self.web,
            clock=self.clock,
            rng=random.Random(3),
        )
        self.server.start()
        self.token = find_endpoint(directory).token

    @property
    def headers(self) -> dict[str, str]:
        """What a program sends that may use the API."""
        return {"Host": "127.0.0.1:7078", "Authorization": f"Bearer {self.token}"}

    def raw(self, raw: bytes, *, seconds: float = 0) -> RawConversation:
        return converse(self.web, 7078, raw, seconds=seconds)

    def ask(
        self, method: str, target: str, body: bytes = b"", *, content_type: str = "", seconds: float = 2
    ) -> RawConversation:
        headers = {**self.headers, "Connection": "close"}
        if content_type:
            headers["Content-Type"] = content_type
        return self.raw(request_bytes(method, target, headers, body), seconds=seconds)

    def ask_json(self, method: str, target: str, value: object) -> RawConversation:
        return self.ask(method, target, json.dumps(value).encode(), content_type="application/json")

    def stop(self) -> None:
        self.fake.run(self.server.stop())
        self.fake.network.stop()
        self.clock.advance(0)
        assert self.clock.getDelayedCalls() == []
        self.lock.release()
