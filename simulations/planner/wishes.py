"""Wishes for a network, and the terms on which they are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import Literal

from loopixmix.errors import MisuseError
from loopixmix.requests.parts import MAX_BODY_BYTES
from simulations.formulas.entropy import LEAST_POOL
from simulations.scenario.values import LEAST_BODY_BYTES, Prices

LatencyKind = Literal["delivery-p95", "delivery-mean", "network-p95", "network-mean"]

LATENCY_NAMES: dict[LatencyKind, str] = {
    "delivery-p95": "delivery, 95 % of messages",
    "delivery-mean": "delivery, mean",
    "network-p95": "network latency, 95 % of packets",
    "network-mean": "network latency, mean",
}


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What is wanted.

    `bits`: entropy of a packet. `latency_s`: of which `latency_kind` says what: delivery is from handing a message over
    to having it (its turns, the network, the pull), network latency is from leaving the sender to the recipient's
    provider. `budget_user_month`: for one user and month, in the currency of the prices; None: whatever it costs.
    `request_bytes`, `answer_bytes`: the plan tells how long such a request to a service takes; 0 if none is asked.
    """

    bits: float
    latency_s: float
    users: int
    latency_kind: LatencyKind = "delivery-p95"
    messages_per_day: float = 40.0
    packets_per_message: int = 2
    online_share: float = 1.0
    budget_user_month: float | None = None
    request_bytes: int = 0
    answer_bytes: int = 0

    def __post_init__(self) -> None:
        _between("bits", self.bits, 0.1, 64)
        _between("latency", self.latency_s, 1e-3, 86_400, "s")
        _between("users", self.users, 2, 1e9)
        _between("messages a day", self.messages_per_day, 0, 1e6)
        _between("packets a message", self.packets_per_message, 1, 10_000)
        _between("online share", self.online_share, 1e-4, 1)
        if self.users * self.online_share < 1:
            raise MisuseError(
                f"{self.users} users of whom a share of {self.online_share:g} is online are less than one at a time: "
                "wish for more users or a larger share"
            )
        for name, length in (("request bytes", self.request_bytes), ("answer bytes", self.answer_bytes)):
            if length:
                _between(name, length, LEAST_BODY_BYTES, MAX_BODY_BYTES)
        if bool(self.request_bytes) != bool(self.answer_bytes):
            raise MisuseError("request bytes and answer bytes must be given both, or neither")
        if self.budget_user_month is not None:
            _between("budget", self.budget_user_month, 1e-9, 1e9)

    @property
    def real_packets_per_s(self) -> float:
        """The payload of a linked user, packets a second."""
        return self.messages_per_day * self.packets_per_message / 86_400 / self.online_share


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What is given.

    `packet_cost_s` (c): one core's seconds for one packet, links and timers included. `utilisation` (rho): how busy
    machines may be. `loop_share`, `drop_share`: loops and drop cover of a user for each packet of its payload stream.
    `link_loss`: the share of packets that a link loses.
    `waits_s`: with a wish for the network latency only, how long a packet may wait on average for its
    turn, and for a pull. `least_width`: mixes of a layer and providers that there must be, so that one operator's
    absence or malice does not stop or own a layer. `least_pool`: packets that a node must hold for the closed form of
    the entropy.
    """

    packet_cost_s: float
    layers: int = 3
    cores: int = 1
    utilisation: float = 0.5
    link_latency_s: float = 0.05
    link_loss: float = 0.0
    payload_bytes: int = 2048
    node_loop_rate_per_s: float = 1.0
    loop_share: float = 0.25
    drop_share: float = 0.25
    waits_s: float = 5.0
    least_width: int = 3
    users_per_provider: int = 50_000
    least_pool: float = LEAST_POOL
    prices: Prices = field(default_factory=Prices)

    def __post_init__(self) -> None:
        _between("packet cost", self.packet_cost_s, 1e-9, 1, "s")
        _between("layers", self.layers, 1, 8)
        _between("cores", self.cores, 1, 1024)
        _between("utilisation", self.utilisation, 0.01, 0.95)
        _between("link latency", self.link_latency_s, 0, 60, "s")
        _between("link loss", self.link_loss, 0, 0.5)
        _between("payload bytes", self.payload_bytes, 1280, 32_768)
        _between("node loop rate", self.node_loop_rate_per_s, 1e-3, 1000, "a second")
        _between("loop share", self.loop_share, 0.01, 10)
        _between("drop share", self.drop_share, 0.01, 10)
        _between("waits", self.waits_s, 1e-3, 86_400, "s")
        _between("least width", self.least_width, 1, 100_000)
        _between("users a provider", self.users_per_provider, 1, 1e9)


def _between(name: str, value: float, low: float, high: float, unit: str = "") -> None:
    if not (isfinite(value) and low <= value <= high):
        raise MisuseError(f"{name} must be {low:g} to {high:g}{' ' if unit else ''}{unit}, not {value:g}")
