"""The server of the local API: its files, its port, its connections."""

from __future__ import annotations

import json
import os
import random
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ITransport

from client.api import ClientStatus, NoClientError, NotRunningError
from client.http.endpoint import LOCK_FILE, find_endpoint
from client.http.serving.server import ApiServer
from client.http.serving.site import MAX_CONNECTIONS, MAX_UNPROVEN
from client.testing import FakeClient
from loopixmix.errors import StoreError
from loopixmix.process.files import DirectoryLock
from loopixmix.web.sites import MAX_LEAVING
from tests.worlds.clients.fakes import FakeWorld
from tests.worlds.clients.memory_api import MemoryApi
from tests.worlds.clients.memory_web import request_bytes


@pytest.fixture
def api(tmp_path: Path) -> Iterator[MemoryApi]:
    made = MemoryApi(tmp_path)
    yield made
    made.stop()


def test_its_files_are_private(api: MemoryApi) -> None:
    for name in ("api.token", "api.url"):
        assert stat.S_IMODE((api.directory / name).stat().st_mode) == 0o600
    assert (api.directory / "api.url").read_text() == "http://127.0.0.1:7078\n"


def test_a_stopped_server_takes_its_address_back(api: MemoryApi) -> None:
    stream = api.raw(request_bytes("GET", "/v1/events", api.headers))
    idle = api.raw(request_bytes("GET", "/v1/status", api.headers))
    assert not idle.closed
    api.fake.run(api.server.stop())
    api.clock.advance(0)
    assert stream.closed
    assert idle.closed
    assert not (api.directory / "api.url").exists()
    with pytest.raises(NotRunningError):
        find_endpoint(api.directory)


def test_stopping_twice_or_before_the_start_is_nothing(tmp_path: Path, api: MemoryApi) -> None:
    api.fake.run(api.server.stop())
    api.fake.run(api.server.stop())
    never_started = ApiServer(
        FakeWorld().alice, directory=tmp_path, port=0, sockets=api.web, clock=api.clock, rng=random.Random(1)
    )
    api.fake.run(never_started.stop())


def test_the_owner_gets_in_however_many_idle_connections_there_are(api: MemoryApi) -> None:
    idle = [api.raw(b"") for _ in range(MAX_CONNECTIONS + MAX_UNPROVEN)]
    assert sum(not conversation.closed for conversation in idle) == MAX_UNPROVEN
    assert api.ask("GET", "/v1/status").status == 200


def test_who_has_to_go_is_told_why(api: MemoryApi) -> None:
    first = api.raw(b"GET ")
    for _ in range(MAX_UNPROVEN):
        api.raw(b"GET ")
    assert (first.status, json.loads(first.body)["error"]) == (503, "busy")
    assert b"retry-after: 1" in first.head


def test_a_connection_that_shows_no_token_is_not_waited_for(api: MemoryApi) -> None:
    silent, slow = api.raw(b""), api.raw(b"GET /v1/status HTTP/1.1\r\nHost:")
    api.clock.advance(9)
    assert not silent.closed
    assert not slow.closed
    api.clock.pump([1.5, 0, 0])
    assert silent.closed
    assert (slow.status, json.loads(slow.body)["error"]) == (408, "late")


def test_one_whose_token_is_wrong_ends(api: MemoryApi) -> None:
    wrong = {**api.headers, "Authorization": f"Bearer {'cd' * 32}"}
    answer = api.raw(request_bytes("GET", "/v1/status", wrong), seconds=1)
    assert (answer.status, answer.closed) == (401, True)


def test_calls_beyond_the_limit_are_told_so(api: MemoryApi) -> None:
    streams = [api.raw(request_bytes("GET", "/v1/events", api.headers)) for _ in range(MAX_CONNECTIONS)]
    answer = api.ask("GET", "/v1/status")
    assert (answer.status, json.loads(answer.body)["error"]) == (503, "busy")
    assert b"retry-after: 1" in answer.head
    cast(ITransport, streams[0].transport).loseConnection()
    api.clock.advance(1)
    assert api.ask("GET", "/v1/status").status == 200


