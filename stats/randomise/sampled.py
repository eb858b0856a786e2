"""One option of a multiple choice, drawn evenly, and a randomised bit of whether it is chosen."""

from __future__ import annotations

from dataclasses import dataclass

from loopixmix.errors import MisuseError
from loopixmix.seams import Rng
from stats.randomise.mechanism import Supports
from stats.randomise.weights import Weights, checked_value

MOST_OPTIONS = 62


@dataclass(frozen=True)
class SampledBit:
    """A report is 2 j + bit, and tells of option j only. A value is a set of options: bit j says that j is chosen."""

    options: int
    weights: Weights

    def __post_init__(self) -> None:
        """Check the number of options."""
        if not 1 <= self.options <= MOST_OPTIONS:
            raise MisuseError(f"a multiple choice has 1 to {MOST_OPTIONS} options, not {self.options}")

    @property
    def domain(self) -> int:
        """All sets of options."""
        return 1 << self.options

    @property
    def outputs(self) -> int:
        """Two for each option."""
        return 2 * self.options

    @property
    def supports(self) -> Supports:
        """Among the reports that tell of an option: that the bit is set if it is chosen, and if it is not."""
        return Supports(self.weights.honest, self.weights.turned)

    @property
    def eps0(self) -> float:
        """ln(true / false), rounded up: which option is drawn tells nothing."""
        return self.weights.eps0

    def randomise(self, value: int, rng: Rng) -> int:
        """Return a report of `value`."""
        checked_value(value, self.domain)
        option, drawn = divmod(rng.randrange(self.options * self.weights.total), self.weights.total)
        bit = value >> option & 1
        return 2 * option + (bit if drawn < self.weights.true else 1 - bit)
