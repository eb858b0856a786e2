"""The directory of an issuer: its configuration, its surveys, its store."""

from __future__ import annotations

from pathlib import Path

import msgspec

from loopixmix.config import commented_toml, load_config
from loopixmix.errors import ConfigError
from loopixmix.process.files import create_file, make_directory
from loopixmix.process.log import LogSettings
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store
from stats.issue.store import SCHEMA
from stats.issue.surveys import SURVEYS

CONFIG_FILE, LOCK_FILE, STORE_FILE, SOCKET_FILE = "issuer.toml", "issuer.lock", "issuer.sqlite3", "issuer.sock"

_COMMENTS = {
    "socket": "Where the provider asks for tokens. Name it in the provider's node.toml.",
    "provider_user": "The user whose provider may connect to the socket; empty for your own.",
    "client": "The directory of the issuer's client, for codes that are sent over the network; empty for none.",
    "store": "The database, such as postgresql://user@/issuer; empty for a file in this directory.",
}
_HEAD = "An issuer of surveys. `loopixmix stats issuer run DIR` reads this file at the start."


class IssuerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `issuer.toml` says."""

    socket: str = SOCKET_FILE
    provider_user: str = ""
    client: str = ""
    store: str = ""
    log: LogSettings = msgspec.field(default_factory=LogSettings)


class IssuerDirectory:
    """An issuer's files."""

    def __init__(self, path: Path) -> None:
        """Read the configuration; raise `ConfigError` if it is missing or wrong."""
        self.path = path
        self.config = load_config(path / CONFIG_FILE, IssuerConfig)
        if not self.config.socket:
            raise ConfigError(f"{path / CONFIG_FILE}: socket is empty: the provider asks there")

    @classmethod
    def create(cls, path: Path, config: IssuerConfig) -> IssuerDirectory:
        """Make a new issuer; raise `ConfigError` if there is one."""
        make_directory(path)
        values = {name: value for name, value in msgspec.to_builtins(config).items() if name in _COMMENTS}
        create_file(path / CONFIG_FILE, commented_toml(values, head=_HEAD, comments=_COMMENTS).encode())
        make_directory(path / SURVEYS)
        return cls(path)

    @property
    def socket(self) -> Path:
        """Where the provider asks."""
        return self.path / self.config.socket

    @property
    def client(self) -> Path | None:
        """The directory of the issuer's client, if it has one."""
        return self.path / self.config.client if self.config.client else None

    def open_store(self, *, exclusive: bool = False) -> Store:
        """Open the store; `exclusive`: for the program that answers. Raises `StoreError`."""
        return Store(SCHEMA, self.config.store or sqlite_url(self.path / STORE_FILE), exclusive=exclusive)
