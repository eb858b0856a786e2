"""From true rows to noisy numbers: nothing of the rows but these numbers leaves this module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from stats.central.noise import NoiseSource
from stats.central.plan import MOST_CELLS, MeasuringPlan
from stats.central.statements import CentredSum, EngineTable, grouped_parts, grouped_sums, parts_of

GroupKey: TypeAlias = tuple[int | str, ...]


class RawRows(Protocol):
    """The rows of one data set, as only this folder asks for them."""

    @property
    def table(self) -> EngineTable:
        """Where they are."""

    def rows(self, statement: str, most_rows: int) -> Sequence[tuple[object, ...]]:
        """Run a SELECT that this folder wrote; raise `DataAwayError`, whose words tell nothing of the rows."""


@dataclass(frozen=True)
class NoisyNumbers:
    """What was measured of one group. `count` is None if it is not needed; `parts` is by column."""

    count: int | None
    sums: Mapping[CentredSum, int]
    parts: Mapping[str, Sequence[int]]


def measured(plan: MeasuringPlan, raw: RawRows, noise: NoiseSource) -> dict[GroupKey, NoisyNumbers]:
    """Return the noisy numbers of each group, in the order of the groups' values.

    Groups of declared values are all there, also those without rows. Groups with a key are there if their noisy count
    is over the threshold, so that whether a key is told depends on no single person but with probability delta.
    """
    true = _true_sums(plan, raw)
    groups = sorted(true) if plan.key_place is not None else plan.known_groups()
    counts: dict[GroupKey, int] = {}
    if plan.counts:
        noisy = noise.add([true.get(group, [0])[0] for group in groups], plan.of_rows)
        counts = dict(zip(groups, noisy, strict=True))
    if plan.key_place is not None:
        threshold = plan.of_rows.threshold(plan.terms.rows_each, plan.delta)
        groups = [group for group in groups if counts[group] >= threshold]
    sums = _noisy_sums(plan, groups, true, noise)
    parts = {column.name: _noisy_parts(plan, place, groups, raw, noise) for place, column in enumerate(plan.parts)}
    return {
        group: NoisyNumbers(
            counts.get(group), sums[group], {column: by_group[group] for column, by_group in parts.items()}
        )
        for group in groups
    }


def _true_sums(plan: MeasuringPlan, raw: RawRows) -> dict[GroupKey, list[int]]:
    if not plan.counts and not plan.sums:
        return {}
    width = len(plan.question.groups)
    found = raw.rows(grouped_sums(plan.question, plan.sums, raw.table), MOST_CELLS)
    # The sum of no row at all is NULL.
    return {_key(row[:width]): [_whole(value) for value in row[width:]] for row in found}


def _noisy_sums(
    plan: MeasuringPlan, groups: Sequence[GroupKey], true: Mapping[GroupKey, list[int]], noise: NoiseSource
) -> dict[GroupKey, dict[CentredSum, int]]:
    made: dict[GroupKey, dict[CentredSum, int]] = {group: {} for group in groups}
    nothing = [0] * (1 + len(plan.sums))
    for place, each in enumerate(plan.sums):
        noisy = noise.add([true.get(group, nothing)[1 + place] for group in groups], plan.of_sum(each))
        for group, value in zip(groups, noisy, strict=True):
            made[group][each] = value
    return made


def _noisy_parts(
    plan: MeasuringPlan, place: int, groups: Sequence[GroupKey], raw: RawRows, noise: NoiseSource
) -> dict[GroupKey, list[int]]:
    column, width = plan.parts[place], len(plan.question.groups)
    parts = parts_of(column)
    true = {group: [0] * parts for group in groups}
    # Keys that are not told may have rows, too.
    for row in raw.rows(grouped_parts(plan.question, column, raw.table), MOST_CELLS):
        if (group := _key(row[:width])) in true:
            true[group][_whole(row[width])] += _whole(row[width + 1])
    noisy = noise.add([count for group in groups for count in true[group]], plan.of_rows)
    return {group: noisy[index * parts : (index + 1) * parts] for index, group in enumerate(groups)}


def _key(values: Sequence[object]) -> GroupKey:
    return tuple(value if isinstance(value, str) else _whole(value) for value in values)


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
