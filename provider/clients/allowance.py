"""How much one client may send: the network's rates, with room for chance.

Every client is limited, so that none takes the share of another. The limits follow the network document and never the
load: a limit that moved with it would tell each client about the traffic of the others.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from loopixmix.bounds import TokenBucket
from loopixmix.params import NetworkParams

PULL_BURST = 8
MIN_BURST = 64
"""Poisson streams at 1/1.5 of a bucket's rate overrun this burst once in some 10^21 packets."""


class ClientRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much one client may send, and when its pulls are answered.

    The network document's rates times `margin`, and `burst_s` seconds' worth (at least 64 packets) at once. A pull is
    answered `answer_s` seconds after it came. At most `max_known` clients are held in memory, about 1 kB each: those
    that sent something in the last ten minutes, and of more the idlest is forgotten.
    """

    margin: Annotated[float, msgspec.Meta(ge=1)] = 1.5
    burst_s: Annotated[float, msgspec.Meta(ge=1)] = 20.0
    answer_s: Annotated[float, msgspec.Meta(ge=0, le=10)] = 0.03
    max_known: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)] = 250_000


class Allowance:
    """The packets and pulls that one client may send now, limited apart: a flood of one leaves the other free."""

    __slots__ = ("_packets", "_pulls", "_rules")

    def __init__(self, params: NetworkParams, rules: ClientRules, now_s: float) -> None:
        """Begin with a full burst of each, at the rates of the network document's `params`."""
        self._rules = rules
        self._packets = TokenBucket(*packet_limits(params, rules), now_s)
        self._pulls = TokenBucket(*pull_limits(params, rules), now_s)

    def take_packet(self, now_s: float) -> bool:
        """Tell whether the client may send one more packet now, and count it if so."""
        return self._packets.take(now_s)

    def take_pull(self, now_s: float) -> bool:
        """Tell whether the client may pull once more now, and count it if so."""
        return self._pulls.take(now_s)

    def adopt(self, params: NetworkParams, now_s: float) -> None:
        """Go on at the rates of a new network document."""
        self._packets.change_limits(*packet_limits(params, self._rules), now_s)
        self._pulls.change_limits(*pull_limits(params, self._rules), now_s)


def packet_limits(params: NetworkParams, rules: ClientRules) -> tuple[float, float]:
    """Return how many packets per second a client may send on average, and how many at once."""
    rate_per_s = params.payload_rate_per_s + params.loop_rate_per_s + params.drop_rate_per_s
    rate_per_s *= rules.margin
    return rate_per_s, max(MIN_BURST, rate_per_s * rules.burst_s)


def pull_limits(params: NetworkParams, rules: ClientRules) -> tuple[float, float]:
    """Return how many pulls per second a client may send on average, and how many at once."""
    return params.pull_rate_per_s * rules.margin, PULL_BURST
