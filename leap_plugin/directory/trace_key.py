"""The file of the key by which a bridge marks what came: its word, and 64 hexadecimal digits."""

from __future__ import annotations

from pathlib import Path

from leap_plugin.mail.trace import TraceKey, make_trace_key
from loopixmix.errors import ConfigError
from loopixmix.process.files import create_file
from loopixmix.seams import Rng

TRACE_KEY_FILE = "trace.key"


def own_trace_key(directory: Path, rng: Rng) -> TraceKey:
    """Return the trace key of the bridge in `directory`, and make it at its first start.

    It never changes afterwards: mail programs filter by its word. Raises `ConfigError`, `StoreError`.
    """
    path = directory / TRACE_KEY_FILE
    if not path.exists():
        made = make_trace_key(rng)
        create_file(path, f"{made.word} {made.key.hex()}\n".encode("ascii"))
    return read_trace_key(directory)


def read_trace_key(directory: Path) -> TraceKey:
    """Return the trace key of the bridge in `directory`; raise `ConfigError` if it has none, or others may read it."""
    path = directory / TRACE_KEY_FILE
    try:
        mode = path.stat().st_mode
        text = path.read_text("ascii")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file: {directory} is no bridge that was started before") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError:
        raise ConfigError(f"{path}: is no trace key") from None
    word, _, digits = text.removesuffix("\n").partition(" ")
    try:
        found = TraceKey(word, bytes.fromhex(digits))
    except (ValueError, ConfigError):
        raise ConfigError(f"{path}: is no trace key") from None
    if mode & 0o077:
        raise ConfigError(f"{path}: others may read this private key; run  chmod 600 {path}")
    return found
