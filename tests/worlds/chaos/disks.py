"""A disk of a few megabytes, which a test can fill: a file system in memory, mounted where it is wanted."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

MOUNTING = "mounting"
"""What a test with such a disk needs (`@pytest.mark.needs(MOUNTING)`): the right to mount one."""
BLOCK = 1 << 16


def can_mount() -> bool:
    """Tell whether this user may mount a file system."""
    return os.geteuid() == 0 and subprocess.run(["mountpoint", "-q", "/"], check=False).returncode in (0, 1)


class SmallDisk:
    """A mounted disk."""

    def __init__(self, path: Path) -> None:
        """`path`: where it is mounted."""
        self.path = path
        self._filler = path / "filler"

    @property
    def free_bytes(self) -> int:
        """How much room is left."""
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def fill(self, *, leaving_bytes: int = 0) -> None:
        """Take all of the room that is left but `leaving_bytes`."""
        with self._filler.open("ab", buffering=0) as file:
            while (room := self.free_bytes - leaving_bytes) > 0:
                try:
                    file.write(bytes(min(room, BLOCK)))
                except OSError:  # somebody else took the last of it
                    return

    def empty(self) -> None:
        """Give the room back that `fill` took."""
        self._filler.unlink(missing_ok=True)


@contextlib.contextmanager
def small_disk(path: Path, *, size_bytes: int) -> Iterator[SmallDisk]:
    """Mount an empty disk of `size_bytes` at `path`, which is made; unmount it at the end."""
    path.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=700", "tmpfs", str(path)], check=True)
    try:
        yield SmallDisk(path)
    finally:
        # Lazily: a process that has not quite ended may still look at it.
        subprocess.run(["umount", "--lazy", str(path)], check=True)
