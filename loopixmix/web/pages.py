"""Pages that an installed package adds to a program, found by entry points."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from loopixmix.errors import MisuseError
from loopixmix.seams import Clock, Rng
from loopixmix.web.visiting.routes import WebPages

PAGES_GROUP = "loopixmix.pages"
"""The entry point group."""

PAGES_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}", re.ASCII)
"""The name of an application's pages; it becomes part of a path and of a host name."""

C_co = TypeVar("C_co", covariant=True)


@dataclass(frozen=True, kw_only=True)
class PageContext(Generic[C_co]):
    """The things that pages may use.

    `client` is the client of the daemon that shows them. `directory` is their own, private and there. The type of the
    client is an argument, `PageContext[client.api.Client]`: this package may not know the client, and a protocol of its
    own would be a copy of `client.api.Client` that has to follow each change of it.
    """

    client: C_co
    directory: Path
    clock: Clock
    rng: Rng


PagesFactory: TypeAlias = Callable[[PageContext[C_co]], WebPages]
"""What an entry point of the group is: it is called once, and returns the pages."""


def installed_pages() -> list[str]:
    """Return the names of the pages that installed packages offer."""
    return sorted({point.name for point in entry_points(group=PAGES_GROUP) if PAGES_NAME.fullmatch(point.name)})


def find_pages(name: str) -> PagesFactory[object]:
    """Return what makes the pages `name`; raise `MisuseError` if no installed package offers them, or two do."""
    found = {point.value: point for point in entry_points(group=PAGES_GROUP) if point.name == name}
    if not found or not PAGES_NAME.fullmatch(name):
        offered = ", ".join(installed_pages()) or "none"
        raise MisuseError(f"no installed package offers the pages {name[:40]!r} (there are: {offered})")
    if len(found) > 1:
        raise MisuseError(f"more than one installed package offers the pages {name!r}: {', '.join(sorted(found))}")
    return _load(next(iter(found.values())))


def _load(point: EntryPoint) -> PagesFactory[object]:
    try:
        factory: PagesFactory[object] = point.load()
    except (ImportError, AttributeError) as error:
        raise MisuseError(f"the pages {point.name!r} cannot be loaded from {point.value}: {error}") from error
    return factory
