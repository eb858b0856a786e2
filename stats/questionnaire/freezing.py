"""A draft, its sheets and the token keys become the questionnaire, which never changes again."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from loopixmix.errors import UNDECODABLE, FormatError, MisuseError
from stats.questionnaire.checking import faults
from stats.questionnaire.compiling import compile_draft
from stats.questionnaire.questionnaire import MOST_BYTES, Questionnaire, SurveyDraft, SurveyKey


def decode_draft(data: bytes) -> SurveyDraft:
    """Return the draft in `data`, JSON in any form; raise `FormatError`, which names the place of the fault.

    Whether it is sound is not looked at; see `stats.questionnaire.drafts`.
    """
    if len(data) > MOST_BYTES:
        raise FormatError(f"a draft has at most {MOST_BYTES} bytes, not {len(data)}")
    try:
        return msgspec.json.decode(data, type=SurveyDraft)
    except UNDECODABLE as error:
        raise FormatError(f"not a draft: {error}") from error


def decode_survey_keys(data: bytes) -> tuple[SurveyKey, ...]:
    """Return the keys in a file that an issuer wrote: a JSON list; raise `FormatError`."""
    try:
        return msgspec.json.decode(data, type=tuple[SurveyKey, ...])
    except UNDECODABLE as error:
        raise FormatError(f"no list of token keys: {error}") from error


def freeze(draft: SurveyDraft, keys: Iterable[SurveyKey] = ()) -> Questionnaire:
    """Compile a draft and return its questionnaire; raise `MisuseError` with the first fault.

    `keys`: one for each sheet and period, in any order; none if the survey is open to anybody.
    """
    ordered = tuple(sorted(keys, key=lambda key: (key.sheet, key.period)))
    questionnaire = Questionnaire(draft=draft, sheets=compile_draft(draft), keys=ordered)
    for fault in faults(questionnaire):
        raise MisuseError(fault)
    return questionnaire
