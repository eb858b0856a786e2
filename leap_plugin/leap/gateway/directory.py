"""The directory of a LEAP gateway: its configuration, the token for Soledad, its sealed store."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from leap_plugin.leap.gateway.arriving import GatewayLimits
from leap_plugin.leap.gateway.schema import LEAP_STORE
from loopixmix.config import commented_toml, load_config
from loopixmix.errors import ConfigError, MisuseError
from loopixmix.process.files import create_file, create_secret, load_secret, make_directory
from loopixmix.process.log import LogSettings
from loopixmix.seams import Rng
from loopixmix.store.sealing import KEY_BYTES, StoreKey, is_sealed, seal_store
from loopixmix.store.sqlite import sqlite_url
from loopixmix.store.transactions import Store

CONFIG_FILE, STORE_FILE, LOCK_FILE = "leap.toml", "leap.sqlite3", "leap.lock"
KEY_FILE = "store.key"
DEFAULT_TOKEN_FILE = "soledad.token"  # noqa: S105 (a name)
MAX_DOMAINS = 64
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}:[\x21-\x39\x3b-\x7e]{8,512}", re.ASCII)
_PREFIX = re.compile(r"[a-z-]{0,16}", re.ASCII)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

COMMENTS = {
    "client": "The directory of the client that has the gateway's account. Its daemon is started if it does not run.",
    "domains": "The mail domains that reach this account.",
    "soledad": "Soledad's Incoming Box, on the interface for local services.",
    "soledad.url": "Over the network only by https: the token goes along.",
    "soledad.token_file": "One line, incoming:SECRET, as in Soledad's file of services' tokens. Private.",
    "soledad.user_prefix": 'What stands before the uuid in a path: "user-" for a Soledad that stores in CouchDB.',
    "limits": "How much waits at most, for each user and of all together. A sender is told if a user has too much.",
    "log": "How the program logs.",
}


class SoledadSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where Soledad is; the comments in `leap.toml` explain each key."""

    url: str = "http://127.0.0.1:2525/incoming"
    token_file: str = DEFAULT_TOKEN_FILE
    user_prefix: str = ""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
            raise MisuseError(f"url is like http://127.0.0.1:2525/incoming, not {self.url[:100]!a}")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise MisuseError("url is http only on this machine: elsewhere the token would be read on the way")
        if not _PREFIX.fullmatch(self.user_prefix):
            raise MisuseError("user_prefix has at most 16 characters of a-z and -")


class LeapLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much waits at most."""

    mails_per_user: Annotated[int, msgspec.Meta(ge=1)] = 1000
    megabytes_per_user: Annotated[int, msgspec.Meta(ge=40)] = 512
    gigabytes: Annotated[int, msgspec.Meta(ge=1)] = 20


class LeapConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The choices of a gateway's operator."""

    client: str
    domains: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=MAX_DOMAINS)]
    soledad: SoledadSettings = SoledadSettings()
    limits: LeapLimits = LeapLimits()
    log: LogSettings = LogSettings()

    def __post_init__(self) -> None:
        for domain in self.domains:
            if not _DOMAIN.fullmatch(domain):
                raise MisuseError(f"{domain[:80]!a} is no domain; it is like mail.example.org, in lower case")


@dataclass(frozen=True, kw_only=True)
class LeapDirectory:
    """A gateway's directory, read and checked. `token`: for Soledad, a secret."""

    path: Path
    config: LeapConfig
    token: str = field(repr=False)

    @property
    def client(self) -> Path:
        """The directory of the client; a relative one begins at the gateway's."""
        return self.path / self.config.client

    @property
    def domains(self) -> frozenset[str]:
        """The mail domains that reach this account."""
        return frozenset(self.config.domains)

    @property
    def limits(self) -> GatewayLimits:
        """How much is kept."""
        limits = self.config.limits
        return GatewayLimits(
            mails_per_user=limits.mails_per_user,
            bytes_per_user=limits.megabytes_per_user * 1024**2,
            bytes=limits.gigabytes * 1024**3,
        )


def create_leap_directory(path: Path, *, client: Path, domains: tuple[str, ...], url: str, rng: Rng) -> None:
    """Make a new gateway's configuration, and the key of its store.

    Raises `ConfigError`, `MisuseError` if there is one already.
    """
    config = LeapConfig(client=str(client.absolute()), domains=domains, soledad=SoledadSettings(url=url))
    make_directory(path)
    text = commented_toml(msgspec.to_builtins(config), head="The configuration of a LEAP gateway.", comments=COMMENTS)
    create_file(path / CONFIG_FILE, text.encode())
    create_secret(path / KEY_FILE, rng.randbytes(KEY_BYTES))


def load_leap_config(path: Path) -> LeapConfig:
    """Return the configuration in a gateway's directory; raises `ConfigError`."""
    if not (path / CONFIG_FILE).exists():
        raise ConfigError(
            f"{path} is no directory of a LEAP gateway: make one with  loopixmix mail leap-gateway init {path}"
        )
    return load_config(path / CONFIG_FILE, LeapConfig)


def load_leap_directory(path: Path) -> LeapDirectory:
    """Return a gateway's directory with its token; raises `ConfigError`."""
    config = load_leap_config(path)
    file = path / config.soledad.token_file
    try:
        mode, token = file.stat().st_mode, file.read_text("ascii").strip()
    except FileNotFoundError:
        raise ConfigError(f"{file}: there is no such file; it has the line incoming:SECRET for Soledad") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read: {error}") from error
    if mode & 0o077:
        raise ConfigError(f"{file}: others may read it; chmod 600 it, and give Soledad a new token")
    if not _TOKEN.fullmatch(token):
        raise ConfigError(f"{file}: is not one line like incoming:SECRET, with 8 characters or more after the colon")
    return LeapDirectory(path=path, config=config, token=token)


def open_leap_store(path: Path) -> Store:
    """Open the store in a gateway's directory, whether or not the program runs; raises `ConfigError`, `StoreError`."""
    file = path / STORE_FILE
    # One that was made by an older version is sealed by the program, when it starts.
    is_plain = file.exists() and not is_sealed(file)
    is_older = not file.exists() and not (path / KEY_FILE).exists()
    return Store(LEAP_STORE, sqlite_url(file), key=None if is_plain or is_older else _load_key(path))


def own_leap_store(path: Path, rng: Rng) -> Store:
    """Open the store for the program whose it is, and seal it if it is not; raises `ConfigError`, `StoreError`."""
    file = path / STORE_FILE
    if not is_sealed(file) and not (path / KEY_FILE).exists():
        create_secret(path / KEY_FILE, rng.randbytes(KEY_BYTES))
    key = _load_key(path)
    seal_store(file, key)
    return Store(LEAP_STORE, sqlite_url(file), exclusive=True, key=key)


def _load_key(path: Path) -> StoreKey:
    return StoreKey(load_secret(path / KEY_FILE, KEY_BYTES, called="the key of a store"))
