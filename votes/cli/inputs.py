"""What mixers and trustees are given: a published election in a folder. They verify it before they work on it."""

from __future__ import annotations

from pathlib import Path

from loopixmix.group.ristretto import ristretto255
from votes.cli.folder import FolderElection
from votes.shuffle.chunks import WorkProgress
from votes.shuffle.tasks import Elsewhere
from votes.verify.verifier import Verification
from votes.watching.progress import WatchFile


def verified_ballots(
    directory: Path, progress: WorkProgress, dask: str | None = None, *, watched: Path | None = None
) -> Verification:
    """Verify a published election from its record to its ballots; raise the error of the first check that fails.

    `watched`: the folder of a trustee, who may have checked ballots while they came.
    """
    verification = Verification(FolderElection(directory), ristretto255(), progress, elsewhere=machines(dask))
    verification.record()
    if watched is not None:
        verification.seen = WatchFile(watched, verification.known.fingerprint).read().seen
    verification.list_of_credentials()
    verification.entries()
    verification.ballots()
    return verification


def machines(dask: str | None) -> Elsewhere | None:
    """Return the cluster whose scheduler is at an address, if there is an address."""
    if dask is None:
        return None
    from loopixmix.sweeps.places import Place
    from votes.mixing.cluster import ClusterWork

    return ClusterWork(Place(dask=dask))
