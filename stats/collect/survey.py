"""What the collector looks up of a questionnaire for each report: domains, periods, keys, tables."""

from __future__ import annotations

from dataclasses import dataclass

from loopixmix.errors import MisuseError, StoreError
from loopixmix.tokens import decode_token_key, spent_hash
from loopixmix.tokens.redeeming import FixedKeys, check_token
from stats.collect.refusals import ReportRefusal
from stats.columns.seams import SheetTable
from stats.questionnaire.promises import period_spans
from stats.questionnaire.questionnaire import Mode, PersonKind, Questionnaire, encode_canonical
from stats.randomise.specified import mechanism_of
from stats.report.report import SentReport, report_digest

RELEASED_PREFIX, RAW_PREFIX = "r", "raw"


def prefix_of(survey_id: bytes) -> str:
    """Return what the names of files and tables have of a survey's id: 16 hexadecimal digits."""
    return survey_id.hex()[:16]


@dataclass(frozen=True)
class PoolName:
    """Reports that are released together: those of one sheet and period of a survey."""

    survey_id: bytes
    sheet: int
    period: int

    def __str__(self) -> str:
        """Return a name for files: the beginning of the id, the sheet, the period."""
        return f"{prefix_of(self.survey_id)}-{self.sheet}-{self.period}"


@dataclass(frozen=True)
class CheckedReport:
    """A report that counts, unless its token is spent. `once`: what can be there once. `digest`: of all its bytes."""

    pool: PoolName
    once: bytes
    digest: bytes
    values: tuple[int, ...]


@dataclass(frozen=True)
class SurveyProgress:
    """How far a survey is. `closed_s`: when its operator closed it, if before its time.

    `closed_periods`: so many periods, from the first on, are settled. No report of them is taken, whatever the clock
    says.
    """

    closed_s: int | None = None
    closed_periods: int = 0


class CollectedSurvey:
    """A frozen survey, as the collector sees it."""

    def __init__(self, questionnaire: Questionnaire) -> None:
        """`questionnaire`: a sound one; raises `MisuseError` or `FormatError` if it is none."""
        self.survey_id = questionnaire.survey_id
        self.questionnaire = questionnaire
        self.encoded = encode_canonical(questionnaire)
        draft = questionnaire.draft
        self.is_raw = draft.privacy.mode is Mode.CENTRAL
        self.closes_s = draft.closes_s
        self._spans = tuple(period_spans(draft))
        self._outputs = tuple(
            tuple(mechanism_of(spec).outputs for spec in sheet.mechanisms) for sheet in questionnaire.sheets
        )
        self.is_open_to_all = draft.persons.kind is PersonKind.OPEN
        keys = {(each.sheet, each.period): decode_token_key(each.key) for each in questionnaire.keys}
        self._keys = {place: FixedKeys([key]) for place, key in keys.items()}
        if not self.is_open_to_all and len(keys) != len(questionnaire.sheets) * self.period_count:
            raise MisuseError("there is not one token key for each sheet and period")

    @property
    def prefix(self) -> str:
        """What the names of its pools and tables have of its id."""
        return prefix_of(self.survey_id)

    @property
    def period_count(self) -> int:
        """How many periods it has."""
        return len(self._spans)

    def pool(self, name: str) -> PoolName:
        """Return the pool of this name; raise `StoreError` if the survey has none."""
        for sheet in self.sheets:
            for period in range(self.period_count):
                pool = PoolName(self.survey_id, sheet, period)
                if str(pool) == name:
                    return pool
        raise StoreError(f"{name}: there is no such pool")

    @property
    def sheets(self) -> range:
        """The numbers of the sheets."""
        return range(len(self.questionnaire.sheets))

    def table(self, sheet: int) -> SheetTable:
        """Return the table of a sheet. The data sets of surveys with central noise have names of their own."""
        prefix = RAW_PREFIX if self.is_raw else RELEASED_PREFIX
        name = f"{prefix}_{self.prefix}_{sheet}"
        return SheetTable(name, tuple(self.questionnaire.sheets[sheet].questions))

    def begins_s(self, period: int) -> int:
        """Return when a period begins, in Unix seconds."""
        return self._spans[period][0]

    def ends_s(self, period: int, standing: SurveyProgress) -> int:
        """Return when a period ends, also if the operator closed the survey: no report of it is taken from then on."""
        closes_s = self.closes_s if standing.closed_s is None else min(self.closes_s, standing.closed_s)
        return min(self._spans[period][1], closes_s)

    def check(
        self, report: SentReport, data: bytes, now_s: float, standing: SurveyProgress
    ) -> CheckedReport | ReportRefusal:
        """Check a report for this survey: time, values, token. `data`: its bytes."""
        if report.sheet >= len(self._outputs):
            return ReportRefusal.OUTSIDE_DOMAIN
        if not self._is_now(report.period, now_s, standing):
            return ReportRefusal.CLOSED
        outputs = self._outputs[report.sheet]
        if len(report.values) != len(outputs):
            return ReportRefusal.OUTSIDE_DOMAIN
        if any(value >= most for value, most in zip(report.values, outputs, strict=True)):
            return ReportRefusal.OUTSIDE_DOMAIN
        digest = report_digest(data)
        once = self._once(report, digest, now_s)
        if once is None:
            return ReportRefusal.TOKEN
        return CheckedReport(PoolName(self.survey_id, report.sheet, report.period), once, digest, report.values)

    def _is_now(self, period: int, now_s: float, standing: SurveyProgress) -> bool:
        if not standing.closed_periods <= period < self.period_count:
            return False
        return self.begins_s(period) <= now_s < self.ends_s(period, standing)

    def _once(self, report: SentReport, digest: bytes, now_s: float) -> bytes | None:
        """Return what of a report can be there once: its token; the report itself if anybody may answer."""
        if self.is_open_to_all:
            return None if report.token else digest
        checked = check_token(report.token, self._keys[report.sheet, report.period].keys(), now_s)
        return None if checked is None else spent_hash(checked[0])
