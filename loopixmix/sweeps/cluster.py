"""Tasks on a Dask cluster that exists already."""

from __future__ import annotations

import contextlib
import logging
import queue
import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Protocol, cast

from loopixmix.errors import MisuseError, UnavailableError
from loopixmix.sweeps.shares import Shares
from loopixmix.sweeps.threads import keep_one_thread
from loopixmix.sweeps.work import Finished, Progress, TaskWork

REACH_WITHIN_S = 5.0
LOST_AFTER_S = 20.0
"""After how long without a scheduler, or without any worker, the cluster counts as lost."""
TELL_EVERY_S = 0.5

# Futures tell nothing when a cluster is lost, so that it has to be looked at.
_LOOK_EVERY_S = 0.5
_FETCH_WITHIN_S = 2.0
_TOPIC = "loopixmix-shares"
_NOISY = ("distributed", "tornado", "asyncio")
_ADDRESS = re.compile(r"([a-z]+://)?([\w.-]+|\[[0-9a-fA-F:.]+\]):\d{1,5}")
_HASH = re.compile(r"\b[0-9a-f]{64}\b")


class ClusterError(UnavailableError):
    """The Dask cluster cannot be used."""


class ClusterCodeError(MisuseError):
    """The cluster runs other code than this process."""


class _Future(Protocol):
    """The part of Dask's futures that is used."""

    @property
    def key(self) -> str: ...

    def result(self, timeout: float) -> bytes: ...

    def add_done_callback(self, callback: Callable[[_Future], None]) -> None: ...


class _Client(Protocol):
    """The part of Dask's client that is used."""

    @property
    def status(self) -> str: ...

    def submit(
        self, function: Callable[[TaskWork, bytes, int], bytes], work: TaskWork, task: bytes, place: int, *, pure: bool
    ) -> _Future: ...

    def run(self, function: Callable[[], str]) -> dict[str, str]: ...

    def cancel(self, futures: Sequence[_Future], *, force: bool) -> None: ...

    def scheduler_info(self) -> Mapping[str, Mapping[str, object]]: ...

    def subscribe_topic(self, topic: str, callback: Callable[[tuple[float, tuple[int, float]]], None]) -> None: ...

    def close(self, timeout: float) -> None: ...


class _Worker(Protocol):
    """The part that is used of the worker that a task runs on."""

    def log_event(self, topic: str, message: tuple[int, float]) -> None: ...


def perform_on_cluster(
    work: TaskWork, tasks: Sequence[bytes], shares: Shares, *, address: str
) -> Generator[Finished, None, None]:
    """Perform tasks on the workers of the scheduler at `address` and yield what they give as it comes.

    The workers must run the same code. Raises `ClusterError` if no scheduler answers or the cluster is lost, and
    `ClusterCodeError` if its code differs.
    """
    if not _ADDRESS.fullmatch(address):
        raise MisuseError(f"--dask {address}: must be the address of a scheduler, such as tcp://127.0.0.1:8786")
    with _in_silence(), _connected(address) as client:
        _check_code(client, work, address)
        client.subscribe_topic(_TOPIC, lambda event: shares.put(*event[1]))
        yield from _performed(client, work, tasks, shares, address)


@contextlib.contextmanager
def _in_silence() -> Iterator[None]:
    """Keep Dask's loggers quiet: what they say of a lost worker or scheduler in pages, errors say in a line."""
    import distributed  # noqa: F401 (makes its loggers)

    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict if name.startswith(_NOISY)]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextlib.contextmanager
def _connected(address: str) -> Iterator[_Client]:
    from distributed import Client

    connect = cast(Callable[..., _Client], Client)
    try:
        client = connect(address, timeout=REACH_WITHIN_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise ClusterError(f"--dask {address}: no Dask scheduler answers there ({error})") from error
    try:
        yield client
    finally:
        with contextlib.suppress(OSError, TimeoutError):
            client.close(timeout=2)


def _check_code(client: _Client, work: TaskWork, address: str) -> None:
    own = work.code()
    try:
        found: dict[str, str] = client.run(work.code)
    except ImportError as error:
        raise ClusterCodeError(f"--dask {address}: its workers cannot import LoopixMix: {error}") from error
    except (OSError, TimeoutError) as error:
        raise ClusterError(f"--dask {address}: the cluster does not answer ({error})") from error
    if not found:
        raise ClusterError(f"--dask {address}: the cluster has no workers")
    for worker, other in sorted(found.items()):
        if other != own:
            raise ClusterCodeError(
                f"--dask {address}: the worker {worker} runs other code ({_short(other)}) than this command "
                f"({_short(own)})"
            )


def _short(code: str) -> str:
    return _HASH.sub(lambda found: found[0][:12], code)


def _performed(
    client: _Client, work: TaskWork, tasks: Sequence[bytes], shares: Shares, address: str
) -> Generator[Finished, None, None]:
    ended: queue.SimpleQueue[_Future] = queue.SimpleQueue()
    futures = [client.submit(_perform_for_another, work, task, place, pure=False) for place, task in enumerate(tasks)]
    places = {future.key: place for place, future in enumerate(futures)}
    for future in futures:
        future.add_done_callback(ended.put)
    life = _Life(client, address)
    try:
        for _ in tasks:
            future = _next(ended, life)
            outcome = _outcome(future, life, address)
            shares.put(places[future.key], 1.0)
            yield Finished(places[future.key], outcome)
    finally:
        with contextlib.suppress(OSError, TimeoutError):
            if client.status == "running":
                client.cancel(futures, force=True)


class _Life:
    """Whether the cluster is there: `check` raises `ClusterError` once it has not been for too long."""

    def __init__(self, client: _Client, address: str) -> None:
        self._client, self._address = client, address
        self._well_s = time.monotonic()

    def check(self) -> None:
        connected = self._client.status == "running"
        # Connected without workers is as good as lost: nothing would ever come.
        if connected and self._client.scheduler_info()["workers"]:
            self._well_s = time.monotonic()
        elif time.monotonic() - self._well_s > LOST_AFTER_S:
            reason = "no worker is left" if connected else "the scheduler is gone"
            raise ClusterError(f"--dask {self._address}: {reason}")


def _next(ended: queue.SimpleQueue[_Future], life: _Life) -> _Future:
    while True:
        try:
            return ended.get(timeout=_LOOK_EVERY_S)
        except queue.Empty:
            life.check()


def _outcome(future: _Future, life: _Life, address: str) -> bytes:
    """Fetch what a task gave; if its worker is gone with it, another one does the task again."""
    from distributed import CancelledError, KilledWorker

    while True:
        try:
            return future.result(timeout=_FETCH_WITHIN_S)
        except KilledWorker as error:
            raise ClusterError(
                f"--dask {address}: workers died of a task again and again, perhaps for want of memory"
            ) from error
        except CancelledError as error:
            raise ClusterError(f"--dask {address}: the scheduler is gone") from error
        except OSError:  # no answer in time, or a connection that broke: in between, or for good
            life.check()
            time.sleep(_LOOK_EVERY_S)


def _perform_for_another(work: TaskWork, task: bytes, place: int) -> bytes:
    keep_one_thread()
    return work.perform(task, _progress(place))


def _progress(place: int) -> Progress:
    from distributed import get_worker

    worker = cast(Callable[[], _Worker], get_worker)()
    told_s = time.monotonic()

    def tell(share: float) -> None:
        nonlocal told_s
        # Each word goes through the scheduler, and thousands of tasks tell of themselves.
        if time.monotonic() - told_s >= TELL_EVERY_S:
            told_s = time.monotonic()
            worker.log_event(_TOPIC, (place, share))

    return tell
