"""Numerics on one thread: sums come out the same bit for bit wherever a task runs, and jobs do not fight for cores.

A matrix product on two threads adds up in another order than on one, and its last digits differ.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")

SetThreads: TypeAlias = Callable[[int], object]

_MAPS = Path("/proc/self/maps")
_LIBRARIES = ("openblas", "mkl_rt")
_SETTERS = (
    "openblas_set_num_threads",
    "openblas_set_num_threads64_",
    "scipy_openblas_set_num_threads",
    "scipy_openblas_set_num_threads64_",
    "MKL_Set_Num_Threads",
)


def _nothing() -> None:
    pass


class WhileAny:
    """A setting of the whole process while any of its threads needs it: the first one makes it, the last one ends it.

    If each thread made and ended it, the end of one would take it away from the others.
    """

    def __init__(self, make: Callable[[], Callable[[], object]]) -> None:
        """`make`: makes the setting, and returns what ends it."""
        self._make = make
        self._lock = threading.Lock()
        self._count = 0
        self._end: Callable[[], object] = _nothing

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        """Need the setting while the block lasts."""
        with self._lock:
            if self._count == 0:
                self._end = self._make()
            self._count += 1
        try:
            yield
        finally:
            with self._lock:
                self._count -= 1
                if self._count == 0:
                    self._end()


def _one_thread() -> Callable[[], None]:
    changed = keep_one_thread()

    def end() -> None:
        for setter, threads in changed:
            setter(threads)

    return end


one_thread = WhileAny(_one_thread)
"""Keeps linear algebra to one thread: libraries that are loaded by calls, those that will be by the environment.

Afterwards libraries that were loaded have as many threads as before.
"""


def keep_one_thread() -> list[tuple[SetThreads, int]]:
    """Keep linear algebra to one thread from now on; return what sets the libraries back, and to how many threads.

    For processes that only run tasks: several of them may run at once in one process of a cluster.
    """
    changed = [(setter, threads) for setter, threads in _loaded() if threads > 1]
    for name in VARIABLES:
        os.environ.setdefault(name, "1")
    for setter, _ in changed:
        setter(1)
    return changed


def _loaded() -> Iterator[tuple[SetThreads, int]]:
    """Yield how to set the threads of each library of linear algebra in this process, and how many it has."""
    try:
        lines = _MAPS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    # There are thousands of lines, and each task looks anew: a regular expression took ten milliseconds of each task.
    for path in sorted({line[line.index("/") :] for line in lines if ".so" in line and _is_algebra(line)}):
        try:
            # Not loaded if it is not there yet: only the libraries that numpy and scipy brought along are asked.
            library = ctypes.CDLL(path, mode=os.RTLD_NOLOAD | os.RTLD_NOW)
        except OSError:
            continue
        for name in _SETTERS:
            getter = name.replace("_set_", "_get_").replace("Set_Num", "Get_Max")
            if hasattr(library, name) and hasattr(library, getter):
                yield getattr(library, name), int(getattr(library, getter)())


def _is_algebra(line: str) -> bool:
    return "/" in line and any(name in line for name in _LIBRARIES)
