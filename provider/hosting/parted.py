"""Requests of version 2 to one service: collected from their parts and carried out once; `sending` answers them."""

from __future__ import annotations

from functools import partial

from twisted.python.failure import Failure

from loopixmix.drops import DropReason
from loopixmix.errors import FormatError, StoreError
from loopixmix.requests.answers import RequestOver, SharesMissing, encode_answer
from loopixmix.requests.parts import NO_SHARE, RequestPart, decode_part, split_content
from loopixmix.routing.path import service_id
from loopixmix.sphinx import Surb
from provider.hosting.asker import Asker
from provider.hosting.assembly import Assembly
from provider.hosting.carrying import Carrying, CompleteRequest
from provider.hosting.opened import OpenedRequest
from provider.hosting.seams import HostingWorld
from provider.hosting.sending import AnswerSending
from provider.hosting.times import RequestTimes
from provider.store.requests import Begun

IDLE_S = 120.0
"""A request is given up when no part of it has come for so long."""


class PartedRequests:
    """The requests of several packets to one service."""

    def __init__(self, asker: Asker, carrying: Carrying, world: HostingWorld) -> None:
        """`asker`: the service, whose declaration has the bounds. `carrying`: carries out what is complete."""
        declaration = asker.declaration
        self._id = service_id(asker.name)
        self._keeps = not declaration.recognises_repetition
        self._most_bytes = declaration.assembly_bytes
        self._carrying = carrying
        self._world = world
        self._clock = world.clock
        self._times: RequestTimes | None = None
        self._open: dict[bytes, OpenedRequest] = {}
        self._collected = world.assembling.shelf(
            most=declaration.assemblies, most_bytes=declaration.assembly_bytes, given_up=self._forget
        )
        self._carried_bytes = 0
        self.answers = AnswerSending(declaration, carrying, world, forget=self._forget, count_failure=self._not_found)

    @property
    def incomplete(self) -> int:
        """How many requests wait for parts."""
        return len(self._collected)

    def adopt(self, times: RequestTimes) -> None:
        """Go on by these times."""
        self._times = times
        self.answers.adopt(times)

    def stop(self) -> None:
        """Forget all; no call is left."""
        for request in self._open.values():
            request.close()
        self._open.clear()
        self._collected.close()
        self.answers.stop()

    def forget_old(self) -> None:
        """Give up requests that no part has come for since long, or that are over."""
        now_s, times = self._clock.seconds(), self._times
        self._collected.give_up_before(now_s - IDLE_S)
        self.answers.give_up_before(now_s - IDLE_S)
        if times is None:
            return
        for request in [*self._collected, *self.answers]:
            if times.is_over(request.head.last_epoch, now_s):
                self._forget(request)

    def take(self, payload: bytes, surb: Surb | None) -> DropReason | None:
        """Take a part with the reply block of its packet; return why it is dropped, or None."""
        if self._times is None:
            return DropReason.OVERLOADED
        try:
            part = decode_part(payload, self._world.size)
        except FormatError:
            return DropReason.BAD_PAYLOAD
        head, now_s = part.head, self._clock.seconds()
        name = head.kept_name(self._id)
        request = self._open.get(name)
        if request is not None and request.head != head:
            return DropReason.BAD_PAYLOAD
        if self._times.is_over(head.last_epoch, now_s) or self._carrying.has_erased(head.last_epoch):
            self._world.blocks.use(surb, encode_answer(RequestOver(), self._world.size))
            return None
        if request is None:
            request = self._open[name] = OpenedRequest(name, head, Assembly(head))
            # An answer that is kept is not to wait until all parts have come again.
            if self._keeps and (part.index == NO_SHARE or head.pieces > 1):
                self._carrying.known(name, head).addCallbacks(partial(self._known, request), self._not_found)
        self._hold(request, part, surb)
        request.coding = max(request.coding, part.coding)
        request.again = max(request.again, part.again)
        if request.assembly is not None:
            return self._collect(request, request.assembly, part, now_s)
        if request.speech is not None:
            self.answers.go_on(request, part.index, now_s)
        if part.index != NO_SHARE:
            request.indices |= 1 << part.index
        return None

    def _hold(self, request: OpenedRequest, part: RequestPart, surb: Surb | None) -> None:
        starts_here = self._world.blocks.starts_here
        blocks: list[Surb | bytes] = [block for block in part.blocks if starts_here(block)]
        if surb is not None and starts_here(surb):
            blocks.append(surb)
        if request.carried_bytes:
            # What is being carried out is on no shelf, and cannot be given up.
            size_bytes = len(blocks) * self._world.size.surb_bytes
            if self._carried_bytes + size_bytes > self._most_bytes:
                return
            self._carry(request, size_bytes)
        request.blocks.add(part.blocks_epoch, blocks)

    def _carry(self, request: OpenedRequest, more_bytes: int) -> None:
        request.carried_bytes += more_bytes
        self._carried_bytes += more_bytes
        self._collected.reserve(self._carried_bytes)

    def _collect(
        self, request: OpenedRequest, assembly: Assembly, part: RequestPart, now_s: float
    ) -> DropReason | None:
        if part.index != NO_SHARE:
            request.indices |= 1 << part.index
            assembly.add(part.index, part.share)
            if assembly.is_complete:
                return self._complete(request, assembly)
        self._collected.put(request.name, request, request.size_bytes(self._world.size.surb_bytes), now_s)
        if part.report and request.call is None and self._times is not None and request.is_open:
            request.call = self._clock.callLater(self._times.settling_s, self._tell_missing, request, assembly)
        return None

    def _tell_missing(self, request: OpenedRequest, assembly: Assembly) -> None:
        request.call = None
        missing = encode_answer(SharesMissing(assembly.received), self._world.size)
        self._world.blocks.use(self.answers.take_block(request), missing)

    def _complete(self, request: OpenedRequest, assembly: Assembly) -> DropReason | None:
        request.stop()
        self._collected.pop(request.name)
        try:
            content = assembly.content()
        except FormatError:
            # Nobody honest makes such shares, so that there is nobody to tell.
            self._forget(request)
            return DropReason.BAD_PAYLOAD
        size_bytes = len(content) + request.size_bytes(self._world.size.surb_bytes) - assembly.size_bytes
        # What is complete comes first: parts that nobody completes must not keep it out.
        if self._carried_bytes + size_bytes > self._most_bytes:
            self._forget(request)
            return DropReason.OVERLOADED
        request.assembly = None
        self._carry(request, size_bytes)
        repetition_key, body = split_content(content)
        carrying = self._carrying.carry_out(CompleteRequest(request.name, request.head, repetition_key, body))
        carrying.addCallbacks(partial(self._speak, request), partial(self._not_carried_out, request))
        return None

    def _not_carried_out(self, request: OpenedRequest, failure: Failure) -> None:
        self._carry(request, -request.carried_bytes)
        self._forget(request)
        self._not_found(failure)

    def _not_found(self, failure: Failure) -> None:
        self._world.drops.count(
            DropReason.STORE_FAILED if isinstance(failure.value, StoreError) else DropReason.OVERLOADED
        )

    def _known(self, request: OpenedRequest, found: tuple[Begun, bytes | None]) -> None:
        begun, answer = found
        # One that was begun has failed, or is about to be forgotten: only who begins it again learns which.
        if begun is not Begun.ANSWERED or request.assembly is None or not request.is_open:
            return
        request.stop()
        self._collected.pop(request.name)
        request.assembly = None
        self._speak(request, answer)

    def _speak(self, request: OpenedRequest, answer: bytes | None) -> None:
        self._carry(request, -request.carried_bytes)
        if request.is_open:
            self.answers.begin(request, answer)

    def _forget(self, request: OpenedRequest) -> None:
        if request.is_open:
            request.close()
            self._collected.pop(request.name)
            self.answers.forget(request)
            del self._open[request.name]
