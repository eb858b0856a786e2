"""What the gateway's client may forget: orders that were carried out, and mails that are stored at their recipients'.

The client keeps received messages in clear, and an anonymous one has to be kept for as long as it can be answered.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from twisted.logger import Logger

from client.api import (
    Client,
    LoopixmixError,
    MessageProgress,
    MessageState,
    NumberedChange,
    UnknownMessageError,
)
from leap_plugin.gateways.store.arrivals import forget_arrived
from leap_plugin.gateways.store.received import MOST_AT_ONCE, note_forgotten, to_forget
from leap_plugin.gateways.store.ways import WaysBack
from loopixmix.process.pause import Pause
from loopixmix.process.task import Task
from loopixmix.seams import Clock, Rng
from loopixmix.store.access import StoreAccess

EVERY_S = 30.0
ENDED = (MessageState.STORED, MessageState.RECEIVED, MessageState.FAILED, MessageState.CANCELLED)

log = Logger()


class GatewayTidying:
    """Lets client and store forget, all the time."""

    def __init__(self, client: Client, access: StoreAccess, ways: WaysBack, *, clock: Clock, rng: Rng) -> None:
        """`client`: of the gateway, which is its alone. `access`: to its store."""
        self._client = client
        self._access = access
        self._ways = ways
        self._clock = clock
        self._pause = Pause(clock)
        self._task = Task("tidying up", clock=clock, rng=rng)
        self._stop_following: Callable[[], None] = lambda: None
        self.undelivered = 0

    @property
    def problem(self) -> str | None:
        """Why nothing is forgotten any more; None if all is well."""
        return self._task.problem

    def start(self) -> None:
        """Begin."""
        # From the first step that is kept: what ended while the gateway was stopped is forgotten, too.
        self._stop_following = self._client.on_progress(self._note, after=0)
        self._task.start(self._run)

    async def stop(self) -> None:
        """End."""
        self._stop_following()
        await self._task.stop()

    async def tidy(self) -> None:
        """Forget all that is due, if the network agrees about the time."""
        if not (await self._client.status()).time_agreed:
            return
        now_s = self._clock.seconds()
        await self._access.write(lambda c: self._ways.erase_old(c, now_s))
        await self._access.write(lambda c: forget_arrived(c, now_s))
        while True:
            due = await self._access.read(lambda c: to_forget(c, now_s))
            for number in due:
                try:
                    await self._client.delete(number)
                except UnknownMessageError:
                    continue
            if due:
                await self._access.write(partial(note_forgotten, numbers=due))
            if len(due) < MOST_AT_ONCE:
                return

    async def _run(self) -> None:
        while True:
            try:
                await self.tidy()
            except LoopixmixError as error:
                log.info("tidying up waits: {kind}", kind=type(error).__name__)
            await self._pause.wait(EVERY_S)

    async def _note(self, event: NumberedChange | MessageProgress) -> None:
        if not isinstance(event, NumberedChange) or event.state not in ENDED:
            return
        if event.state is MessageState.FAILED:
            # A mail from outside that did not reach its user. Its author is told nothing: whoever stands in its From
            # need not have written it.
            self.undelivered += 1
        try:
            await self._client.delete_outgoing(event.message_id)
        except LoopixmixError as error:
            # All that is kept is told again at the next start.
            log.debug("a message was not forgotten: {kind}", kind=type(error).__name__)
