from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from treq.testing import StubTreq
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from tests.votes.board.test_announcing import FILES, OUTPUT, PROOF, Parties
from tests.worlds.boards import BoardWorld, plain_ballot
from votes.board.face.routes import CALLS_AT_ONCE, BoardFace
from votes.board.requests import decode_head_and_path
from votes.record.entries import EntryKind, sign_record
from votes.record.heads import check_growth, decode_head
from votes.verify.log import split_entries

T = TypeVar("T")


def at_once(work: Callable[[], T]) -> Awaitable[T]:
    return succeed(work())


class Browser:
    """Somebody at the other end of HTTPS."""

    def __init__(self, boards: BoardWorld) -> None:
        self.parties = Parties(boards)
        self.boards = boards
        face = BoardFace(
            boards.board,
            self.parties.announcing,
            self.parties.uploads,
            directory=boards.directory,
            in_thread=at_once,
            clock=Clock(),
        )
        self._treq = StubTreq(face.app.resource())

    def call(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        async def ask() -> tuple[int, bytes]:
            response = await self._treq.request(method, f"https://board{path}", data=body, headers=headers)
            return response.code, await response.content()

        results: list[tuple[int, bytes]] = []
        asked = Deferred.fromCoroutine(ask()).addCallback(results.append)
        for _ in range(50):
            self._treq.flush()
        assert results, asked.result
        return results[0]

    def get(self, path: str, **headers: str) -> bytes:
        status, content = self.call("GET", path, **headers)
        assert status in (200, 206), content
        return content

    def announce(self, kind: EntryKind, body: bytes) -> tuple[int, bytes]:
        return self.call("POST", f"/v1/entries/{kind.value}", body)


@pytest.fixture
def browser(boards: BoardWorld) -> Browser:
    return Browser(boards)


def test_auditors_download_all_and_check_it(boards: BoardWorld, browser: Browser) -> None:
    world = boards.world
    assert browser.announce(EntryKind.RECORD, sign_record(world.record, world.keys.administrator)) == (
        201,
        b'{"entry":0}',
    )
    before = decode_head(browser.get("/v1/head"), world.keys.board.identity).head
    boards.sign()
    boards.clock.now_s = world.election.opens_at
    for voter in range(3):
        boards.casting.cast(plain_ballot(voter))
    assert browser.get("/v1/record") == world.record
    state = json.loads(browser.get("/v1/state"))
    assert (state["phase"], state["entries"]) == ("open", 8)
    assert state["turnout"] == [{"from": 1_800_000_000, "voters": 3}]
    assert len(list(split_entries(browser.get("/v1/entries")))) == 8
    growth = decode_head_and_path(browser.get(f"/v1/consistency/{before.size}"), world.keys.board.identity)
    check_growth(before, growth.head.head, growth.path)
    assert browser.call("GET", "/v1/consistency/9")[0] == 404


def test_a_download_goes_on_after_a_break(boards: BoardWorld, browser: Browser) -> None:
    boards.open()
    whole = browser.get("/v1/entries")
    assert browser.get("/v1/entries", Range="bytes=100-") == whole[100:]
    assert browser.get("/v1/entries", Range="bytes=0-9") == whole[:10]
    assert browser.call("GET", "/v1/credentials")[0] == 404
    (boards.directory / "credentials").write_bytes(b"list")
    assert browser.get("/v1/credentials") == b"list"


def test_a_mixer_announces_sends_its_files_and_announces_again(boards: BoardWorld, browser: Browser) -> None:
    boards.open()
    boards.end()
    mix = browser.parties.mix()
    status, content = browser.announce(EntryKind.MIX, mix)
    assert status == 202
    for each in json.loads(content)["missing"]:
        file, digest, token = FILES[bytes.fromhex(each["digest"])], each["digest"], each["token"]
        for offset in (0, 3):
            status, content = browser.call(
                "PUT", f"/v1/files/{digest}/{offset}", file[offset : offset + 3], Authorization=f"Bearer {token}"
            )
            assert (status, json.loads(content)["have_bytes"]) == (200, min(offset + 3, len(file)))
        assert browser.call("POST", f"/v1/files/{digest}/whole", Authorization=f"Bearer {token}")[0] == 204
    assert browser.announce(EntryKind.MIX, mix) == (201, b'{"entry":6}')
    assert browser.get(f"/v1/files/{OUTPUT.hex()}") == b"output"
    assert browser.get(f"/v1/files/{PROOF.hex()}", Range="bytes=1-2") == b"ro"


def test_what_is_wrong_is_refused_with_a_reason(boards: BoardWorld, browser: Browser) -> None:
    assert browser.call("GET", "/v1/head")[0] == 409
    boards.open()
    mix = browser.parties.mix()
    assert browser.announce(EntryKind.MIX, mix) == (409, b"the election is open: there is no mix now\n")
    boards.end()
    assert browser.announce(EntryKind.MIX, mix[:-1])[0] == 400
    assert browser.call("POST", "/v1/entries/77", mix) == (404, b"an entry's kind is 1 to 12\n")
    assert browser.call("PUT", f"/v1/files/{OUTPUT.hex()}/0", b"output")[0] == 400
    assert browser.call("PUT", "/v1/files/zz/0", b"output")[0] == 400
    assert browser.call("GET", "/v1/files/..%2fboard.key")[0] == 404
    assert browser.call("GET", "/v1/nothing") == (404, b"no such page\n")
    assert browser.call("DELETE", "/v1/head")[0] == 405


def test_ballots_do_not_come_by_this_way(boards: BoardWorld, browser: Browser) -> None:
    boards.open()
    assert browser.announce(EntryKind.BALLOT, plain_ballot(1))[0] == 400
    assert boards.board.log.size == 5


def test_one_address_cannot_keep_the_board_busy(boards: BoardWorld, browser: Browser) -> None:
    boards.open()
    statuses = [browser.announce(EntryKind.MIX, b"")[0] for _ in range(int(CALLS_AT_ONCE) + 1)]
    assert statuses[-1] == 429
    assert 429 not in statuses[:-1]
