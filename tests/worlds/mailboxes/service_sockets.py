"""A Unix socket in memory, between a provider and the program of a service."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import cast

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from provider.api import Declaration
from provider.serving.sockets import SocketPlace

PLACE = SocketPlace(Path("/run/poll/poll.sock"))


class Handle:
    """The kernel's word on who is at the other end."""

    def __init__(self, user_id: int) -> None:
        self._user_id = user_id

    def getsockopt(self, *_: int) -> bytes:
        return struct.pack("3i", 1, self._user_id, self._user_id)


class Wire:
    """One end of a connection: what is written waits until the world carries it over."""

    def __init__(self, world: SocketWorld, protocol: Protocol, user_id: int) -> None:
        self.world = world
        self.protocol = protocol
        self.peer_user_id = user_id
        self.other: Wire | None = None
        self.written = bytearray()
        self.is_open = True

    def getHandle(self) -> Handle:
        return Handle(self.peer_user_id)

    def write(self, data: bytes) -> None:
        if self.is_open:
            self.written += data

    def loseConnection(self) -> None:
        self.world.close(self)

    def abortConnection(self) -> None:
        self.world.close(self)


class SocketWorld:
    """The path of one socket. `listener`: makes the program's protocol of a connection; None if nobody listens."""

    def __init__(self) -> None:
        self.listener: Callable[[], Protocol] | None = None
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
        ours = Wire(self, cast(Protocol, factory.buildProtocol(None)), self.program_user_id)
        theirs = Wire(self, self.listener(), self.provider_user_id)
        ours.other, theirs.other = theirs, ours
        self._wires += [ours, theirs]
        for wire in (theirs, ours):
            wire.protocol.makeConnection(wire)
        return succeed(ours.protocol)

    def carry(self, *, bytes_at_once: int = 1 << 20) -> None:
        """Carry all that was written to the other ends, until nobody writes any more."""
        while writing := [wire for wire in self._wires if wire.written and wire.is_open]:
            for wire in writing:
                data, wire.written = bytes(wire.written), bytearray()
                for start in range(0, len(data), bytes_at_once):
                    if wire.other is not None and wire.other.is_open:
                        wire.other.protocol.dataReceived(data[start : start + bytes_at_once])

    def close(self, wire: Wire) -> None:
        """Close a connection, at both ends."""
        for end in (wire, wire.other):
            if end is not None and end.is_open:
                end.is_open = False
                end.protocol.connectionLost(Failure(ConnectionDone()))

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
