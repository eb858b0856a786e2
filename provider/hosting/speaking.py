"""The shares of one answer, in the order in which they leave."""

from __future__ import annotations

from loopixmix.requests.answers import (
    AnswerShare,
    RequestFailed,
    answer_pieces,
    answer_shares,
    encode_answer,
    wanted_shares,
)
from loopixmix.requests.coding import MAX_SHARES
from loopixmix.requests.parts import PartSize

_CODED_AT_ONCE = 16


class Speech:
    """What there is to say about one request, share by share."""

    __slots__ = ("_answer", "_coded", "_has_failed", "_pieces", "_size", "sent")

    def __init__(self, answer: bytes | None, size: PartSize) -> None:
        """`answer`: the service's; None if the request failed, which is said like an answer of one share."""
        self._answer = answer
        self._has_failed = answer is None
        self._size = size
        self._pieces = 1 if answer is None else answer_pieces(len(answer), size)
        self._coded: list[bytes] = []
        self.sent = 0

    @property
    def size_bytes(self) -> int:
        """How much memory the answer takes."""
        return len(self._answer or b"")

    @property
    def is_loaded(self) -> bool:
        """Tell whether the next share can be made."""
        return self._has_failed or self._answer is not None

    def unload(self) -> None:
        """Forget the answer itself, and not how much of it was sent."""
        self._answer, self._coded = None, []

    def load(self, answer: bytes) -> None:
        """Take up the same answer again."""
        self._answer = answer

    def left(self, coding: int, again: int) -> int:
        """Return how many shares are still to be sent, for a sender that asked for so many; see `wanted_shares`."""
        return max(0, wanted_shares(self._pieces, coding, again) - self.sent)

    def next_payload(self, held: int) -> bytes:
        """Return the payload with the next share; the answer is loaded. `held`: the reply blocks left after it."""
        number = self.sent
        self.sent += 1
        if self._answer is None:
            return encode_answer(RequestFailed(), self._size)
        share = self._share(self._answer, number)
        return encode_answer(AnswerShare(len(self._answer), self.sent, held, number % MAX_SHARES, share), self._size)

    def _share(self, answer: bytes, number: int) -> bytes:
        # Some at a time: each call of the coder cuts the whole answer into pieces, and all shares at once would take
        # its memory again.
        if not self._coded:
            indices = [each % MAX_SHARES for each in range(number, number + min(_CODED_AT_ONCE, self._pieces))]
            self._coded = answer_shares(answer, indices, self._size)[::-1]
        return self._coded.pop()
