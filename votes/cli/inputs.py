"""What mixers and trustees are given: a published election in a folder. They verify it before they work on it."""

from __future__ import annotations

from pathlib import Path

from loopixmix.group.ristretto import ristretto255
from votes.cli.folder import FolderElection
from votes.shuffle.chunks import WorkProgress
from votes.verify.verifier import Verification


def verified_ballots(directory: Path, progress: WorkProgress) -> Verification:
    """Verify a published election from its record to its ballots; raise the error of the first check that fails."""
    verification = Verification(FolderElection(directory), ristretto255(), progress)
    verification.record()
    verification.list_of_credentials()
    verification.entries()
    verification.ballots()
    return verification
