"""Which token keys a survey needs: one for each sheet and period (docs/protocol/stats.md, 1)."""

from __future__ import annotations

from dataclasses import dataclass

from loopixmix.errors import MisuseError
from stats.questionnaire.questionnaire import PersonKind, SurveyDraft, Travel

MOST_SLOTS = 128
_NAMED_AFTER = 16
"""So many digits of the draft's id stand in a purpose."""


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
    sheets = 1 if draft.travel is Travel.TOGETHER else len(draft.questions)
    spans = _spans(draft)
    if sheets * len(spans) > MOST_SLOTS:
        raise MisuseError(
            f"a survey has at most {MOST_SLOTS} token keys, and {sheets} sheets in {len(spans)} periods need "
            f"{sheets * len(spans)}: let the questions travel together, or ask in fewer periods"
        )
    return [
        KeySlot(sheet, period, purpose_of(draft.draft_id, sheet), begins_s, ends_s)
        for period, (begins_s, ends_s) in enumerate(spans)
        for sheet in range(sheets)
    ]


def purpose_of(draft_id: bytes, sheet: int) -> str:
    """Return the purpose of the tokens of a sheet."""
    return f"stats-{draft_id.hex()[:_NAMED_AFTER]}-{sheet}"


def _spans(draft: SurveyDraft) -> list[tuple[int, int]]:
    opens_s, closes_s = draft.opens_s, draft.closes_s
    if opens_s >= closes_s:
        raise MisuseError("the survey closes before it opens")
    if draft.periods is None:
        return [(opens_s, closes_s)]
    length_s, count = draft.periods.length_s, draft.periods.count
    if opens_s + (count - 1) * length_s >= closes_s:
        raise MisuseError(f"the last of {count} periods of {length_s} s would begin after the survey has closed")
    begins = [opens_s + number * length_s for number in range(count)]
    return [(begin_s, min(begin_s + length_s, closes_s)) for begin_s in begins]
