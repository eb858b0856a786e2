"""The bodies of the REST interface, as strict types: what is written here is what its description says."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

MOST_SQL = 4_000


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all bodies have in common."""


class ErrorDocument(_Document, frozen=True, kw_only=True):
    """Why a call was not carried out."""

    error: str


class SurveyEntry(_Document, frozen=True, kw_only=True):
    """A survey in the list. `answers`: in the results so far; how many wait is not told."""

    id: str
    name: str
    version: int
    title: str
    opens: str
    closes: str
    periods: int
    open_to_all: bool
    central: bool
    answers: int


class SurveyList(_Document, frozen=True, kw_only=True):
    """All surveys, the newest first."""

    surveys: list[SurveyEntry]


class QuestionEntry(_Document, frozen=True, kw_only=True):
    """A question of a survey. `sheet`: the report in which it travels."""

    name: str
    kind: str
    text: str
    sheet: int


class SheetEntry(_Document, frozen=True, kw_only=True):
    """The reports of one sheet. `table`: its name in queries. `eps0`, `eps`: None if there is no bound, or no batch."""

    questions: list[str]
    table: str
    released: int
    discarded: int
    batches: int
    smallest_batch: int
    honest: int
    eps0: float | None
    eps: float | None


class PrivacyDocument(_Document, frozen=True, kw_only=True):
    """What a person who answers gives away in a period, over all sheets, and what is assumed."""

    eps0: float | None
    eps: float | None
    delta: float
    sybil_share: float
    honest_mixes: int
    promised_eps: float


class SurveyDocument(_Document, frozen=True, kw_only=True):
    """One survey."""

    survey: SurveyEntry
    questions: list[QuestionEntry]
    sheets: list[SheetEntry]
    privacy: PrivacyDocument


class ValueEstimate(_Document, frozen=True, kw_only=True):
    """The estimate of one value. All figures are None if it is `hidden`. `share`: the nearest one that is possible."""

    value: int
    label: str
    hidden: bool
    raw_share: float | None
    raw_low: float | None
    raw_high: float | None
    raw_people: float | None
    share: float | None


class MeanDocument(_Document, frozen=True, kw_only=True):
    """The mean of numbers. `rounding`: by so much, at most, buckets moved it."""

    value: float
    low: float
    high: float
    rounding: float


class QuantileDocument(_Document, frozen=True, kw_only=True):
    """A quantile of numbers."""

    level: float
    value: float
    low: float
    high: float


class QuestionDocument(_Document, frozen=True, kw_only=True):
    """A question with its estimates. `noise`: what intervals hold."""

    survey: str
    question: str
    kind: str
    text: str
    open_to_all: bool
    reports: int
    noise: str
    values: list[ValueEstimate]
    mean: MeanDocument | None
    quantiles: list[QuantileDocument]


class CellEstimate(_Document, frozen=True, kw_only=True):
    """The estimate of one pair of values."""

    row: int
    column: int
    hidden: bool
    raw_share: float | None
    raw_low: float | None
    raw_high: float | None
    share: float | None


class CrossDocument(_Document, frozen=True, kw_only=True):
    """Two questions of one sheet against each other."""

    survey: str
    rows: str
    columns: str
    row_labels: list[str]
    column_labels: list[str]
    open_to_all: bool
    reports: int
    noise: str
    cells: list[CellEstimate]


class PeriodEstimates(_Document, frozen=True, kw_only=True):
    """The estimates of one period, which are numbered from 0."""

    period: int
    begins: str
    reports: int
    values: list[ValueEstimate]


class AnomalyDocument(_Document, frozen=True, kw_only=True):
    """A share of a period unlike those before."""

    period: int
    value: int
    label: str
    share: float
    baseline: float
    p_value: float


class ChangeDocument(_Document, frozen=True, kw_only=True):
    """A share that is another one from a period on."""

    period: int
    value: int
    label: str
    before: float
    after: float
    p_value: float


