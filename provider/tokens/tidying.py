"""Work of a service that is done from time to time, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from twisted.logger import Logger

from loopixmix.errors import LoopixmixError
from loopixmix.seams import Clock, DelayedCall

log = Logger()


class Tidying:
    """Does a piece of work every `every_s` seconds, until it is stopped."""

    def __init__(self, work: Callable[[float], object], *, clock: Clock, every_s: float) -> None:
        """`work`: gets the present time, in Unix seconds; it may wait for the disk. `clock`: calls."""
        self._work = work
        self._clock = clock
        self._every_s = every_s
        self._thread: threading.Thread | None = None
        self._call: DelayedCall | None = clock.callLater(every_s, self._turn)

    def stop(self) -> None:
        """Begin no more, and wait for what has begun."""
        if self._call is not None:
            self._call.cancel()
            self._call = None
        self._join()

    def _turn(self) -> None:
        self._join()
        self._call = self._clock.callLater(self._every_s, self._turn)
        # Keys take long to make and disks to write: on the reactor, all packets of a provider would wait.
        self._thread = threading.Thread(target=self._do, args=(self._clock.seconds(),), name="tokens", daemon=True)
        self._thread.start()

    def _do(self, now_s: float) -> None:
        try:
            self._work(now_s)
        except LoopixmixError as error:
            log.error("a token service could not tidy: {error}", error=str(error))

    def _join(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None
