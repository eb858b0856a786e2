"""One end of a connection between a provider and the program of a service, whichever of the two it is."""

from __future__ import annotations

from abc import abstractmethod
from typing import Generic, Protocol, TypeVar, cast

import msgspec
from twisted.internet.protocol import Protocol as StreamProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from loopixmix.errors import UNDECODABLE, FormatError, LoopixmixError, MisuseError
from provider.serving.frames import FrameReader, FromProgram, FromProvider, encode_frame

Heard = TypeVar("Heard")
"""What the other end says."""


class SocketEnd(StreamProtocol, Generic[Heard]):
    """Hears whole messages, and says some, until the other end does something wrong or the connection ends."""

    def __init__(self, decoder: msgspec.msgpack.Decoder[Heard]) -> None:
        """`decoder`: reads what the other end says."""
        self._decoder = decoder
        self._reader = FrameReader()
        self._trouble: str | None = None

    @abstractmethod
    def heard(self, message: Heard) -> None:
        """Take a message; raise a `LoopixmixError` to close the connection."""

    @abstractmethod
    def refused(self, trouble: str) -> None:
        """Hear that the connection is closed because of what the other end did."""

    @abstractmethod
    def ended(self, trouble: str | None) -> None:
        """Hear that the connection is gone; `trouble`: what the other end did, if it was refused for that."""

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 (Twisted's name)
        """Take what the other end sent."""
        try:
            for message in self._reader.feed(data):
                # Refused in the middle of what came: the rest is not heard any more.
                if self._trouble is not None:
                    return
                self.heard(self._decoded(message))
        except FormatError as error:
            self.refuse(f"it breaks the protocol: {error}")
        except LoopixmixError as error:
            self.refuse(str(error))

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802, ARG002 (Twisted's name)
        """Tell that the connection is gone."""
        self.ended(self._trouble)

    def send(self, message: FromProvider | FromProgram) -> None:
        """Send a message; after the connection is closed it goes nowhere."""
        if self._trouble is None:
            self.channel.write(encode_frame(message))

    def refuse(self, trouble: str) -> None:
        """Close the connection because of what the other end did."""
        self._trouble = trouble
        self.refused(trouble)
        self.channel.abortConnection()

    @property
    def channel(self) -> Channel:
        """The connection itself."""
        return cast(Channel, self.transport)

    def _decoded(self, message: bytes) -> Heard:
        try:
            return self._decoder.decode(message)
        # A declaration refuses some values itself.
        except (*UNDECODABLE, MisuseError) as error:
            raise FormatError(f"a message of it is none: {error}") from error


class Channel(Protocol):
    """The part of Twisted's transports that is used here."""

    def registerProducer(self, producer: object, streaming: bool) -> None: ...  # noqa: N802 (Twisted's names)

    def pauseProducing(self) -> None: ...  # noqa: N802

    def resumeProducing(self) -> None: ...  # noqa: N802

    def write(self, data: bytes) -> None: ...

    def loseConnection(self) -> None: ...  # noqa: N802

    def abortConnection(self) -> None: ...  # noqa: N802
