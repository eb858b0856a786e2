"""Requests of version 1, of one packet and without an end: what other people's clients send."""

from __future__ import annotations

import hashlib
from functools import partial

from twisted.python.failure import Failure

from loopixmix.bounds import BoundedMap
from loopixmix.drops import DropReason
from loopixmix.errors import FormatError
from loopixmix.requests.single import ReplyStatus, Request, decode_request, encode_reply, reply_body_bytes
from loopixmix.sphinx import Surb
from provider.hosting.asking.turns import Turns
from provider.hosting.seams import HostingWorld

REMEMBERED_S = 600.0
MAX_REMEMBERED = 4096
"""Answers of about 2 kB, of all services together: 8 MB."""
MAX_WAITERS = 16
"""Copies of one request that wait for its answer; an honest sender has one or two under way."""


class SingleRequests:
    """The requests of one packet to all services of a provider, remembered for `REMEMBERED_S`."""

    def __init__(self, world: HostingWorld) -> None:
        """`world`: see there."""
        self._world = world
        self._failed = encode_reply(ReplyStatus.FAILED, b"", world.size)
        self._longest = reply_body_bytes(world.size)
        self._pending: dict[bytes, list[Surb | None]] = {}
        self._remembered: BoundedMap[bytes, tuple[float, bytes]] = BoundedMap(MAX_REMEMBERED)
        self.answered = 0

    def take(self, recipient: bytes, turns: Turns, payload: bytes, surb: Surb | None) -> DropReason | None:
        """Take a request to the service `recipient`; every failure is answered by one and the same payload.

        If the service has too much to do there is no answer, and the request will be sent again.
        """
        try:
            request = decode_request(payload)
        except FormatError:
            self._world.blocks.use(surb, self._failed)
            return None
        # The body is part of the key, so that knowing a request's id does not open its answer.
        key = hashlib.sha256(recipient + request.request_id + request.body).digest()
        self._forget_old()
        if key in self._remembered:
            self._world.blocks.use(surb, self._remembered[key][1])
            return None
        pending = self._pending.get(key)
        if pending is not None:
            # No answer at all: then the client sends again. A failure would be final for it.
            if len(pending) >= MAX_WAITERS:
                return DropReason.OVERLOADED
            pending.append(surb)
            return None
        self._pending[key] = [surb]
        if not turns.seats.enter(partial(self._ask, key, turns, request), partial(self._not_asked, key)):
            del self._pending[key]
            return DropReason.OVERLOADED
        return None

    def _ask(self, key: bytes, turns: Turns, request: Request) -> None:
        def settle(answer: bytes | None) -> None:
            turns.seats.leave()
            payload = self._encode(answer)
            # Failures too: a copy of the request that comes on another path must not have another outcome.
            self._remembered[key] = (self._world.clock.seconds() + REMEMBERED_S, payload)
            self.answered += 1
            for surb in self._pending.pop(key):
                self._world.blocks.use(surb, payload)

        def not_asked(_: Failure) -> None:
            turns.seats.leave()
            self._not_asked(key)

        # The request's id is the same in all its copies, and so a key by which they are recognised.
        turns.ask(request.request_id, request.body).addCallbacks(settle, not_asked)

    def _not_asked(self, key: bytes) -> None:
        # Whoever sends it again is asked for anew; one that stayed here would take the copies and never be answered.
        for _ in self._pending.pop(key):
            self._world.drops.count(DropReason.OVERLOADED)

    def _encode(self, answer: bytes | None) -> bytes:
        if answer is None or len(answer) > self._longest:
            return self._failed
        return encode_reply(ReplyStatus.OK, answer, self._world.size)

    def _forget_old(self) -> None:
        now_s = self._world.clock.seconds()
        while self._remembered:
            key, (until_s, _) = next(iter(self._remembered.items()))
            if until_s > now_s:
                return
            del self._remembered[key]
