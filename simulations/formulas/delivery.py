"""From handing a message over to having it: the wait for turns in the payload stream, the network, the wait for a pull.

Each message is some packets; each takes one turn of a Poisson stream; the message is there when the last of them is
pulled. What others have queued before it is counted as if messages went one after the other (the deployed client takes
turns between them, which is the same while few meet). Links and delays of packets are independent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import ceil, log, sqrt

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from client.core.retry import JITTER
from loopixmix.errors import MisuseError
from simulations.formulas.latency import FloatArray, Grid, Law, at_once, erlang, erlang_quantile_s, fixed, uniform
from simulations.formulas.queues import poisson_probability, poisson_quantile

# A pull is answered this much later (`provider.clients.links.ClientRules.answer_s`). The value is repeated here, so
# that formulas need no provider.
ANSWER_S = 0.03
# A slice is a 32nd of the interval between pulls. What came before an item counts as if it came in its slice's middle.
_SLICES = 32
# Each round is a transform of the whole grid, and messages may have 10,000 packets.
_MOST_ROUNDS = 400
_TAIL = 1e-12
LEASE_PULLS = 8
"""An item that is lost on the way to its user is given again so many pulls later (`provider.mailbox.MailboxRules`)."""
# What is lost more often in a row than this is left out.
_RARE = 1e-4


@dataclass(frozen=True, kw_only=True)
class Retries:
    """How a client sends again what is not acknowledged.

    `loss`: the share of packets that is lost on a whole path, 0 to below 1. `first_wait_s`: until the first repetition,
    without its random part; the next wait is twice as long. What is overdue is seen at a pull, and then waits for a
    turn.
    """

    loss: float
    first_wait_s: float
    turns_per_s: float
    pulls_per_s: float

    @property
    def count(self) -> int:
        """How many repetitions count: a packet needs more than these once in ten thousand times."""
        return 0 if self.loss == 0 else max(1, ceil(log(_RARE) / log(self.loss)))

    @property
    def longest_s(self) -> float:
        """The longest that these repetitions can take, but for turns that nearly never happen."""
        waits_s = sum(self.wait_s(number) for number in range(1, self.count + 1)) * (1 + JITTER)
        turns_s = erlang_quantile_s(self.count, 1 / self.turns_per_s, 1 - _TAIL) if self.count else 0.0
        return waits_s + self.count / self.pulls_per_s + turns_s

    def wait_s(self, number: int) -> float:
        """Return the wait before repetition 1, 2, ..., without its random part."""
        return self.first_wait_s * 2.0 ** (number - 1)

    @property
    def mean_s(self) -> float:
        """How much later packets arrive because of loss, on average."""
        shares = [self.loss**number for number in range(self.count + 1)]
        later_s, sum_s = 0.0, 0.0
        for number in range(1, self.count + 1):
            later_s += self.wait_s(number) * (1 + JITTER / 2) + 0.5 / self.pulls_per_s + 1 / self.turns_per_s
            sum_s += later_s * shares[number]
        return sum_s / sum(shares)

    def law(self, network: Law) -> Law:
        """Return the law of the time until a packet has arrived, whose way is `network` if it is not lost.

        What comes too late for the grid is left out: then the masses sum to less than 1.
        """
        grid, arrived = network.grid, network.from_zero().masses * (1 - self.loss)
        late = at_once(grid)
        for number in range(1, self.count + 1):
            wait_s = self.wait_s(number)
            if wait_s * (1 + JITTER) + 1 / self.pulls_per_s > grid.step_s * (grid.points - 1):
                return Law(grid, arrived)
            waited = uniform(grid, wait_s, wait_s * (1 + JITTER))
            late = late.then(waited, uniform(grid, 0.0, 1 / self.pulls_per_s), erlang(grid, 1, 1 / self.turns_per_s))
            arrived = arrived + (1 - self.loss) * self.loss**number * network.then(late).from_zero().masses
        return Law(grid, arrived / arrived.sum()) if self.count else network


def turn_queue(grid: Grid, turns_per_s: float, messages_per_s: float, packets: int) -> Law:
    """Return the law of the wait until the messages before are sent (M/G/1, Pollaczek-Khinchine transform).

    `messages_per_s` of one user, `packets` (n) each, which take an Erlang(n, `turns_per_s`) time. Raises `MisuseError`
    if they are more than the stream can carry.
    """
    rho = messages_per_s * packets / turns_per_s
    if rho >= 1:
        raise MisuseError(
            f"{messages_per_s * packets:g} packets a second do not fit into {turns_per_s:g} turns a second"
        )
    # Users write nothing: the transform below would be 1 everywhere, up to rounding that a law must not have.
    if rho == 0:
        return at_once(grid)
    # What is left of a service when one comes: 1 to n turns, each as likely. The wait is a geometric sum of such.
    # Long messages: 64 lengths of what is left stand for all, because the law between them is smooth.
    most = packets if packets <= 64 else 64
    steps = np.unique(np.linspace(1, packets, most).round().astype(int))
    left = sum((erlang(grid, int(step), 1 / turns_per_s).masses for step in steps), np.zeros(grid.points)) / steps.size
    length = next_fast_len(2 * grid.points, real=True)
    summed = (1 - rho) / (1 - rho * rfft(left, length))
    # The transform leaves rounding errors of either sign, and no probability is below 0.
    return Law(grid, np.maximum(np.asarray(irfft(summed, length), dtype=np.float64)[: grid.points], 0.0))


def all_arrived(network: Law, turns_per_s: float, packets: int) -> Law:
    """Return the law of the time until all `packets` of a message have arrived, from when the first waits for its turn.

    With F the law of the network latency, G_0 = 1 and G_j(t) the probability that j packets are there after t:
    `G_j(t)` is the mean of `F G_(j-1)` at t less an exponential time of mean 1 / turns.
    """
    grid = network.grid
    # Of very many packets some take their turns together: as long a time as theirs, and all sent at its end.
    together = ceil(_those_that_matter(network, turns_per_s, packets) / _MOST_ROUNDS)
    rounds = _those_that_matter(network, turns_per_s, packets) // together
    arrived = network.cdf**together
    length = next_fast_len(2 * grid.points, real=True)
    turns = rfft(erlang(grid, together, 1 / turns_per_s).masses, length)
    there: FloatArray = np.ones(grid.points)
    for _ in range(rounds):
        there = np.asarray(irfft(turns * rfft(arrived * there, length), length), dtype=np.float64)[: grid.points]
    halves = (there + np.append(there[1:], 1.0)) / 2  # at the borders of the times' own pieces
    law = Law(grid, np.maximum(np.diff(halves, prepend=0.0), 0.0), network.least_s)
    before = packets - rounds * together
    return law.then(erlang(grid, before, 1 / turns_per_s)) if before else law


def pull_wait(grid: Grid, pulls_per_s: float, pull_batch: int, items_per_s: float, *, slices: int = _SLICES) -> Law:
    """Return the law of the wait in a mailbox until a pull comes that takes the item along.

    Pulls come every 1 / `pulls_per_s`, take `pull_batch` items, the oldest first; `items_per_s` come as a Poisson
    process. Raises `MisuseError` if more come than pulls can take.
    """
    interval_s, coming = 1 / pulls_per_s, items_per_s / pulls_per_s
    left = left_behind(coming, pull_batch)
    masses = np.zeros(grid.points)
    for number in range(slices):
        passed = (number + 0.5) / slices
        begin_s, end_s = (1 - (number + 1) / slices) * interval_s, (1 - number / slices) * interval_s
        # An item comes at any moment of the interval. The later it comes, the more others came before it, and the
        # shorter it waits for the next pull; so each slice of the interval has a law of its own.
        for pulls, share in enumerate(_pulls_missed(left, coming * passed, pull_batch)):
            if share > _TAIL:
                waited_s = pulls * interval_s
                masses += share / slices * uniform(grid, begin_s + waited_s, end_s + waited_s).masses
    return Law(grid, masses)


def lost_at_the_pull(grid: Grid, pulls_per_s: float, link_loss: float) -> Law:
    """Return the law of what the loss of pulls and of items on the way to their user adds to the wait.

    A pull that is lost is followed by the next one; a lost item is given again `LEASE_PULLS` pulls later. What comes
    too late for the grid is left out.
    """
    masses, longest_s = np.zeros(grid.points), grid.step_s * (grid.points - 1)
    for pulls, share in _pulls_lost(link_loss):
        if pulls / pulls_per_s <= longest_s:
            masses += share * fixed(grid, pulls / pulls_per_s).from_zero().masses
    return Law(grid, masses)


def most_pulls_lost(link_loss: float) -> int:
    """Return how many pulls later an item comes at most because something was lost."""
    return max(pulls for pulls, _ in _pulls_lost(link_loss))


def longest_pull_wait_s(pulls_per_s: float, pull_batch: int, items_per_s: float) -> float:
    """Return a time beyond which nothing of weight waits in a mailbox for its pull."""
    left = left_behind(items_per_s / pulls_per_s, pull_batch)
    most = left.size + poisson_quantile(items_per_s / pulls_per_s, 1 - _TAIL)
    return (2 + most // pull_batch) / pulls_per_s


@lru_cache(maxsize=64)
def left_behind(coming: float, pull_batch: int) -> FloatArray:
    """Return the law of what a pull leaves behind in a mailbox: Q' = max(Q + Poisson(coming) - batch, 0)."""
    if not coming < pull_batch:
        raise MisuseError(f"{coming:g} items come for each pull, which takes {pull_batch}")
    most = poisson_quantile(coming, 1 - _TAIL)
    # The queue that a pull leaves behind falls off like a geometric law; the closer the load is to the batch, the
    # longer is its tail.
    rising = max(0, most - pull_batch)
    size = ceil(rising * max(1.0, 30 / (pull_batch - coming))) + 1
    arriving = np.array([poisson_probability(count, coming) for count in range(most + 1)])
    law = np.zeros(size)
    law[0] = 1.0
    for _ in range(20_000):
        held = np.convolve(law, arriving)
        after = np.zeros(size)
        after[0] = held[: pull_batch + 1].sum()
        tail = held[pull_batch + 1 : pull_batch + size]
        after[1 : 1 + tail.size] = tail
        # What would lie beyond the end of the array is cut off; the rest has to sum to 1 all the same.
        after /= after.sum()
        if float(np.abs(after - law).sum()) < _TAIL:
            return after
        law = after
    return law


