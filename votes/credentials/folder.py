"""The files of a credential authority, in a folder of its own that only its user may read."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from loopixmix.errors import ConfigError
from loopixmix.process.files import (
    PRIVATE_FILE,
    create_secret,
    file_error,
    load_secret,
    make_directory,
    sync_directory,
    write_atomically,
)
from loopixmix.seams import Rng
from votes.credentials.sealing import SealedFile
from votes.credentials.voters import VoterRules, VoterTable, read_voters, write_rows
from votes.record.signing import SEED_BYTES, PartyKey

KEY_FILE = "authority.key"
CONFIG_FILE = "authority.json"
LOCK_FILE = "authority.lock"
VOTERS_FILE = "voters.csv"
LIST_FILE = "credentials.list"
RECORD_FILE = "record.json"
REMOVED_FILE = "removed.json"
ERASURE_FILE = "erasure.statement"


class AuthorityFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an authority is. `salt`: hexadecimal; of this election, and made with the folder. `group`: its name."""

    name: str
    group: str
    salt: str


class RemovedVoter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A voter who was taken out. `credential`: hexadecimal, if the election was frozen by then; otherwise empty."""

    voter: str
    reason: str
    at_s: int
    credential: str


class AuthorityFolder:
    """Reads and writes the files; what they mean is the authority's."""

    def __init__(self, path: Path) -> None:
        """`path`: of a folder that `create` made."""
        self.path = path
        self.codes = SealedFile(path / "codes.sealed")
        self.places = SealedFile(path / "places.sealed")

    @classmethod
    def create(cls, path: Path, facts: AuthorityFacts, rng: Rng) -> AuthorityFolder:
        """Make a new authority; raise `ConfigError` if one is there already."""
        make_directory(path)
        create_secret(path / KEY_FILE, rng.randbytes(SEED_BYTES))
        write_atomically(path / CONFIG_FILE, msgspec.json.encode(facts) + b"\n")
        return cls(path)

    def facts(self) -> AuthorityFacts:
        """Return what the authority is."""
        try:
            return msgspec.json.decode(self._read(CONFIG_FILE), type=AuthorityFacts)
        except msgspec.MsgspecError as error:
            raise ConfigError(f"{self.path / CONFIG_FILE}: {error}") from error

    def key(self) -> PartyKey:
        """Return the key with which the authority signs."""
        return PartyKey(load_secret(self.path / KEY_FILE, SEED_BYTES, called="the key of a credential authority"))

    def voters(self) -> VoterTable | None:
        """Return the voters; None if there are none yet."""
        data = self.optional(VOTERS_FILE)
        return None if data is None else read_voters(data, VoterRules(unique=()))

    def put_voters(self, table: VoterTable) -> None:
        """Replace the voters."""
        write_atomically(self.path / VOTERS_FILE, b"".join(write_rows(table.columns, iter(table.rows))))

    def removed(self) -> list[RemovedVoter]:
        """Return who was taken out."""
        data = self.optional(REMOVED_FILE)
        return [] if data is None else msgspec.json.decode(data, type=list[RemovedVoter])

    def put_removed(self, removed: list[RemovedVoter]) -> None:
        """Replace the list of those who were taken out."""
        write_atomically(self.path / REMOVED_FILE, msgspec.json.encode(removed))

    def optional(self, name: str) -> bytes | None:
        """Return the content of a file; None if there is none."""
        return self._read(name) if (self.path / name).exists() else None

    def put(self, name: str, content: bytes) -> None:
        """Replace a file."""
        write_atomically(self.path / name, content)

    def drop_list(self) -> None:
        """Take the list of credentials away: what it is made from is about to change, and it is to be made anew."""
        try:
            (self.path / LIST_FILE).unlink(missing_ok=True)
            sync_directory(self.path)
        except OSError as error:
            raise file_error(error, f"{self.path / LIST_FILE}: cannot be removed") from error

    def _read(self, name: str) -> bytes:
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            raise ConfigError(f"{self.path}: is no folder of a credential authority: {name} is missing") from None
        except OSError as error:
            raise ConfigError(f"{self.path / name}: cannot be read: {error.strerror}") from error


def write_private(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a new file piece by piece, which only the user may read; raise `ConfigError` if it is there already.

    For files too long to be in memory. If this fails, no part of the file is left.
    """
    with _new_file(path) as descriptor:
        for piece in pieces:
            os.write(descriptor, piece)
        os.fsync(descriptor)


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[int]:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    except FileExistsError as error:
        raise ConfigError(f"{path}: exists already and is never overwritten") from error
    except OSError as error:
        raise file_error(error, f"{path}: cannot be written") from error
    try:
        yield descriptor
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise file_error(error, f"{path}: cannot be written") from error
        raise
    finally:
        os.close(descriptor)
