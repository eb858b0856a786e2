"""Where a demonstration has its network: a directory that is kept if something went wrong, and ports that are free."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console

from loopixmix.errors import UnavailableError
from loopixmix.testnet.plan import HOST

FIRST_PORT, LAST_PORT, PORTS = 30_000, 32_767, 100
"""A demonstration has so many ports in a row, below those that systems give to connections."""


class TemporaryPlace:
    """A directory that is deleted at the end if all went well. Otherwise its logs may tell why not, and it is kept."""

    def __init__(self, prefix: str, console: Console) -> None:
        """`prefix`: of its name. `console`: is told where it is, if it is kept."""
        self.path = Path(tempfile.mkdtemp(prefix=prefix))
        self._console = console
        self._went_well = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._went_well or isinstance(error, KeyboardInterrupt):
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            words = f"Everything is left in {self.path}: each program has its log.txt there."
            self._console.print(words, soft_wrap=True, highlight=False)

    def ended(self, *, well: bool) -> None:
        """Take note of how it went."""
        self._went_well = well


def is_free(port: int) -> bool:
    """Tell whether a program could listen at a port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_base_port(free: Callable[[int], bool] = is_free) -> int:
    """Return the first of `PORTS` ports in a row that are all free; raise `UnavailableError` if there are none."""
    for base in range(FIRST_PORT, LAST_PORT - PORTS + 2, PORTS):
        if all(free(port) for port in range(base, base + PORTS)):
            return base
    raise UnavailableError(
        f"there are no {PORTS} free ports in a row from {FIRST_PORT} to {LAST_PORT}: name the first one by --base-port"
    )