def delivery(network: Law, *, queue: Law, turns_per_s: float, packets: int, pull: Law, last_link: Law) -> Law:
    """Return the law from handing a message over to having it: queue, turns and network, pull, answer, last link."""
    parts = all_arrived(network, turns_per_s, packets)
    return parts.then(queue, pull, fixed(network.grid, ANSWER_S), last_link)


def _pulls_lost(link_loss: float) -> Iterator[tuple[int, float]]:
    """Yield by how many pulls an item comes later, and with what probability; together nearly 1."""
    for pulls, items in product(range(64), repeat=2):
        share = (1 - link_loss) ** 2 * link_loss ** (pulls + items)
        if share > _RARE / 10:
            yield pulls + LEASE_PULLS * items, share


def _pulls_missed(left: FloatArray, came: float, pull_batch: int) -> FloatArray:
    most = poisson_quantile(came, 1 - _TAIL)
    # Ahead of the item is what the last pull left behind and what came since. Every whole batch of it is one more pull
    # to wait for.
    ahead = np.convolve(left, [poisson_probability(count, came) for count in range(most + 1)])
    return np.asarray(np.add.reduceat(ahead, np.arange(0, ahead.size, pull_batch)), dtype=np.float64)


def _those_that_matter(network: Law, turns_per_s: float, packets: int) -> int:
    # Of a long message the first packets are there long before the last: only those sent within the longest way count.
    within = turns_per_s * (network.quantile_s(1 - 1e-9) - network.least_s)
    return min(packets, ceil(within + 8 * sqrt(within) + 16))
