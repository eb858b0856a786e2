"""The shares of one answer as they come: which are here, which are lost, and how many its host has to send in all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from client.core.asking.spares import spare_shares
from client.core.retry import quantile_s
from loopixmix.errors import FormatError
from loopixmix.params import NetworkParams
from loopixmix.requests.answers import MAX_SENT, AnswerShare, answer_pieces, answer_share_bytes
from loopixmix.requests.coding import MAX_SHARES, decode_shares
from loopixmix.requests.parts import PartSize

_LATE_PROBABILITY = 1e-3
_LINKS_S = 0.5
"""The time that links and queues add to the delays of a way."""
_ENOUGH_SENT = 16
"""From so many shares on, those that were lost tell something about loss."""


class AnswerTiming(msgspec.Struct, frozen=True):
    """How well the way of a share is known.

    `unsure_s`: a share has left by the time of its arrival without its delays, and at most so long before; `late_s`:
    after so long on its way, a share is lost.
    """

    unsure_s: float
    late_s: float


def answer_timing(params: NetworkParams) -> AnswerTiming:
    """Return how well it is known in a network when a share has left: it waits to be pulled."""
    pulled_s = 1 / params.pull_rate_per_s + _LINKS_S
    return AnswerTiming(pulled_s, quantile_s(params.layers + 1, params.delay_mean_s, _LATE_PROBABILITY) + pulled_s)


@dataclass
class AnswerShares:
    """Collects the shares of one answer. Share number n has the index (n - 1) modulo `MAX_SHARES`."""

    size: PartSize
    timing: AnswerTiming
    sent: int = 0
    """The highest number of a share that came."""
    _answer_bytes: int | None = None
    _shares: dict[int, bytes] = field(default_factory=dict, repr=False)
    _numbers: set[int] = field(default_factory=set)
    _missing: dict[int, float] = field(default_factory=dict)
    """Shares that left before others that came, and when each is lost."""
    _lost: set[int] = field(default_factory=set)
    _newest_left_s: float = 0.0

    @property
    def pieces(self) -> int:
        """How many different shares give the answer back; 0 while that is not known."""
        return 0 if self._answer_bytes is None else answer_pieces(self._answer_bytes, self.size)

    @property
    def received(self) -> int:
        """How many different shares are here."""
        return len(self._shares)

    @property
    def in_air(self) -> int:
        """How many shares have left, and may still come."""
        return len(self._missing)

    @property
    def loss(self) -> float:
        """The part of the shares that was lost, 0 while too few were sent to tell."""
        return len(self._lost) / self.sent if self.sent >= _ENOUGH_SENT else 0.0

    def take(self, share: AnswerShare, *, left_s: float, most_missing: int) -> bool:
        """Take a share that left its host at `left_s` at the latest; tell whether it is the newest until now.

        `most_missing`: how many shares at most can have left before it, because each used a reply block of ours.
        """
        if share.answer_bytes != self._answer_bytes or self._began_anew(share.sent, left_s):
            self._begin(share.answer_bytes)
        newest = share.sent > self.sent
        if newest:
            for number in range(max(self.sent + 1, share.sent - most_missing), share.sent):
                self._missing[number] = left_s + self.timing.late_s
            self.sent, self._newest_left_s = share.sent, left_s
        self._missing.pop(share.sent, None)
        self._lost.discard(share.sent)
        self._numbers.add(share.sent)
        self._shares[share.index] = share.share
        return newest

    def settle(self, now_s: float) -> None:
        """Count as lost the shares that should have come by now."""
        for number in [number for number, lost_at_s in self._missing.items() if lost_at_s <= now_s]:
            del self._missing[number]
            self._lost.add(number)

    def write_off(self) -> None:
        """Count as lost all shares that have left and did not come."""
        self._lost.update(self._missing)
        self._missing.clear()

    def wanted(self, loss: float) -> int:
        """Return how many shares the host has to send in all, those that are lost included, if it goes on like this.

        `loss`: the probability that a share gets lost.
        """
        needed = self.pieces - self.received
        if needed < 1:
            return self.sent
        hoped_for = needed + spare_shares(needed, max(loss, self.loss))
        useful = sum(self._is_useful(number) for number in self._missing)
        number = self.sent
        while useful < hoped_for and number < MAX_SENT:
            number += 1
            useful += self._is_useful(number)
        return number

    def answer(self) -> bytes | None:
        """Return the answer if enough is here; forget it, and raise `FormatError`, if it does not fit together."""
        if self._answer_bytes is None or self.received < self.pieces:
            return None
        shares: Mapping[int, bytes] = self._shares
        try:
            return decode_shares(shares, self._answer_bytes, answer_share_bytes(self._answer_bytes, self.size))
        except FormatError:
            self._begin(self._answer_bytes)
            raise

    def _is_useful(self, number: int) -> bool:
        return (number - 1) % MAX_SHARES not in self._shares

    def _began_anew(self, number: int, left_s: float) -> bool:
        """Tell whether the host, which was started again, numbers its shares from 1 again."""
        # Then the answer may be another one, if the service was asked again: shares of two answers must not mix.
        if number in self._numbers:
            return True
        return number < self.sent and left_s - self.timing.unsure_s > self._newest_left_s

    def _begin(self, answer_bytes: int) -> None:
        self._answer_bytes = answer_bytes
        self.sent = 0
        for kept in (self._shares, self._numbers, self._missing, self._lost):
            kept.clear()
