"""The story of the demo: two people meet, write, send a file, and ask a service, over a network that runs for real."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import msgspec
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from client.api import (
    Client,
    ClientStatus,
    MessageState,
    OutgoingMessage,
    ReceivedMessage,
    StateChange,
    Verified,
)
from loopixmix.errors import UnavailableError
from loopixmix.seams import Clock, Rng

T = TypeVar("T")

MESSAGES_EACH_WAY = 10
FILE_BYTES = 1_000_000
STEP_TIMEOUT_S = 60.0
POLL_S = 0.25
TEXT_KIND, FILE_KIND = "demo/text", "demo/file"


class Progress(Protocol):
    """Tells a person what happens now."""

    def step(self, text: str, total: int) -> None:
        """Begin a step of `total` parts."""

    def done(self, parts: int) -> None:
        """Tell how many parts of the step are done."""

    def fail(self) -> None:
        """Tell that the step failed."""


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """The messages that were sent, and how they arrived."""

    texts_sent: int
    texts_received: int
    texts_intact: bool
    text_times_s: Sequence[float]
    file_intact: bool
    file_time_s: float
    file_fragments: int
    overtaking_s: float
    echoed: bool
    echo_time_s: float
    anonymous_answered: bool
    alice: ClientStatus
    bob: ClientStatus


class Party:
    """One of the two, with everything that reached them."""

    def __init__(self, client: Client, clock: Clock, *, name: str, provider: str) -> None:
        """`client`: need not answer yet. `clock`: times its calls. `name`, `provider`: the address to register."""
        self.client = client
        self.address = f"{name}@{provider}"
        self.received: list[ReceivedMessage] = []
        self._clock = clock
        self._name, self._provider = name, provider

    async def join(self) -> None:
        """Register, as soon as the daemon and the provider answer, and begin to listen."""
        await self._once_available(lambda: self.client.register(self._name, self._provider))
        for kind in (TEXT_KIND, FILE_KIND):
            self.client.on_received(kind, self.received.append)

    async def meet(self, other: Party) -> None:
        """Look up and pin the other's key."""
        await self._once_available(lambda: self.client.add_contact(other.address))

    async def write(self, to: str, body: bytes, *, kind: str = TEXT_KIND, anonymous: bool = False) -> str:
        """Queue a message and return its id; what is queued twice by a repeated call is sent once."""
        key = hashlib.sha256(b"\0".join((to.encode(), kind.encode(), body))).hexdigest()
        return await self.client.send(to, body, kind=kind, idempotency_key=key, anonymous=anonymous)

    def find(self, message_id: str) -> ReceivedMessage | None:
        """Return a message that arrived."""
        return next((message for message in self.received if message.message_id == message_id), None)

    async def _once_available(self, call: Callable[[], Awaitable[T]]) -> T:
        deadline_s = self._clock.seconds() + STEP_TIMEOUT_S
        while True:
            try:
                return await call()
            except UnavailableError:
                if self._clock.seconds() > deadline_s:
                    raise
            await pause(self._clock, POLL_S)


