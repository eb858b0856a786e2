from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from client.testing import FakeClient
from tests.worlds.voting import VoterProgram, VotingWorld


@pytest.fixture
def world(tmp_path: Path) -> Iterator[VotingWorld]:
    """An election that is open."""
    made = VotingWorld(tmp_path)
    yield made
    made.close()


@pytest.fixture
def client(world: VotingWorld) -> FakeClient:
    """The client of a voter."""
    return world.client()


@pytest.fixture
def program(world: VotingWorld) -> VoterProgram:
    """The program of a voter."""
    return VoterProgram(world, world.client())
