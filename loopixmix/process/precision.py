"""A reactor whose timers are exact to about a tenth of a millisecond.

`epoll` rounds every wait up to whole milliseconds. In a mix that is added to each packet's delay: half a millisecond on
average, on each hop. `select` takes microseconds, and an epoll object can itself be selected on.
"""

from __future__ import annotations

import select
import sys

if sys.platform == "linux":
    from twisted.internet.epollreactor import EPollReactor
    from twisted.internet.main import installReactor

    class PreciseReactor(EPollReactor):
        """Twisted's epoll reactor with exact waits."""

        def doPoll(self, timeout: float | None) -> None:  # noqa: N802 (Twisted's name)
            """Wait up to `timeout` seconds (None: without end) and handle what happened."""
            if timeout is None:
                super().doPoll(None)  # type: ignore[no-untyped-call]
                return
            if timeout > 0:
                select.select((self._poller,), (), (), timeout)
            super().doPoll(0)  # type: ignore[no-untyped-call]

        doIteration = doPoll  # noqa: N815 (Twisted's name)

    def install_precise_reactor() -> None:
        """Make the precise reactor that of this process, unless it has one already."""
        if "twisted.internet.reactor" not in sys.modules:
            installReactor(PreciseReactor())  # type: ignore[no-untyped-call]

else:

    def install_precise_reactor() -> None:
        """Do nothing: elsewhere Twisted's choice is precise enough, or there is no better one."""
