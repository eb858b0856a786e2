"""A Unix socket in memory, between a provider and the program of a service."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, cast

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Protocol as StreamProtocol
from twisted.python.failure import Failure

from provider.api import Declaration
from provider.serving.sockets import SocketPlace

PLACE = SocketPlace(Path("/run/poll/poll.sock"))


BUFFER_BYTES = 65_536
"""So much a transport holds before it asks its producer to pause, as Twisted's."""


class Producer(Protocol):
    """What Twisted's transports ask to pause."""

    def pauseProducing(self) -> None: ...

    def resumeProducing(self) -> None: ...


class Handle:
    """The kernel's word on who is at the other end."""

    def __init__(self, user_id: int) -> None:
        self._user_id = user_id

    def getsockopt(self, *_: int) -> bytes:
        return struct.pack("3i", 1, self._user_id, self._user_id)


class Wire:
    """One end of a connection: what is written waits until the world carries it over."""

    def __init__(self, world: SocketWorld, protocol: StreamProtocol, user_id: int) -> None:
        self.world = world
        self.protocol = protocol
        self.peer_user_id = user_id
        self.other: Wire | None = None
        self.written = bytearray()
        self.is_open = True
        self.is_heard = True
        self.is_deaf = False
        self.is_full = False
        self.producer: Producer | None = None

    @property
    def is_read(self) -> bool:
        """Whether the other end reads."""
        return self.other is None or (self.other.is_heard and not self.other.is_deaf)

    def getHandle(self) -> Handle:
        return Handle(self.peer_user_id)

    def write(self, data: bytes) -> None:
        if self.is_open:
            self.written += data
            if self.producer is not None and not self.is_full and len(self.written) > BUFFER_BYTES:
                self.is_full = True
                self.producer.pauseProducing()

    def drained(self) -> None:
        """Tell the producer that what was written has been carried over."""
        if self.is_full and self.producer is not None:
            self.is_full = False
            self.producer.resumeProducing()

    def registerProducer(self, producer: Producer, streaming: bool) -> None:
        assert streaming
        self.producer = producer

    def pauseProducing(self) -> None:
        self.is_heard = False

    def resumeProducing(self) -> None:
        self.is_heard = True

    def loseConnection(self) -> None:
        self.world.close(self)

    def abortConnection(self) -> None:
        self.world.close(self)


class SocketWorld:
    """The path of one socket. `listener`: makes the program's protocol of a connection; None if nobody listens."""

    def __init__(self) -> None:
        self.listener: Callable[[], StreamProtocol] | None = None
        self.program_user_id = os.getuid()
        self.provider_user_id = os.getuid()
        self.dials = 0
        self._wires: list[Wire] = []

    def dial(self, place: SocketPlace, factory: IProtocolFactory) -> Deferred[object]:
        """Connect, as a provider does."""
        assert place == PLACE
        self.dials += 1
        if self.listener is None:
            return fail(ConnectionRefusedError())
        ours = Wire(self, cast(StreamProtocol, factory.buildProtocol(None)), self.program_user_id)
        theirs = Wire(self, self.listener(), self.provider_user_id)
        ours.other, theirs.other = theirs, ours
        self._wires += [ours, theirs]
        for wire in (theirs, ours):
            wire.protocol.makeConnection(wire)
        return succeed(ours.protocol)

    def carry(self, *, bytes_at_once: int = 1 << 20) -> None:
        """Carry all that was written to the other ends, until nobody writes any more."""
        while writing := [wire for wire in self._wires if wire.written and wire.is_open and wire.is_read]:
            for wire in writing:
                data, wire.written = bytes(wire.written), bytearray()
                for start in range(0, len(data), bytes_at_once):
                    if wire.other is not None and wire.other.is_open:
                        wire.other.protocol.dataReceived(data[start : start + bytes_at_once])
                wire.drained()

    def close(self, wire: Wire) -> None:
        """Close a connection, at both ends."""
        for end in (wire, wire.other):
            if end is not None and end.is_open:
                end.is_open = False
                end.protocol.connectionLost(Failure(ConnectionDone()))

    def let_program_be_deaf(self, deaf: bool = True) -> None:
        """Let the program's end of the newest connection read nothing, or read again."""
        self._wires[-1].is_deaf = deaf

    @property
    def unread_bytes(self) -> int:
        """How much the provider's end of the newest connection holds because nobody reads it."""
        return len(self._wires[-2].written)

    def kill_program(self) -> None:
        """End the program: its connections break, and nobody listens."""
        self.listener = None
        for wire in self._wires[:]:
            self.close(wire)

    def say_to_provider(self, data: bytes) -> None:
        """Let the program's end of the newest connection send these bytes."""
        self._wires[-1].write(data)
        self.carry()

    def say_to_program(self, data: bytes) -> None:
        """Let the provider's end of the newest connection send these bytes."""
        self._wires[-2].write(data)
        self.carry()

    @property
    def open_connections(self) -> int:
        return sum(wire.is_open for wire in self._wires) // 2


class ScriptedAsker:
    """Asks a service that answers when the test says so."""

    def __init__(self, name: str = "poll", declaration: Declaration | None = None) -> None:
        self.name = name
        self.declaration = declaration if declaration is not None else Declaration()
        self.problem: str | None = None
        self.asked: list[tuple[bytes, bytes]] = []
        self.answers: list[Deferred[bytes]] = []
        self.cancelled = 0
        self.is_stopped = False

    def ask(self, repetition_key: bytes, body: bytes) -> Deferred[bytes]:
        self.asked.append((repetition_key, body))
        answer: Deferred[bytes] = Deferred(self._cancel)
        self.answers.append(answer)
        return answer

    async def stop(self) -> None:
        self.is_stopped = True

    def _cancel(self, _: Deferred[bytes]) -> None:
        self.cancelled += 1
