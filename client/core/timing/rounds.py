"""How much later an answer is complete because something of the exchange has to be sent once more.

Spares stand in for what is lost. Where more is lost than there are spares for, somebody has to notice first:

- *Request.* It had n shares, s of them spares, and more than s were lost: a binomial tail. The host tells what is
  missing when it has settled. If the last share or that word is lost, the client notices the silence.
- *Reply blocks* that leave when the first share of the answer is here. One part of them is lost, and the others have
  too few. A later share tells how many the host holds; if no share leaves so late, the client notices the silence.
- *Answer.* What is lost early is replaced while the rest comes. So one loss decides: the one that has s others behind
  it, as those take the spares. That it has b shares behind it has the probability `C(b, s) p^(s+1) (1-p)^(b-s)`
  (negative binomial; the sum over all b is the binomial tail). It is noticed when a share behind it is here, and its
  replacement is later than the end of the rest by what b intervals leave of the round. With all behind it lost, too,
  the client notices the silence.

Not counted here: the turn or interval that each loss costs anyway, which the means of `estimate_request` have, and a
loss in the further round itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from client.core.asking.shares import answer_timing
from client.core.asking.spares import spare_shares
from client.core.asking.steps import nearest_step
from client.core.retry import JITTER, RetryPolicy
from client.core.timing.parts import RequestParts
from loopixmix.params import NetworkParams


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long is waited before something counts as lost, on average, in seconds.

    `silence_s`: a client for any word of its host, until a pull shows that there is none. `settling_s`: a host for
    shares of the request, after the last one. `late_s`: a client for a share of the answer, from when the next one has
    left until a pull shows it. `held_s`: from when reply blocks should have come until a share leaves that tells.
    """

    silence_s: float
    settling_s: float
    late_s: float
    held_s: float


@dataclass(frozen=True, kw_only=True)
class Ways:
    """Mean times of one packet, in seconds.

    `way_s`: from client to host, or back, links included. `turn_s`: until it leaves. `interval_s`: between two shares
    of an answer. `pull_s`: in the mailbox.
    """

    way_s: float
    turn_s: float
    interval_s: float
    pull_s: float

    @property
    def round_s(self) -> float:
        """From when a share leaves the host until the host has what the client sends because of it."""
        return self.way_s + self.pull_s + self.turn_s + self.way_s


@dataclass(frozen=True)
class LateRound:
    """A further round: its probability, and how much later it makes the answer complete."""

    probability: float
    later_s: float


@dataclass(frozen=True)
class LateStage:
    """The further rounds of request, reply blocks or answer, of which at most one takes place."""

    rounds: Sequence[LateRound] = ()

    @property
    def mean_s(self) -> float:
        """How much later the stage makes the answer complete, on average, in seconds."""
        return sum(each.probability * each.later_s for each in self.rounds)

    @property
    def variance(self) -> float:
        """The variance of that, in seconds squared."""
        return sum(each.probability * each.later_s**2 for each in self.rounds) - self.mean_s**2


def patience_of(params: NetworkParams, policy: RetryPolicy) -> Patience:
    """Return how long clients and hosts of a network wait; `policy`: that of answers by reply blocks."""
    timing, seen_s = answer_timing(params), 0.5 / params.pull_rate_per_s
    return Patience(
        silence_s=policy.first_s * (1 + JITTER / 2) + seen_s,
        settling_s=params.settling_s,
        # A share counts as sent when it is pulled, but for its delays.
        late_s=seen_s + timing.late_s + seen_s,
        held_s=max(0.0, timing.unsure_s - seen_s),
    )


def late_rounds(parts: RequestParts, loss: float, ways: Ways, patience: Patience) -> Sequence[LateStage]:
    """Return the further rounds of request, reply blocks and answer, which add up.

    `loss`: the probability that a packet is lost on one way, 0 to below 1. A client is taken to allow for the nearest
    loss that it can allow for.
    """
    if loss <= 0:
        return ()
    return (
        _request(parts, loss, ways, patience),
        _reply_blocks(parts, loss, ways, patience),
        _answer(parts, loss, ways, patience),
    )


def _request(parts: RequestParts, loss: float, ways: Ways, patience: Patience) -> LateStage:
    spares = spare_shares(parts.there, nearest_step(loss))
    before_last = parts.there + spares - 1
    missing = _more_lost(before_last + 1, spares, loss)
    # The last share asks what is missing, and the word comes back.
    told = (1 - loss) ** 2 * _more_lost(before_last, spares, loss)
    told_s = ways.way_s + patience.settling_s + ways.way_s + ways.pull_s
    return LateStage((LateRound(told, told_s), LateRound(max(0.0, missing - told), patience.silence_s)))


def _reply_blocks(parts: RequestParts, loss: float, ways: Ways, patience: Patience) -> LateStage:
    later, step = parts.later(loss), nearest_step(loss)
    if not later:
        return LateStage()
    # Without any of the first shares the client does not learn that it is to send more.
    nothing = LateRound(loss ** parts.first(loss), patience.silence_s + ways.turn_s)
    coming = parts.back + spare_shares(parts.back, step)
    blocks = coming + spare_shares(coming, step) - parts.first(loss)

    def later_s(number: int) -> float:
        left = blocks - min(parts.blocks_a_part, blocks - number * parts.blocks_a_part)
        if left >= later:
            return 0.0
        # A share that leaves while the host has blocks tells, if it leaves late enough.
        lasts_s, due_s = left * ways.interval_s, number * ways.turn_s + patience.held_s
        return max(0.0, due_s + ways.round_s - lasts_s) if due_s < lasts_s else patience.silence_s

    packets = math.ceil(blocks / parts.blocks_a_part)
    there = 1 - nothing.probability
    lost = (LateRound(there * loss * (1 - loss) ** number, later_s(number)) for number in range(packets))
    return LateStage((nothing, *lost))


def _answer(parts: RequestParts, loss: float, ways: Ways, patience: Patience) -> LateStage:
    spares = spare_shares(parts.back, nearest_step(loss))
    later = parts.later(loss)
    count = (later or parts.back) + spares
    silent_s = patience.silence_s + ways.turn_s
    if later or parts.back > 1:
        # There was a share before those, from whose arrival on the client waits.
        silent_s += 2 * ways.way_s + ways.pull_s - (spares + 1) * ways.interval_s
    rounds = [LateRound(_decisive(spares, spares, loss), max(0.0, silent_s))]
    noticed_s = ways.interval_s + patience.late_s + ways.turn_s + ways.way_s
    for behind in range(spares + 1, count):
        later_s = noticed_s - behind * ways.interval_s
        if later_s <= 0:
            break
        rounds.append(LateRound(_decisive(behind, spares, loss), later_s))
    return LateStage(rounds)


def _decisive(behind: int, spares: int, loss: float) -> float:
    """Return the probability that a share is lost which has `behind` others behind it, `spares` of them lost."""
    return math.comb(behind, spares) * loss ** (spares + 1) * (1 - loss) ** (behind - spares)


def _more_lost(count: int, spares: int, loss: float) -> float:
    """Return the probability that of `count` shares more than `spares` are lost."""
    few = (math.comb(count, lost) * loss**lost * (1 - loss) ** (count - lost) for lost in range(spares + 1))
    return max(0.0, 1 - math.fsum(few))
