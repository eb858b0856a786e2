"""A store in a fresh directory, and what is logged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.logger import LogEvent, globalLogPublisher

from provider.store import MailStore
from tests.worlds.databases import SQLITE_AND_POSTGRES, new_database


@pytest.fixture(params=SQLITE_AND_POSTGRES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MailStore]:
    opened = MailStore(new_database(request.param, tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def logged() -> Iterator[list[LogEvent]]:
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)
