"""Tries the services of a provider as its start would make them, while nothing of theirs is changed.

Each is made in a copy of its own directory, beside the original, and the copy is removed afterwards. In an empty
directory a service that reads its data when it is made would fail, or would not show that it cannot read them. The copy
is inside the provider's directory, because a service's files may be secret, and are not to get onto another disk.

There is no network, no card of anybody, and a clock that stands still. What a constructor does outside of its
directory, such as in a database of its own, is not held back.
"""

from __future__ import annotations

import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from loopixmix.errors import StoreError, UnavailableError
from loopixmix.requests.names import Publish
from loopixmix.seams import DelayedCall, Identity, Rng
from provider.api import ClosingService, PayloadService, Setting
from provider.hosting.asker import Hosted
from provider.hosting.asking.failures import told
from provider.hosting.asking.limits import ServiceLimits
from provider.hosting.loading.form import refuse
from provider.hosting.loading.loader import SERVICES_DIRECTORY, ServiceLoader

MOST_COPIED_BYTES = 64 * 1024 * 1024
"""A service with more in its directory is not tried: a check is to take seconds, and no room on a disk."""


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
        sizes = {name: _size_bytes(self._directory / SERVICES_DIRECTORY / name) for name in dict.fromkeys(names)}
        tried = [name for name, size in sizes.items() if size <= MOST_COPIED_BYTES]
        try:
            with tempfile.TemporaryDirectory(prefix="check-", dir=self._directory) as copy:
                for name in tried:
                    _copy(self._directory / SERVICES_DIRECTORY / name, Path(copy) / SERVICES_DIRECTORY / name)
                self._make_and_close(Path(copy), tried, settings, limits)
        except OSError as error:
            raise StoreError(
                f"{self._directory}: services cannot be tried in a copy of their directories: {error}"
            ) from error
        return [
            f'the service "{name}" was not made: its directory holds {size / 1e6:,.0f} MB, and a check copies '
            f"{MOST_COPIED_BYTES / 1e6:,.0f} MB at most"
            for name, size in sizes.items()
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


def _size_bytes(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        # Links are followed: through a link that was copied as one, the service would write into the original.
        shutil.copytree(source, target, ignore=_irregular, ignore_dangling_symlinks=True)


def _irregular(directory: str, names: list[str]) -> list[str]:
    """Return what cannot be copied: sockets, pipes, and what is gone already."""
    return [name for name in names if not _is_regular(Path(directory, name))]


def _is_regular(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
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
