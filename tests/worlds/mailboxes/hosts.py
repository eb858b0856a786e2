"""Hosted services over a real store on a clock, and requests to them made by hand."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred, fail

from loopixmix.drops import DropReason
from loopixmix.epoch import epoch_start_s
from loopixmix.params import NetworkParams
from loopixmix.requests.answers import AnswerPart, AnswerShare, answer_share_bytes, decode_answer
from loopixmix.requests.coding import decode_shares, encode_shares
from loopixmix.requests.parts import (
    NO_SHARE,
    RequestHead,
    RequestPart,
    encode_part,
    request_content,
    request_head,
)
from loopixmix.routing.path import service_id
from loopixmix.sphinx import Geometry, Surb
from provider.api import Declaration, PayloadService, declaration_of
from provider.hosting.asker import Hosted, NotAskedError
from provider.hosting.asking.limits import HostingRules
from provider.hosting.asking.local import AskedService, LocalAsker
from provider.hosting.host import ServiceHost
from provider.hosting.memory import RequestMemory
from provider.hosting.room import SharedRoom
from provider.hosting.seams import HostingWorld
from provider.store import MailStore
from tests.worlds.mailboxes.mailstores import StoreWorld
from tests.worlds.networks.models import EPOCH

PARAMS = NetworkParams()
SIZE = Geometry.for_network(PARAMS)
HERE, ELSEWHERE = bytes([5]) * 32, bytes([6]) * 32
SHARE_S = 60.0
"""So long that a share which may leave has left."""


class Oracle:
    """Answers when the test wants it to."""

    def __init__(self, name: str = "oracle", declaration: Declaration | None = None) -> None:
        self.name = name
        self.declaration = declaration or Declaration()
        self.asked: list[tuple[bytes, Deferred[bytes]]] = []
        self.keys: list[bytes] = []
        self.closed = False

    @property
    def bodies(self) -> list[bytes]:
        return [body for body, _ in self.asked]

    async def answer(self, body: bytes) -> bytes:
        answer: Deferred[bytes] = Deferred()
        self.asked.append((body, answer))
        return await answer

    async def answer_again(self, repetition_key: bytes, body: bytes) -> bytes:
        self.keys.append(repetition_key)
        return await self.answer(body)

    async def close(self) -> None:
        self.closed = True


class AwayAsker:
    """A service that cannot be asked until the test says so."""

    problem = "the service is away"

    def __init__(self, name: str, declaration: Declaration | None = None) -> None:
        self.name = name
        self.declaration = declaration or Declaration()
        self.back: LocalAsker | None = None

    def ask(self, repetition_key: bytes, body: bytes) -> Deferred[bytes]:
        if self.back is None:
            return fail(NotAskedError(self.problem))
        return self.back.ask(repetition_key, body)

    async def stop(self) -> None:
        pass


class WrittenBlocks:
    """Reply blocks whose use is written down."""

    def __init__(self) -> None:
        self.used: list[tuple[bytes, bytes]] = []
        """The first eight bytes of each header, and the payload."""
        self.foreign = 0

    def starts_here(self, block: Surb | bytes) -> bool:
        first_hop = block.first_hop if isinstance(block, Surb) else block[:32]
        self.foreign += first_hop != HERE
        return first_hop == HERE

    def use(self, block: Surb | bytes | None, payload: bytes) -> None:
        if block is not None:
            header = block.header if isinstance(block, Surb) else block[32:]
            self.used.append((header[:8], payload))


@dataclass
class HandRequest:
    """A request made by hand: its parts, and what came back for it."""

    service: str
    head: RequestHead
    content: bytes
    blocks: list[int] = field(default_factory=list)

    def share(self, index: int) -> bytes:
        [share] = encode_shares(self.content, self.head.share_bytes, [index])
        return share


class HostWorld(StoreWorld):
    """A host with services on a real store. It is the first second of epoch `EPOCH`, of an hour."""

    def __init__(
        self,
        store: MailStore,
        services: Iterable[AskedService | PayloadService | Hosted],
        *,
        rules: HostingRules | None = None,
        adopted: bool = True,
        account: bool = True,
    ) -> None:
        super().__init__(store, account=account)
        rules = rules or HostingRules()
        self.clock.advance(epoch_start_s(EPOCH, PARAMS.epoch_length_s))
        self.rng = random.Random(1)
        self.blocks = WrittenBlocks()
        self.count = 0
        self.memory = RequestMemory(self.access)
        self.host = ServiceHost(
            [self._hosted(service) for service in services],
            memory=self.memory,
            world=HostingWorld(
                clock=self.clock,
                rng=self.rng,
                blocks=self.blocks,
                drops=self.drops,
                size=SIZE,
                assembling=SharedRoom(rules.assembly_bytes),
                answering=SharedRoom(rules.answer_bytes),
            ),
        )
        if adopted:
            self.host.adopt(PARAMS)
        self.host.start()
        self.clock.advance(0.1)

    @staticmethod
    def _hosted(service: AskedService | PayloadService | Hosted) -> Hosted:
        if isinstance(service, PayloadService) or hasattr(service, "ask"):
            return service
        return LocalAsker(service, declaration_of(service))

    def request(
        self,
        service: str,
        body: bytes,
        *,
        last_epoch: int = EPOCH,
        request_id: bytes | None = None,
        key: bytes = bytes(16),
    ) -> HandRequest:
        content = request_content(key, body)
        head = request_head(request_id or self.rng.randbytes(16), content, last_epoch=last_epoch, size=SIZE)
        return HandRequest(service, head, content)

    def part(
        self,
        request: HandRequest,
        index: int = 0,
        *,
        further: int = 0,
        blocks_end: int = 0,
        coding: int = 0,
        again: int = 0,
        report: bool = False,
    ) -> RequestPart:
        return RequestPart(
            request.head,
            index,
            b"" if index == NO_SHARE else request.share(index),
            tuple(self.surb(request).encode() for _ in range(further)),
            blocks_end,
            coding,
            again,
            report,
        )

    def surb(self, request: HandRequest | None = None, *, first_hop: bytes = HERE) -> Surb:
        """Return a reply block; its header begins with a number of its own."""
        self.count += 1
        if request is not None:
            request.blocks.append(self.count)
        return Surb(first_hop, self.count.to_bytes(8).ljust(SIZE.header_bytes, b"\0"), bytes(16))

    def send(self, request: HandRequest, part: RequestPart, surb: Surb | None = None) -> DropReason | None:
        """Let a part come with a reply block of its own."""
        payload = encode_part(part, SIZE)
        return self.host.take(service_id(request.service), payload, surb or self.surb(request))

    def send_all(self, request: HandRequest, indices: Sequence[int] | None = None) -> None:
        """Let parts with these shares come, or as many as are needed."""
        for index in range(request.head.pieces) if indices is None else indices:
            assert self.send(request, self.part(request, index)) is None

    def ask(self, service: str, body: bytes, *, last_epoch: int = EPOCH) -> HandRequest:
        """Send a request in full."""
        request = self.request(service, body, last_epoch=last_epoch)
        self.send_all(request)
        self.run(0.1)
        return request

    def run(self, seconds: float) -> None:
        """Let time pass, one call after the other."""
        end_s = self.clock.seconds() + seconds
        while (calls := self.clock.getDelayedCalls()) and min(call.getTime() for call in calls) <= end_s:
            self.clock.advance(max(0.0, min(call.getTime() for call in calls) - self.clock.seconds()))
        self.clock.advance(end_s - self.clock.seconds())

    def said(self, request: HandRequest) -> list[AnswerPart]:
        """Return what was said about a request until now, after a while."""
        self.run(SHARE_S)
        numbers = {number.to_bytes(8) for number in request.blocks}
        return [decode_answer(payload, SIZE) for header, payload in self.blocks.used if header in numbers]

    def answer(self, request: HandRequest) -> bytes:
        """Return the answer to a request, from the shares that came back."""
        shares = [part for part in self.said(request) if isinstance(part, AnswerShare)]
        answer_bytes = shares[0].answer_bytes
        by_index = {share.index: share.share for share in shares}
        return decode_shares(by_index, answer_bytes, answer_share_bytes(answer_bytes, SIZE))

    def stop(self) -> None:
        """Stop the host: no call is left but those of the store."""
        Deferred.fromCoroutine(self.host.stop())
        self.run(1.0)
        assert self.clock.getDelayedCalls() == []
