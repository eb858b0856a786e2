"""How a collector stands: what its status file and `loopixmix stats collector list` tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from stats.collect.store.ledger import AddedSurvey, CollectorLedger
from stats.questionnaire.questionnaire import decode_questionnaire


class SurveyStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How one survey is. `waiting`, `released`, `discarded`: reports; the first is not known if no collector runs."""

    survey_id: str
    title: str
    opens: str
    closes: str
    is_closed: bool
    """By the operator, before its time."""
    is_settled: bool
    """No report comes any more, and none waits."""
    waiting: int | None
    released: int
    discarded: int


class CollectorStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How all surveys are. `refused`: reports, by reason."""

    surveys: Sequence[SurveyStatus] = ()
    refused: Mapping[str, int] = {}


def standing_of(ledger: CollectorLedger, waiting: Mapping[bytes, int] | None) -> CollectorStanding:
    """Return how all surveys are. `waiting`: how many reports wait, by survey; None if that is not known."""
    refused: Counter[str] = Counter()
    for (_, reason), amount in ledger.refusals().items():
        refused[reason.value] += amount
    surveys = [_survey_status(ledger, kept, waiting) for kept in ledger.surveys()]
    return CollectorStanding(surveys=surveys, refused=refused)


def _survey_status(ledger: CollectorLedger, kept: AddedSurvey, waiting: Mapping[bytes, int] | None) -> SurveyStatus:
    draft = decode_questionnaire(kept.questionnaire).draft
    periods = draft.periods.count if draft.periods is not None else 1
    return SurveyStatus(
        survey_id=kept.survey_id.hex(),
        title=draft.title,
        opens=draft.opens.isoformat(),
        closes=draft.closes.isoformat(),
        is_closed=kept.standing.closed_s is not None,
        is_settled=kept.standing.closed_periods >= periods,
        waiting=None if waiting is None else waiting.get(kept.survey_id, 0),
        released=sum(batch.rows for batch in ledger.batches(kept.number)),
        discarded=sum(ledger.discarded(kept.number).values()),
    )
