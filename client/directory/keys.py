"""The two secret keys of a client: its identity, which signs and opens its links, and its sealing key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from loopixmix.cards import SealingKey
from loopixmix.errors import ConfigError, MisuseError
from loopixmix.keys import IdentityKey
from loopixmix.process.files import create_file, create_identity, load_identity
from loopixmix.seams import Rng

IDENTITY_FILE = "identity.key"
SEALING_FILE = "sealing.key"


@dataclass(frozen=True)
class ClientKeys:
    """Both keys."""

    identity_key: IdentityKey
    sealing: SealingKey

    @classmethod
    def generate(cls, rng: Rng) -> ClientKeys:
        """Make new keys from `rng`."""
        return cls(IdentityKey.generate(rng), SealingKey.generate(rng))


def create_keys(directory: Path, rng: Rng) -> ClientKeys:
    """Make new keys in two private files of `directory`; raise `ConfigError` if there are some already."""
    # The identity's file first: if there is one, nothing else is touched.
    sealing = SealingKey.generate(rng)
    identity_key = create_identity(directory / IDENTITY_FILE, rng)
    create_file(directory / SEALING_FILE, sealing.seed.hex().encode("ascii") + b"\n")
    return ClientKeys(identity_key, sealing)


def load_keys(directory: Path) -> ClientKeys:
    """Return the keys in `directory`; raise `ConfigError` if there are none or others may read them."""
    return ClientKeys(load_identity(directory / IDENTITY_FILE), _load_sealing_key(directory / SEALING_FILE))


def _load_sealing_key(path: Path) -> SealingKey:
    try:
        mode = path.stat().st_mode
        sealing = SealingKey(bytes.fromhex(path.read_bytes().decode("ascii").strip()))
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, MisuseError):
        raise ConfigError(f"{path}: is not a sealing key of 192 hexadecimal digits") from None
    # After a copy from elsewhere, most often: ssh refuses such keys for the same reason.
    if mode & 0o077:
        raise ConfigError(f"{path}: others may read this private key; run  chmod 600 {path}")
    return sealing
