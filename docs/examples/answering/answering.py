"""Asks a service three things at once, then answers each message that comes: a program on asyncio.

Run `python answering.py DIR`, with the directory of a client whose daemon runs.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from client.api import Client, LoopixmixError, ReceivedMessage
from client.remote_asyncio import asyncio_client


async def ask_all(client: Client, service: str, questions: Sequence[bytes]) -> list[bytes]:
    """Return the answers to several questions, which travel at one time."""
    return await asyncio.gather(*(client.request(service, question, timeout_s=60) for question in questions))


async def answer(client: Client, message: ReceivedMessage) -> None:
    """Answer one message; it counts as handled when this returns."""
    to = message.sender or message.reply_to
    if not to or to.startswith("key:"):
        return  # nobody to answer to: without a way back, or somebody who claims a contact's address
    if message.sender is not None and message.sender not in {each.address for each in await client.contacts()}:
        await client.add_contact(message.sender)
    # The same key each time: if the program ends before the message counts as handled, it is offered again.
    # Another kind than the one it reads: two such programs would answer each other for ever.
    key = f"answer-{message.message_id}"
    await client.send(to, b"I got: " + message.body, kind="answer", idempotency_key=key)


async def main(directory: Path) -> None:
    """Answer until SIGTERM or ctrl-C."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with asyncio_client(directory, rng=random.SystemRandom()) as client:
        print(await ask_all(client, "echo", [b"one", b"two", b"three"]), flush=True)
        client.on_received("text", partial(answer, client))
        await ended.wait()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    try:
        asyncio.run(main(Path(sys.argv[1])))
    except LoopixmixError as error:
        raise SystemExit(str(error)) from error
