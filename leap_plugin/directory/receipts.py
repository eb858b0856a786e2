"""Whether a client tells its contacts that their messages came: a line in its own `client.toml`."""

from __future__ import annotations

from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from loopixmix.errors import ConfigError
from loopixmix.process.files import write_atomically

CLIENT_FILE = "client.toml"


def sends_receipts(client: Path) -> bool:
    """Return whether the client in the directory `client` is set to send receipts; raises `ConfigError`."""
    return bool(_section(_read(client / CLIENT_FILE)).get("receipts", False))


def set_receipts(client: Path, on: bool) -> None:
    """Let the client send receipts or none, from its next start; all else in its file stays. Raises `ConfigError`."""
    path = client / CLIENT_FILE
    text = _read(path)
    _section(text)["receipts"] = on
    write_atomically(path, tomlkit.dumps(text).encode())


def _read(path: Path) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is no TOML: {error}") from error


def _section(text: tomlkit.TOMLDocument) -> dict[str, object]:
    section = text.setdefault("client", tomlkit.table())
    if not isinstance(section, dict):
        raise ConfigError(f"{CLIENT_FILE}: client is no table")
    return section
