"""A store in a fresh directory, and what is logged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.logger import LogEvent, globalLogPublisher

from provider.store import MailStore, sqlite_url


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MailStore]:
    opened = MailStore(sqlite_url(tmp_path / "mail.sqlite3"))
    yield opened
    opened.close()


@pytest.fixture
def logged() -> Iterator[list[LogEvent]]:
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)
