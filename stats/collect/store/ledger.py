"""What is asked of the collector's store, and written into it, each in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Table, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from loopixmix.errors import MisuseError
from loopixmix.store.transactions import Store
from stats.collect.refusals import ReportRefusal
from stats.collect.store.schema import batches, discards, refusals, spent, surveys
from stats.collect.survey import SurveyProgress, prefix_of

MOST_SURVEYS = 1_000
ASKED_AT_ONCE = 1_000
"""Values in one statement: databases bound them."""


@dataclass(frozen=True)
class AddedSurvey:
    """A survey as the store has it. `number`: in the other tables."""

    number: int
    survey_id: bytes
    questionnaire: bytes
    standing: SurveyProgress


@dataclass(frozen=True)
class ReleasedBatch:
    """A batch that is in the column store."""

    sheet: int
    batch: int
    period: int
    rows: int
    released_s: int


@dataclass(frozen=True)
class SheetPeriod:
    """Which reports of a survey: those of one sheet and period. `survey`: its number in the store."""

    survey: int
    sheet: int
    period: int


class CollectorLedger:
    """The collector's store. Any thread may use it, and other programs beside."""

    def __init__(self, store: Store) -> None:
        """`store`: closed by `close`."""
        self._store = store

    @property
    def problem(self) -> str | None:
        """That the disk is full, or what was lost, in one line; None if all is well."""
        return self._store.problem

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def add_survey(self, survey_id: bytes, questionnaire: bytes) -> None:
        """Add a survey, once; raise `MisuseError` if there are too many, or another one has the same names."""

        def work(connection: Connection) -> None:
            known = {bytes(each) for each in connection.execute(select(surveys.c.survey_id)).scalars()}
            if survey_id in known:
                return
            if len(known) >= MOST_SURVEYS:
                raise MisuseError(f"a collector has at most {MOST_SURVEYS} surveys")
            if prefix_of(survey_id) in map(prefix_of, known):
                raise MisuseError(f"another survey's id begins with {prefix_of(survey_id)}, too: change the draft")
            row = {"survey_id": survey_id, "questionnaire": questionnaire, "closed_periods": 0}
            connection.execute(insert(surveys), row)

        self._store.write(work)

    def close_survey(self, survey_id: bytes, now_s: int) -> None:
        """Close a survey before its time; raise `MisuseError` if there is none."""

        def work(connection: Connection) -> None:
            if connection.execute(select(surveys.c.number).where(surveys.c.survey_id == survey_id)).first() is None:
                raise MisuseError(f"there is no survey {survey_id.hex()}")
            still_open = (surveys.c.survey_id == survey_id) & surveys.c.closed_s.is_(None)
            connection.execute(update(surveys).where(still_open).values(closed_s=now_s))

        self._store.write(work)

    def surveys(self, *, after: int = 0) -> list[AddedSurvey]:
        """Return all surveys, in the order in which they were added, or those with a number over `after`."""
        chosen = select(surveys).where(surveys.c.number > after).order_by(surveys.c.number)
        found = self._store.read(lambda connection: connection.execute(chosen).all())
        return [
            AddedSurvey(
                row.number,
                bytes(row.survey_id),
                bytes(row.questionnaire),
                SurveyProgress(row.closed_s, row.closed_periods),
            )
            for row in found
        ]

    def standing(self) -> Mapping[int, SurveyProgress]:
        """Return how far each survey is, by its number: what changes while the collector runs."""
        chosen = select(surveys.c.number, surveys.c.closed_s, surveys.c.closed_periods)
        found = self._store.read(lambda connection: connection.execute(chosen).all())
        return {number: SurveyProgress(closed_s, closed_periods) for number, closed_s, closed_periods in found}

    def spent(self, survey: int, period: int, onces: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """Return the digests of the released reports that had these tokens."""

        def work(connection: Connection) -> dict[bytes, bytes]:
            found: dict[bytes, bytes] = {}
            for start in range(0, len(onces), ASKED_AT_ONCE):
                part = spent.c.once.in_(onces[start : start + ASKED_AT_ONCE])
                chosen = select(spent.c.once, spent.c.digest).where(
                    spent.c.survey == survey, spent.c.period == period, part
                )
                found.update((bytes(once), bytes(digest)) for once, digest in connection.execute(chosen))
            return found

        return self._store.read(work)

    def add_batch(self, place: SheetPeriod, batch: int, digests: Mapping[bytes, bytes], now_s: int) -> None:
        """Note that a batch is in the column store, and that its tokens are spent. A second time changes nothing."""
        same = (batches.c.survey == place.survey) & (batches.c.sheet == place.sheet) & (batches.c.batch == batch)
        row = {"survey": place.survey, "sheet": place.sheet, "batch": batch, "period": place.period}
        # In the order of the hashes, which is none of the reports.
        rows = [
            {"survey": place.survey, "period": place.period, "once": once, "digest": digests[once]}
            for once in sorted(digests)
        ]

        def work(connection: Connection) -> None:
            if connection.execute(select(batches.c.batch).where(same)).first() is not None:
                return
            connection.execute(insert(batches), row | {"amount": len(digests), "released_s": now_s})
            connection.execute(_INSERT_SPENT[connection.dialect.name], rows)

        self._store.write(work)

    def batches(self, survey: int) -> list[ReleasedBatch]:
        """Return the batches of a survey, by sheet and number."""
        chosen = select(batches).where(batches.c.survey == survey).order_by(batches.c.sheet, batches.c.batch)
        found = self._store.read(lambda connection: connection.execute(chosen).all())
        return [ReleasedBatch(row.sheet, row.batch, row.period, row.amount, row.released_s) for row in found]

    def settle_period(self, survey: int, period: int, discarded: Mapping[int, int]) -> None:
        """Note that a period is over, and how many reports of each sheet were too few; forget its tokens.

        None of its reports is taken from then on, whatever the clock says.
        """
        rows = [
            {"survey": survey, "sheet": sheet, "period": period, "amount": amount}
            for sheet, amount in discarded.items()
            if amount
        ]

        def work(connection: Connection) -> None:
            this = (surveys.c.number == survey) & (surveys.c.closed_periods == period)
            if connection.execute(update(surveys).where(this).values(closed_periods=period + 1)).rowcount == 0:
                return
            if rows:
                connection.execute(insert(discards), rows)
            connection.execute(delete(spent).where(spent.c.survey == survey, spent.c.period == period))

        self._store.write(work)

    def discarded(self, survey: int) -> Mapping[tuple[int, int], int]:
        """Return how many reports of each sheet and period were discarded."""
        chosen = select(discards.c.sheet, discards.c.period, discards.c.amount).where(discards.c.survey == survey)
        found = self._store.read(lambda connection: connection.execute(chosen).all())
        return {(sheet, period): amount for sheet, period, amount in found}

    def released_rows(self) -> Mapping[int, int]:
        """Return how many reports of each survey were released, of those that have any."""
        return self._totals(batches)

    def discarded_rows(self) -> Mapping[int, int]:
        """Return how many reports of each survey were discarded, of those that have any."""
        return self._totals(discards)

    def _totals(self, table: Table) -> Mapping[int, int]:
        chosen = select(table.c.survey, func.sum(table.c.amount)).group_by(table.c.survey)
        found = self._store.read(lambda connection: connection.execute(chosen).all())
        return {survey: int(amount) for survey, amount in found}

    def add_refusals(self, counted: Mapping[tuple[bytes, ReportRefusal], int]) -> None:
        """Add to the counts of refusals."""
        rows = [
            {"survey_id": survey_id, "reason": reason.value, "amount": amount}
            for (survey_id, reason), amount in counted.items()
        ]

        def work(connection: Connection) -> None:
            connection.execute(_ADD_REFUSALS[connection.dialect.name], rows)

        if rows:
            self._store.write(work)

    def refusals(self) -> Mapping[tuple[bytes, ReportRefusal], int]:
        """Return how many were refused, by survey and reason."""
        found = self._store.read(lambda connection: connection.execute(select(refusals)).all())
        return {(bytes(row.survey_id), ReportRefusal(row.reason)): row.amount for row in found}


_INSERT_SPENT = {
    "sqlite": sqlite.insert(spent).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(spent).on_conflict_do_nothing(),
}
_KEY = (refusals.c.survey_id, refusals.c.reason)
_ADD_SQLITE, _ADD_POSTGRESQL = sqlite.insert(refusals), postgresql.insert(refusals)
_ADD_REFUSALS = {
    "sqlite": _ADD_SQLITE.on_conflict_do_update(
        index_elements=_KEY, set_={"amount": refusals.c.amount + _ADD_SQLITE.excluded.amount}
    ),
    "postgresql": _ADD_POSTGRESQL.on_conflict_do_update(
        index_elements=_KEY, set_={"amount": refusals.c.amount + _ADD_POSTGRESQL.excluded.amount}
    ),
}
