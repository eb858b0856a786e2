"""How a collector stands: what its status file and `loopixmix stats collector list` tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from stats.collect.store.ledger import CollectorLedger
from stats.questionnaire.promises import period_count
from stats.questionnaire.questionnaire import SurveyDraft, decode_questionnaire


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


@dataclass(frozen=True)
class ToldSurvey:
    """A survey of which something is told. `number`: in the store."""

    number: int
    survey_id: bytes
    draft: SurveyDraft


def kept_surveys(ledger: CollectorLedger) -> list[ToldSurvey]:
    """Return all surveys of a store, read from it."""
    return [
        ToldSurvey(kept.number, kept.survey_id, decode_questionnaire(kept.questionnaire).draft)
        for kept in ledger.surveys()
    ]


def standing_of(
    ledger: CollectorLedger, surveys: Sequence[ToldSurvey], waiting: Mapping[bytes, int] | None
) -> CollectorStanding:
    """Return how `surveys` are. `waiting`: how many reports wait, by survey; None if that is not known."""
    # Few questions to the store, however many surveys there are: they are asked every second.
    refused: Counter[str] = Counter()
    for (_, reason), amount in ledger.refusals().items():
        refused[reason.value] += amount
    progress, released, discarded = ledger.standing(), ledger.released_rows(), ledger.discarded_rows()
    return CollectorStanding(
        surveys=[
            SurveyStatus(
                survey_id=survey.survey_id.hex(),
                title=survey.draft.title,
                opens=survey.draft.opens.isoformat(),
                closes=survey.draft.closes.isoformat(),
                is_closed=progress[survey.number].closed_s is not None,
                is_settled=progress[survey.number].closed_periods >= period_count(survey.draft),
                waiting=None if waiting is None else waiting.get(survey.survey_id, 0),
                released=released.get(survey.number, 0),
                discarded=discarded.get(survey.number, 0),
            )
            for survey in surveys
        ],
        refused=refused,
    )
