"""Work of the commands that takes more than one call."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from client.api import Client, ClientError, MessageState, OutgoingMessage, ReceivedMessage
from loopixmix.errors import UnavailableError
from loopixmix.process.files import file_error, make_directory

POLL_S = 0.25
FINISHED = (MessageState.STORED, MessageState.RECEIVED)


class MessageFailedError(ClientError):
    """The message could not be delivered and was given up."""


class StillOnItsWayError(ClientError, UnavailableError):
    """The message was not acknowledged in the time that was given; it stays queued."""


class Time(Protocol):
    """Time, as a command's conversation gives it."""

    def seconds(self) -> float:
        """Return the present time."""

    async def pause(self, seconds: float) -> None:
        """Let time pass."""


async def stored(
    client: Client,
    message_id: str,
    *,
    time: Time,
    within_s: float,
    progress: Callable[[OutgoingMessage], None],
) -> OutgoingMessage:
    """Return a message once the recipient's provider stored it, telling `progress` how far it is.

    Raises `MessageFailedError` or `StillOnItsWayError`.
    """
    deadline_s = time.seconds() + within_s
    while True:
        message = await client.message(message_id)
        progress(message)
        if message.state in (MessageState.FAILED, MessageState.CANCELLED):
            word = "given up" if message.state is MessageState.FAILED else "cancelled"
            raise MessageFailedError(f"the message to {message.to} was {word}: {message.history[-1].detail}")
        if message.state in FINISHED:
            return message
        if time.seconds() > deadline_s:
            raise StillOnItsWayError(
                f"after {within_s:g} s {message.fragments_acknowledged} of {message.fragments} fragments are "
                f"acknowledged; it goes on: see  loopixmix client message DIR {message_id}"
            )
        await time.pause(POLL_S)


async def every_received(
    client: Client, show: Callable[[ReceivedMessage], None], *, after: int, limit: int, page: int = 50
) -> int:
    """Give at most `limit` received messages after a number to `show`, and return the number of the last one.

    What was shown counts as read.
    """
    while limit > 0:
        messages = await client.inbox(after=after, limit=min(page, limit))
        if not messages:
            break
        for message in messages:
            show(message)
        # After they were shown: of a command that was broken off, too many rather than too few are unread.
        last = messages[-1].number
        await client.mark_read(after=after, last=last)
        after = last
        limit -= len(messages)
    return after


async def every_sent(
    client: Client,
    show: Callable[[OutgoingMessage], None],
    *,
    after: int,
    limit: int,
    state: MessageState | None = None,
    page: int = 100,
) -> int:
    """Give at most `limit` outgoing messages after a number to `show`, of a state or any; return the last number."""
    while limit > 0:
        messages = await client.sent(after=after, limit=page if state is not None else min(page, limit))
        if not messages:
            break
        for message in messages:
            after = message.number
            if state is None or message.state is state:
                show(message)
                limit -= 1
                if limit == 0:
                    break
    return after


async def follow_received(
    client: Client, show: Callable[[ReceivedMessage], None], *, after: int, news: Callable[[], Awaitable[None]]
) -> None:
    """Give every message to `show` that is or will be received; `news` returns when there may be one."""
    while True:
        after = await every_received(client, show, after=after, limit=2**31)
        await news()


@dataclass(frozen=True)
class BodyFile:
    """The file for a body; `is_other`: whether that file holds something else, and was left as it is."""

    path: Path
    is_other: bool


def save_body(directory: Path, message: ReceivedMessage) -> BodyFile:
    """Write a body to a new file, named by the message's number and kind and nothing that its sender chose freely.

    A file that is there already is left as it is. Raises `StoreError` if it cannot be written or read.
    """
    path = directory / f"{message.number:06}-{re.sub('[^a-z0-9-]', '_', message.kind)}"
    make_directory(directory)
    try:
        # Only if it is new: a file of that name may be something else, or what the user made of an earlier one.
        with path.open("xb") as file:
            file.write(message.body)
    except FileExistsError:
        return BodyFile(path, not _holds(path, message.body))
    except OSError as error:
        raise file_error(error, f"{path}: cannot be written") from error
    return BodyFile(path, is_other=False)


def _holds(path: Path, body: bytes) -> bool:
    try:
        # One byte more would do to see that it is longer: it may be anything, and of any length.
        with path.open("rb") as file:
            return file.read(len(body) + 1) == body
    except OSError as error:
        raise file_error(error, f"{path}: cannot be read") from error
