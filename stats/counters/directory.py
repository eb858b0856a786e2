"""The directory of a node's counting program: configuration, plan, key, memory."""

from __future__ import annotations

from pathlib import Path

import msgspec

from loopixmix.config import commented_toml, load_config
from loopixmix.errors import ConfigError, StoreError
from loopixmix.process.files import create_file, create_secret, load_secret, make_directory
from loopixmix.process.log import LogSettings
from loopixmix.seams import Rng
from stats.counters.plan import CounterPlan, read_plan
from stats.counters.shares import KEY_BYTES, public_key

CONFIG_FILE, LOCK_FILE, KEY_FILE, STATE_FILE = "relay.toml", "relay.lock", "relay.key", "state.json"
MOST_STATUS_BYTES = 1_000_000

_COMMENTS = {
    "status": "The node's status file.",
    "client": "The directory of a client with a guest account, by which shares are sent.",
    "plan": "The plan of what is counted; everybody who takes part has the same one.",
}
_HEAD = "Counts beside a node. `loopixmix stats relay run DIR` reads this file at the start."


class CountingConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `relay.toml` says. Paths are from the directory."""

    status: str
    client: str
    plan: str = "plan.json"
    log: LogSettings = msgspec.field(default_factory=LogSettings)


class CountingDirectory:
    """The files of a node's counting program."""

    def __init__(self, path: Path) -> None:
        """Read the configuration; raise `ConfigError` if it is missing or wrong."""
        self.path = path
        self.config = load_config(path / CONFIG_FILE, CountingConfig)

    @classmethod
    def create(cls, path: Path, config: CountingConfig, rng: Rng) -> CountingDirectory:
        """Make a new one with a new key; raise `ConfigError` if there is one."""
        make_directory(path)
        values = {name: value for name, value in msgspec.to_builtins(config).items() if name in _COMMENTS}
        create_file(path / CONFIG_FILE, commented_toml(values, head=_HEAD, comments=_COMMENTS).encode())
        create_secret(path / KEY_FILE, rng.randbytes(KEY_BYTES))
        return cls(path)

    @property
    def state(self) -> Path:
        """What the program remembers."""
        return self.path / STATE_FILE

    @property
    def client(self) -> Path:
        """The directory of the client."""
        return self.path / self.config.client

    def private(self) -> bytes:
        """Return the private key; raises `ConfigError`."""
        return load_secret(self.path / KEY_FILE, KEY_BYTES, called="the key of the node's counts")

    def public(self) -> str:
        """Return the public key, as the plan has it."""
        return public_key(self.private()).hex()

    def plan(self) -> CounterPlan:
        """Return the plan; raise `ConfigError` if it cannot be read, or what `read_plan` raises."""
        path = self.path / self.config.plan
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
        return read_plan(data)

    def read_status(self) -> bytes | None:
        """Return the contents of the node's status file; None if there is none now. Raises `StoreError`."""
        path = self.path / self.config.status
        try:
            with path.open("rb") as file:
                data = file.read(MOST_STATUS_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
        return data if len(data) <= MOST_STATUS_BYTES else None
