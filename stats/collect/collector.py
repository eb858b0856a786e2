"""The collector: surveys that are open, reports that are taken, batches that are released.

One thread calls everything but `load_new` and `append`, which wait for the column store and may be called from another
one. So no lock is needed where a report is looked for, and put, and drawn.
"""

from __future__ import annotations

import hmac
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from loopixmix.errors import FormatError
from loopixmix.seams import Clock
from stats.collect.refusals import RefusalCounts, ReportRefusal
from stats.collect.rules import DiscardNow, KeepWaiting, ReleaseNow, judge_waiting
from stats.collect.store.ledger import AddedSurvey, CollectorLedger, SheetPeriod
from stats.collect.survey import CheckedReport, CollectedSurvey, PoolName, SurveyProgress
from stats.collect.waiting.batch import DrawnBatch
from stats.collect.waiting.room import WaitingRoom
from stats.columns.seams import ColumnStore
from stats.questionnaire.questionnaire import decode_questionnaire
from stats.report.report import decode_report

MOST_OPEN_REPORTS = 1_000_000
"""Of a survey that is open to anybody: nobody needs a token for it, so that a stranger could fill the disk."""


@dataclass(frozen=True)
class Columns:
    """Where batches go. `raw`: those of surveys with central noise, which only noisy questions reach."""

    released: ColumnStore
    raw: ColumnStore

    def of(self, survey: CollectedSurvey) -> ColumnStore:
        """Return the store for a survey."""
        return self.raw if survey.is_raw else self.released


@dataclass
class RunningSurvey:
    """A survey, and what the collector remembers of it. `number`: in the store.

    `next_batch`: by sheet. `released_s`: when a pool was last released. `under_way`: pools of which a batch is drawn,
    and not yet in the column store. `taken`: reports that it has, waiting and released ones.
    """

    survey: CollectedSurvey
    number: int
    standing: SurveyProgress
    next_batch: dict[int, int] = field(default_factory=dict)
    released_s: dict[PoolName, float] = field(default_factory=dict)
    under_way: set[PoolName] = field(default_factory=set)
    taken: int = 0

    @property
    def is_settled(self) -> bool:
        """Whether nothing comes any more, and nothing waits."""
        return self.standing.closed_periods >= self.survey.period_count


