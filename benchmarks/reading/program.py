"""A program that handles messages and writes down what it was told, to be killed at any instant.

    python -m benchmarks.reading.program DIR LOG READER WITHIN_S SLOW_SHARE

It reads the messages of the client in DIR by the name READER, which may be empty. A line `told ID` in LOG says that it
was given a message, `settled ID` that the daemon has taken its word for it, `refused ID` that it has not, and
`unanswered ID` that nobody knows.
"""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

from client.api import NotRunningError, UnknownMessageError, WrongStateError
from client.http.calling import call
from client.http.messages import MESSAGE, SUBSCRIBED, Received, Subscribed, decode_answer
from client.http.sse import SseEvent
from client.remote_asyncio import AsyncioClient, asyncio_client

KIND = "bench"
AT_ONCE = 16
QUICK_S = 0.002
"""What the work for a message takes."""


class Program:
    """Handles as many messages at once as it is given."""

    def __init__(self, client: AsyncioClient, log: Path, *, within_s: float, slow_share: float) -> None:
        """Write to `log`; for a `slow_share` of the messages the work takes longer than the deadline `within_s`."""
        self._client = client
        self._log = log.open("ab", buffering=0)
        self._within_s = within_s
        self._slow_share = slow_share
        self._rng = random.SystemRandom()
        self._subscription = ""
        self._handling: set[asyncio.Task[None]] = set()

    async def take(self, event: SseEvent) -> bool:
        """Take an event of the stream."""
        if event.event == SUBSCRIBED:
            self._subscription = decode_answer(event.data, Subscribed).subscription
        elif event.event == MESSAGE:
            handling = asyncio.create_task(self._handle(decode_answer(event.data, Received), self._subscription))
            self._handling.add(handling)
            handling.add_done_callback(self._handling.discard)
        return True

    async def _handle(self, message: Received, subscription: str) -> None:
        self._note("told", message)
        is_slow = self._rng.random() < self._slow_share
        await asyncio.sleep(self._within_s + self._rng.random() if is_slow else QUICK_S)
        try:
            await self._client.ask(call.settle(subscription, message.number, handled=True))
        except (WrongStateError, UnknownMessageError):
            self._note("refused", message)
        except NotRunningError:
            self._note("unanswered", message)
        else:
            self._note("settled", message)

    def _note(self, word: str, message: Received) -> None:
        self._log.write(f"{word} {message.message_id}\n".encode())


async def run(directory: Path, log: Path, reader: str, within_s: float, slow_share: float) -> None:
    """Handle messages until the process is killed."""
    async with asyncio_client(directory, rng=random.SystemRandom()) as client:
        program = Program(client, log, within_s=within_s, slow_share=slow_share)
        query = {"kind": KIND, "at_once": str(AT_ONCE), "within_s": str(within_s)}
        client.follow("/v1/received", query | ({"reader": reader} if reader else {}), program.take)
        await asyncio.Event().wait()


if __name__ == "__main__":
    place, log_file, name, seconds, share = sys.argv[1:]
    asyncio.run(run(Path(place), Path(log_file), name, float(seconds), float(share)))
