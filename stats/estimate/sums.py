"""Weighted sums of shares, with their variance: means and quantiles are such sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loopixmix.errors import MisuseError
from stats.estimate.projection import onto_simplex
from stats.estimate.reports import Numbers, ReportCounts
from stats.estimate.supporting import SupportCounts, support_counts, walsh_hadamard
from stats.randomise.hadamard import HadamardResponse
from stats.randomise.mechanism import Mechanism
from stats.randomise.sampled import SampledBit
from stats.randomise.unary import UnaryEncoding


@dataclass(frozen=True)
class WeightedSum:
    """An estimate of a weighted sum of shares without bias, and its standard deviation."""

    value: float
    deviation: float


class ShareSums:
    """Weighted sums over the shares of one question whose values exclude each other."""

    def __init__(
        self, mechanism: Mechanism, supports: SupportCounts, reports: ReportCounts | None, *, repeats: int = 1
    ) -> None:
        """Sum over `supports`. `reports` may be None for unary encoding, whose bits are counted and not its reports.

        `repeats`: in so many periods one person may have sent the same report, which then tells as much as one.
        Raise `MisuseError` for a multiple choice, or if there is no report at all.
        """
        if isinstance(mechanism, SampledBit):
            raise MisuseError("the options of a multiple choice do not exclude each other")
        if not supports.told.size or not supports.told[0]:
            raise MisuseError("there is no report yet")
        self._mechanism = mechanism
        self._gap = supports.gap
        self._n = int(supports.told[0])
        self._independent = self._n / repeats
        self._supported = supports.supported / self._n
        self.raw: Numbers = (self._supported - supports.q) / self._gap
        self.possible = onto_simplex(self.raw)
        self._columns: Numbers | None = None
        if isinstance(mechanism, HadamardResponse):
            if reports is None:
                raise MisuseError("the reports of Hadamard response are needed one by one")
            self._columns = reports.dense(mechanism.outputs) / self._n

    def of(self, weights: Numbers) -> WeightedSum:
        """Return the sum of `weights`, one for each value, over the shares.

        Shares add up to one, so a constant may be taken from all weights and added again. With about the sum itself
        as that constant, the noise in the sum of all raw shares, which tells nothing, falls out.
        """
        centre = float(weights @ self.possible)
        centred = weights - centre
        value = centre + float(centred @ self.raw)
        return WeightedSum(value, float(np.sqrt(max(0.0, self._variance(centred)) / self._independent)) / self._gap)

    def _variance(self, weights: Numbers) -> float:
        """Return the variance, from report to report, of the weights of the values that a report supports."""
        if self._columns is not None:
            # The sum over the values that column x supports is (all weights + transform at x) / 2.
            spread = np.zeros(len(self._columns))
            spread[1 : len(weights) + 1] = weights
            sums = (weights.sum() + walsh_hadamard(spread)) / 2
            return float(self._columns @ sums**2 - (self._columns @ sums) ** 2)
        if isinstance(self._mechanism, UnaryEncoding):
            # Bits are drawn independently; what they share is that only one of them is that of the true value.
            alone = weights**2 @ (self._supported * (1 - self._supported))
            true = self.raw * weights
            return float(alone - self._gap**2 * (true.sum() ** 2 - true @ true))
        return float(weights**2 @ self._supported - (weights @ self._supported) ** 2)


def share_sums(mechanism: Mechanism, reports: ReportCounts) -> ShareSums:
    """Return the sums over all that `reports` tell; raise `MisuseError` and `FormatError` as their parts do."""
    return ShareSums(mechanism, support_counts(mechanism, reports), reports)
