"""The shares of one answer, in the order in which they leave."""

from __future__ import annotations

import msgspec

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


class Speech(msgspec.Struct, gc=False):
    """What there is to say about one request, share by share.

    It begins with the service's answer, or with None if the request failed: that is said like an answer of one share.
    """

    _answer: bytes | None
    _size: PartSize
    _has_failed: bool = False
    _pieces: int = 1
    _coded: tuple[bytes, ...] = ()
    sent: int = 0

    def __post_init__(self) -> None:
        self._has_failed = self._answer is None
        if self._answer is not None:
            self._pieces = answer_pieces(len(self._answer), self._size)

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
        self._answer, self._coded = None, ()

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
            self._coded = tuple(answer_shares(answer, indices, self._size))
        share, *rest = self._coded
        self._coded = tuple(rest)
        return share