class SeriesDocument(_Document, frozen=True, kw_only=True):
    """A question period by period. `false_alarms`: the probability of one or more among the values of a period."""

    survey: str
    question: str
    open_to_all: bool
    noise: str
    false_alarms: float
    periods: list[PeriodEstimates]
    anomalies: list[AnomalyDocument]
    changes: list[ChangeDocument]


class BatchEntry(_Document, frozen=True, kw_only=True):
    """One batch."""

    sheet: int
    period: int
    number: int
    reports: int


class BatchList(_Document, frozen=True, kw_only=True):
    """All batches of a survey."""

    batches: list[BatchEntry]


class QueryRequest(_Document, frozen=True, kw_only=True):
    """One SELECT that only reads."""

    sql: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_SQL)]


class QueryAnswer(_Document, frozen=True, kw_only=True):
    """The answer to a query. `complete`: false if there may be more rows than may be given."""

    columns: list[str]
    rows: list[list[Any]]
    complete: bool


class ExportRequest(_Document, frozen=True, kw_only=True):
    """What is to become a file. Batches are from the first to the last one, both in it."""

    part: Annotated[str, msgspec.Meta(pattern="^(estimates|reports)$")]
    format: Annotated[str, msgspec.Meta(pattern="^(csv|parquet)$")]
    sheet: Annotated[int, msgspec.Meta(ge=0, lt=64)] = 0
    first_batch: Annotated[int, msgspec.Meta(ge=0, lt=10**9)] | None = None
    last_batch: Annotated[int, msgspec.Meta(ge=0, lt=10**9)] | None = None


class BudgetDocument(_Document, frozen=True, kw_only=True):
    """A privacy budget, as decimal numbers: in the beginning, and now."""

    eps: str
    eps_left: str
    delta: str
    delta_left: str


class DataSetEntry(_Document, frozen=True, kw_only=True):
    """A data set with central noise. `eps_each`: what an ordinary question spends."""

    name: str
    title: str
    eps_each: str
    budget: BudgetDocument


class DataSetList(_Document, frozen=True, kw_only=True):
    """All data sets."""

    data_sets: list[DataSetEntry]


class DataColumnEntry(_Document, frozen=True, kw_only=True):
    """A column. `values` of a category, all of them; `lower`, `upper`, `step` of a number."""

    name: str
    kind: str
    values: list[str] = []
    lower: str = ""
    upper: str = ""
    step: str = ""


class SpendingEntry(_Document, frozen=True, kw_only=True):
    """What a question cost, and who asked it."""

    at: str
    analyst: str
    question: str
    eps: str
    delta: str


class DataSetDocument(_Document, frozen=True, kw_only=True):
    """One data set. How many rows it has is a question like others."""

    data_set: DataSetEntry
    columns: list[DataColumnEntry]
    spendings: list[SpendingEntry]


class AskRequest(_Document, frozen=True, kw_only=True):
    """A question. `eps`: what it may spend, a decimal number; by default that of an ordinary one."""

    sql: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_SQL)]
    eps: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,4}(\.[0-9]{1,6})?$")] | None = None


class NoisyNumber(_Document, frozen=True, kw_only=True):
    """A noisy value with its 95 % interval, which holds privacy noise alone."""

    value: float
    low: float
    high: float


class AskedRow(_Document, frozen=True, kw_only=True):
    """The answer for one group."""

    group: list[str]
    values: list[NoisyNumber]


class AskAnswer(_Document, frozen=True, kw_only=True):
    """An answer, its price, and what is left."""

    groups: list[str]
    measures: list[str]
    rows: list[AskedRow]
    eps: str
    delta: str
    budget: BudgetDocument


class RefusalCount(_Document, frozen=True, kw_only=True):
    """How many reports were refused for one reason."""

    reason: str
    reports: int


class RefusalList(_Document, frozen=True, kw_only=True):
    """Refused reports of all surveys, by reason."""

    refusals: list[RefusalCount]


class DeedEntry(_Document, frozen=True, kw_only=True):
    """What an analyst did."""

    at: str
    analyst: str
    kind: str
    subject: str
    amount: str


class DeedList(_Document, frozen=True, kw_only=True):
    """The newest exports and spendings, the newest first."""

    record: list[DeedEntry]
