"""How a connection becomes a link, without I/O: handshake, hello, open.

The side that dialled says Hello first, the side that accepted answers after it believes it. In TLS 1.3 the dialling
side ends the handshake before the other has seen its certificate: only the answering Hello tells it that it is
accepted, so a link is open for both or for none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from loopixmix.drops import RefusalReason
from loopixmix.errors import FormatError
from loopixmix.net.reception import Reception, RefusedError
from loopixmix.seams import Identity
from loopixmix.wire import Frame, FrameBuffer, Hello, LinkRole, hello_refusal

TLS_VERSION = "TLSv1.3"
POST_QUANTUM_GROUP = "X25519MLKEM768"


@dataclass(frozen=True, slots=True)
class Negotiated:
    """The result of a finished TLS handshake; `peer` is None if its certificate holds no Ed25519 key."""

    tls_version: str
    group: str | None
    peer: Identity | None


@dataclass(frozen=True, slots=True)
class Dialled:
    """We made the connection, to this peer."""

    peer: Identity


@dataclass(frozen=True, slots=True)
class Accepted:
    """A peer made the connection; `admit` tells whether its key is welcome."""

    admit: Callable[[Identity], bool]


Side: TypeAlias = Dialled | Accepted


@dataclass(frozen=True, slots=True)
class Handshaking:
    """TLS is at work; nothing is known of the peer."""


@dataclass(frozen=True, slots=True)
class AwaitingHello:
    """TLS has proved the peer's key; its Hello, with version and network, has not come yet."""

    peer: Identity


@dataclass(frozen=True, slots=True)
class Open:
    """The peer has the right key and a Hello that agrees with ours: frames go both ways."""

    peer: Identity
    role: LinkRole


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection is over, or about to be; `was_open` tells whether it ever was a link."""

    was_open: bool


Arrivals: TypeAlias = tuple[Sequence[bytes], Sequence[Frame]]
"""The packets that came, and the other frames."""

LinkState: TypeAlias = Handshaking | AwaitingHello | Open | Closed


def check_negotiated(negotiated: Negotiated, side: Side) -> Identity:
    """Return the peer's identity; raise `RefusedError` unless TLS agreed on what it must."""
    # The version is set beforehand. The group is what two builds of OpenSSL agree on, and one that is too old settles
    # for a group that a quantum computer will break, without a sign. So both are looked at here.
    if negotiated.tls_version != TLS_VERSION:
        raise RefusedError(RefusalReason.NOT_TLS13)
    if negotiated.group is None or negotiated.group.upper() != POST_QUANTUM_GROUP:
        raise RefusedError(RefusalReason.NOT_POST_QUANTUM)
    match side:
        case Dialled(peer=expected):
            if negotiated.peer != expected:
                raise RefusedError(RefusalReason.WRONG_KEY)
            return expected
        case Accepted(admit=admit):
            if negotiated.peer is None or not admit(negotiated.peer):
                raise RefusedError(RefusalReason.UNKNOWN_KEY)
            return negotiated.peer


class LinkMachine:
    """One connection's protocol: bytes that came go in; bytes to send, and the frames that came, go out.

    Every method raises `RefusedError` if the peer breaks the protocol; the connection is then to be ended.
    """

    def __init__(self, *, side: Side, hello: Hello, reception: Reception) -> None:
        """Begin before the TLS handshake; `hello` is our own, and the peer's must agree with it.

        `reception` judges what comes once the link is open.
        """
        self.side = side
        self.state: LinkState = Handshaking()
        self._hello = hello
        self._reception = reception
        self._format = reception.frames
        self._buffer = FrameBuffer(reception.frames.frame_bytes)

    def handshaken(self, negotiated: Negotiated) -> bytes:
        """Hear that TLS has finished; return the bytes to send."""
        self.state = AwaitingHello(check_negotiated(negotiated, self.side))
        return self._format.encode(self._hello) if isinstance(self.side, Dialled) else b""

    def received_hello(self, data: bytes) -> tuple[bytes, Arrivals]:
        """Take bytes while the Hello is awaited; return the bytes to send, and the frames behind the Hello."""
        if not isinstance(self.state, AwaitingHello):
            raise RefusedError(RefusalReason.GARBAGE)
        # Before a frame is whole: a peer of another geometry sends frames of another size, and might never fill ours.
        refusal = hello_refusal(self._buffer.rest + data, self._hello)
        if refusal is not None:
            raise RefusedError(refusal)
        frames = self._buffer.feed(data)
        if not frames:
            return b"", ((), ())
        try:
            hello = self._format.decode(frames[0])
        except FormatError as error:
            raise RefusedError(RefusalReason.GARBAGE) from error
        if not isinstance(hello, Hello):
            raise RefusedError(RefusalReason.GARBAGE)
        # Before the state changes: a link that is refused for its first frames never was open, and must not count as
        # one that was closed.
        arrivals = self._reception.sort(self.state.peer, frames[1:])
        self.state = Open(self.state.peer, hello.role)
        answer = self._format.encode(self._hello) if isinstance(self.side, Accepted) else b""
        return answer, arrivals

    def close(self) -> None:
        """The connection is over: bytes that still come are ignored."""
        self.state = Closed(was_open=isinstance(self.state, Open))

    def received_frames(self, peer: Identity, data: bytes) -> Arrivals:
        """Take bytes of the open link with `peer`; return the packets and frames that are whole now."""
        return self._reception.sort(peer, self._buffer.feed(data))
