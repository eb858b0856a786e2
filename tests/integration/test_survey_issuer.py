"""An issuer of surveys in a process of its own, asked by a provider over a Unix socket."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from loopixmix.requests.names import Publish
from loopixmix.tokens import PendingToken, begin_token, decode_token_key, finish_token, verify_token
from loopixmix.tokens.exchange import encode_issue_request
from provider.api import ServiceRefusedError
from provider.hosting.asking.limits import ServiceLimits
from provider.serving.remote import RemoteAsker, unix_dial
from provider.serving.sockets import SocketPlace
from stats.issue.directory import IssuerConfig, IssuerDirectory
from stats.questionnaire.questionnaire import SurveyDraft, SurveyKey
from tests.worlds.stats.commands import good
from tests.worlds.stats.issuers import survey_draft, write_draft

PROVIDER = bytes([7]) * 32
ROOT = Path(__file__).parents[2]
LINE = (sys.executable, "-c", "import sys; from loopixmix.main import run; sys.exit(run())", "stats", "issuer")
RNG = random.Random(1)


class Cards:
    """The cards of a provider; an issuer asks for none."""

    async def card(self, name: str) -> bytes:
        raise AssertionError(name)

    async def publish(self, publish: Publish) -> bool:
        raise AssertionError(publish)


class RunningIssuer:
    """The program, in a process of its own, and what asks it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.directory = path / "issuer"
        IssuerDirectory.create(self.directory, IssuerConfig())
        self._log = path / "log"
        self.process: subprocess.Popen[bytes] | None = None
        self.asker = RemoteAsker(
            "stats-issuer",
            SocketPlace(self.directory / "issuer.sock"),
            provider=PROVIDER,
            keys=Cards(),
            dial=unix_dial(reactor),
            clock=reactor,
            rng=RNG,
            limits=ServiceLimits(),
        )
        self.asker.start()

    async def start(self) -> None:
        line = [*LINE, "run", str(self.directory)]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(line, stderr=log, env=os.environ | {"PYTHONPATH": str(ROOT)})
        await self.until(lambda: self.status().get("provider_connected"))

    def end(self, how: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        (self.directory / "status.json").unlink(missing_ok=True)
        return self.process.wait(20)

    async def close(self) -> None:
        await self.asker.stop()
        if self.process is not None:
            self.process.kill()
            self.process.wait(20)

    def status(self) -> dict[str, object]:
        path = self.directory / "status.json"
        found: dict[str, object] = json.loads(path.read_bytes()) if path.exists() else {}
        return found

    async def until(self, condition: Callable[[], object]) -> None:
        for _ in range(1200):
            if condition():
                return
            await deferLater(reactor, 0.05, lambda: None)
        raise AssertionError(f"{self.status()} {self._log.read_text()}")

    def add(self, draft: SurveyDraft) -> tuple[list[SurveyKey], list[str]]:
        """Add a survey by the commands; return its keys and two codes."""
        file = write_draft(self.path / f"{draft.name}.json", draft)
        keys, codes = self.path / f"{draft.name}-keys.json", self.path / f"{draft.name}-codes.csv"
        good("issuer", "add", self.directory, file, keys)
        good("issuer", "codes", self.directory, file, 2, codes)
        return msgspec.json.decode(keys.read_bytes(), type=list[SurveyKey]), codes.read_text().split()[1:]

    async def ask(self, code: str, pending: PendingToken) -> bytes | None:
        body = encode_issue_request(pending.key, code.encode(), [pending.blinded])
        try:
            return await self.asker.ask(bytes(16), body)
        except ServiceRefusedError:
            return None


@pytest_twisted.async_yield_fixture
async def running(tmp_path: Path) -> AsyncIterator[RunningIssuer]:
    made = RunningIssuer(tmp_path)
    yield made
    await made.close()


@pytest.mark.long
@pytest_twisted.ensureDeferred
async def test_tokens_are_signed_once_each_through_a_kill_and_nothing_of_them_is_logged(running: RunningIssuer) -> None:
    draft = survey_draft()
    far = {"opens": draft.opens.replace(year=2099), "closes": draft.closes.replace(year=2100)}
    [public], codes = running.add(msgspec.structs.replace(draft, **far))
    await running.start()
    key = decode_token_key(public.key)
    pending = [begin_token(key, RNG) for _ in range(8)]
    answers = await gatherResults([Deferred.fromCoroutine(running.ask(codes[0], each)) for each in pending])
    [(place, signature)] = [(number, each) for number, each in enumerate(answers) if each is not None]
    verify_token(finish_token(pending[place], signature), key, float(key.begins_s))

    running.end(signal.SIGKILL)
    await running.start()
    assert await running.ask(codes[0], pending[place]) == signature
    assert await running.ask(codes[0], pending[place - 1]) is None

    # A survey that is added meanwhile is taken up.
    [other], [code, _] = running.add(msgspec.structs.replace(draft, name="coffee", **far))
    await running.until(lambda: running.status()["surveys"] == 2)
    assert await running.ask(code, begin_token(decode_token_key(other.key), RNG)) is not None
    assert running.end(signal.SIGTERM) == 0
    logged = (running.path / "log").read_text()
    assert "listening" in logged
    secrets = [*codes, code, key.key_id.hex(), pending[place].blinded.hex()]
    assert not any(secret[:16] in logged for secret in secrets)
