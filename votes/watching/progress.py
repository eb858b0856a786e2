"""How far a trustee has watched, kept in its folder, so that the tally does not check again what was checked."""

from __future__ import annotations

from pathlib import Path

import msgspec

from loopixmix.errors import FormatError, StoreError
from loopixmix.process.files import write_atomically
from votes.record.canonical import Hex, decode_canonical, encode_canonical
from votes.record.merkle import EMPTY_ROOT
from votes.verify.opened import SeenBallots

MOST_FILE_BYTES = 16 * 1024 * 1024


class Watched(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was looked at. `size`, `root`: of the log. `wrong`: the index of the entry of each
    wrong ballot, and why.

    `objected`: what was said in public already.
    """

    size: int
    root: Hex
    wrong: tuple[tuple[int, str], ...]
    objected: tuple[str, ...]

    @property
    def seen(self) -> SeenBallots:
        """The ballots, as a verifier takes them."""
        return SeenBallots(self.size, bytes(self.root), dict(self.wrong))


NOTHING = Watched(size=0, root=Hex(EMPTY_ROOT), wrong=(), objected=())


class WatchFile:
    """The file in a trustee's folder."""

    def __init__(self, directory: Path, fingerprint: bytes) -> None:
        """`directory`: of the trustee. `fingerprint`: of the election."""
        self.path = directory / f"watched-{fingerprint.hex()}.json"

    def read(self) -> Watched:
        """Return what was kept; nothing was looked at if there is none. Raises `FormatError` and `StoreError`."""
        try:
            return decode_canonical(self.path.read_bytes(), Watched, most_bytes=MOST_FILE_BYTES)
        except FileNotFoundError:
            return NOTHING
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be read: {error.strerror}") from error
        except FormatError as error:
            raise FormatError(f"{self.path}: {error}; remove it, and all ballots are checked again") from error

    def write(self, watched: Watched) -> None:
        """Keep it, durably."""
        write_atomically(self.path, encode_canonical(watched))
