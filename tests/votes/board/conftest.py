from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worlds.boards import BoardWorld
from tests.worlds.databases import SQLITE_AND_POSTGRES, new_database


@pytest.fixture(params=SQLITE_AND_POSTGRES)
def boards(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BoardWorld]:
    """A board whose election is not published yet, before it opens."""
    world = BoardWorld(tmp_path, new_database(request.param, tmp_path))
    yield world
    world.close()
