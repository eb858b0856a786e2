"""Chunks of shuffling and verifying on a Dask cluster, for lists that outgrow a machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec

from loopixmix.errors import MisuseError
from loopixmix.group.group import Group
from loopixmix.group.ristretto import ristretto255
from loopixmix.sweeps.places import Place, performed
from loopixmix.sweeps.sources import fingerprint
from loopixmix.sweeps.work import Progress, TaskWork
from votes.shuffle.tasks import Task, perform_task

TASKS_AT_ONCE = 64
"""So many tasks are in memory here. With ballots of width 1 each has some 10 to 20 MB."""
_SOURCES = ("loopixmix", "votes")
_GROUPS = {"ristretto255": ristretto255}


class ClusterWork:
    """Does tasks in processes of this machine or on a cluster, whose owner sees all that a mixer draws.

    The outcomes are the same bytes as without it, whatever engine of the group the workers have.
    """

    def __init__(self, place: Place) -> None:
        """`place`: where tasks are done."""
        self._place = place

    def perform(self, group: Group, tasks: Iterable[Task]) -> Iterator[bytes]:
        """Yield the outcomes in order. Raises what `loopixmix.sweeps.places.performed` raises."""
        rest = iter(tasks)
        while some := [_encode(group, task) for task in islice(rest, TASKS_AT_ONCE)]:
            outcomes: dict[int, bytes] = {}
            for finished in performed(WORK, some, self._place):
                outcomes[finished.place] = finished.outcome
            yield from (outcomes[number] for number in range(len(some)))


def _encode(group: Group, task: Task) -> bytes:
    return msgspec.msgpack.encode((group.name, msgspec.msgpack.encode(task)))


def _perform(data: bytes, progress: Progress) -> bytes:
    name, task = msgspec.msgpack.decode(data, type=tuple[str, bytes])
    if name not in _GROUPS:
        raise MisuseError(f"there is no group {name} here")
    done = perform_task(_GROUPS[name](), task)
    progress(1.0)
    return done


def _code() -> str:
    return fingerprint(_SOURCES)


WORK = TaskWork(_perform, _code)
