from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loopixmix.store.transactions import Store
from provider.tokens.store import open_token_store


@pytest.fixture
def token_store(tmp_path: Path) -> Iterator[Store]:
    store = open_token_store(tmp_path)
    yield store
    store.close()
