"""The time of a request to a hosted service: its packets' turns, the network, the shares of the answer, the last pull.

Each share of the request takes a turn of the payload stream. The provider sends the shares of the answer at
exponential intervals of mean 1 / free pulls, the first one too. The request is over when the last share that is needed
is pulled. What links lose is replaced by coded shares, each of which takes one turn or interval more.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulations.formulas.delivery import ANSWER_S, all_arrived
from simulations.formulas.latency import Law, fixed

# A provider writes down that it carries out a request, and then its answer, before anything leaves: two waits for a
# disk (`simulations.world.nodes.WRITE_S`). The value is repeated here, so that formulas need no provider.
WRITES_S = 2 * 0.02


@dataclass(frozen=True, kw_only=True)
class RequestPace:
    """What the time of a request hangs on, beside the network.

    `shares`, `answer_shares`: those of the data. `turns_per_s`: of the user's payload stream. `free_per_s`: shares of
    an answer that the provider sends. `loss`: the share of packets that is lost on a whole path. `work_s`: the
    service's.
    """

    shares: int
    answer_shares: int
    turns_per_s: float
    free_per_s: float
    loss: float = 0.0
    work_s: float = 0.0

    @property
    def sending_mean_s(self) -> float:
        """Until the last share of the request that is needed has left."""
        return self.shares / (self.turns_per_s * (1 - self.loss))

    @property
    def answering_mean_s(self) -> float:
        """From the first moment of an answer until the last share of it that is needed has left."""
        return self.answer_shares / (self.free_per_s * (1 - self.loss))


def request_mean_s(pace: RequestPace, *, network_mean_s: float, pull_mean_s: float) -> float:
    """Return the mean time of a request, but for shares that overtake each other: its parts one after the other.

    `network_mean_s`: from a user to the host, and from the host back to the user. `pull_mean_s`: the wait in the
    mailbox.
    """
    waits_s = pace.sending_mean_s + WRITES_S + pace.work_s + pace.answering_mean_s
    return waits_s + 2 * network_mean_s + pull_mean_s + ANSWER_S


def request_law(pace: RequestPace, *, network: Law, queue: Law, pull: Law) -> Law:
    """Return the law of the time of a request.

    `network`: one packet's way from the user to the host; the way back has as many delays, and as many links with that
    to the user. `queue`: the wait until what was queued before has left. `pull`: the wait in the mailbox.
    """
    arrived = all_arrived(network, pace.turns_per_s * (1 - pace.loss), pace.shares)
    answered = all_arrived(network, pace.free_per_s * (1 - pace.loss), pace.answer_shares)
    return queue.then(arrived, fixed(network.grid, WRITES_S + pace.work_s + ANSWER_S), answered, pull)
