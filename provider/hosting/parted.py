"""Requests of version 2 to one service: collected from their parts, carried out once, answered share by share."""

from __future__ import annotations

from functools import partial

import msgspec
from twisted.python.failure import Failure

from loopixmix.drops import DropReason
from loopixmix.errors import FormatError, StoreError
from loopixmix.requests.answers import MAX_SENT, RequestOver, SharesMissing, encode_answer
from loopixmix.requests.parts import NO_SHARE, RequestHead, RequestPart, decode_part, split_content
from loopixmix.routing.path import service_id
from loopixmix.seams import DelayedCall
from loopixmix.sphinx import Surb
from provider.hosting.asker import Asker
from provider.hosting.assembly import Assembly
from provider.hosting.blocks import HeldBlocks
from provider.hosting.carrying import Carrying, CompleteRequest
from provider.hosting.seams import HostingWorld
from provider.hosting.speaking import Speech
from provider.hosting.times import RequestTimes
from provider.store.requests import Begun

MAX_ANSWERED = 16_384
"""Requests of one service whose answers are leaving, or have left a short while ago."""
IDLE_S = 120.0
"""A request is given up when no part of it has come for so long."""


# Thousands are remembered for minutes after they were answered. The garbage collector would look through all of them
# again and again, and packets would wait for it a tenth of a second. Each circle is broken by `stop`.
class _Open(msgspec.Struct, gc=False):
    """A request that parts come for.

    Its stage shows in what it has: an assembly while parts are missing, a speech once there is an answer, and neither
    while it is carried out.
    """

    name: bytes
    head: RequestHead
    assembly: Assembly | None
    speech: Speech | None = None
    # One bit for each share that came, also after enough others.
    indices: int = 0
    blocks: HeldBlocks = msgspec.field(default_factory=HeldBlocks)
    carried_bytes: int = 0
    coding: int = 0
    again: int = 0
    # What comes next by itself: to tell which shares are missing, or to send one of the answer.
    call: DelayedCall | None = None
    is_loading: bool = False

    def stop(self) -> None:
        """Leave no call."""
        if self.call is not None:
            self.call.cancel()
            self.call = None


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
        self._open: dict[bytes, _Open] = {}
        self._collected = world.assembling.shelf(
            most=declaration.assemblies, most_bytes=declaration.assembly_bytes, given_up=self._give_up
        )
        self._answered = world.answering.shelf(
            most=MAX_ANSWERED, most_bytes=declaration.assembly_bytes // 4, given_up=self._forget
        )
        # Long answers have a shelf of their own: they push out each other, and not how much of them was sent.
        self._loaded = world.answering.shelf(
            most=MAX_ANSWERED, most_bytes=declaration.assembly_bytes * 3 // 4, given_up=self._unload
        )
        self._carried_bytes = 0
        self.answered = 0
        self.failed = 0
        self.given_up = 0
        self.unloaded = 0
        """How often an answer had to make room for others before all of it was sent."""

    @property
    def incomplete(self) -> int:
        """How many requests wait for parts."""
        return len(self._collected)

    def adopt(self, times: RequestTimes) -> None:
        """Go on by these times."""
        self._times = times

    def stop(self) -> None:
        """Forget all; no call is left."""
        for request in self._open.values():
            request.stop()
        self._open.clear()
        self._collected.close()
        self._answered.close()
        self._loaded.close()

    def forget_old(self) -> None:
        """Give up requests that no part has come for since long, or that are over."""
        now_s, times = self._clock.seconds(), self._times
        self._collected.give_up_before(now_s - IDLE_S)
        self._answered.give_up_before(now_s - IDLE_S)
        if times is None:
            return
        for request in [*self._collected, *self._answered]:
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
            request = self._open[name] = _Open(name, head, Assembly(head))
            # An answer that is kept is not to wait until all parts have come again.
            if self._keeps and (part.index == NO_SHARE or head.pieces > 1):
                self._carrying.known(name, head).addCallbacks(partial(self._known, request), self._not_found)
        self._hold(request, part, surb)
        request.coding = max(request.coding, part.coding)
        request.again = max(request.again, part.again)
        if request.assembly is not None:
            return self._collect(request, request.assembly, part, now_s)
        if request.speech is not None:
            self._answered.put(name, request, self._size_of(request), now_s)
            left = request.speech.left(request.coding, request.again)
            if request.indices >> part.index & 1 and len(request.blocks) > left:
                # Whoever sends a share again has no answer, even if the part does not ask for one share more.
                request.again = min(request.again + 1, MAX_SENT)
            self._go_on(request)
        if part.index != NO_SHARE:
            request.indices |= 1 << part.index
        return None

    def _hold(self, request: _Open, part: RequestPart, surb: Surb | None) -> None:
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

    def _carry(self, request: _Open, more_bytes: int) -> None:
        request.carried_bytes += more_bytes
        self._carried_bytes += more_bytes
        self._collected.reserve(self._carried_bytes)

    def _size_of(self, request: _Open) -> int:
        blocks_bytes = len(request.blocks) * self._world.size.surb_bytes
        return blocks_bytes + (request.assembly.size_bytes if request.assembly is not None else 0)

    # Collecting parts.

    def _collect(self, request: _Open, assembly: Assembly, part: RequestPart, now_s: float) -> DropReason | None:
        if part.index != NO_SHARE:
            request.indices |= 1 << part.index
            assembly.add(part.index, part.share)
            if assembly.is_complete:
                return self._complete(request, assembly)
        self._collected.put(request.name, request, self._size_of(request), now_s)
        if part.report and request.call is None and self._times is not None and request.name in self._open:
            request.call = self._clock.callLater(self._times.settling_s, self._tell_missing, request, assembly)
        return None

    def _tell_missing(self, request: _Open, assembly: Assembly) -> None:
        request.call = None
        missing = encode_answer(SharesMissing(assembly.received), self._world.size)
        self._world.blocks.use(self._block_of(request), missing)

    def _complete(self, request: _Open, assembly: Assembly) -> DropReason | None:
        request.stop()
        self._collected.pop(request.name)
        try:
            content = assembly.content()
        except FormatError:
            # Nobody honest makes such shares, so that there is nobody to tell.
            self._forget(request)
            return DropReason.BAD_PAYLOAD
        size_bytes = len(content) + self._size_of(request) - assembly.size_bytes
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

    def _not_carried_out(self, request: _Open, failure: Failure) -> None:
        self._carry(request, -request.carried_bytes)
        self._forget(request)
        self._not_found(failure)

    def _not_found(self, failure: Failure) -> None:
        self._world.drops.count(
            DropReason.STORE_FAILED if isinstance(failure.value, StoreError) else DropReason.OVERLOADED
        )

    def _known(self, request: _Open, found: tuple[Begun, bytes | None]) -> None:
        begun, answer = found
        # One that was begun has failed, or is about to be forgotten: only who begins it again learns which.
        if begun is not Begun.ANSWERED or request.assembly is None or self._open.get(request.name) is not request:
            return
        request.stop()
        self._collected.pop(request.name)
        request.assembly = None
        self._speak(request, answer)

    def _give_up(self, request: _Open) -> None:
        self.given_up += 1
        self._forget(request)

    def _forget(self, request: _Open) -> None:
        request.stop()
        self._collected.pop(request.name)
        self._answered.pop(request.name)
        self._loaded.pop(request.name)
        self._open.pop(request.name, None)

    # Sending the answer.

    def _speak(self, request: _Open, answer: bytes | None) -> None:
        self._carry(request, -request.carried_bytes)
        if self._open.get(request.name) is not request:
            return
        if answer is None:
            self.failed += 1
        else:
            self.answered += 1
        request.speech = speech = Speech(answer, self._world.size)
        self._answered.put(request.name, request, self._size_of(request), self._clock.seconds())
        self._loaded.put(request.name, request, speech.size_bytes, self._clock.seconds())
        self._go_on(request)

    def _go_on(self, request: _Open) -> None:
        speech, times = request.speech, self._times
        if speech is None or times is None or request.call is not None or not len(request.blocks):
            return
        if request.is_loading or request.name not in self._open:
            return
        if speech.left(request.coding, request.again):
            # Also the first one: no share follows its block after a fixed time.
            interval_s = self._world.rng.expovariate(times.shares_per_s)
            request.call = self._clock.callLater(interval_s, self._send_share, request, speech)

    def _send_share(self, request: _Open, speech: Speech) -> None:
        request.call = None
        if not speech.is_loaded:
            request.is_loading = True
            loading = self._carrying.known(request.name, request.head)
            loading.addCallbacks(partial(self._load, request, speech), partial(self._not_loaded, request))
            return
        block = self._block_of(request)
        if block is not None:
            self._world.blocks.use(block, speech.next_payload(len(request.blocks)))
            self._loaded.put(request.name, request, speech.size_bytes, self._clock.seconds())
            self._go_on(request)

    def _load(self, request: _Open, speech: Speech, found: tuple[Begun, bytes | None]) -> None:
        request.is_loading = False
        if self._open.get(request.name) is not request:
            return
        if found[1] is None:
            # It was erased meanwhile.
            self._forget(request)
            return
        # The share leaves before the answer is put there: it may have to go at once.
        speech.load(found[1])
        self._send_share(request, speech)

    def _not_loaded(self, request: _Open, failure: Failure) -> None:
        # The next part tries again.
        request.is_loading = False
        self._not_found(failure)

    def _unload(self, request: _Open) -> None:
        if request.speech is None or not self._keeps:
            # What is not on the disk cannot be read again; the service is asked again.
            self._forget(request)
            return
        request.speech.unload()
        self.unloaded += request.speech.left(request.coding, request.again) > 0

    def _block_of(self, request: _Open) -> Surb | bytes | None:
        if self._times is not None:
            request.blocks.drop_before(self._times.first_block_epoch(self._clock.seconds()))
        return request.blocks.take()
