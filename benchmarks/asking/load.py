"""Requests in real packets, made ahead, and what came back for each."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.asking.services import BODY_BYTES
from benchmarks.neighbours import DELAY_MEAN_S, TICK_S, Neighbour, pause
from loopixmix import sphinx
from loopixmix.directory import Document, NodeEntry
from loopixmix.errors import FormatError
from loopixmix.requests.answers import AnswerShare, RequestFailed, decode_answer
from loopixmix.requests.coding import encode_shares
from loopixmix.requests.parts import RequestPart, encode_part, request_content, request_head
from loopixmix.routing.path import deliver_to, service_id

SURB_ID_BYTES = 8


@dataclass
class Asked:
    """One request: its place in the load, and when it was first sent and answered.

    `body`: what is asked; empty for the id itself, which the measured services return. `answer`: what the answer has to
    begin with; empty for the id.
    """

    request_id: bytes
    sent_s: float = 0.0
    answered_s: float = 0.0
    failed: bool = False
    body: bytes = b""
    answer: bytes = b""


class RequestLoad:
    """Makes requests to one service of one provider, sends them as its last mix, and reads answers as its first."""

    def __init__(
        self, document: Document, provider: NodeEntry, source: Neighbour, sink: Neighbour, packets: sphinx.Sphinx
    ) -> None:
        """`source`, `sink`: the places of the last and first mix, taken by this process."""
        self._document = document
        self._provider = provider
        self._source = source
        self._sink = sink
        self._sphinx = packets
        self._rng = random.Random(7)
        self._keys: dict[bytes, tuple[Asked, sphinx.SurbKeys]] = {}

    @property
    def is_linked(self) -> bool:
        """Whether our end of the provider's link is open."""
        return self._source.links.is_open(self._provider.id)

    def new(self, count: int) -> list[Asked]:
        """Return requests that nobody has heard of."""
        return [Asked(self._rng.randbytes(16)) for _ in range(count)]

    def frames(self, requests: Iterable[Asked], service: str, *, last_epoch: int) -> list[bytes]:
        """Return a packet for each request, with a reply block of its own."""
        return [self._frame(asked, service, last_epoch) for asked in requests]

    async def send(self, requests: Sequence[Asked], frames: Sequence[bytes], *, rate_per_s: float) -> float:
        """Send packets as a Poisson process; return how many seconds that took."""
        begin_s = due_s = time.time()
        sent = 0
        while sent < len(frames):
            now_s = time.time()
            while due_s <= now_s and sent < len(frames):
                self._source.links.send(self._provider.id, frames[sent])
                requests[sent].sent_s = requests[sent].sent_s or now_s
                sent += 1
                due_s += self._rng.expovariate(rate_per_s)
            await pause(TICK_S)
        return time.time() - begin_s

    def read_answers(self, *, lost_share: float = 0.0) -> int:
        """Note what came back until now; a share of it is taken for lost. Return how many packets came."""
        packets = 0
        for at_s, received in self._sink.received:
            packets += len(received)
            for unwrapped in sphinx.unwrap_many(self._sink.mix_keys, received, sphinx=self._sphinx):
                if isinstance(unwrapped, sphinx.Unwrapped) and self._rng.random() >= lost_share:
                    self._note(unwrapped, at_s)
        self._sink.received.clear()
        return packets

    def _frame(self, asked: Asked, service: str, last_epoch: int) -> bytes:
        recipient, geometry, rng = service_id(service), self._sphinx.geometry, self._rng
        # Id and body are one and the same: so what was executed tells which request it was.
        content = request_content(asked.request_id, asked.body or asked.request_id.ljust(BODY_BYTES, b"\0"))
        head = request_head(asked.request_id, content, last_epoch=last_epoch, size=geometry)
        [share] = encode_shares(content, head.share_bytes, [0])
        payload = encode_part(RequestPart(head, 0, share, blocks_end=last_epoch - self._document.epoch), geometry)
        surb_id = rng.randbytes(SURB_ID_BYTES)
        surb, keys = sphinx.make_surb(
            self._provider.id,
            [
                sphinx.Hop(self._key(self._provider), sphinx.Relay(self._sink.entry.id, self._delay_us())),
                sphinx.Hop(self._key(self._sink.entry), sphinx.Reply(bytes(32), surb_id)),
            ],
            sphinx=self._sphinx,
            rng=rng,
        )
        self._keys[surb_id] = asked, keys
        hops = [sphinx.Hop(self._key(self._provider), deliver_to(recipient, payload, surb))]
        packet = sphinx.wrap(hops, payload, sphinx=self._sphinx, rng=rng, surb=surb)
        return self._source.format.packet_frame(packet)

    def _note(self, unwrapped: sphinx.Unwrapped, at_s: float) -> None:
        command = sphinx.decode_command(unwrapped.command)
        if not isinstance(command, sphinx.Reply):
            return  # a loop of the provider's own
        asked, keys = self._keys.pop(command.surb_id)
        try:
            part = decode_answer(sphinx.open_reply(keys, unwrapped.body, sphinx=self._sphinx), self._sphinx.geometry)
        except FormatError:
            return
        match part:
            case AnswerShare(share=share) if share.startswith(asked.answer or asked.request_id):
                asked.answered_s = asked.answered_s or at_s
            case RequestFailed():
                asked.failed = True
            case _:
                pass

    def _key(self, node: NodeEntry) -> bytes:
        return self._document.mix_key(node.id, self._document.epoch)

    def _delay_us(self) -> int:
        return int(self._rng.expovariate(1 / DELAY_MEAN_S) * 1e6)
