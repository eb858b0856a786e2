"""Loops against n-1 attacks: how many must be lost until a node says so, and how soon that is."""

from __future__ import annotations

from scipy.special import bdtrc

from loopixmix.errors import MisuseError


def fewest_lost_for_alarm(window_loops: int, lost_share: float, false_alarm_rate: float) -> int:
    """Return how many of `window_loops` loops must be lost to raise an alarm; more than there are if none can.

    The least number that is lost with a probability below `false_alarm_rate` if each loop is lost with `lost_share`.
    """
    if window_loops < 1 or not 0 <= lost_share <= 1 or not 0 < false_alarm_rate < 1:
        raise MisuseError("a binomial test needs loops, and shares between 0 and 1")
    # The tail falls with every loop, so that the first number below the rate is the answer.
    for lost in range(window_loops + 1):
        if alarm_probability(window_loops, lost, lost_share) < false_alarm_rate:
            return lost
    return window_loops + 1


def alarm_probability(window_loops: int, threshold: int, lost_share: float) -> float:
    """Return the probability that a window of loops, each lost with `lost_share`, raises the alarm."""
    # `bdtrc` is the tail itself: 1 - cdf would lose digits, and rates of false alarms are small.
    return 1.0 if threshold <= 0 else float(bdtrc(threshold - 1, window_loops, lost_share))


def attack_loss_share(lost_share: float, blocked_share: float) -> float:
    """Return the share of loops lost under attack: those lost anyway, and `blocked_share` of the others."""
    return 1 - (1 - lost_share) * (1 - blocked_share)
