"""The times that follow from a network's parameters: epochs of requests and reply blocks, and how fast shares leave."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from loopixmix.epoch import epoch_at
from loopixmix.params import NetworkParams
from loopixmix.requests.parts import EPOCHS_AHEAD


@dataclass(frozen=True)
class RequestTimes:
    """What is in time, by the parameters of the present network document."""

    params: NetworkParams

    @cached_property
    def shares_per_s(self) -> float:
        """How many shares of one answer leave on average: as many as a client has free places for."""
        return self.params.free_pulls_per_s

    @property
    def settling_s(self) -> float:
        """How long parts may come after the one that left last, which asks what is missing."""
        return self.params.settling_s

    def present(self, now_s: float) -> int:
        """Return the present epoch."""
        return epoch_at(now_s, self.params.epoch_length_s)

    def ended(self, now_s: float) -> int:
        """Return the last epoch that is over, and the grace after it too."""
        return epoch_at(now_s - self.params.grace_s, self.params.epoch_length_s) - 1

    def is_over(self, last_epoch: int, now_s: float) -> bool:
        """Tell whether a request with this last epoch is none of this time: too old, or too far ahead."""
        furthest = epoch_at(now_s + self.params.grace_s, self.params.epoch_length_s) + EPOCHS_AHEAD
        return not self.ended(now_s) < last_epoch <= furthest

    def first_block_epoch(self, now_s: float) -> int:
        """Return the first last epoch of a reply block that is still worth using.

        The mixes on its way keep the keys of an epoch for the grace after it. Half of that is left for the way.
        """
        return epoch_at(now_s - self.params.grace_s / 2, self.params.epoch_length_s)
