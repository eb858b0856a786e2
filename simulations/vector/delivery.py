"""From handing a message over to having it, sampled: turns of the payload stream, the network, a pull.

Beside the network latencies that were measured, everything is drawn as the deployed client and provider behave: a
message's packets leave at the turns of a Poisson stream, one message after the other, and again if they are lost; a
mailbox gives `pull_batch` items, the oldest first, at each pull of a constant interval.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from client.core.retry import JITTER
from simulations.flows.timing import can_deliver, mailbox_items_per_s, retries_of
from simulations.formulas.delivery import ANSWER_S, LEASE_PULLS
from simulations.latency.model import LatencyModel
from simulations.latency.places import Places
from simulations.scenario.values import Scenario
from simulations.vector.recursion import FloatArray

MESSAGES = 100_000
# Messages sampled, and packets of all of them at most: messages of thousands of packets would otherwise fill the
# memory.
MOST_PACKETS = 2_000_000
DAY_S = 86_400.0


def sample_deliveries(
    scenario: Scenario, latencies_s: FloatArray, *, latency: LatencyModel, generator: Generator
) -> FloatArray | None:
    """Return times from handing a message over to having it, sender and recipient linked all the while.

    `latencies_s`: network latencies of packets. None if there are none, or if the waits have no steady state
    (`simulations.flows.timing.delivery_faults` says why). Where users write nothing, it is the time of a message that
    would be the only one.
    """
    if not can_deliver(scenario) or not latencies_s.size:
        return None
    count = max(min(MESSAGES, MOST_PACKETS // scenario.users.packets_per_message), 100)
    queue_s, turns_s = _turns(scenario, count, generator)
    # A message is there when its last packet is, which need not be the one that left last.
    travelled_s = generator.choice(latencies_s, turns_s.shape) + _repetitions_s(scenario, turns_s.shape, generator)
    arrived_s: FloatArray = (turns_s + travelled_s).max(axis=1)
    pulled_s = _pull_waits_s(scenario, count, generator) + _last_links_s(scenario, latency, count, generator)
    return np.asarray(queue_s + arrived_s + pulled_s, dtype=np.float64)


def _turns(scenario: Scenario, count: int, generator: Generator) -> tuple[FloatArray, FloatArray]:
    """Return how long messages wait for those before (Lindley), and when after that each packet takes its turn."""
    users, turns_per_s = scenario.users, scenario.traffic.payload_rate_per_s
    gaps_s = generator.exponential(1 / turns_per_s, (count, users.packets_per_message))
    turns_s = np.cumsum(gaps_s, axis=1)
    if not users.messages_per_day:
        return np.zeros(count), turns_s
    while_linked_per_s = users.messages_per_day / DAY_S / users.online_share
    # W(n + 1) = max(0, W(n) + S(n) - A(n)): the walk less its least value so far.
    steps_s = turns_s[:-1, -1] - generator.exponential(1 / while_linked_per_s, count - 1)
    # As a running minimum the recursion has no loop in Python.
    walk_s = np.concatenate(([0.0], np.cumsum(steps_s)))
    return walk_s - np.minimum.accumulate(walk_s), turns_s


def _repetitions_s(scenario: Scenario, shape: tuple[int, ...], generator: Generator) -> FloatArray:
    """Return how much later than at its first turn each packet leaves for the time that it is not lost."""
    retries, later_s = retries_of(scenario), np.zeros(shape)
    lost = generator.random(shape) < retries.loss
    for number in range(1, retries.count + 1):
        if not lost.any():
            break
        waits_s = retries.wait_s(number) * (1 + JITTER * generator.random(shape))
        waits_s += generator.random(shape) / retries.pulls_per_s + generator.exponential(1 / retries.turns_per_s, shape)
        later_s += np.where(lost, waits_s, 0.0)
        lost &= generator.random(shape) < retries.loss
    return later_s


def _lost_at_the_pull_s(scenario: Scenario, count: int, generator: Generator) -> FloatArray:
    """Return how much later items come because pulls, or they themselves on the way to their user, were lost."""
    through = 1 - scenario.links.loss
    pulls, items = generator.geometric(through, count) - 1, generator.geometric(through, count) - 1
    return np.asarray((pulls + LEASE_PULLS * items) / scenario.traffic.pull_rate_per_s, dtype=np.float64)


def _pull_waits_s(scenario: Scenario, count: int, generator: Generator) -> FloatArray:
    """Return how long items wait in a mailbox, from many intervals between pulls of one mailbox."""
    traffic = scenario.traffic
    interval_s, batch = 1 / traffic.pull_rate_per_s, traffic.pull_batch
    coming = generator.poisson(mailbox_items_per_s(scenario) * interval_s, count)
    walk = np.concatenate(([0], np.cumsum(coming[:-1] - batch)))
    before = walk - np.minimum.accumulate(walk)
    # A message's last item comes at any moment of an interval; of what came in it, some came before.
    moment = generator.random(count)
    ahead = before + generator.binomial(coming, moment)
    waits_s = (1 - moment + ahead // batch) * interval_s
    return np.asarray(waits_s + _lost_at_the_pull_s(scenario, count, generator), dtype=np.float64)


def _last_links_s(scenario: Scenario, latency: LatencyModel, count: int, generator: Generator) -> FloatArray:
    """Return the time from a pull's coming to the provider to its answer's coming to the user."""
    places, providers = Places(scenario.topology), scenario.topology.providers
    users = generator.integers(0, scenario.users.count, count)
    # User i has its account at provider i mod providers, as in the other engines.
    return ANSWER_S + latency.draw_many_s(users % providers, users + places.first_user, generator)
