"""The stop list: addresses and domains to which an operator sends nothing, in a text file.

One entry a line: `bob@example.org`, `example.org` for all addresses of that domain, or `.example.org` for it and all
domains under it. What follows a `#` is a comment.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from leap_plugin.gateways.abuse.optout import plain_address
from loopixmix.errors import ConfigError


class StopList:
    """Entries, and whether they hold for an address."""

    def __init__(self, entries: Iterable[str]) -> None:
        """`entries`: as in the file, without comments."""
        self._entries = frozenset(plain_address(one) if "@" in one else one.lower() for one in entries)

    def __len__(self) -> int:
        """Return how many entries there are."""
        return len(self._entries)

    def stops(self, address: str) -> bool:
        """Tell whether nothing is sent to an address."""
        plain = plain_address(address)
        domain = plain.rpartition("@")[2]
        if plain in self._entries or domain in self._entries:
            return True
        labels = domain.split(".")
        return any(f".{'.'.join(labels[start:])}" in self._entries for start in range(len(labels)))


class StopListFile:
    """A stop list in a file, which the operator may change while the gateway runs."""

    def __init__(self, path: Path) -> None:
        """`path`: of the file; without one, nothing is stopped."""
        self._path = path
        self._state: tuple[int, int] | None = None
        self._list = StopList(())

    def current(self) -> StopList:
        """Return the list as the file has it now; raise `ConfigError` if it cannot be read."""
        try:
            found = self._path.stat()
            state = (found.st_mtime_ns, found.st_ino)
            if state != self._state:
                self._list, self._state = StopList(_entries(self._path.read_text("utf-8"), self._path)), state
        except FileNotFoundError:
            self._list, self._state = StopList(()), None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{self._path}: the stop list cannot be read: {error}") from error
        return self._list


def _entries(text: str, path: Path) -> list[str]:
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.partition("#")[0].strip()
        if not entry:
            continue
        # A line with two words would stop nothing, and its writer would believe that it does.
        if len(entry.split()) != 1 or entry.endswith(("@", ".")) or "*" in entry:
            raise ConfigError(f"{path}, line {number}: an entry is an address, a domain, or a domain after a full stop")
        entries.append(entry)
    return entries
