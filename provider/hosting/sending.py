"""Answers to the requests of one service on their way: share by share, at random intervals, by the blocks that came."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from twisted.python.failure import Failure

from loopixmix.requests.answers import MAX_SENT
from provider.api import Declaration
from provider.hosting.blocks import Block
from provider.hosting.carrying import Carrying
from provider.hosting.opened import OpenedRequest
from provider.hosting.seams import HostingWorld
from provider.hosting.speaking import Speech
from provider.hosting.times import RequestTimes
from provider.store.requests import Begun

MAX_ANSWERED = 16_384
"""Requests of one service whose answers are leaving, or have left a short while ago."""


class AnswerSending:
    """The answers of one service."""

    def __init__(
        self,
        declaration: Declaration,
        carrying: Carrying,
        world: HostingWorld,
        *,
        forget: Callable[[OpenedRequest], object],
        count_failure: Callable[[Failure], object],
    ) -> None:
        """`declaration`: has the bounds. `carrying`: reads answers that had to make room for others.

        `forget`: forgets a request altogether. `count_failure`: hears why an answer could not be read.
        """
        self._keeps = not declaration.recognises_repetition
        self._carrying = carrying
        self._world = world
        self._clock = world.clock
        self._times: RequestTimes | None = None
        self._forget_request = forget
        self._count_failure = count_failure
        self._answered = world.answering.shelf(
            most=MAX_ANSWERED, most_bytes=declaration.assembly_bytes // 4, given_up=forget
        )
        # Long answers have a shelf of their own: they push out each other, and not how much of them was sent.
        self._loaded = world.answering.shelf(
            most=MAX_ANSWERED, most_bytes=declaration.assembly_bytes * 3 // 4, given_up=self._unload
        )
        self.answered = 0
        self.failed = 0
        self.unloaded = 0
        """How often an answer had to make room for others before all of it was sent."""

    def __iter__(self) -> Iterator[OpenedRequest]:
        """Yield the requests that have an answer."""
        return iter(self._answered)

    def adopt(self, times: RequestTimes) -> None:
        """Go on by these times."""
        self._times = times

    def stop(self) -> None:
        """Forget all answers."""
        self._answered.close()
        self._loaded.close()

    def forget(self, request: OpenedRequest) -> None:
        """Forget one answer, if there is one."""
        self._answered.pop(request.name)
        self._loaded.pop(request.name)

    def give_up_before(self, at_s: float) -> None:
        """Forget the requests that no part has come for since then."""
        self._answered.give_up_before(at_s)

    def begin(self, request: OpenedRequest, answer: bytes | None) -> None:
        """Begin to send an answer; None: the request has failed."""
        if answer is None:
            self.failed += 1
        else:
            self.answered += 1
        request.speech = speech = Speech(answer, self._world.size)
        now_s = self._clock.seconds()
        self._answered.put(request.name, request, request.size_bytes(self._world.size.surb_bytes), now_s)
        # It may have to go at once, if it alone is too large.
        if request.is_open:
            self._loaded.put(request.name, request, speech.size_bytes, now_s)
            self._go_on(request)

    def go_on(self, request: OpenedRequest, index: int, now_s: float) -> None:
        """Go on with an answer, because a part has come: that of the share `index`."""
        self._answered.put(request.name, request, request.size_bytes(self._world.size.surb_bytes), now_s)
        if request.indices >> index & 1 and len(request.blocks) > request.shares_left:
            # Whoever sends a share again has no answer, even if the part does not ask for one share more.
            request.again = min(request.again + 1, MAX_SENT)
        self._go_on(request)

    def take_block(self, request: OpenedRequest) -> Block | None:
        """Take out a reply block of a request that still works; None if there is none."""
        if self._times is not None:
            request.blocks.drop_before(self._times.first_block_epoch(self._clock.seconds()))
        return request.blocks.take()

    def _go_on(self, request: OpenedRequest) -> None:
        speech, times = request.speech, self._times
        if speech is None or times is None or request.call is not None or not len(request.blocks):
            return
        if request.is_loading or not request.is_open:
            return
        if request.shares_left:
            # Also the first one: no share follows its block after a fixed time.
            interval_s = self._world.rng.expovariate(times.shares_per_s)
            request.call = self._clock.callLater(interval_s, self._send_share, request, speech)

    def _send_share(self, request: OpenedRequest, speech: Speech) -> None:
        request.call = None
        if not speech.is_loaded:
            request.is_loading = True
            loading = self._carrying.known(request.name, request.head)
            loading.addCallbacks(partial(self._load, request, speech), partial(self._not_loaded, request))
            return
        block = self.take_block(request)
        if block is not None:
            self._world.blocks.use(block, speech.next_payload(len(request.blocks)))
            self._loaded.put(request.name, request, speech.size_bytes, self._clock.seconds())
            self._go_on(request)

    def _load(self, request: OpenedRequest, speech: Speech, found: tuple[Begun, bytes | None]) -> None:
        request.is_loading = False
        if not request.is_open:
            return
        if found[1] is None:
            # It was erased meanwhile.
            self._forget_request(request)
            return
        # The share leaves before the answer is put there: it may have to go at once.
        speech.load(found[1])
        self._send_share(request, speech)

    def _not_loaded(self, request: OpenedRequest, failure: Failure) -> None:
        # The next part tries again.
        request.is_loading = False
        self._count_failure(failure)

    def _unload(self, request: OpenedRequest) -> None:
        if request.speech is None or not self._keeps:
            # What is not on the disk cannot be read again; the service is asked again.
            self._forget_request(request)
            return
        request.speech.unload()
        self.unloaded += request.shares_left > 0
