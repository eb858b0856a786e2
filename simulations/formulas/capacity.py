"""Capacity of a network: the widths that anonymity and processors allow, bandwidth, cover and cost."""

from __future__ import annotations

from dataclasses import dataclass

from loopixmix.errors import MisuseError
from simulations.formulas.entropy import LEAST_POOL

DAY_S = 86_400.0
MONTH_S = 30 * DAY_S
GB = 1e9


@dataclass(frozen=True)
class WidthInterval:
    """How many mixes a layer may have: at least `least` for the processors, at most `most` for anonymity (packets)."""

    least: float
    most: float


def width_interval(
    rate_per_s: float,
    delay_mean_s: float,
    packet_cost_s: float,
    *,
    utilisation: float,
    cores: int = 1,
    least_pool: float = LEAST_POOL,
) -> WidthInterval:
    """Return the widths W that work: `rate packet_cost / (utilisation cores) <= W <= rate delay / least_pool`.

    `rate_per_s`: packets that cross a layer. `packet_cost_s` (c): seconds of one core for one packet. `utilisation`
    (rho): how busy a node may be, below 1. Below the pool `least_pool` the closed form of the entropy fails.
    """
    if not (rate_per_s > 0 and delay_mean_s > 0 and packet_cost_s >= 0 and 0 < utilisation < 1 and least_pool > 0):
        raise MisuseError("a width interval needs positive rates and delays, and a utilisation between 0 and 1")
    return WidthInterval(
        # The two ends come from two needs: below `least` processors are too slow, above `most` a mix holds too few
        # packets.
        least=rate_per_s * packet_cost_s / (utilisation * cores),
        most=rate_per_s * delay_mean_s / least_pool,
    )


def user_up_bytes_per_s(
    payload_rate_per_s: float,
    loop_rate_per_s: float,
    drop_rate_per_s: float,
    packet_bytes: int,
    *,
    pulls_per_s: float = 0,
) -> float:
    """Return what a user sends: (lambda_P + lambda_L + lambda_D) S, and S for each pull if they are counted."""
    return (payload_rate_per_s + loop_rate_per_s + drop_rate_per_s + pulls_per_s) * packet_bytes


def user_down_bytes_per_s(pulls_per_s: float, pull_batch: int, packet_bytes: int) -> float:
    """Return what a user gets: pull rate x batch x S."""
    return pulls_per_s * pull_batch * packet_bytes


def cover_share(payload_packets_per_s: float, sent_per_s: float) -> float:
    """Return the share of what users send that is cover: 1 - payloads / everything."""
    # What users have to say beyond the stream's rate waits, and is not sent: a share of cover is never below 0.
    return 1 - min(payload_packets_per_s, sent_per_s) / sent_per_s if sent_per_s > 0 else 0.0


def month_cost(cores: float, sent_bytes_per_s: float, *, core_month: float, traffic_gb: float) -> float:
    """Return what nodes cost a month of 30 days: their cores, and what they send at a price for 10^9 bytes."""
    return cores * core_month + sent_bytes_per_s * MONTH_S / GB * traffic_gb
