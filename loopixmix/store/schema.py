"""The description of one kind of store, from which it is opened."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import MetaData


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The versions that a kind of store went through.

    `owner`: whose it is, for messages: "a LoopixMix client". `head`: the version that the code reads and writes.
    `older_versions`: those from which the scripts in `migrations` lead to it. `in_memory`: its tables, if a store in
    memory is to be made of them at once; None if its migrations also add rows, so that they must run there, too.
    `gives_back`: whether a file of SQLite becomes smaller when much was deleted (`Store.give_back`), for a little more
    work with each change.
    """

    owner: str
    head: str
    older_versions: Set[str]
    migrations: Path
    in_memory: MetaData | None = field(default=None, repr=False)
    gives_back: bool = False
