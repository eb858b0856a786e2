"""What one client may send: bursts, rates, and what a new network document changes."""

from __future__ import annotations

import pytest

from loopixmix.params import NetworkParams
from provider.clients.allowance import MIN_BURST, PULL_BURST, Allowance, ClientRules, packet_limits, pull_limits

PARAMS = NetworkParams(payload_rate_per_s=1.0, loop_rate_per_s=2.0, drop_rate_per_s=3.0, pull_rate_per_s=0.5)
RULES = ClientRules(margin=2.0, burst_s=10.0)


def packets_at_once(allowance: Allowance, now_s: float) -> int:
    count = 0
    while allowance.take_packet(now_s):
        count += 1
    return count


def test_the_limits_are_the_network_s_rates_with_a_margin() -> None:
    assert packet_limits(PARAMS, RULES) == (12.0, 120.0)
    assert pull_limits(PARAMS, RULES) == (1.0, PULL_BURST)


def test_a_slow_network_still_lets_a_burst_of_chance_through() -> None:
    assert packet_limits(PARAMS, ClientRules(margin=1.0, burst_s=1.0)) == (6.0, MIN_BURST)


def test_packets_and_pulls_are_limited_apart() -> None:
    allowance = Allowance(PARAMS, RULES, 0.0)
    assert packets_at_once(allowance, 0.0) == 120
    assert [allowance.take_pull(0.0) for _ in range(PULL_BURST + 1)] == [True] * PULL_BURST + [False]
    assert packets_at_once(allowance, 1.0) == 12
    assert allowance.take_pull(1.0)


@pytest.mark.parametrize(("factor", "expected"), [(0.1, MIN_BURST), (3.0, 120)])
def test_new_rates_hold_at_once_and_give_no_packets(factor: float, expected: int) -> None:
    allowance = Allowance(PARAMS, RULES, 0.0)
    changed = NetworkParams(
        payload_rate_per_s=factor, loop_rate_per_s=factor * 2, drop_rate_per_s=factor * 3, pull_rate_per_s=0.5
    )
    allowance.adopt(changed, 0.0)
    assert packets_at_once(allowance, 0.0) == expected
    assert packets_at_once(allowance, 1.0) == int(12 * factor)
