"""Measured times, pooled, and held against the distribution that theory gives them."""

from __future__ import annotations

import math

import msgspec

from loopixmix.verdict import Check

MAX_OVERHEAD_S = 0.25
"""Links and processing may add so much to a loop's round trip on average; with more the machine is too slow."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """Measured times in seconds: how many, their mean and the sum of their squared deviations from it."""

    count: int = 0
    mean_s: float = 0.0
    squares_s2: float = 0.0

    @property
    def sd_s(self) -> float:
        """The standard deviation."""
        return math.sqrt(self.squares_s2 / (self.count - 1)) if self.count > 1 else 0.0

    def plus(self, other: Sample) -> Sample:
        """Return both samples as one (Chan, Golub, LeVeque 1979)."""
        count = self.count + other.count
        if not count:
            return self
        apart_s = other.mean_s - self.mean_s
        return Sample(
            count=count,
            mean_s=self.mean_s + apart_s * other.count / count,
            squares_s2=self.squares_s2 + other.squares_s2 + apart_s**2 * self.count * other.count / count,
        )

    def since(self, before: Sample) -> Sample:
        """Return what was measured after `before`, an earlier state of this sample: the reverse of `plus`."""
        count = self.count - before.count
        if count <= 0:
            return Sample()
        mean_s = (self.count * self.mean_s - before.count * before.mean_s) / count
        apart_s = mean_s - before.mean_s
        squares_s2 = self.squares_s2 - before.squares_s2 - apart_s**2 * before.count * count / self.count
        return Sample(count=count, mean_s=mean_s, squares_s2=max(squares_s2, 0.0))


def gamma_check(name: str, sample: Sample, *, shape: int, delay_mean_s: float, overhead_s: float, detail: str) -> Check:
    """Hold mean round trips against Gamma(`shape`, `delay_mean_s`).

    `overhead_s` is what they took on average beyond the delays that were drawn for them. Null hypothesis: the drawn
    delays are of that distribution. It is rejected beyond 4.5 standard errors of the mean, which a true one exceeds
    less than once in 100,000 runs. The overhead alone must be within `MAX_OVERHEAD_S`.
    """
    expected_s, sd_s = shape * delay_mean_s, math.sqrt(shape) * delay_mean_s
    allowed_s = 4.5 * sd_s / math.sqrt(max(sample.count, 1))
    return Check(
        name=name,
        passed=sample.count > 0
        and abs(sample.mean_s - overhead_s - expected_s) <= allowed_s
        and overhead_s <= MAX_OVERHEAD_S,
        value=f"{sample.mean_s * 1000:.0f} ms, sd {sample.sd_s * 1000:.0f} ({overhead_s * 1000:.0f} ms of work)",
        expected=f"{expected_s * 1000:.0f} ms, sd {sd_s * 1000:.0f}",
        detail=f"{detail}: {sample.count} measured; without the work within {allowed_s * 1000:.0f} ms of theory "
        f"passes, and at most {MAX_OVERHEAD_S * 1000:.0f} ms of work",
    )
