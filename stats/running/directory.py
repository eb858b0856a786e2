"""The directory of a collector: its configuration, and where its stores are."""

from __future__ import annotations

from pathlib import Path

import msgspec

from loopixmix.config import commented_toml, load_config
from loopixmix.errors import ConfigError
from loopixmix.process.files import create_file, make_directory
from loopixmix.process.log import LogSettings
from loopixmix.store.sqlite import sqlite_url
from loopixmix.web.visiting.policy import WebOrigin
from stats.collect.collector import MOST_OPEN_REPORTS

CONFIG_FILE, LOCK_FILE = "collector.toml", "collector.lock"
STORE_FILE, COLUMNS_FILE, RAW_FILE, WAITING = "collector.sqlite3", "released.duckdb", "raw.duckdb", "waiting"
COUNTERS_FILE = "counters.sqlite3"
LOOPBACK = ("127.0.0.1", "::1")
LOOPBACK_NAME = "collector.localhost"
"""Browsers connect it to this machine by themselves (RFC 6761, 6.3). A cookie of it goes to no address of digits."""

_COMMENTS = {
    "socket": "Where the provider asks for respondents. Name it in the provider's node.toml.",
    "provider_user": "The user whose provider may connect to the socket; empty for your own.",
    "host": "Where the dashboard listens, and at which port.",
    "port": "",
    "certificate": "Files with the certificate chain and its key, in PEM; without them only loopback is allowed.",
    "key": "",
    "origin": "Where browsers find it, such as https://stats.example.org; empty for the host and port above.",
    "store": "The database for surveys and tokens, such as postgresql://user@/collector; empty for a file here.",
    "columns": "The column store: empty for DuckDB in a file here, or clickhouse://user:password@host/database.",
    "most_open_reports": "So many reports a survey takes at most that is open to anybody, without tokens.",
    "raw_columns": "The same for surveys with central noise, whose true answers nobody else may reach.",
}
_HEAD = "A collector of reports. `loopixmix stats collector run DIR` reads this file at the start."


class CollectorConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `collector.toml` says."""

    socket: str = "collector.sock"
    provider_user: str = ""
    host: str = "127.0.0.1"
    port: int = 8430
    certificate: str = ""
    key: str = ""
    origin: str = ""
    store: str = ""
    columns: str = ""
    raw_columns: str = ""
    most_open_reports: int = MOST_OPEN_REPORTS
    log: LogSettings = msgspec.field(default_factory=LogSettings)


class CollectorDirectory:
    """A collector's files."""

    def __init__(self, path: Path) -> None:
        """Read the configuration; raise `ConfigError` if it is missing or wrong."""
        self.path = path
        self.config = load_config(path / CONFIG_FILE, CollectorConfig)
        _check(self.config, path / CONFIG_FILE)

    @classmethod
    def create(cls, path: Path, config: CollectorConfig) -> CollectorDirectory:
        """Make a new collector; raise `ConfigError` if there is one, or if the configuration is wrong."""
        _check(config, path / CONFIG_FILE)
        make_directory(path)
        values = {name: value for name, value in msgspec.to_builtins(config).items() if name in _COMMENTS}
        create_file(path / CONFIG_FILE, commented_toml(values, head=_HEAD, comments=_COMMENTS).encode())
        return cls(path)

    @property
    def counters_url(self) -> str:
        """The address of the store for counters of relays, of which there are few."""
        return sqlite_url(self.path / COUNTERS_FILE)

    @property
    def store_url(self) -> str:
        """The address of the store for surveys and tokens."""
        return self.config.store or sqlite_url(self.path / STORE_FILE)

    @property
    def origin(self) -> WebOrigin:
        """Where browsers find the dashboard, as the configuration says or lets expect."""
        config = self.config
        if config.origin:
            return WebOrigin.parse(config.origin)
        scheme, host = ("https", config.host) if config.certificate else ("http", LOOPBACK_NAME)
        return WebOrigin.parse(f"{scheme}://{f'[{host}]' if ':' in host else host}:{config.port}")


def _check(config: CollectorConfig, path: Path) -> None:
    if not 0 <= config.port < 2**16:
        raise ConfigError(f"{path}: port is {config.port}; allowed is 0 to 65535")
    if config.most_open_reports < 1:
        raise ConfigError(f"{path}: most_open_reports is {config.most_open_reports}; it is at least 1")
    if bool(config.certificate) != bool(config.key):
        raise ConfigError(f"{path}: certificate and key go together")
    if not config.certificate and config.host not in LOOPBACK:
        raise ConfigError(f"{path}: without a certificate, host has to be 127.0.0.1 or ::1")
    if config.origin:
        WebOrigin.parse(config.origin)
