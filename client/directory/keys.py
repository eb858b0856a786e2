"""The two secret keys of a client: its identity, which signs and opens its links, and its sealing key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from loopixmix.cards import SEALING_SEED_BYTES, SealingKey
from loopixmix.keys import IdentityKey
from loopixmix.process.files import create_identity, create_secret, load_identity, load_secret
from loopixmix.seams import Rng
from loopixmix.store.sealing import StoreKey

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

    @property
    def store_key(self) -> StoreKey:
        """The key of the store, if it is sealed: it follows from the sealing key, and is lost and erased with it."""
        return StoreKey.derive(self.sealing.seed)


def create_keys(directory: Path, rng: Rng) -> ClientKeys:
    """Make new keys in two private files of `directory`; raise `ConfigError` if there are some already."""
    # The identity's file first: if there is one, nothing else is touched.
    sealing = SealingKey.generate(rng)
    identity_key = create_identity(directory / IDENTITY_FILE, rng)
    create_secret(directory / SEALING_FILE, sealing.seed)
    return ClientKeys(identity_key, sealing)


def load_keys(directory: Path) -> ClientKeys:
    """Return the keys in `directory`; raise `ConfigError` if there are none or others may read them."""
    identity_key = load_identity(directory / IDENTITY_FILE)
    seed = load_secret(directory / SEALING_FILE, SEALING_SEED_BYTES, called="a sealing key")
    return ClientKeys(identity_key, SealingKey(seed))
