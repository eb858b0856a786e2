"""The parts of requests and answers, heard where packets are made.

Nobody in a network can tell parts from other packets, and nodes do not count what they cannot tell. So the packets are
looked into before they are sealed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from loopixmix.errors import FormatError
from loopixmix.requests.answers import AnswerShare, SharesMissing, decode_answer
from loopixmix.requests.parts import NO_SHARE, PART_VERSION, RequestPart, decode_part
from loopixmix.sphinx import Geometry, PacketError
from loopixmix.sphinx.arithmetic import Arithmetic, Route
from loopixmix.sphinx.payload import decode_content


@dataclass
class Parts:
    """Counts of a whole run: what was made, whether or not it arrived."""

    of_requests: int = 0
    """Parts of requests, those that bring reply blocks only included."""
    of_answers: int = 0
    """Shares of answers."""
    words: int = 0
    """Words of hosts that shares of a request are missing."""
    _requests: set[bytes] = field(default_factory=set)
    _rounds_ended: set[bytes] = field(default_factory=set)
    _second_rounds: set[bytes] = field(default_factory=set)

    @property
    def requests(self) -> int:
        """Requests of which a part was made."""
        return len(self._requests)

    @property
    def second_rounds(self) -> int:
        """Requests of which shares left again, or further ones, after a round that asked for a report."""
        return len(self._second_rounds)

    def hear_part(self, part: RequestPart) -> None:
        """Count a part of a request."""
        request_id = part.head.request_id
        self.of_requests += 1
        self._requests.add(request_id)
        if part.index == NO_SHARE:
            return
        if request_id in self._rounds_ended:
            self._second_rounds.add(request_id)
        if part.report:
            self._rounds_ended.add(request_id)

    def hear_answer(self, payload: bytes, geometry: Geometry) -> None:
        """Count what a reply block takes back, if it is part of an answer."""
        match _decoded_answer(payload, geometry):
            case AnswerShare():
                self.of_answers += 1
            case SharesMissing():
                self.words += 1


class ListeningArithmetic:
    """Another arithmetic, which tells `Parts` of what is sealed (`Arithmetic`)."""

    def __init__(self, inner: Arithmetic, parts: Parts) -> None:
        """`inner`: the arithmetic that does the work."""
        self._inner = inner
        self._parts = parts
        self.name = inner.name
        # Without a step in between: nothing is heard of these, and they are called most.
        self.create_header = inner.create_header
        self.open_reply = inner.open_reply
        self.open_body = inner.open_body
        self.unwrap_many = inner.unwrap_many

    def wrap(self, route: Route, content: bytes, geometry: Geometry) -> bytes:
        """Return a packet that takes `content` to the end of the route."""
        part = _decoded_part(content, geometry)
        if part is not None:
            self._parts.hear_part(part)
        return self._inner.wrap(route, content, geometry)

    def use_surb(self, reply_key: bytes, payload: bytes, geometry: Geometry) -> bytes:
        """Return the body that goes with a reply block's header."""
        self._parts.hear_answer(payload, geometry)
        return self._inner.use_surb(reply_key, payload, geometry)


def _decoded_part(content: bytes, geometry: Geometry) -> RequestPart | None:
    try:
        payload = decode_content(content, geometry).payload
        return decode_part(payload, geometry) if payload[:1] == bytes([PART_VERSION]) else None
    except (PacketError, FormatError):
        return None


def _decoded_answer(payload: bytes, geometry: Geometry) -> object:
    try:
        return decode_answer(payload, geometry) if payload[:1] == bytes([PART_VERSION]) else None
    except FormatError:
        return None
