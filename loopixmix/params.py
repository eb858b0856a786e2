"""The figures every node and client of one network shares, as the network document carries them."""

from __future__ import annotations

import math
from typing import Annotated

import msgspec

from loopixmix.errors import MisuseError

MAX_DELAY_MEANS = 27.631021115928547
"""The 1 - 1e-12 quantile of an exponential delay, in means: -ln(1e-12). A cap nearer the mean would bias it."""

PULL_MARGIN = 1.5
"""How many times as many items as the streams bring a client pulls: requests of several packets need free places."""
LEAST_LAYERS = 3
LEAST_MIXES_A_LAYER = 2
LEAST_DELAY_MEAN_S = 0.1
LEAST_NODE_LOOP_RATE_PER_S = 0.1
LEAST_PAYLOAD_RATE_PER_S = 0.05
LEAST_COVER_RATE_PER_S = 0.01
"""The floors of clients, below which they take part in no network but one for tests (docs/protocol/floors.md)."""
_SETTLING_PATHS = 2

Rate = Annotated[float, msgspec.Meta(gt=0, le=10_000)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000)]


class NetworkParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Traffic and timing of a network (Loopix, USENIX Security 2017, sections 4.2 and 4.3).

    Rates are means of Poisson processes in events per second; `delay_mean_s` is the mean of the exponential delay
    at each hop. A client pulls every `1 / pull_rate_per_s` seconds and is answered by `pull_batch` items.
    Mix keys live `epoch_length_s` and are accepted `grace_s` longer on both sides, for packets in flight and clocks
    that differ.
    """

    layers: Annotated[int, msgspec.Meta(ge=1, le=8)] = 3
    delay_mean_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 0.2
    payload_rate_per_s: Rate = 2.0
    loop_rate_per_s: Rate = 0.5
    drop_rate_per_s: Rate = 0.5
    node_loop_rate_per_s: Rate = 1.0
    pull_rate_per_s: Rate = 1.0
    pull_batch: Count = 9
    epoch_length_s: Annotated[int, msgspec.Meta(ge=10, le=604_800)] = 3600
    grace_s: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 60
    payload_bytes: Annotated[int, msgspec.Meta(ge=1280, le=32_768)] = 2048

    def __post_init__(self) -> None:
        for name in ("delay_mean_s", "payload_rate_per_s", "loop_rate_per_s", "drop_rate_per_s"):
            if not math.isfinite(getattr(self, name)):
                raise MisuseError(f"{name} must be a finite number")
        if self.grace_s * 2 >= self.epoch_length_s:
            raise MisuseError(
                f"grace_s ({self.grace_s}) must be less than half of epoch_length_s ({self.epoch_length_s})"
            )
        if self.max_delay_s > self.epoch_length_s:
            raise MisuseError(
                f"delay_mean_s ({self.delay_mean_s}) is too long for epoch_length_s ({self.epoch_length_s}): "
                f"a delay can reach {MAX_DELAY_MEANS:.2f} means"
            )

    @property
    def max_delay_s(self) -> float:
        """The longest delay a node accepts: the 1 - 1e-12 quantile."""
        return MAX_DELAY_MEANS * self.delay_mean_s

    @property
    def hops(self) -> int:
        """Nodes on a full path: the sender's provider, one mix a layer, the recipient's provider."""
        return self.layers + 2

    @property
    def streams_per_s(self) -> float:
        """Packets per second that the streams of one client send: as many as those of another can bring it."""
        return self.payload_rate_per_s + self.loop_rate_per_s + self.drop_rate_per_s

    @property
    def own_answers_per_s(self) -> float:
        """Answers per second to a client's own packets: each payload, cover in its place, and loop brings one."""
        return self.payload_rate_per_s + self.loop_rate_per_s

    @property
    def pulled_per_s(self) -> float:
        """Items per second that a client pulls, mail and dummies together."""
        return self.pull_rate_per_s * self.pull_batch

    @property
    def least_pulled_per_s(self) -> float:
        """Items per second that a client must pull at least: `PULL_MARGIN` times what streams and answers bring."""
        return PULL_MARGIN * (self.streams_per_s + self.own_answers_per_s)

    @property
    def pulls_suffice(self) -> bool:
        """Whether clients pull at least `least_pulled_per_s`."""
        # Products of rates with decimal places miss their sum by rounding.
        return self.pulled_per_s >= self.least_pulled_per_s * (1 - 1e-9)

    @property
    def pulls_fault(self) -> str | None:
        """Why these parameters cannot hold, in one line with the figures; None if `pulls_suffice`.

        An authority of ours publishes none that cannot hold, and a client of ours refuses the document of one that
        does: mailboxes could fill up while their owners pull.
        """
        if self.pulls_suffice:
            return None
        return (
            f"pulls fetch {self.pulled_per_s:g} items a second (pull_rate_per_s x pull_batch), but the streams of "
            f"others can bring {self.streams_per_s:g} a second and own packets {self.own_answers_per_s:g} answers: it "
            f"takes {PULL_MARGIN} times as many, at least {self.least_pulled_per_s:g}"
        )

    @property
    def floor_faults(self) -> tuple[str, ...]:
        """Which of these parameters are below the floors of clients, each with its value and the least one."""
        leasts = {
            "layers": LEAST_LAYERS,
            "delay_mean_s": LEAST_DELAY_MEAN_S,
            "payload_rate_per_s": LEAST_PAYLOAD_RATE_PER_S,
            "loop_rate_per_s": LEAST_COVER_RATE_PER_S,
            "drop_rate_per_s": LEAST_COVER_RATE_PER_S,
            "node_loop_rate_per_s": LEAST_NODE_LOOP_RATE_PER_S,
        }
        return tuple(
            f"{name} = {value:g}, at least {least:g}"
            for name, least in leasts.items()
            if (value := getattr(self, name)) < least
        )

    @property
    def settling_s(self) -> float:
        """How long shares of a request may come after the one that left last, which asks what is missing.

        The delays of a path add up to less than this, all but once in some ten thousand times.
        """
        return _SETTLING_PATHS * self.hops * self.delay_mean_s + 1.0

    @property
    def free_pulls_per_s(self) -> float:
        """Items per second that a client pulls beyond what streams and answers bring: room for answers to requests."""
        # Where pulls suffice, the difference is at least the third, so that the two meet without a jump. Where they
        # do not, a third keeps requests going: the streams are seldom full of mail.
        return max(self.pulled_per_s - self.streams_per_s - self.own_answers_per_s, self.pulled_per_s / 3)
