"""The key of the bridge's own header lines, in a private file."""

from __future__ import annotations

from pathlib import Path

from leap_plugin.mail.trace import TraceKey, make_trace_key
from loopixmix.errors import ConfigError
from loopixmix.process.files import create_file
from loopixmix.seams import Rng

TRACE_FILE = "trace.key"


def create_trace_key(directory: Path, rng: Rng) -> TraceKey:
    """Make the key of a new bridge; raise `ConfigError` if there is one, which is never overwritten."""
    trace_key = make_trace_key(rng)
    create_file(directory / TRACE_FILE, f"{trace_key.word} {trace_key.key.hex()}\n".encode())
    return trace_key


def load_trace_key(directory: Path) -> TraceKey:
    """Return the key of a bridge; raise `ConfigError` if there is none, it is damaged, or others may read it."""
    path = directory / TRACE_FILE
    try:
        word, _, key = path.read_bytes().decode("ascii").strip().partition(" ")
        trace_key = TraceKey(word, bytes.fromhex(key))
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file, and by a new one no old mail would be proven") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, ConfigError):
        raise ConfigError(f"{path}: is not a word and a key of 64 hexadecimal digits") from None
    if mode & 0o077:
        raise ConfigError(f"{path}: others may read this private key; run  chmod 600 {path}")
    return trace_key
