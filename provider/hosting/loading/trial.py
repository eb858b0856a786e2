"""Tries the services of a provider as its start would make them, while nothing of theirs is changed.

Each is made in a copy of its own directory, beside the original, and the copy is removed afterwards. In an empty
directory a service that reads its data when it is made would fail, or would not show that it cannot read them. The copy
is inside the provider's directory, because a service's files may be secret, and are not to get onto another disk.

There is no network, no card of anybody, and a clock that stands still. What a constructor does outside of its
directory, such as in a database of its own, is not held back.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from loopixmix.errors import StoreError, UnavailableError
from loopixmix.process.files import try_lock
from loopixmix.requests.names import Publish
from loopixmix.seams import DelayedCall, Identity, Rng
from provider.api import ClosingService, PayloadService, Setting
from provider.hosting.asker import Hosted
from provider.hosting.asking.failures import told
from provider.hosting.asking.limits import ServiceLimits
from provider.hosting.loading.form import refuse
from provider.hosting.loading.loader import SERVICES_DIRECTORY, ServiceLoader

MOST_COPIED_BYTES, MOST_COPIED_FILES = 64 * 1024 * 1024, 10_000
"""A service with more in its directory is not tried: a check is to take seconds, and no room on a disk."""

_COPY_PREFIX, _COPY_SUFFIX = ".check-", ".unfinished"


class ServiceTrial:
    """One trial of the services of a provider."""

    def __init__(self, directory: Path, *, provider: Identity, rng: Rng, now_s: float) -> None:
        """`directory`: the provider's. `provider`: its identity. `now_s`: the time that services see."""
        self._directory = directory
        self._provider = provider
        self._rng = rng
        self._now_s = now_s

    def run(
        self,
        names: Iterable[str],
        settings: Mapping[str, Mapping[str, Setting]],
        limits: Mapping[str, ServiceLimits],
    ) -> list[str]:
        """Make the services `names` and close them; return one line for each that was not tried, which says why.

        Raises `ConfigError`, with all that is wrong with any of them, and `StoreError`.
        """
        wanted = list(dict.fromkeys(names))
        originals = self._directory / SERVICES_DIRECTORY
        try:
            tried = [name for name in wanted if _is_small(originals / name)]
            with _place_for_copies(self._directory) as copies:
                for name in tried:
                    _copy(originals / name, copies / SERVICES_DIRECTORY / name)
                self._make_and_close(copies, tried, settings, limits)
        except OSError as error:
            raise StoreError(
                f"{self._directory}: services cannot be tried in a copy of their directories: {error}"
            ) from error
        return [
            f'the service "{name}" was not made: a check copies at most {MOST_COPIED_BYTES / 1e6:,.0f} MB in '
            f"{MOST_COPIED_FILES:,} files, and its directory holds more"
            for name in wanted
            if name not in tried
        ]

    def _make_and_close(
        self,
        directory: Path,
        names: list[str],
        settings: Mapping[str, Mapping[str, Setting]],
        limits: Mapping[str, ServiceLimits],
    ) -> None:
        loader = ServiceLoader(
            provider=self._provider,
            directory=directory,
            clock=StandingClock(self._now_s),
            rng=self._rng,
            keys=NoCards(),
            call_on_reactor=None,
        )
        made = loader.load(
            names, {name: settings.get(name, {}) for name in names}, {n: limits[n] for n in names if n in limits}
        )
        refuse([fault for each in made for fault in _close_faults(each)])


def _close_faults(hosted: Hosted) -> Iterator[str]:
    if isinstance(hosted, PayloadService):
        closing = hosted.close() if isinstance(hosted, ClosingService) else None
    else:
        closing = hosted.stop()
    if closing is None:
        return
    failures: list[Failure] = []
    ending = Deferred.fromCoroutine(closing).addErrback(failures.append)
    # One that waits for the reactor would wait for ever: no reactor runs.
    if not ending.called:
        ending.cancel()
    else:
        yield from (f'the service "{hosted.name}" cannot be closed: {told(failure)}' for failure in failures)


@contextlib.contextmanager
def _place_for_copies(directory: Path) -> Iterator[Path]:
    """Yield a new directory in `directory`; those that checks left which were killed are removed before."""
    for left in directory.glob(f"{_COPY_PREFIX}*{_COPY_SUFFIX}"):
        with _opened(left) as descriptor:
            # Another check that goes on at this moment has the lock.
            if try_lock(descriptor, fcntl.LOCK_EX):
                shutil.rmtree(left)
    with (
        tempfile.TemporaryDirectory(prefix=_COPY_PREFIX, suffix=_COPY_SUFFIX, dir=directory) as made,
        _opened(Path(made)) as descriptor,
    ):
        try_lock(descriptor, fcntl.LOCK_EX)
        yield Path(made)


@contextlib.contextmanager
def _opened(directory: Path) -> Iterator[int]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_small(directory: Path) -> bool:
    """Tell whether a copy of a directory is within the bounds; links are followed, as `_copy` does."""
    size_bytes = files = 0
    # Counted while we walk, and not afterwards: two links that lead back to their directory never come to an end.
    for place, directories, names in os.walk(directory, followlinks=True):
        files += len(directories) + len(names)
        size_bytes += sum(_size_bytes(Path(place, name)) for name in names)
        if size_bytes > MOST_COPIED_BYTES or files > MOST_COPIED_FILES:
            return False
    return True


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # gone already, or a link that leads nowhere


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        # Links are followed: through a link that was copied as one, the service would write into the original.
        # Not `ignore_dangling_symlinks`, which looks for the ends of relative links in the directory that we run in.
        shutil.copytree(source, target, ignore=_irregular, copy_function=copy_file)


def copy_file(source: str, target: str) -> None:
    """Copy one file, if it is there."""
    # A running provider may have removed it meanwhile, as databases do with their journals.
    with contextlib.suppress(FileNotFoundError):
        shutil.copy2(source, target)


def _irregular(directory: str, names: list[str]) -> list[str]:
    """Return what cannot be copied: sockets, pipes, links that lead nowhere or in circles, what is gone already."""
    return [name for name in names if not _is_regular(Path(directory, name))]


def _is_regular(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


class StandingClock:
    """A clock that does not move: no call comes."""

    def __init__(self, now_s: float) -> None:
        """`now_s`: the time that it shows."""
        self._now_s = now_s

    def seconds(self) -> float:
        """Return the time that it shows."""
        return self._now_s

    def callLater(self, delay: float, callable: object, *args: object, **kw: object) -> DelayedCall:  # noqa: ARG002, N802 (Twisted's name)
        """Return a call that never comes."""
        return _NoCall()


class _NoCall:
    def __init__(self) -> None:
        self._is_cancelled = False

    def cancel(self) -> None:
        self._is_cancelled = True

    def active(self) -> bool:
        return not self._is_cancelled


class NoCards:
    """The cards of a provider that does not run: they cannot be looked up."""

    async def card(self, name: str) -> bytes:  # noqa: ARG002 (of nobody)
        """Raise `UnavailableError`."""
        raise UnavailableError("the provider does not run")

    async def publish(self, publish: Publish) -> bool:  # noqa: ARG002 (by nobody)
        """Publish nothing."""
        return False
