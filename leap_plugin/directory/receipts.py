"""Whether a client tells its contacts that their messages came: a line in its own `client.toml`."""

from __future__ import annotations

from pathlib import Path

import tomlkit

from loopixmix.config import load_editable
from loopixmix.errors import ConfigError
from loopixmix.process.files import write_atomically

CLIENT_FILE = "client.toml"


def sends_receipts(client: Path) -> bool:
    """Return whether the client in the directory `client` is set to send receipts; raises `ConfigError`."""
    return bool(_section(load_editable(client / CLIENT_FILE)).get("receipts", False))


def set_receipts(client: Path, on: bool) -> None:
    """Let the client send receipts or none, from its next start; all else in its file stays. Raises `ConfigError`."""
    path = client / CLIENT_FILE
    text = load_editable(path)
    _section(text)["receipts"] = on
    write_atomically(path, tomlkit.dumps(text).encode())


def _section(text: tomlkit.TOMLDocument) -> dict[str, object]:
    section = text.setdefault("client", tomlkit.table())
    if not isinstance(section, dict):
        raise ConfigError(f"{CLIENT_FILE}: client is no table")
    return section
