"""The folder of an administrator: key, plan, draft and record."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from loopixmix.errors import ConfigError, MisuseError, StoreError
from loopixmix.group.group import Group
from loopixmix.process.files import PUBLIC_FILE, create_secret, load_secret, make_directory, write_atomically
from loopixmix.seams import Rng
from votes.administration.planning import draft_of, read_plan
from votes.record.election import Election, encode_election
from votes.record.entries import sign_record
from votes.record.fingerprint import fingerprint_of
from votes.record.rules.reading import decode_election
from votes.record.signing import SEED_BYTES, PartyKey

KEY, PLAN, RECORD, SIGNED_RECORD = "identity.key", "election.toml", "record.json", "record.signed"


class AdministratorFolder:
    """One administrator's files. Raises `MisuseError` if `path` has none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not (path / KEY).is_file():
            raise MisuseError(f"{path}: there is no administrator here; `loopixmix vote admin init` makes one")
        self.key = PartyKey(load_secret(path / KEY, SEED_BYTES, called="the key of an administrator"))

    @classmethod
    def create(cls, path: Path, rng: Rng, *, survey: bool = False) -> AdministratorFolder:
        """Make the folder with a new key, and a plan to be written: of a `survey`, or of an election.

        Raises `MisuseError` if there is one already.
        """
        if (path / KEY).exists():
            raise MisuseError(f"{path}: there is an administrator already")
        make_directory(path)
        if not (path / PLAN).exists():
            write_atomically(
                path / PLAN,
                files("votes.administration").joinpath("survey.toml" if survey else "example.toml").read_bytes(),
            )
        create_secret(path / KEY, PartyKey.generate(rng).seed)
        return cls(path)

    def draft(self, group: Group, *, rehearsal: bool) -> Election:
        """Return the draft that the plan makes. Raises `ConfigError` with the plan's name."""
        try:
            plan = read_plan(self._read(PLAN).decode())
            return draft_of(plan, self.key.identity, group, rehearsal=rehearsal)
        except (ConfigError, UnicodeDecodeError) as error:
            raise ConfigError(f"{self.path / PLAN}: {error}") from error

    def keep(self, election: Election) -> bytes:
        """Keep a frozen record, and the signed one for the board; return its fingerprint.

        Raises `MisuseError` if another record is frozen here: two records of one election would be two elections.
        """
        record = encode_election(election)
        path = self.path / RECORD
        if path.exists() and path.read_bytes() != record:
            raise MisuseError(f"{path}: another record is frozen already; a second election needs a folder of its own")
        write_atomically(self.path / SIGNED_RECORD, sign_record(record, self.key), mode=PUBLIC_FILE)
        write_atomically(path, record, mode=PUBLIC_FILE)
        return fingerprint_of(record)

    def election(self, group: Group) -> Election:
        """Return the frozen election. Raises `MisuseError` if nothing is frozen yet."""
        if not (self.path / RECORD).exists():
            raise MisuseError(f"{self.path}: nothing is frozen yet; see `loopixmix vote admin freeze`")
        return decode_election(self._read(RECORD), group)

    def fingerprint(self) -> bytes:
        """Return the fingerprint of the frozen election. Raises `MisuseError` if nothing is frozen yet."""
        if not (self.path / RECORD).exists():
            raise MisuseError(f"{self.path}: nothing is frozen yet; see `loopixmix vote admin freeze`")
        return fingerprint_of(self._read(RECORD))

    def _read(self, name: str) -> bytes:
        path = self.path / name
        try:
            return path.read_bytes()
        except OSError as error:
            raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
