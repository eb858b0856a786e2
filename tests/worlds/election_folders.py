"""Published elections in folders, and the folders of parties whose keys a test made."""

from __future__ import annotations

from pathlib import Path

import msgspec

from loopixmix.process.files import create_secret, make_directory, write_atomically
from tests.worlds.whole_elections import FilesInMemory, WholeElection
from votes.record.election import draft_digest
from votes.trustees.directory import DECRYPTION, IDENTITY, SHARE, TrusteeDirectory
from votes.trustees.polynomial import Polynomial


def write_published(files: FilesInMemory, path: Path) -> Path:
    """Write a published election into a folder."""
    for name, content in files.files.items():
        make_directory((path / name).parent)
        (path / name).write_bytes(content)
    return path


def mixer_folder(election: WholeElection, number: int, path: Path) -> Path:
    """Make the folder of a mixer, from 0."""
    make_directory(path)
    create_secret(path / "identity.key", election.world.keys.mixers[number].seed)
    return path


def trustee_folder(election: WholeElection, number: int, path: Path) -> Path:
    """Make the folder of a trustee who has a share, from 1."""
    make_directory(path)
    create_secret(path / IDENTITY, election.world.keys.trustees[number - 1].seed)
    create_secret(path / DECRYPTION, bytes(32))
    [share] = [Polynomial(election.group, election.world.coefficients).at([number])]
    kept = {"number": number, "draft": draft_digest(election.world.election), "share": share.encode()}
    kept["commitments"] = b"".join(election.world.election.key_commitments)
    write_atomically(path / SHARE, msgspec.msgpack.encode(kept))
    TrusteeDirectory(path)
    return path
