"""The book of analysts in the directory of a collector."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from loopixmix.errors import MisuseError
from loopixmix.seams import Rng
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from stats.analysts.book import AnalystBook
from stats.analysts.schema import SCHEMA

ANALYSTS_FILE = "analysts.sqlite3"


def open_book(directory: Path, *, rng: Rng, now_s: Callable[[], float]) -> AnalystBook:
    """Return the book in `directory`, which is made if there is none; raise `MisuseError` or `StoreError`.

    It is a file also if the collector's own store is a server: to look into the book, an operator needs nothing else.
    """
    if not directory.is_dir():
        raise MisuseError(f"{directory}: there is no such directory")
    return AnalystBook(Store(SCHEMA, sqlite_url(directory / ANALYSTS_FILE)), rng=rng, now_s=now_s)
