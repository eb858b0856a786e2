"""How long a message or a request will take: closed forms where there are any, and short sums where not.

Fragments leave with a Poisson stream of payloads and take turns with what else waits. The last of them does not decide
alone: an earlier one may be overtaken, or lost and sent again. So the time is that of the last departure, and the
excess of the latest arrival over it, whose distribution is followed from fragment to fragment:

    H_1(t) = G(t),    H_i(t) = G(t) * E[H_(i-1)(t + gap)]

Here H_i is the distribution of the latest arrival among the first i fragments, counted from the departure of the i-th;
G is that of the way of one fragment, with its re-sends; the gaps are those between departures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from client.api import TimeEstimate
from client.core.retry import JITTER, RetryPolicy, exceedance, quantile_s
from client.core.timing.parts import RequestParts
from client.core.timing.rounds import Ways, late_rounds, patience_of
from loopixmix.params import NetworkParams

FINE_POINTS, COARSE_POINTS = 120, 120
"""Where the distribution is known: close together while delays last, further apart while re-sends do."""
MOST_STEPS = 120
"""From more fragments than this on, some count as having left together."""
MOST_STAGES = 3
"""A gap of more turns than this is as random as one of so many."""
NEGLIGIBLE = 2e-3
"""A number of losses in a row that is rarer than this, in the whole message, is left out."""
JITTER_POINTS = (1 / 6, 3 / 6, 5 / 6)
_NO_POLICY = RetryPolicy(first_s=1.0, longest_s=1.0)
FULL = 0.98
"""From this load on, a mailbox counts as one that only grows."""


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """The state of a client and its network by which times are told.

    `loss`: the share of packets lost on one way, 0 to below 1. `overhead_s`: what links and queues add to the delays of
    one way. `ahead`: packets that leave before all others. `waiting`: how many packets of each other flow wait.
    `recipient`: the figures by which the recipient pulls, None for those of `params`: a gateway's are not its users'.
    """

    params: NetworkParams
    policy: RetryPolicy
    loss: float = 0.0
    overhead_s: float = 0.0
    ahead: int = 0
    waiting: Sequence[float] = ()
    recipient: NetworkParams | None = None


@dataclass(frozen=True)
class _Spread:
    """A mean and a variance; independent ones add up."""

    mean: float
    variance: float

    def __add__(self, other: _Spread) -> _Spread:
        return _Spread(self.mean + other.mean, self.variance + other.variance)

    def exceeded_by_one_in_20(self) -> float:
        """Return the 95 % quantile, as if it were Gamma distributed (Wilson and Hilferty 1931)."""
        if self.mean <= 0 or self.variance <= 0:
            return self.mean
        shape = self.mean**2 / self.variance
        root = 1 - 1 / (9 * shape) + 1.6449 / (3 * math.sqrt(shape))
        return float(self.mean * max(root, 0.0) ** 3)


def estimate_message(
    fragments: int, conditions: Conditions, *, waits_s: float = 0.0, is_sent_again: bool = True
) -> TimeEstimate:
    """Return how long it takes until the recipient's client has all fragments of a message, if it is online.

    `waits_s`: how long it may not leave yet; `is_sent_again`: whether what is lost is sent again, unlike a reply.
    """
    turns = _turns(fragments, conditions)
    rate_per_s = conditions.params.payload_rate_per_s
    # What waits leaves during the wait, and more may come: nothing is known about that, so the turns stay.
    first_s, last_s = turns.first / rate_per_s, turns.last / rate_per_s
    excess = _excess(
        fragments, turns.gap / rate_per_s, _gap_stages(turns.gap), _way(fragments, conditions, is_sent_again)
    )
    there = replace(conditions, params=conditions.recipient or conditions.params)
    pulled = _pull_wait(there, arriving_per_s=min(fragments, 20) / 20 * rate_per_s / turns.gap, during_s=last_s)
    spread = _Spread(last_s, turns.last / rate_per_s**2) + excess + pulled
    return TimeEstimate(
        mean_s=waits_s + spread.mean,
        p95_s=waits_s + spread.exceeded_by_one_in_20(),
        queue_s=waits_s + first_s,
        sending_s=last_s - first_s,
        delivery_s=excess.mean + pulled.mean,
        fragments=fragments,
    )


def overhead_s(params: NetworkParams, *, round_trip_mean_s: float) -> float:
    """Return what links and queues add to the delays of one way, by the mean round trip of our own loops.

    It is 0 if none has come back. Loops that are lost, or late, are not in that mean.
    """
    computed_s = 2 * (params.layers + 1) * params.delay_mean_s
    waiting_s = _pull_wait(Conditions(params=params, policy=_NO_POLICY), arriving_per_s=0.0, during_s=0.0).mean
    return max(0.0, (round_trip_mean_s - computed_s - waiting_s) / 2)


def estimate_request(
    parts: RequestParts, conditions: Conditions, *, free_items_per_s: float, service_s: float = 0.0
) -> TimeEstimate:
    """Return how long it takes until the answer to a request is here.

    Each loss costs one more turn or interval: coded parts stand in for what is lost, or it is sent once more. In the
    second case, or if they are too few, it also takes another round (`late_rounds`). `free_items_per_s`: the pulled
    items that nothing else takes, at which rate the answer's parts leave the service's provider at exponential
    intervals. Those for which the first reply blocks are too few wait for more, which leave when the first part is
    here. `service_s`: how long the service takes, on average.
    """
    params, loss = conditions.params, conditions.loss
    through = 1 - loss
    turns = _turns(parts.there, replace(conditions, loss=0.0))
    turn_s, gap_s = 1 / (params.payload_rate_per_s * through), 1 / (free_items_per_s * through)
    first_s, last_s = turns.first / params.payload_rate_per_s, turns.last * turn_s
    there = _excess(
        parts.there, turns.gap * turn_s, _gap_stages(turns.gap), _way(parts.there, conditions, is_sent_again=False)
    )
    pulled = _pull_wait(conditions, arriving_per_s=0.0, during_s=0.0)
    first, later = parts.first(loss), parts.later(loss)
    hops = params.layers + 1
    way = _Spread(conditions.overhead_s + hops * params.delay_mean_s, hops * params.delay_mean_s**2)
    answering = _Spread(first * gap_s, first * gap_s**2)
    if later:
        asked_s = turns.gap * turn_s
        more = _Spread(gap_s, gap_s**2) + way + way + pulled + _Spread(asked_s, asked_s**2)
        answering = max(answering, more, key=lambda each: each.mean) + _Spread(later * gap_s, later * gap_s**2)
    last_parts = later or parts.back
    back = _excess(last_parts, gap_s, 1, _way(last_parts, conditions, is_sent_again=False))
    after = there + _Spread(service_s, 0.0) + answering + back + pulled
    ways = Ways(
        way_s=way.mean,
        turn_s=turns.gap / params.payload_rate_per_s,
        interval_s=1 / free_items_per_s,
        pull_s=pulled.mean,
    )
    after += _further(parts, conditions, ways)
    spread = _Spread(last_s, turns.last * turn_s**2) + after
    return TimeEstimate(
        mean_s=spread.mean,
        p95_s=spread.exceeded_by_one_in_20(),
        queue_s=first_s,
        sending_s=last_s - first_s,
        delivery_s=after.mean,
        fragments=parts.there,
    )


def _further(parts: RequestParts, conditions: Conditions, ways: Ways) -> _Spread:
    """Return how much later what has to be sent once more makes the answer."""
    stages = late_rounds(parts, conditions.loss, ways, patience_of(conditions.params, conditions.policy))
    return _Spread(sum(stage.mean_s for stage in stages), sum(stage.variance for stage in stages))


@dataclass(frozen=True)
class _Turns:
    """The payloads until the first and the last fragment have left, and those from one of the last to the next."""

    first: float
    last: float
    gap: float


def _turns(fragments: int, conditions: Conditions) -> _Turns:
    """Count the turns of the payload stream: in each round every flow that still waits has one."""
    rate_per_s = conditions.params.payload_rate_per_s
    timeout_s = conditions.policy.first_s * (1 + JITTER / 2)
    unanswered = 1 - (1 - conditions.loss) ** 2
    flows = len(conditions.waiting)

    def with_resends(count: float, turns: float) -> float:
        # Only those come back into the queue in time of which the wait ends before the last one has left.
        share = max(0.0, 1 - timeout_s * rate_per_s / turns) if turns > 0 else 0.0
        return count * (1 + unanswered * share)

    others = [with_resends(count, count * (flows + 1)) for count in conditions.waiting]
    own = with_resends(fragments, fragments + sum(min(count, fragments) for count in others))
    last = conditions.ahead + own + sum(min(count, own) for count in others)
    first = conditions.ahead + 1 + flows
    gap = 1 + sum(count >= own for count in others)
    return _Turns(float(first), max(last, float(first)), float(gap))


def _gap_stages(turns: float) -> int:
    return max(1, min(MOST_STAGES, round(turns)))


@dataclass(frozen=True)
class _Way:
    """The way of one fragment: the moments at which its probability is known, and that it took no longer."""

    times_s: Sequence[float]
    arrived: Sequence[float]


def _way(fragments: int, conditions: Conditions, is_sent_again: bool) -> _Way:
    params, policy = conditions.params, conditions.policy
    hops, loss = params.layers + 1, conditions.loss if is_sent_again else 0.0
    longest_s = conditions.overhead_s + quantile_s(hops, params.delay_mean_s, NEGLIGIBLE / (10 * fragments))
    # An overdue fragment is seen at the next pull, and then waits for its turn.
    seen_s = 0.5 / params.pull_rate_per_s + (1 + len(conditions.waiting)) / params.payload_rate_per_s
    branches: list[tuple[float, float]] = []
    late_s, probability, attempt = [0.0], 1 - loss, 1
    while True:
        branches += [(probability / len(late_s), each) for each in late_s]
        probability *= loss
        if probability * fragments < NEGLIGIBLE:
            break
        waits_s = [policy.timeout_s(attempt, draw) + seen_s for draw in JITTER_POINTS]
        middle_s = late_s[len(late_s) // 2]
        late_s = [middle_s + wait_s for wait_s in waits_s]
        attempt += 1
    fine = [longest_s * step / FINE_POINTS for step in range(FINE_POINTS + 1)]
    end_s = longest_s + max(late for _, late in branches)
    coarse = [longest_s + (end_s - longest_s) * step / COARSE_POINTS for step in range(1, COARSE_POINTS + 1)]
    times_s = fine if end_s == longest_s else fine + coarse
    total = sum(share for share, _ in branches)

    def arrived(time_s: float) -> float:
        so_far = 0.0
        for share, late_s in branches:
            way_s = time_s - late_s - conditions.overhead_s
            if way_s > 0:
                so_far += share * (1 - exceedance(hops, params.delay_mean_s, way_s))
        return so_far / total

    return _Way(times_s, [*map(arrived, times_s[:-1]), 1.0])


def _excess(fragments: int, gap_s: float, stages: int, way: _Way) -> _Spread:
    """Return how much later than the last departure the latest arrival is."""
    # Those that left so long before the last one that they have arrived anyway change nothing.
    counted = min(fragments, 1 + math.ceil(way.times_s[-1] / gap_s))
    together = math.ceil(counted / MOST_STEPS)
    steps = math.ceil(counted / together)
    pass_gap = _gap_step(way.times_s, together * gap_s / stages)
    of_step = [each**together for each in way.arrived]
    latest = of_step
    for _ in range(steps - 1):
        for _ in range(stages):
            latest = pass_gap(latest)
        latest = [before * own for before, own in zip(latest, of_step, strict=True)]
    mean_s = square = 0.0
    for (start_s, end_s), (low, high) in zip(pairwise(way.times_s), pairwise(latest), strict=True):
        outstanding = 1 - (low + high) / 2
        mean_s += outstanding * (end_s - start_s)
        square += outstanding * (end_s**2 - start_s**2)
    # Some that left together did so earlier than the last of them.
    return _Spread(mean_s, max(0.0, square - mean_s**2))


def _gap_step(times_s: Sequence[float], mean_s: float) -> Callable[[Sequence[float]], list[float]]:
    """Return the step from H(t) to E[H(t + gap)], for an exponential gap and H linear between the times."""
    weights = []
    for start_s, end_s in pairwise(times_s):
        span = (end_s - start_s) / mean_s
        stays = math.exp(-span)
        slope = (1 - stays * (1 + span)) / span
        weights.append((stays, 1 - stays - slope, slope))

    def step(values: Sequence[float]) -> list[float]:
        result = [1.0] * len(values)
        for index in range(len(weights) - 1, -1, -1):
            stays, near, far = weights[index]
            result[index] = stays * result[index + 1] + near * values[index] + far * values[index + 1]
        return result

    return step


def _pull_wait(conditions: Conditions, *, arriving_per_s: float, during_s: float) -> _Spread:
    """Return how long what has arrived waits in the mailbox: for the next pull, and for what came before it.

    The figures are those of who pulls. Whoever is no gateway sends by the same rates, so that the recipient's own
    answers are known: those to its payloads (or what stands in for them) and to its loops.
    """
    params = conditions.params
    interval_s, batch = 1 / params.pull_rate_per_s, params.pull_batch
    own = (params.payload_rate_per_s + params.loop_rate_per_s) * (1 - conditions.loss) ** 2
    arrivals = (own + arriving_per_s) * interval_s
    wait = _Spread(interval_s / 2, interval_s**2 / 12)
    if arrivals >= FULL * batch:
        # While the message comes, the mailbox fills; nothing is known of what was in it before.
        later_s = max(0.0, arrivals / batch - 1) * during_s
        return wait + _Spread(later_s, later_s**2 / 12)
    extra = _pulls_missed(arrivals, batch)
    return wait + _Spread(extra * interval_s, extra * interval_s**2)


def _pulls_missed(arrivals: float, batch: int) -> float:
    """Return for how many pulls an item waits because others came before it: a queue served `batch` at a time."""
    most = 8 * batch + 40
    coming = _poisson(arrivals, most)
    left = [1.0] + [0.0] * most
    for _ in range(200):
        total = [0.0] * (most + 1)
        for before, share in enumerate(left):
            if share < 1e-9:
                continue
            for new, probability in enumerate(coming[: most + 1 - before]):
                total[before + new] += share * probability
        following = [sum(total[: batch + 1]), *total[batch + 1 :]]
        following += [0.0] * (most + 1 - len(following))
        if max(abs(one - other) for one, other in zip(left, following, strict=True)) < 1e-7:
            break
        left = following
    before_it = _poisson(arrivals / 2, most)
    return sum(
        share * probability * ((waiting + new) // batch)
        for waiting, share in enumerate(left)
        if share > 1e-9
        for new, probability in enumerate(before_it)
        if probability > 1e-9
    )


def _poisson(mean: float, most: int) -> list[float]:
    return [math.exp(count * math.log(mean) - mean - math.lgamma(count + 1)) for count in range(most + 1)]
