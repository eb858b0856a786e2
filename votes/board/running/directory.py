"""The directory of a board: its configuration, its key, the list of credentials."""

from __future__ import annotations

from pathlib import Path

import msgspec

from loopixmix.config import commented_toml, load_config
from loopixmix.errors import ConfigError, FormatError
from loopixmix.process.files import create_file, create_secret, load_secret, make_directory, write_atomically
from loopixmix.process.log import LogSettings
from loopixmix.seams import Rng
from loopixmix.store.sqlite import sqlite_url
from votes.board.face.routes import CREDENTIALS_FILE
from votes.credentials.listing import CredentialList
from votes.record.signing import SEED_BYTES, PartyKey, check_identity

CONFIG_FILE, KEY_FILE, LOCK_FILE = "board.toml", "board.key", "board.lock"
STORE_FILE, UPLOADS = "board.sqlite3", "files"
PUBLIC_FILE = 0o644

_COMMENTS = {
    "administrator": "The identity of the administrator (64 hexadecimal digits): whose record is taken.",
    "socket": "Where the provider asks for voters. Name it in the provider's node.toml.",
    "provider_user": "The user whose provider may connect to the socket; empty for your own.",
    "host": "Where the public face listens, and at which port.",
    "port": "",
    "certificate": "Files with the certificate chain and its key, in PEM; without them the face is on loopback only.",
    "key": "",
    "store": "The database, such as postgresql://user@/board; empty for a file in this directory.",
}
_HEAD = "A board of elections. `loopixmix vote board run DIR` reads this file at the start."


class BoardConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `board.toml` says."""

    administrator: str
    socket: str = "board.sock"
    provider_user: str = ""
    host: str = "127.0.0.1"
    port: int = 8420
    certificate: str = ""
    key: str = ""
    store: str = ""
    log: LogSettings = msgspec.field(default_factory=LogSettings)


class BoardDirectory:
    """A board's files."""

    def __init__(self, path: Path) -> None:
        """Read the configuration; raise `ConfigError` if it is missing or wrong."""
        self.path = path
        self.config = load_config(path / CONFIG_FILE, BoardConfig)
        self.administrator = _identity(self.config.administrator, path / CONFIG_FILE)
        if not 0 <= self.config.port < 2**16:
            raise ConfigError(f"{path / CONFIG_FILE}: port is {self.config.port}; allowed is 0 to 65535")
        if bool(self.config.certificate) != bool(self.config.key):
            raise ConfigError(f"{path / CONFIG_FILE}: certificate and key go together")
        if not self.config.certificate and self.config.host not in ("127.0.0.1", "::1"):
            raise ConfigError(f"{path / CONFIG_FILE}: without a certificate, host has to be 127.0.0.1 or ::1")

    @classmethod
    def create(cls, path: Path, config: BoardConfig, rng: Rng) -> BoardDirectory:
        """Make a new board; raise `ConfigError` if there is one, or if the configuration is wrong."""
        _identity(config.administrator, path / CONFIG_FILE)
        make_directory(path)
        values = {name: value for name, value in msgspec.to_builtins(config).items() if name in _COMMENTS}
        create_file(path / CONFIG_FILE, commented_toml(values, head=_HEAD, comments=_COMMENTS).encode())
        create_secret(path / KEY_FILE, PartyKey.generate(rng).seed)
        return cls(path)

    def party_key(self) -> PartyKey:
        """Return the board's key."""
        return PartyKey(load_secret(self.path / KEY_FILE, SEED_BYTES, called="the key of a board"))

    @property
    def store_url(self) -> str:
        """The address of the store."""
        return self.config.store or sqlite_url(self.path / STORE_FILE)

    def credentials(self, credential_bytes: int) -> CredentialList | None:
        """Return the list of credentials, if the board has it; raise `ConfigError` if it is damaged."""
        path = self.path / CREDENTIALS_FILE
        if not path.exists():
            return None
        try:
            return CredentialList(path.read_bytes(), credential_bytes)
        except FormatError as error:
            raise ConfigError(f"{path}: {error}") from error

    def credentials_mark(self) -> tuple[int, int, int] | None:
        """Return what changes whenever the list of credentials is replaced; None if there is none."""
        try:
            found = (self.path / CREDENTIALS_FILE).stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns

    def put_credentials(self, data: bytes) -> None:
        """Keep the list of credentials, for auditors and for ballots without a proof."""
        write_atomically(self.path / CREDENTIALS_FILE, data, mode=PUBLIC_FILE)


def _identity(text: str, path: Path) -> bytes:
    try:
        identity = bytes.fromhex(text)
        check_identity(identity)
    except (ValueError, FormatError) as error:
        raise ConfigError(f"{path}: administrator is no identity: {error}") from error
    return identity