def test_the_connection_that_was_idle_longest_makes_place(api: MemoryApi) -> None:
    kept = [api.raw(request_bytes("GET", "/v1/status", api.headers)) for _ in range(MAX_CONNECTIONS)]
    cast(ITransport, kept[0].transport).write(request_bytes("GET", "/v1/status", api.headers))
    api.clock.advance(1)
    assert api.ask("GET", "/v1/status").status == 200
    assert [number for number, conversation in enumerate(kept) if conversation.closed] == [1]


class Slow(FakeClient):
    """A client whose status takes for ever."""

    async def status(self) -> ClientStatus:
        await Deferred()
        raise AssertionError


def test_calls_under_way_are_told_of_the_end(tmp_path: Path) -> None:
    api = MemoryApi(tmp_path, client=Slow(FakeWorld().network, max_queued=1))
    calls = [api.raw(request_bytes("GET", "/v1/status", api.headers), seconds=1) for _ in range(MAX_LEAVING + 5)]
    begun = {**api.headers, "Content-Type": "application/octet-stream", "Content-Length": "1000"}
    upload = api.raw(request_bytes("PUT", "/v1/requests?service=echo&timeout_s=5", begun) + b"x", seconds=1)
    stream = api.raw(request_bytes("GET", "/v1/received?kind=text", api.headers), seconds=1)
    assert {conversation.received for conversation in (*calls, upload)} == {b""}
    api.stop()
    for conversation in (*calls, upload):
        assert (conversation.status, json.loads(conversation.body)["error"]) == (503, "not_running")
        assert b"retry-after: 1" in conversation.head
    assert stream.closed


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"api\.token"):
        MemoryApi(tmp_path / "missing")


def test_no_client_is_another_thing_than_one_that_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(NoClientError, match="there is no directory"):
        find_endpoint(tmp_path / "alcie")
    with pytest.raises(NoClientError, match="is no client's directory"):
        find_endpoint(tmp_path)
    (tmp_path / "client.toml").touch()
    with pytest.raises(NotRunningError, match="is not running"):
        find_endpoint(tmp_path)


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("http://evil.example:80", "00" * 32),
        ("http://127.0.0.1:80/path", "00" * 32),
        ("http://127.0.0.1:80", "00"),
        ("http://127.0.0.1:80", "GG" * 32),
        ("", ""),
    ],
)
def test_damaged_files_are_told(tmp_path: Path, url: str, token: str) -> None:
    (tmp_path / "api.url").write_text(url)
    (tmp_path / "api.token").write_text(token)
    with DirectoryLock(tmp_path / LOCK_FILE), pytest.raises(NotRunningError, match="damaged"):
        find_endpoint(tmp_path)


def test_an_address_left_by_a_crash_is_not_shown_the_token(api: MemoryApi) -> None:
    assert find_endpoint(api.directory).token == api.token
    api.lock.release()
    # Its number may be that of another process by now, and a copied directory has it, too: the lock itself counts.
    for number in (f"{os.getpid()}\n", "1\n", ""):
        (api.directory / LOCK_FILE).write_text(number)
        with pytest.raises(NotRunningError, match="not running"):
            find_endpoint(api.directory)
    (api.directory / LOCK_FILE).unlink()
    with pytest.raises(NotRunningError, match="not running"):
        find_endpoint(api.directory)
    api.lock.acquire()
    assert find_endpoint(api.directory).token == api.token


def test_a_new_token_is_never_read_with_an_old_address(api: MemoryApi, tmp_path: Path) -> None:
    # The daemon was killed, another one has the lock already, and begins.
    (api.directory / "api.url").write_text("http://127.0.0.1:9\n")
    beginning = ApiServer(
        FakeWorld().alice, directory=tmp_path, port=0, sockets=api.web, clock=api.clock, rng=random.Random(4)
    )
    assert (api.directory / "api.token").read_text().strip() != api.token
    with pytest.raises(NotRunningError, match="not running"):
        find_endpoint(api.directory)
    beginning.start()
    assert find_endpoint(api.directory).url != "http://127.0.0.1:9"
    api.fake.run(beginning.stop())
