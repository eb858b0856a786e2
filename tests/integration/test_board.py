"""A board in a process of its own: asked by a provider over a Unix socket, and by everybody else over HTTP."""

from __future__ import annotations

import dataclasses
import json
import random
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import gatherResults

from loopixmix.process.files import write_atomically
from loopixmix.web.calls import KeptConnections, kept_connections
from tests.worlds.elections import changed
from tests.worlds.hosted_programs import COMMAND, ENVIRONMENT, ROOT, HostedProgram
from tests.worlds.voters import Voters
from votes.board.requests import (
    AskCast,
    AskConsistency,
    AskState,
    BoardRefusal,
    BoardRefused,
    VoterRequest,
    decode_answer,
    decode_head_and_path,
    decode_state,
    encode_request,
)
from votes.board.running.credentials import NO_LIST
from votes.board.running.directory import KEY_FILE, BoardConfig, BoardDirectory
from votes.record.entries import EntryKind, sign_record
from votes.record.heads import check_growth
from votes.record.phases import Phase
from votes.record.receipts import decode_receipt
from votes.verify.log import LogReader, split_entries

OPEN_S = 25
LINE = (*COMMAND, "vote", "board")
VOTERS = 90


class RunningBoard(HostedProgram):
    """The program, in a process of its own, and what asks it."""

    def __init__(self, directory: Path) -> None:
        self.voters = Voters(count=VOTERS)
        keys = self.voters.world.keys
        administrator = keys.administrator.identity.hex()
        own = directory / "board"
        BoardDirectory.create(own, BoardConfig(administrator=administrator, port=0), random.Random(1))
        # The election names this key.
        write_atomically(own / KEY_FILE, keys.board.seed.hex().encode())
        self.identity = keys.board.identity
        self.http: KeptConnections = kept_connections(reactor, most=4)
        super().__init__("board", ("vote", "board"), own, socket="board.sock", log=directory / "log")

    async def close(self) -> None:
        await self.http.close()
        await super().close()

    async def call(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        url = f"http://127.0.0.1:{self.status()['face_port']}{path}"
        response = await self.http.http.request(method, url, data=body, headers=headers)
        return response.code, await response.content()

    async def ask(self, request: VoterRequest) -> bytes | BoardRefused:
        return decode_answer(await self.asker.ask(bytes(16), encode_request(request)))

    async def told(self, request: VoterRequest) -> bytes:
        answer = await self.ask(request)
        assert isinstance(answer, bytes), answer
        return answer


@pytest_twisted.async_yield_fixture
async def running(tmp_path: Path) -> AsyncIterator[RunningBoard]:
    made = RunningBoard(tmp_path)
    yield made
    await made.close()


@pytest.mark.long
@pytest_twisted.ensureDeferred
async def test_an_election_is_held_over_socket_and_https_through_a_kill(running: RunningBoard) -> None:
    await running.start()
    early = await running.ask(AskState())
    assert isinstance(early, BoardRefused)
    assert early.why is BoardRefusal.NO_ELECTION

    # The election opens at once, and closes soon.
    now = int(time.time())
    world, voters = running.voters.world, running.voters
    dates = {"opens_at": now, "closes_at": now + OPEN_S, "codes_erased_by": now + 999}
    voters.world = dataclasses.replace(world, election=changed(world.election, **dates))
    body = sign_record(voters.world.record, world.keys.administrator)
    assert await running.call("POST", f"/v1/entries/{EntryKind.RECORD.value}", body) == (201, b'{"entry":0}')
    for number, approval in enumerate(voters.world.approvals(), 1):
        status, answer = await running.call("POST", f"/v1/entries/{EntryKind.APPROVAL.value}", approval)
        assert (status, json.loads(answer)) == (201, {"entry": number})

    # The list of credentials comes while the board runs.
    assert running.status()["credentials"] == NO_LIST
    BoardDirectory(running.directory).put_credentials(b"".join(voters.credentials))
    await running.until(lambda: running.status()["credentials"] == f"{VOTERS} are taken up")

    ballots = [voters.cast(voter) for voter in range(VOTERS)]
    answers = await gatherResults([running.asker.ask(bytes(16), encode_request(AskCast(each))) for each in ballots])
    receipts = [decode_receipt(answer[1:], running.identity) for answer in answers]
    assert sorted(receipt.index for receipt in receipts) == list(range(5, VOTERS + 5))
    before = decode_state(await running.told(AskState()), running.identity)
    assert before.phase is Phase.OPEN

    running.kill()
    await running.start()
    again = await running.told(AskCast(ballots[0]))
    assert decode_receipt(again, running.identity) == receipts[0]
    growth = decode_head_and_path(await running.told(AskConsistency(before.head.head.size)), running.identity)
    check_growth(before.head.head, growth.head.head, growth.path)

    await running.until(lambda: running.status()["phase"] == "closed")
    late = await running.ask(AskCast(voters.cast(0, counter=2)))
    assert isinstance(late, BoardRefused)
    assert late.why is BoardRefusal.LATE

    status, entries = await running.call("GET", "/v1/entries")
    assert status == 200
    assert len(entries) > 65_536
    assert await running.call("GET", "/v1/entries", Range="bytes=1000-69999") == (206, entries[1000:70_000])
    reader = LogReader(voters.world.election, voters.world.record, voters.world.fingerprint)
    for encoded in split_entries(entries):
        reader.take(encoded)
    assert reader.log.phase is Phase.CLOSED
    assert len(reader.log.ballots) == VOTERS

    assert running.process is not None
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(20) == 0


@pytest_twisted.ensureDeferred
async def test_a_board_that_cannot_listen_says_so(running: RunningBoard) -> None:
    config = running.directory / "board.toml"
    config.write_text(config.read_text().replace('host = "127.0.0.1"', 'host = "0.0.0.0"'))
    line = [*LINE, "run", str(running.directory)]
    ended = subprocess.run(line, capture_output=True, timeout=60, env=ENVIRONMENT)
    assert ended.returncode == 2
    assert b"without a certificate, host has to be 127.0.0.1" in ended.stderr
    assert ended.stderr.count(b"\n") == 1


def test_the_command_makes_a_board(tmp_path: Path) -> None:
    administrator = Voters().world.keys.administrator.identity.hex()
    line = [*LINE, "init", str(tmp_path / "board")]
    made = subprocess.run(
        [*line, "--administrator", administrator], capture_output=True, check=True, timeout=60, cwd=ROOT
    )
    card = json.loads(made.stdout)
    directory = BoardDirectory(tmp_path / "board")
    assert card == {"name": "Board", "identity": directory.party_key().identity.hex()}
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run([*line, "--administrator", administrator], capture_output=True, check=True, timeout=60, cwd=ROOT)
