"""Which token keys a survey needs: one for each sheet and period (docs/protocol/stats.md, 1)."""

from __future__ import annotations

from dataclasses import dataclass

from loopixmix.errors import MisuseError
from stats.questionnaire.drafts import draft_faults
from stats.questionnaire.promises import period_spans, purpose_of, sheet_questions
from stats.questionnaire.questionnaire import PersonKind, SurveyDraft


@dataclass(frozen=True)
class KeySlot:
    """A place for a key: tokens of it count from `begins_s` until just before `ends_s`."""

    sheet: int
    period: int
    purpose: str
    begins_s: int
    ends_s: int


def slots_of(draft: SurveyDraft) -> list[KeySlot]:
    """Return the keys that a survey needs, by period and sheet; raise `MisuseError` if it can have none."""
    if draft.persons.kind is PersonKind.OPEN:
        raise MisuseError("this survey is open to anybody: it has no tokens, and needs no issuer")
    for fault in draft_faults(draft):
        raise MisuseError(fault)
    purposes = [purpose_of(draft, sheet) for sheet in range(len(sheet_questions(draft)))]
    return [
        KeySlot(sheet, period, purpose, begins_s, ends_s)
        for period, (begins_s, ends_s) in enumerate(period_spans(draft))
        for sheet, purpose in enumerate(purposes)
    ]
