"""How many packets a request and its answer take, and how many reply blocks come with them."""

from __future__ import annotations

from dataclasses import dataclass

from client.core.asking.spares import spare_shares
from client.core.asking.steps import nearest_step
from loopixmix.requests.answers import answer_pieces
from loopixmix.requests.coding import fitting_share_bytes, piece_count
from loopixmix.requests.parts import REPETITION_KEY_BYTES, PartSize, blocks_beside, part_room_bytes


@dataclass(frozen=True, kw_only=True)
class RequestParts:
    """What a request and its answer consist of.

    `there`, `back`: the shares that give request and answer back, 1 or more. `first_blocks`: the reply blocks that
    leave with the shares of the request. `blocks_a_part`: those that each further part brings, 1 or more.
    """

    there: int
    back: int
    first_blocks: int
    blocks_a_part: int

    def first(self, loss: float) -> int:
        """Return how many shares of the answer come by the first reply blocks; `loss`: of packets, on one way."""
        return min(self.back, max(1, round(self.first_blocks * (1 - loss) ** 2)))

    def later(self, loss: float) -> int:
        """Return how many shares need reply blocks that leave when the first share is here."""
        return self.back - self.first(loss)


def request_parts(request_bytes: int, answer_bytes: int, size: PartSize, *, loss: float) -> RequestParts:
    """Return the parts of a request with bodies of these lengths, by a client that has measured `loss` for hours.

    Raises `MisuseError` if the request is longer than its shares can be.
    """
    content_bytes, room_bytes = REPETITION_KEY_BYTES + request_bytes, part_room_bytes(size)
    there = piece_count(content_bytes, room_bytes)
    beside = blocks_beside(fitting_share_bytes(content_bytes, room_bytes), size)
    return RequestParts(
        there=there,
        back=answer_pieces(answer_bytes, size),
        first_blocks=(there + spare_shares(there, nearest_step(loss))) * (1 + beside),
        blocks_a_part=1 + blocks_beside(0, size),
    )
