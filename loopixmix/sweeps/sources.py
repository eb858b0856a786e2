"""A hash of the sources that compute: two machines that have the same compute the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path, PurePath

from loopixmix.errors import MisuseError


def fingerprint(packages: Iterable[str], *, without: tuple[str, ...] = ()) -> str:
    """Return the SHA-256, in hex, of the names and contents of all Python files of the packages.

    `packages`: top-level packages. `without`: beginnings of paths that change no outcome, such as `votes/commands`.
    Raises `MisuseError` if there is no such package.
    """
    hashed = hashlib.sha256()
    for name, path in sorted(_sources(packages)):
        if not name.startswith(without):
            # Names as well as contents: a module that moves is other code, though no line of it has changed.
            hashed.update(f"{name}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
    return hashed.hexdigest()


def _sources(packages: Iterable[str]) -> Iterator[tuple[str, Path]]:
    for package in packages:
        found = find_spec(package)
        if found is None or not found.submodule_search_locations:
            raise MisuseError(f"{package}: there is no package of this name")
        for folder in map(Path, found.submodule_search_locations):
            for path in folder.rglob("*.py"):
                yield PurePath(package, path.relative_to(folder)).as_posix(), path