class Collector:
    """Takes reports, and releases them in batches."""

    def __init__(
        self,
        ledger: CollectorLedger,
        room: WaitingRoom,
        columns: Columns,
        *,
        clock: Clock,
        most_open: int = MOST_OPEN_REPORTS,
    ) -> None:
        """`ledger`, `room`, `columns`: closed by `close`. `clock`: tells the time.

        `most_open`: so many reports each survey takes that is open to anybody.
        """
        self._most_open = most_open
        self._ledger = ledger
        self._room = room
        self._columns = columns
        self._clock = clock
        self._surveys: dict[bytes, RunningSurvey] = {}
        self._newest = 0
        self._refused = RefusalCounts()

    def load_new(self) -> list[RunningSurvey]:
        """Return the surveys that were added since the last time; `admit` takes them up. Raises `StoreError`."""
        return [self._loaded(kept.number, kept.questionnaire, kept.standing) for kept in self._new()]

    def admit(self, running: RunningSurvey) -> list[DrawnBatch]:
        """Take up a survey; return the batches of which the release was begun before. Raises `StoreError`."""
        survey = running.survey
        begun = self._room.admit(survey)
        for pool in self._room.pools():
            # Their period was settled, and the program was killed before it erased them.
            if pool.survey_id == survey.survey_id and pool.period < running.standing.closed_periods:
                self._room.discard(pool)
        running.taken += sum(
            self._room.waiting(pool) for pool in self._room.pools() if pool.survey_id == survey.survey_id
        )
        running.taken += sum(batch.rows for batch in begun)
        for batch in begun:
            running.next_batch[batch.pool.sheet] = max(running.next_batch[batch.pool.sheet], batch.number + 1)
            running.under_way.add(batch.pool)
        self._surveys[survey.survey_id] = running
        self._newest = max(self._newest, running.number)
        return begun

    def look_again(self) -> None:
        """Take note of what the operator changed, and write down how many were refused. Raises `StoreError`."""
        standing = self._ledger.standing()
        for running in self._surveys.values():
            running.standing = standing.get(running.number, running.standing)
        counted = self._refused.take()
        try:
            self._ledger.add_refusals(counted)
        except BaseException:
            self._refused.put_back(counted)
            raise

    def questionnaire(self, survey_id: bytes) -> bytes | None:
        """Return the encoded questionnaire of a survey. Any thread may ask."""
        running = self._surveys.get(survey_id)
        return None if running is None else running.survey.encoded

    def running(self) -> list[RunningSurvey]:
        """Return all surveys, in the order in which they were added."""
        return sorted(self._surveys.values(), key=lambda running: running.number)

    def waiting(self) -> Mapping[bytes, int]:
        """Return how many reports of each survey wait."""
        counted: Counter[bytes] = Counter()
        for pool in self._room.pools():
            counted[pool.survey_id] += self._room.waiting(pool)
        return counted

    def take_many(self, encoded: Sequence[bytes]) -> list[ReportRefusal | None]:
        """Take reports that came at one time; return for each why it does not count, None if it does.

        Those that count are on the disk when this returns. Raises `StoreError`: then none of them may count.
        """
        checked = [self._check(data) for data in encoded]
        reports = [report for _, report in checked if isinstance(report, CheckedReport)]
        known = self._known(reports)
        new: dict[PoolName, dict[bytes, CheckedReport]] = defaultdict(dict)
        outcomes: list[ReportRefusal | None] = []
        for _, report in checked:
            if isinstance(report, CheckedReport):
                if (report.pool, report.once) not in known:
                    if self._is_full(report, new):
                        outcomes.append(ReportRefusal.FULL)
                        continue
                    new[report.pool][report.once] = report
                before = known.setdefault((report.pool, report.once), report.digest)
                outcomes.append(None if hmac.compare_digest(before, report.digest) else ReportRefusal.TOKEN)
            else:
                outcomes.append(report)
        for pool, together in new.items():
            running = self._surveys[pool.survey_id]
            self._room.put(running.survey, pool, together)
            running.taken += len(together)
        self._count(checked, outcomes)
        return outcomes

    def draw_due(self) -> DrawnBatch | None:
        """Draw a batch that is due, if there is one; settle the periods that are over. Raises `StoreError`."""
        now_s = self._clock.seconds()
        for running in self._surveys.values():
            while not running.is_settled:
                advanced = self._advance(running, now_s)
                if isinstance(advanced, DrawnBatch):
                    return advanced
                if not advanced:
                    break
        return None

    def append(self, batch: DrawnBatch) -> None:
        """Append a batch to the column store, and note that its tokens are spent; a second time changes nothing.

        Raises `StoreError`.
        """
        running = self._surveys[batch.pool.survey_id]
        pool, columns, table = batch.pool, self._columns.of(running.survey), running.survey.table(batch.pool.sheet)
        if not columns.has_batch(table, batch.number):
            columns.append(table, batch.number, pool.period, batch.form.columns(batch.records))
        place = SheetPeriod(running.number, pool.sheet, pool.period)
        self._ledger.add_batch(place, batch.number, batch.form.spent(batch.records), int(self._clock.seconds()))

    def forget(self, batch: DrawnBatch) -> None:
        """Erase a batch that was appended. Raises `StoreError`."""
        self._room.forget(batch)
        running = self._surveys[batch.pool.survey_id]
        running.released_s[batch.pool] = self._clock.seconds()
        running.under_way.discard(batch.pool)

    def close(self) -> None:
        """Close stores and files."""
        self._room.close()
        self._ledger.close()
        self._columns.released.close()
        if self._columns.raw is not self._columns.released:
            self._columns.raw.close()

    def _new(self) -> Sequence[AddedSurvey]:
        return self._ledger.surveys(after=self._newest)

    def _loaded(self, number: int, questionnaire: bytes, standing: SurveyProgress) -> RunningSurvey:
        survey = CollectedSurvey(decode_questionnaire(questionnaire))
        columns = self._columns.of(survey)
        released = self._ledger.batches(number)
        running = RunningSurvey(survey, number, standing)
        for sheet in survey.sheets:
            table = survey.table(sheet)
            columns.ensure(table)
            # Also by what is in the column store: the other store may be one that was put back from a copy.
            kept = columns.batches(table)
            running.taken += sum(rows for _, _, rows in kept)
            numbers = [batch for _, batch, _ in kept]
            numbers += [batch.batch for batch in released if batch.sheet == sheet]
            running.next_batch[sheet] = max(numbers, default=0) + 1
        for batch in released:
            pool = PoolName(survey.survey_id, batch.sheet, batch.period)
            running.released_s[pool] = max(running.released_s.get(pool, 0.0), batch.released_s)
        return running

    def _check(self, data: bytes) -> tuple[bytes, CheckedReport | ReportRefusal]:
        try:
            report = decode_report(data)
        except FormatError:
            return b"", ReportRefusal.MALFORMED
        running = self._surveys.get(report.survey_id)
        if running is None:
            return b"", ReportRefusal.UNKNOWN_SURVEY
        return report.survey_id, running.survey.check(report, data, self._clock.seconds(), running.standing)

    def _known(self, reports: Sequence[CheckedReport]) -> dict[tuple[PoolName, bytes], bytes]:
        """Return the digests of reports that were there before, with the same tokens."""
        known: dict[tuple[PoolName, bytes], bytes] = {}
        released: dict[PoolName, list[bytes]] = defaultdict(list)
        for report in reports:
            digest = self._room.digest(report.pool, report.once)
            if digest is not None:
                known[report.pool, report.once] = digest
            elif report.pool in self._surveys[report.pool.survey_id].released_s:
                released[report.pool].append(report.once)
        # Looked for here last: a batch is among the spent tokens before the room forgets it.
        for pool, onces in released.items():
            spent = self._ledger.spent(self._surveys[pool.survey_id].number, pool.period, onces)
            known.update({(pool, once): digest for once, digest in spent.items()})
        return known

    def _is_full(self, report: CheckedReport, new: Mapping[PoolName, Mapping[bytes, CheckedReport]]) -> bool:
        running = self._surveys[report.pool.survey_id]
        if not running.survey.is_open_to_all:
            return False
        coming = sum(len(reports) for pool, reports in new.items() if pool.survey_id == report.pool.survey_id)
        return running.taken + coming >= self._most_open

    def _count(self, checked: Sequence[tuple[bytes, object]], outcomes: Sequence[ReportRefusal | None]) -> None:
        self._refused.add(
            (survey_id, outcome) for (survey_id, _), outcome in zip(checked, outcomes, strict=True) if outcome
        )

    def _advance(self, running: RunningSurvey, now_s: float) -> DrawnBatch | bool:
        """Judge the pools of the first period that is not settled.

        Return the batch of one that is due; otherwise whether the period is settled now.
        """
        survey, period = running.survey, running.standing.closed_periods
        is_over = now_s >= survey.ends_s(period, running.standing)
        discarded: dict[int, int] = {}
        for pool in (PoolName(survey.survey_id, sheet, period) for sheet in survey.sheets):
            if pool in running.under_way:
                continue
            waiting = self._room.waiting(pool)
            match judge_waiting(
                waiting,
                survey.questionnaire.draft.batching,
                last_release_s=running.released_s.get(pool, survey.begins_s(period)),
                is_over=is_over,
                now_s=now_s,
            ):
                case ReleaseNow(held_back):
                    return self._draw(running, pool, held_back)
                case DiscardNow():
                    discarded[pool.sheet] = waiting
                case KeepWaiting():
                    pass
        if len(discarded) < len(survey.sheets):
            return False
        self._settle(running, period, discarded)
        return True

    def _draw(self, running: RunningSurvey, pool: PoolName, held_back: int) -> DrawnBatch:
        number = running.next_batch[pool.sheet]
        running.next_batch[pool.sheet] = number + 1
        batch = self._room.draw(pool, number, held_back=held_back)
        running.under_way.add(pool)
        return batch

    def _settle(self, running: RunningSurvey, period: int, discarded: Mapping[int, int]) -> None:
        # Written down first: once the reports are erased, nobody could count them.
        self._ledger.settle_period(running.number, period, discarded)
        running.standing = SurveyProgress(running.standing.closed_s, period + 1)
        for sheet in discarded:
            self._room.discard(PoolName(running.survey.survey_id, sheet, period))
