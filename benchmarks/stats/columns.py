"""Released reports: appended a second, and how long the queries of the dashboard take over five million of them.

The survey that is measured has a question of each mechanism. All queries are those that its pages send
(`stats.dashboard.queries.page_queries`); the slowest counts. Before each a batch is appended, so that no answer of
before is still there.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.report import Figure, barred, tell
from stats.columns.opening import open_columns
from stats.columns.seams import CellFilter, Column, ColumnStore, SheetTable
from stats.dashboard.queries import AskedColumn, page_queries
from stats.estimate.bucketed import BucketEdges, estimated_quantiles
from stats.estimate.reports import counted
from stats.estimate.sums import ShareSums
from stats.estimate.supporting import support_counts
from stats.questionnaire.questionnaire import MechanismKind, MechanismSpec
from stats.randomise.specified import mechanism_of

FIGURES = (
    "appended_rows_per_s",
    "query_5m_ms",
    "query_5m_cold_ms",
    "query_growth",
    "all_surveys_5m_s",
)
ROWS, FEWER_ROWS = 5_000_000, 500_000
BATCH_ROWS = 10_000
PERIODS = 30
SURVEYS = 25
REPEATED = 3
ALL = CellFilter()


@dataclass(frozen=True)
class MeasuredTable:
    """A table whose questions have these mechanisms."""

    table: SheetTable
    specs: tuple[MechanismSpec, ...]

    @property
    def asked(self) -> list[AskedColumn]:
        """The questions as the dashboard knows them."""
        return [
            AskedColumn(self.table, name, spec) for name, spec in zip(self.table.questions, self.specs, strict=True)
        ]

    def batch(self, rng: np.random.Generator, rows: int) -> list[Column]:
        """Return the columns of a batch; values are as even as randomised ones nearly are."""
        return [rng.integers(0, mechanism_of(spec).outputs, rows).astype(np.uint64) for spec in self.specs]


def _spec(kind: MechanismKind, domain: int) -> MechanismSpec:
    return MechanismSpec(kind=kind, domain=domain, true_weight=30, false_weight=10)


LARGE = MeasuredTable(
    SheetTable("r_0123456789abcdef_0", ("coffee", "tea", "age", "hobbies", "cell", "town")),
    (
        _spec(MechanismKind.KRR, 5),
        _spec(MechanismKind.KRR, 7),
        _spec(MechanismKind.KRR, 20),
        _spec(MechanismKind.SAMPLED_BIT, 2**12),
        _spec(MechanismKind.HADAMARD, 400),
        _spec(MechanismKind.UNARY, 40),
    ),
)


def measure() -> Iterator[Figure]:
    """Yield the figures."""
    with tempfile.TemporaryDirectory(prefix="loopixmix-bench-") as directory:
        path = Path(directory)
        large = open_columns("", path / "large.duckdb")
        rate = fill(large, LARGE, ROWS)
        yield barred("appended_rows_per_s", rate, "rows/s", bar=250_000, better="higher")
        large.close()
        large = open_columns("", path / "large.duckdb")
        cold_ms = slowest_ms(large, LARGE, appended=False, repeated=1)
        warm_ms = slowest_ms(large, LARGE, appended=True, repeated=REPEATED)
        yield barred("query_5m_ms", warm_ms, "ms", bar=150, better="lower")
        yield Figure(name="query_5m_cold_ms", value=cold_ms, unit="ms, the first time after a start")
        small = open_columns("", path / "small.duckdb")
        fill(small, LARGE, FEWER_ROWS)
        few_ms = slowest_ms(small, LARGE, appended=True, repeated=REPEATED)
        yield barred("query_growth", warm_ms / few_ms, "times", bar=6, better="lower", reference=few_ms)
        large.close()
        small.close()
        many = open_columns("", path / "many.duckdb")
        yield barred("all_surveys_5m_s", all_surveys_s(many), "s", bar=1, better="lower")
        many.close()


def fill(store: ColumnStore, measured: MeasuredTable, rows: int, *, batch_rows: int = BATCH_ROWS) -> float:
    """Append so many rows, batch by batch; return how many that were a second."""
    rng = np.random.default_rng(1)
    batches = [measured.batch(rng, batch_rows) for _ in range(8)]
    store.ensure(measured.table)
    number = rows // batch_rows
    begin_s = time.perf_counter()
    for batch in range(number):
        store.append(measured.table, batch + 1, batch * PERIODS // number, batches[batch % len(batches)])
    rate = rows / (time.perf_counter() - begin_s)
    tell(f"{rows} rows were appended, {rate:,.0f}/s")
    return rate


def slowest_ms(store: ColumnStore, measured: MeasuredTable, *, appended: bool, repeated: int) -> float:
    """Return how long the slowest of the dashboard's queries takes: of each, the median. `appended`: a batch before."""
    rng = np.random.default_rng(2)
    found: dict[str, list[float]] = {}
    for _ in range(repeated):
        for name, query in page_queries(measured.asked):
            if appended:
                last = store.batches(measured.table)[-1][1]
                store.append(measured.table, last + 1, PERIODS - 1, measured.batch(rng, BATCH_ROWS))
            begin_s = time.perf_counter()
            query(store)
            found.setdefault(name, []).append(1000 * (time.perf_counter() - begin_s))
    slowest, times_ms = max(found.items(), key=lambda each: statistics.median(each[1]))
    tell(f"the slowest of {len(found)} queries: {slowest}, {statistics.median(times_ms):.1f} ms")
    return statistics.median(times_ms)


def all_surveys_s(store: ColumnStore) -> float:
    """Return how long the shares and quartiles of a number in each of many surveys take, five million rows in all."""
    spec = _spec(MechanismKind.KRR, 20)
    surveys = [
        MeasuredTable(SheetTable(f"r_{number:016x}_0", ("age", "coffee")), (spec, _spec(MechanismKind.KRR, 5)))
        for number in range(SURVEYS)
    ]
    for survey in surveys:
        fill(store, survey, ROWS // SURVEYS, batch_rows=ROWS // SURVEYS // 4)
    mechanism, buckets = mechanism_of(spec), BucketEdges(tuple(range(0, 105, 5)))
    begin_s = time.perf_counter()
    for survey in surveys:
        reports = counted(store.histogram(survey.table, ["age"], ALL))
        supports = support_counts(mechanism, reports)
        estimated_quantiles(ShareSums(mechanism, supports, reports), buckets, (0.25, 0.5, 0.75))
        store.histogram(survey.table, ["coffee"], ALL)
    return time.perf_counter() - begin_s
