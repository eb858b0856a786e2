"""Parts of requests and answers are heard where packets are made, and nothing else is."""

from __future__ import annotations

import random

from nacl.bindings import crypto_scalarmult_base

from loopixmix.requests.answers import AnswerShare, RequestFailed, SharesMissing, answer_shares, encode_answer
from loopixmix.requests.coding import encode_shares
from loopixmix.requests.parts import NO_SHARE, RequestPart, encode_part, request_content, request_head
from loopixmix.sphinx import Deliver, Geometry, Hop, Sphinx, Surb, use_surb, wrap
from simulations.world.arithmetic import PlainArithmetic
from simulations.world.parts import ListeningArithmetic, Parts

RNG = random.Random(1)
GEOMETRY = Geometry()
CONTENT = request_content(bytes(16), bytes(5000))


class Bench:
    """A sender and a host whose packets are heard."""

    def __init__(self) -> None:
        self.parts = Parts()
        self.sphinx = Sphinx(GEOMETRY, ListeningArithmetic(PlainArithmetic(), self.parts))
        self.heads = [request_head(bytes([n] * 16), CONTENT, last_epoch=1, size=GEOMETRY) for n in (1, 2)]

    def send(self, payload: bytes) -> None:
        key = crypto_scalarmult_base(RNG.randbytes(32))
        wrap([Hop(key, Deliver(bytes(32)))], payload, sphinx=self.sphinx, rng=RNG)

    def part(self, request: int, index: int, *, report: bool = False) -> None:
        head = self.heads[request]
        share = b"" if index == NO_SHARE else encode_shares(CONTENT, head.share_bytes, [index])[0]
        self.send(encode_part(RequestPart(head, index, share, report=report), GEOMETRY))

    def answer(self, payload: bytes) -> None:
        surb = Surb(bytes(32), bytes(GEOMETRY.header_bytes), bytes(16))
        use_surb(surb, payload, sphinx=self.sphinx)


def test_parts_and_second_rounds_are_counted_by_request() -> None:
    bench = Bench()
    for request in (0, 1):
        bench.part(request, 0)
        bench.part(request, 1)
        bench.part(request, 2, report=True)
    bench.part(0, NO_SHARE, report=True)
    assert (bench.parts.requests, bench.parts.of_requests, bench.parts.second_rounds) == (2, 7, 0)
    bench.part(1, 3, report=True)
    assert (bench.parts.requests, bench.parts.of_requests, bench.parts.second_rounds) == (2, 8, 1)


def test_shares_and_words_of_hosts_are_counted() -> None:
    bench = Bench()
    for index in range(3):
        [share] = answer_shares(bytes(5000), [index], GEOMETRY)
        bench.answer(encode_answer(AnswerShare(5000, index + 1, 0, index, share), GEOMETRY))
    bench.answer(encode_answer(SharesMissing(frozenset([1])), GEOMETRY))
    bench.answer(encode_answer(RequestFailed(), GEOMETRY))
    assert (bench.parts.of_answers, bench.parts.words) == (3, 1)


def test_other_packets_are_not_counted() -> None:
    bench = Bench()
    for payload in (b"", b"\2", b"\2" + bytes(2000), b"\1" + bytes(100), RNG.randbytes(2048)):
        bench.send(payload)
        bench.answer(payload)
    assert bench.parts == Parts()
