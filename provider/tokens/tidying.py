"""Work of a service that is done from time to time, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from twisted.logger import Logger

from loopixmix.errors import LoopixmixError
from loopixmix.process.task import Recurring
from loopixmix.seams import Clock

LONGEST_JOIN_S = 0.1

log = Logger()


class Tidying:
    """Does a piece of work every `every_s` seconds, until it is stopped."""

    def __init__(self, work: Callable[[float], object], *, clock: Clock, every_s: float) -> None:
        """`work`: gets the present time, in Unix seconds; it may wait for the disk. `clock`: calls."""
        self._work = work
        self._clock = clock
        self._every_s = every_s
        self._thread: threading.Thread | None = None
        self._turns = Recurring("tidying up tokens", self._turn, clock=clock, again_s=every_s)
        self._turns.start(after_s=every_s)

    def stop(self) -> None:
        """Begin no more, and wait for what has begun."""
        self._turns.stop()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _turn(self) -> float:
        if self._thread is not None:
            # Hardly waited for: on a disk that hangs, all packets of a provider would wait with it.
            self._thread.join(LONGEST_JOIN_S)
            if self._thread.is_alive():
                return self._every_s
        # Keys take long to make and disks to write: on the reactor, all packets of a provider would wait.
        self._thread = threading.Thread(target=self._do, args=(self._clock.seconds(),), name="tokens", daemon=True)
        self._thread.start()
        return self._every_s

    def _do(self, now_s: float) -> None:
        try:
            self._work(now_s)
        except LoopixmixError as error:
            log.error("a token service could not tidy: {error}", error=str(error))
        except Exception:  # told by the log, and not by what Python prints of a thread that ended
            log.failure("a token service could not tidy")
