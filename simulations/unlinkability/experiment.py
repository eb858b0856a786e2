"""The experiment of Loopix 4.3: the senders, the mixes, and the moment at which the adversary looks."""

from __future__ import annotations

from dataclasses import dataclass

from loopixmix.errors import MisuseError


@dataclass(frozen=True)
class MixLayer:
    """Mixes side by side, through one of which each packet goes.

    `width`: how many; `others_per_s`: packets that all of them together take, but for those of the two challenge
    senders; `delay_mean_s`: how long each packet waits, exponentially; `shares`: of the packets, for each mix (empty:
    the same); `corrupt`: which of them show the adversary their input for each output (empty: none).
    """

    width: int
    others_per_s: float
    delay_mean_s: float
    shares: tuple[float, ...] = ()
    corrupt: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        if self.width < 1 or not self.others_per_s >= 0 or not self.delay_mean_s > 0:
            raise MisuseError("a stage needs one mix or more, a rate of 0 or more and a positive delay")
        if len(self.shares) not in (0, self.width) or len(self.corrupt) not in (0, self.width):
            raise MisuseError(f"a stage of {self.width} mixes needs as many shares and corrupt marks, or none")


@dataclass(frozen=True)
class Experiment:
    """Two challenge senders among others.

    Each sends at `rate_per_s` and has a payload to send every `payload_period_s` seconds; what it sends without one
    waiting is cover. They begin at 0, in a network in its steady state; `observed_s` later the adversary looks into
    the mixes of the last stage.
    """

    stages: tuple[MixLayer, ...]
    rate_per_s: float
    payload_period_s: float = 1.0
    observed_s: float = 100.0

    def __post_init__(self) -> None:
        if not self.stages:
            raise MisuseError("an experiment needs one stage or more")
        if not (self.rate_per_s > 0 and self.payload_period_s > 0 and self.observed_s > 0):
            raise MisuseError("rate, period and duration of an experiment must be positive")
        if all(self.stages[-1].corrupt or [False]):
            raise MisuseError("of the last stage one mix or more must be honest: the adversary looks at its pool")


def papers_experiment(*, layers: int, delay_rate_per_s: float, width: int = 3) -> Experiment:
    """Return the setting of Loopix Figs 5 and 6: 100 senders at rate 2, one payload for each unit of time, 100 units.

    `layers`: 1 or more; `delay_rate_per_s` (mu): 1 / the mean delay of a mix; `width`: mixes in each layer.
    """
    # 98 others at rate 2: the two challenge senders come on top of them.
    others = MixLayer(width=width, others_per_s=98 * 2.0, delay_mean_s=1 / delay_rate_per_s)
    return Experiment(stages=(others,) * layers, rate_per_s=2.0)
