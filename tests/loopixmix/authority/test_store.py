"""What an authority keeps survives it."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopixmix.authority.store import AuthorityStore
from loopixmix.errors import StoreError

NODE = bytes(range(32))


def test_what_was_kept_is_there_again(tmp_path: Path) -> None:
    store = AuthorityStore(tmp_path / "state")
    store.keep_descriptor(NODE, b"first")
    store.keep_descriptor(NODE, b"second")
    store.keep_document(7, b"document")
    again = AuthorityStore(tmp_path / "state")
    assert list(again.descriptors().values()) == [b"second"]
    assert {path.name: signed for path, signed in again.documents().items()} == {"7.signed": b"document"}


def test_a_document_is_never_replaced(tmp_path: Path) -> None:
    store = AuthorityStore(tmp_path)
    store.keep_document(7, b"document")
    with pytest.raises(StoreError, match="a document of this epoch was signed already"):
        store.keep_document(7, b"another")
    assert list(store.documents().values()) == [b"document"]


def test_what_is_forgotten_is_gone_and_forgotten_twice_is_no_fault(tmp_path: Path) -> None:
    store = AuthorityStore(tmp_path)
    store.keep_descriptor(NODE, b"descriptor")
    store.keep_document(7, b"document")
    for _ in range(2):
        store.forget_descriptor(NODE)
        store.forget_document(7)
    assert (store.descriptors(), store.documents()) == ({}, {})


def test_what_a_crash_left_unfinished_is_not_read(tmp_path: Path) -> None:
    store = AuthorityStore(tmp_path)
    (tmp_path / "documents" / ".7.signed.unfinished").write_bytes(b"half")
    assert store.documents() == {}


def test_a_place_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "descriptors").write_text("a file")
    with pytest.raises(StoreError, match=r"descriptors: cannot be made"):
        AuthorityStore(tmp_path)
    store = AuthorityStore(tmp_path / "state")
    (tmp_path / "state" / "documents" / "7.signed").mkdir()
    with pytest.raises(StoreError, match=r"7\.signed: cannot be read"):
        store.documents()
