"""The server of the local API: its files, its port, its connections."""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from client.api import NotRunningError
from client.http.endpoint import LOCK_FILE, find_endpoint, read_or_make_token
from client.http.serving.server import MAX_CONNECTIONS, ApiServer
from loopixmix.errors import StoreError
from loopixmix.process.files import DirectoryLock
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


def test_connections_are_bounded(api: MemoryApi) -> None:
    kept = [api.raw(b"GET ") for _ in range(MAX_CONNECTIONS)]
    assert not any(conversation.closed for conversation in kept)
    assert api.raw(b"GET ").closed


def test_a_token_that_others_could_read_is_replaced(tmp_path: Path, rng: random.Random) -> None:
    token = read_or_make_token(tmp_path, rng=rng)
    assert len(bytes.fromhex(token)) == 32
    assert read_or_make_token(tmp_path, rng=rng) == token
    (tmp_path / "api.token").chmod(0o644)
    replaced = read_or_make_token(tmp_path, rng=rng)
    assert replaced != token
    assert stat.S_IMODE((tmp_path / "api.token").stat().st_mode) == 0o600
    (tmp_path / "api.token").write_text("damaged")
    assert read_or_make_token(tmp_path, rng=rng) not in (token, replaced, "damaged")


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path, rng: random.Random) -> None:
    with pytest.raises(StoreError, match=r"api\.token"):
        read_or_make_token(tmp_path / "missing", rng=rng)


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
    with pytest.raises(NotRunningError, match="damaged"):
        find_endpoint(tmp_path)


def test_an_address_left_by_a_crash_is_not_shown_the_token(api: MemoryApi) -> None:
    # Its number may be that of another process by now, and a copied directory has it, too: the lock itself counts.
    (api.directory / LOCK_FILE).write_text(f"{os.getpid()}\n")
    with pytest.raises(NotRunningError, match="not running"):
        find_endpoint(api.directory)
    with DirectoryLock(api.directory / LOCK_FILE):
        assert find_endpoint(api.directory).token == api.token
        (api.directory / LOCK_FILE).write_text("")
        assert find_endpoint(api.directory).token == api.token
