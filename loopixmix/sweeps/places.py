"""The place of a sweep: this process, several processes of this machine, or a cluster."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass

from loopixmix.sweeps.local import perform_here, perform_in_processes, usable_cores
from loopixmix.sweeps.progress import ProgressWatch, Silent, Watcher
from loopixmix.sweeps.shares import Shares
from loopixmix.sweeps.work import Finished, TaskWork


@dataclass(frozen=True)
class Place:
    """The place of tasks: in `jobs` processes of this machine (None: one a processor), or on the cluster at `dask`."""

    jobs: int | None = None
    dask: str | None = None

    @property
    def text(self) -> str:
        """The place in words."""
        return f"Dask cluster {self.dask}" if self.dask is not None else f"{self.jobs or usable_cores()} local jobs"


def performed(
    work: TaskWork, tasks: Sequence[bytes], place: Place, *, watcher: Watcher | None = None, done_before: int = 0
) -> Generator[Finished, None, None]:
    """Perform tasks at a place and yield what each gives, as it comes; close the generator to give up the rest.

    `watcher` is told how far all is, `done_before` tasks included that an earlier session did. Raises
    `WorkerLostError`, `ClusterError` and `ClusterCodeError` for what goes wrong with the place, and what `work` raises.
    """
    if not tasks:
        return
    with (
        Shares(len(tasks)) as shares,
        closing(_begun(work, tasks, shares, place)) as finished,
        ProgressWatch(watcher or Silent(), lambda: _added(done_before, shares.done()), tasks=done_before + len(tasks)),
    ):
        yield from finished


def _added(earlier: int, now: tuple[float, int]) -> tuple[float, int]:
    return earlier + now[0], earlier + now[1]


def _begun(work: TaskWork, tasks: Sequence[bytes], shares: Shares, place: Place) -> Generator[Finished, None, None]:
    if place.dask is not None:
        from loopixmix.sweeps.cluster import perform_on_cluster

        return perform_on_cluster(work, tasks, shares, address=place.dask)
    jobs = min(place.jobs or usable_cores(), len(tasks))
    # One job needs no second process: it would load every library again.
    return perform_here(work, tasks, shares) if jobs == 1 else perform_in_processes(work, tasks, shares, jobs=jobs)
