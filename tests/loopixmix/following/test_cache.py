"""The documents that are kept on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopixmix.errors import StoreError
from loopixmix.following.cache import DocumentCache


def test_a_new_cache_is_empty(tmp_path: Path) -> None:
    assert DocumentCache(tmp_path / "document").load() == []


def test_the_adopted_document_comes_first(tmp_path: Path) -> None:
    cache = DocumentCache(tmp_path / "document")
    cache.keep_next(b"next")
    cache.keep_adopted(b"now")
    assert DocumentCache(tmp_path / "document").load() == [b"now", b"next"]
    cache.keep_adopted(b"next")
    assert cache.load() == [b"next", b"next"]


def test_what_cannot_be_read_or_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "document").mkdir()
    with pytest.raises(StoreError, match="cannot be read"):
        DocumentCache(tmp_path / "document").load()
    with pytest.raises(StoreError, match="cannot be written"):
        DocumentCache(tmp_path / "gone" / "document").keep_next(b"next")
