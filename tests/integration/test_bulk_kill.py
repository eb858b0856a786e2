"""A bulk that a real daemon has accepted is there after a `kill -9`; one that it was taking is there whole or not."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from benchmarks.bulk import daemon_of, kill, letters_to_bob, make_directory, running_daemon, stored_ids
from client.api import Letter, NotRunningError
from client.remote_asyncio import asyncio_client

COUNT = 2_000


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "alice"
    make_directory(path, seed=1)
    return path


async def send(directory: Path, letters: list[Letter]) -> list[str]:
    async with asyncio_client(directory, rng=random.SystemRandom()) as client:
        await daemon_of(client)
        return await client.send_many(letters)


def test_what_was_accepted_is_there_after_a_kill_and_once(directory: Path) -> None:
    letters = letters_to_bob(COUNT, seed=2)
    with running_daemon(directory) as process:
        ids = asyncio.run(send(directory, letters))
        kill(process)
    assert stored_ids(directory) == set(ids)
    assert len(set(ids)) == COUNT
    with running_daemon(directory):
        assert asyncio.run(send(directory, letters)) == ids
    assert stored_ids(directory) == set(ids)


def test_a_kill_in_the_middle_leaves_all_or_nothing(directory: Path) -> None:
    letters = letters_to_bob(COUNT, seed=3)

    async def send_and_kill(wait_s: float) -> list[str]:
        async with asyncio_client(directory, rng=random.SystemRandom()) as client:
            await daemon_of(client)
            sending = asyncio.create_task(client.send_many(letters))
            await asyncio.sleep(wait_s)
            kill(process)
            try:
                return await sending
            except NotRunningError:
                return []

    for wait_s in (0.02, 0.1, 0.3):
        with running_daemon(directory) as process:
            accepted = asyncio.run(send_and_kill(wait_s))
        stored = stored_ids(directory)
        assert len(stored) in (0, COUNT)
        assert set(accepted) <= stored
    with running_daemon(directory):
        ids = asyncio.run(send(directory, letters))
    assert stored_ids(directory) == set(ids)
    assert len(set(ids)) == COUNT
