"""The parts of a request, against those that a client makes."""

from __future__ import annotations

import random

import pytest

from client.core.asking.asking import Asking
from client.core.asking.shares import answer_timing
from client.core.asking.steps import nearest_step
from client.core.timing.parts import RequestParts, request_parts
from loopixmix.params import NetworkParams
from loopixmix.requests.answers import answer_pieces
from loopixmix.requests.parts import request_content, request_head
from loopixmix.sphinx import Geometry

PARAMS = NetworkParams()
SIZE = Geometry.for_network(PARAMS)


@pytest.mark.parametrize("loss", [0.0, 0.02, 0.05, 0.3])
@pytest.mark.parametrize(("request_bytes", "answer_bytes"), [(0, 0), (1000, 30_000), (4096, 1000), (40_000, 100_000)])
def test_they_are_those_of_a_client_that_has_measured_the_loss(
    loss: float, request_bytes: int, answer_bytes: int
) -> None:
    parts = request_parts(request_bytes, answer_bytes, SIZE, loss=loss)
    content = request_content(bytes(16), random.Random(1).randbytes(request_bytes))
    head = request_head(bytes(16), content, last_epoch=1, size=SIZE)
    asking = Asking(head, SIZE, timing=answer_timing(PARAMS), loss=nearest_step(loss))
    given = 0
    while plan := asking.plan(10_000):
        asking.on_sent(plan, arrives_s=0.0, ends_s=100.0)
        given += 1 + plan.blocks
    assert (parts.there, parts.back, parts.first_blocks) == (head.pieces, answer_pieces(answer_bytes, SIZE), given)
    # A full packet of reply blocks, and the one that it has anyway.
    assert parts.blocks_a_part == 6


def test_the_first_reply_blocks_bring_the_shares_that_no_loss_takes() -> None:
    parts = RequestParts(there=1, back=20, first_blocks=10, blocks_a_part=6)
    assert (parts.first(0.0), parts.later(0.0)) == (10, 10)
    # There and back, a tenth each: 8.1 of 10.
    assert (parts.first(0.1), parts.later(0.1)) == (8, 12)
    short = RequestParts(there=1, back=2, first_blocks=10, blocks_a_part=6)
    assert (short.first(0.0), short.later(0.0)) == (2, 0)
    # Without the first one there would be no answer at all.
    assert RequestParts(there=1, back=2, first_blocks=1, blocks_a_part=6).first(0.5) == 1
