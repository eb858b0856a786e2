"""Fifty wishes for the planner, from two users to twenty million."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from simulations.planner import LatencyKind, Wishes

SIZES: tuple[tuple[int, float, float], ...] = (
    (2, 3, 60),
    (10, 5, 30),
    (50, 7, 20),
    (200, 9, 10),
    (700, 12, 5),
    (3000, 13, 5),
    (20_000, 15, 5),
    (90_000, 16, 5),
    (1_000_000, 18, 10),
    (20_000_000, 20, 10),
)
"""Users, bits, seconds."""
USERS: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "seldom writing": {"messages_per_day": 0.1},
    "busy": {"messages_per_day": 3000, "packets_per_message": 10},
    "seldom there": {"messages_per_day": 1, "online_share": 0.5},
    "asking": {"request_bytes": 5000, "answer_bytes": 50_000},
}
"""What users are like, as wishes say it."""
KINDS: tuple[LatencyKind, ...] = ("delivery-p95", "delivery-mean", "network-p95", "network-mean")

PROMISED: Mapping[LatencyKind, str] = {
    "delivery-p95": "delivery_p95_s",
    "delivery-mean": "delivery_mean_s",
    "network-p95": "latency_p95_s",
    "network-mean": "latency_mean_s",
}
"""The measure that a plan promises something of."""


def grid() -> Iterator[Wishes]:
    """Yield fifty wishes: ten sizes, five kinds of users, and the kinds of latency in turn."""
    for users, _, _ in SIZES:
        for users_are in USERS:
            yield wish(users, users_are)


def wish(users: int, users_are: str) -> Wishes:
    """Return one of them, by how many users there are and what they are like."""
    number = [size[0] for size in SIZES].index(users)
    _, bits, latency_s = SIZES[number]
    kind = KINDS[(number + list(USERS).index(users_are)) % len(KINDS)]
    return Wishes(users=users, bits=bits, latency_s=latency_s, latency_kind=kind, **USERS[users_are])


def options_of(wishes: Wishes) -> list[str]:
    """Return the options of `loopixmix simulate plan` that ask for the same."""
    given = {
        "--users": wishes.users,
        "--bits": wishes.bits,
        "--latency": wishes.latency_s,
        "--latency-of": wishes.latency_kind,
        "--messages": wishes.messages_per_day,
        "--packets": wishes.packets_per_message,
        "--online": wishes.online_share,
        "--request-bytes": wishes.request_bytes,
        "--answer-bytes": wishes.answer_bytes,
    }
    return [text for option, value in given.items() for text in (option, str(value))]
