"""The time of a request to a hosted service: its packets' turns, the network, the shares of the answer, the last pull.

Each share of the request takes a turn of the payload stream. The provider sends the shares of the answer at
exponential intervals of mean 1 / free pulls, the first one too, each by a reply block. If those that came with the
request are too few, the rest waits for more, which the user sends when the first share has come. The request is over
when the last share that is needed is pulled. What links lose is replaced by coded shares, each of which takes one turn
or interval more.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulations.formulas.delivery import ANSWER_S, all_arrived
from simulations.formulas.latency import Law, erlang, fixed

# A provider writes down that it carries out a request, and then its answer, before anything leaves: two waits for a
# disk (`simulations.world.nodes.WRITE_S`). The value is repeated here, so that formulas need no provider.
WRITES_S = 2 * 0.02


@dataclass(frozen=True, kw_only=True)
class RequestPace:
    """What the time of a request hangs on, beside the network.

    `shares`, `answer_shares`: those of the data. `turns_per_s`: of the user's payload stream. `free_per_s`: shares of
    an answer that the provider sends. `first_blocks`: reply blocks that come with the request. `loss`: the share of
    packets that is lost on a whole path. `work_s`: the service's.
    """

    shares: int
    answer_shares: int
    turns_per_s: float
    free_per_s: float
    first_blocks: int
    loss: float = 0.0
    work_s: float = 0.0

    @property
    def sending_mean_s(self) -> float:
        """Until the last share of the request that is needed has left."""
        return self.shares / (self.turns_per_s * (1 - self.loss))

    @property
    def first_shares(self) -> int:
        """How many shares of the answer that arrive leave by the first reply blocks."""
        return min(self.answer_shares, max(1, round(self.first_blocks * (1 - self.loss) ** 2)))

    @property
    def later_shares(self) -> int:
        """How many need further reply blocks."""
        return self.answer_shares - self.first_shares

    @property
    def arriving_per_s(self) -> float:
        """The shares of an answer that leave in a second, and arrive."""
        return self.free_per_s * (1 - self.loss)


def request_mean_s(pace: RequestPace, *, network_mean_s: float, pull_mean_s: float) -> float:
    """Return the mean time of a request, but for shares that overtake each other: its parts one after the other.

    `network_mean_s`: from a user to the host, and from the host back to the user. `pull_mean_s`: the wait in the
    mailbox.
    """
    first_s = pace.first_shares / pace.arriving_per_s
    if pace.later_shares:
        turn_s = 1 / (pace.turns_per_s * (1 - pace.loss))
        more_s = 1 / pace.arriving_per_s + 2 * network_mean_s + pull_mean_s + ANSWER_S + turn_s
        first_s = max(first_s, more_s) + pace.later_shares / pace.arriving_per_s
    return pace.sending_mean_s + WRITES_S + pace.work_s + first_s + 2 * network_mean_s + pull_mean_s + ANSWER_S


def request_law(pace: RequestPace, *, network: Law, queue: Law, pull: Law) -> Law:
    """Return the law of the time of a request.

    `network`: one packet's way from the user to the host; the way back has as many delays, and as many links with that
    to the user. `queue`: the wait until what was queued before has left. `pull`: the wait in the mailbox.
    """
    grid, turns_per_s = network.grid, pace.turns_per_s * (1 - pace.loss)
    asked = queue.then(all_arrived(network, turns_per_s, pace.shares), fixed(grid, WRITES_S + pace.work_s))
    last = fixed(grid, ANSWER_S)
    if not pace.later_shares:
        return asked.then(all_arrived(network, pace.arriving_per_s, pace.first_shares), pull, last)
    one = erlang(grid, 1, 1 / pace.arriving_per_s)
    more = one.then(network, pull, fixed(grid, ANSWER_S), queue, erlang(grid, 1, 1 / turns_per_s), network)
    begun = erlang(grid, pace.first_shares, 1 / pace.arriving_per_s).longest_of(more)
    return asked.then(begun, all_arrived(network, pace.arriving_per_s, pace.later_shares), pull, last)
