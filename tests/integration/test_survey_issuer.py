"""An issuer of surveys in a process of its own, asked by a provider over a Unix socket."""

from __future__ import annotations

import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults

from loopixmix.tokens import PendingToken, begin_token, decode_token_key, finish_token, verify_token
from loopixmix.tokens.exchange import encode_issue_request
from provider.api import ServiceRefusedError
from stats.issue.directory import IssuerConfig, IssuerDirectory
from stats.questionnaire.questionnaire import SurveyDraft, SurveyKey
from tests.worlds.hosted_programs import HostedProgram
from tests.worlds.stats.commands import good
from tests.worlds.stats.issuers import survey_draft, write_draft

RNG = random.Random(1)


class RunningIssuer(HostedProgram):
    """An issuer of surveys."""

    def __init__(self, path: Path) -> None:
        self.path = path
        IssuerDirectory.create(path / "issuer", IssuerConfig())
        words = ("stats", "issuer")
        super().__init__("stats-issuer", words, path / "issuer", socket="issuer.sock", log=path / "log")

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
