"""The seed of all that a mixer draws, in a file that can be erased."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from loopixmix.errors import StoreError
from loopixmix.process.files import file_error, remove_file, sync_directory, write_atomically
from loopixmix.seams import Rng
from votes.record.transcript import Transcript
from votes.shuffle.draws import SEED_BYTES


def new_seed(path: Path, rng: Rng) -> bytes:
    """Draw a seed, and return it once it is on the disk. Raises `StoreError` if it cannot be written."""
    seed = rng.randbytes(SEED_BYTES)
    write_atomically(path, seed + _check(seed))
    return seed


def load_seed(path: Path) -> bytes | None:
    """Return the seed; None if there is none, or only what a killed `erase` left of it."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
    seed = content[:SEED_BYTES]
    return seed if content[SEED_BYTES:] == _check(seed) else None


def seed_name(seed: bytes) -> bytes:
    """Return what names a seed without giving it away."""
    return Transcript("mix-seed", seed).seed()


def erase(path: Path) -> None:
    """Overwrite a file, and remove it, so that both are on the disk when this returns. It need not be there.

    Overwriting reaches the old content on a magnetic disk. A solid-state disk, or a file system that copies on write,
    writes elsewhere and may keep the old block for a while. There only the encryption of the whole disk helps.
    """
    try:
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
    except FileNotFoundError:
        pass
    except OSError as error:
        raise file_error(error, f"{path}: cannot be erased") from error
    remove_file(path)
    sync_directory(path.parent)


def _check(seed: bytes) -> bytes:
    return hashlib.sha256(b"loopixmix-votes-1/seed-check" + seed).digest()
