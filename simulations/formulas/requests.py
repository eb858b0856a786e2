"""The time of a request to a hosted service: its packets' turns, the network, the shares of the answer, the last pull.

Each share of the request takes a turn of the payload stream. The provider sends the shares of the answer at
exponential intervals of mean 1 / free pulls, the first one too, each by a reply block. If those that came with the
request are too few, the rest waits for more, which the user sends when the first share has come. The request is over
when the last share that is needed is pulled. What links lose is replaced by coded shares, each of which takes one turn
or interval more; where these are too few it takes another round (`client.core.timing.rounds`), as clients tell it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from client.core.timing.parts import RequestParts
from client.core.timing.rounds import LateStage, Patience, Ways, late_rounds
from simulations.formulas.delivery import ANSWER_S, all_arrived
from simulations.formulas.latency import Grid, Law, at_once, erlang, fixed

# A provider writes down that it carries out a request, and then its answer, before anything leaves: two waits for a
# disk (`simulations.world.nodes.WRITE_S`). The value is repeated here, so that formulas need no provider.
WRITES_S = 2 * 0.02


@dataclass(frozen=True, kw_only=True)
class RequestPace:
    """What the time of a request hangs on, beside the network.

    `turns_per_s`: of the user's payload stream. `free_per_s`: shares of an answer that the provider sends. `patience`:
    how long user and host wait for what may be lost. `loss`: the share of packets that is lost on a whole path.
    `work_s`: the service's.
    """

    parts: RequestParts
    turns_per_s: float
    free_per_s: float
    patience: Patience
    loss: float = 0.0
    work_s: float = 0.0

    @property
    def sending_mean_s(self) -> float:
        """Until the last share of the request that is needed has left."""
        return self.parts.there / (self.turns_per_s * (1 - self.loss))

    @property
    def first_shares(self) -> int:
        """How many shares of the answer that arrive leave by the first reply blocks."""
        return self.parts.first(self.loss)

    @property
    def later_shares(self) -> int:
        """How many need further reply blocks."""
        return self.parts.later(self.loss)

    @property
    def arriving_per_s(self) -> float:
        """The shares of an answer that leave in a second, and arrive."""
        return self.free_per_s * (1 - self.loss)

    def late_rounds(self, *, way_s: float, turn_s: float, pull_s: float) -> Sequence[LateStage]:
        """Return the further rounds; the arguments are mean times, with the links, queues and answers to pulls."""
        ways = Ways(way_s=way_s, turn_s=turn_s, interval_s=1 / self.free_per_s, pull_s=pull_s)
        return late_rounds(self.parts, self.loss, ways, self.patience)


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
    late = pace.late_rounds(way_s=network_mean_s, turn_s=1 / pace.turns_per_s, pull_s=pull_mean_s + ANSWER_S)
    late_s = sum(stage.mean_s for stage in late)
    return pace.sending_mean_s + WRITES_S + pace.work_s + first_s + 2 * network_mean_s + pull_mean_s + ANSWER_S + late_s


def request_law(pace: RequestPace, *, network: Law, queue: Law, pull: Law) -> Law:
    """Return the law of the time of a request.

    `network`: one packet's way from the user to the host; the way back has as many delays, and as many links with that
    to the user. `queue`: the wait until what was queued before has left. `pull`: the wait in the mailbox.
    """
    grid, turns_per_s = network.grid, pace.turns_per_s * (1 - pace.loss)
    asked = queue.then(all_arrived(network, turns_per_s, pace.parts.there), fixed(grid, WRITES_S + pace.work_s))
    late = pace.late_rounds(
        way_s=network.mean_s, turn_s=queue.mean_s + 1 / pace.turns_per_s, pull_s=pull.mean_s + ANSWER_S
    )
    last = fixed(grid, ANSWER_S).then(*(_law_of(grid, stage) for stage in late))
    if not pace.later_shares:
        return asked.then(all_arrived(network, pace.arriving_per_s, pace.first_shares), pull, last)
    one = erlang(grid, 1, 1 / pace.arriving_per_s)
    more = one.then(network, pull, fixed(grid, ANSWER_S), queue, erlang(grid, 1, 1 / turns_per_s), network)
    begun = erlang(grid, pace.first_shares, 1 / pace.arriving_per_s).longest_of(more)
    return asked.then(begun, all_arrived(network, pace.arriving_per_s, pace.later_shares), pull, last)


def _law_of(grid: Grid, stage: LateStage) -> Law:
    """Return the law of how much later a stage makes the answer: no later, if it does not take place."""
    masses = (1 - sum(each.probability for each in stage.rounds)) * at_once(grid).masses
    for each in stage.rounds:
        masses = masses + each.probability * fixed(grid, each.later_s).from_zero().masses
    return Law(grid, masses)
