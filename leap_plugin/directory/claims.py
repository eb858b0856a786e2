"""An identity has one bridge: two would each take a part of its mail."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from loopixmix.errors import ConfigError
from loopixmix.process.files import DirectoryLock, LockedError, lock_holder

CLAIM_FILE = "mail-bridge.lock"
"""In the directory of a client: the lock of the bridge that serves its mail."""


class ClientClaims:
    """The clients that a bridge has for itself, until it ends, however it ends."""

    def __init__(self, clients: Iterable[Path]) -> None:
        """`clients`: their directories."""
        self._locks = [DirectoryLock(client / CLAIM_FILE, of=client) for client in clients]

    def take(self) -> None:
        """Claim all of them; raise `LockedError` or `ConfigError`, with none claimed, if one cannot be had."""
        try:
            for lock in self._locks:
                if not lock.directory.is_dir():
                    raise ConfigError(f"{lock.directory}: there is no client; mail.toml names it")
                self._take(lock)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Give all of them back."""
        for lock in self._locks:
            lock.release()

    def _take(self, lock: DirectoryLock) -> None:
        try:
            lock.acquire()
        except LockedError:
            holder = lock_holder(lock.directory / CLAIM_FILE)
            raise LockedError(
                f"{lock.directory}: another mail bridge, process {holder or '(unknown)'}, serves this identity already"
            ) from None