class Demonstration:
    """Everything that alice and bob do."""

    def __init__(self, alice: Party, bob: Party, *, clock: Clock, rng: Rng, progress: Progress) -> None:
        """`clock`: times their messages. `rng`: draws the file. `progress`: is told of each step."""
        self._alice = alice
        self._bob = bob
        self._clock = clock
        self._rng = rng
        self._progress = progress

    async def run(self) -> Conversation:
        """Do it all and return what came of it. Raises `LoopixmixError` if a step cannot be done."""
        await self._introduce()
        sent = await self._exchange_texts()
        file_id, overtaking_s, file = await self._send_file()
        echoed, echo_time_s = await self._ask_echo()
        answered = await self._write_anonymously()
        arrived = [(reader.find(message_id), body) for reader, message_id, body in sent]
        texts = [(message, body) for message, body in arrived if message is not None]
        times_s = [
            message.received_at_s - self_sent
            for message, _ in texts
            for self_sent in [await self._sending_since(message)]
        ]
        file_message = self._bob.find(file_id)
        outgoing = await self._alice.client.message(file_id)
        return Conversation(
            texts_sent=len(sent),
            texts_received=len(texts),
            texts_intact=all(message.body == body and message.verified is Verified.PINNED for message, body in texts),
            text_times_s=times_s,
            file_intact=file_message is not None and file_message.body == file,
            file_time_s=file_message.received_at_s - outgoing.history[0].at_s if file_message else 0.0,
            file_fragments=outgoing.fragments,
            overtaking_s=overtaking_s,
            echoed=echoed,
            echo_time_s=echo_time_s,
            anonymous_answered=answered,
            alice=await self._alice.client.status(),
            bob=await self._bob.client.status(),
        )

    async def _introduce(self) -> None:
        self._progress.step("registering alice and bob at different providers", 2)
        await both(self._alice.join(), self._bob.join())
        self._progress.done(2)
        self._progress.step("looking up each other's keys, anonymously", 2)
        await both(self._alice.meet(self._bob), self._bob.meet(self._alice))
        self._progress.done(2)

    async def _exchange_texts(self) -> list[tuple[Party, str, bytes]]:
        sent = []
        for number in range(1, MESSAGES_EACH_WAY + 1):
            for writer, reader in ((self._alice, self._bob), (self._bob, self._alice)):
                body = f"message {number} from {writer.address}".encode()
                sent.append((reader, await writer.write(reader.address, body), body))
        self._progress.step("exchanging messages both ways", len(sent))
        await self._until(lambda: sum(reader.find(mid) is not None for reader, mid, _ in sent), len(sent))
        return sent

    async def _send_file(self) -> tuple[str, float, bytes]:
        """Send the file and a short message behind it; return the file's id and how much sooner the short one came."""
        file = self._rng.randbytes(FILE_BYTES)
        file_id = await self._alice.write(self._bob.address, file, kind=FILE_KIND)
        # In a queue it would wait for all of the file; messages that take turns let it pass.
        short_id = await self._alice.write(self._bob.address, b"sent after the file, here before it")
        fragments = (await self._alice.client.message(file_id)).fragments
        self._progress.step(f"sending a {FILE_BYTES / 1e6:.0f} MB file in {fragments} packets", fragments)

        async def progress() -> int:
            outgoing = await self._alice.client.message(file_id)
            arrived = self._bob.find(file_id) is not None and self._bob.find(short_id) is not None
            # Acknowledged means stored at bob's provider; the step is over when he has it.
            return fragments if arrived else min(outgoing.fragments_acknowledged, fragments - 1)

        await self._until(progress, fragments)
        arrived, short = self._bob.find(file_id), self._bob.find(short_id)
        overtaking_s = arrived.received_at_s - short.received_at_s if arrived and short else 0.0
        return file_id, overtaking_s, file

    async def _ask_echo(self) -> tuple[bool, float]:
        self._progress.step("asking the echo service, anonymously", 1)
        begin_s = self._clock.seconds()
        answer = await self._alice.client.request("echo", b"who am I?", timeout_s=STEP_TIMEOUT_S)
        self._progress.done(1)
        if answer != b"who am I?":
            self._progress.fail()
        return answer == b"who am I?", self._clock.seconds() - begin_s

    async def _write_anonymously(self) -> bool:
        """Alice writes without a name; bob answers what he cannot know to be hers."""
        self._progress.step("writing without a name, and answering", 2)
        question = await self._alice.write(self._bob.address, b"guess who", anonymous=True)
        await self._until(lambda: int(self._bob.find(question) is not None), 1)
        found = self._bob.find(question)
        if found is None or found.sender is not None or not found.reply_to:
            self._progress.fail()
            return False
        answer = await self._bob.write(found.reply_to, b"no idea")
        await self._until(lambda: 1 + int(self._alice.find(answer) is not None), 2)
        return self._alice.find(answer) is not None

    async def _sending_since(self, message: ReceivedMessage) -> float:
        writer = self._alice if message in self._bob.received else self._bob
        return left_at_s(await writer.client.message(message.message_id))

    async def _until(self, count: Callable[[], int] | Callable[[], Awaitable[int]], total: int) -> None:
        """Wait until `count` reaches `total` or the step's time is over; the checks say what is missing."""
        deadline_s = self._clock.seconds() + STEP_TIMEOUT_S
        while self._clock.seconds() < deadline_s:
            counted = count()
            parts = counted if isinstance(counted, int) else await counted
            self._progress.done(parts)
            if parts >= total:
                return
            await pause(self._clock, POLL_S)
        self._progress.fail()


def left_at_s(outgoing: OutgoingMessage) -> float:
    """Return when the first packet of a message left."""

    def is_sending(change: StateChange) -> bool:
        return change.state is MessageState.SENDING

    return next((change.at_s for change in outgoing.history if is_sending(change)), outgoing.history[0].at_s)


async def pause(clock: Clock, seconds: float) -> None:
    """Wait."""
    await deferLater(clock, seconds)  # type: ignore[arg-type]  # our Clock is the part of IReactorTime it uses


async def both(first: Awaitable[None], second: Awaitable[None]) -> None:
    """Do two things at once."""

    async def wait_for(thing: Awaitable[None]) -> None:
        await thing

    await gatherResults(
        [Deferred.fromCoroutine(wait_for(first)), Deferred.fromCoroutine(wait_for(second))], consumeErrors=True
    )
