"""A trustee decrypts one list of a poll, and never another one.

Whoever could have two lists decrypted would subtract one from the other: the difference is somebody's ballot. So the
list is written down, durably, in the trustee's folder. That folder may be lost, and a backup was made long before. So
before anything is decrypted the list also stands in the board's log (`votes/cli/decryption.py`).
"""

from __future__ import annotations

import hmac
from pathlib import Path

from loopixmix.errors import MisuseError, StoreError
from loopixmix.process.files import write_atomically
from votes.record.transcript import Transcript
from votes.trustees.decryption import DecryptionStatement


class OtherListError(MisuseError):
    """Another list of this poll was decrypted before; two would tell how single voters voted."""


def list_digest(statement: DecryptionStatement) -> bytes:
    """Return what stands for a list: election, poll and all ciphertexts, 32 bytes."""
    ciphertexts = statement.ciphertexts
    return Transcript(
        "decrypted-list",
        statement.fingerprint,
        statement.group.name,
        statement.poll,
        ciphertexts.width,
        len(ciphertexts),
        *ciphertexts.digests(),
    ).seed()


def commit_to_list(directory: Path, statement: DecryptionStatement) -> None:
    """Write down that this list is the one that is decrypted; call it before `decrypt_partially`.

    Raises `OtherListError` if another list of this poll is written there, `StoreError` if the disk refuses: then
    nothing may be decrypted.
    """
    path = directory / f"decrypted-{statement.fingerprint.hex()}-{statement.poll}"
    digest = list_digest(statement)
    try:
        known = path.read_bytes()
    except FileNotFoundError:
        write_atomically(path, digest)
        return
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
    if not hmac.compare_digest(known, digest):
        raise OtherListError(f"poll {statement.poll}: this is not the list that was decrypted before ({path.name})")
