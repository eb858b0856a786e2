"""A store in a fresh directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from provider.store import MailStore, sqlite_url


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MailStore]:
    opened = MailStore(sqlite_url(tmp_path / "mail.sqlite3"))
    yield opened
    opened.close()
