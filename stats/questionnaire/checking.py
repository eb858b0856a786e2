"""Whether a questionnaire is a sound one: clients and collectors refuse any other."""

from __future__ import annotations

from collections.abc import Iterator

from loopixmix.errors import FormatError
from loopixmix.tokens.keys import decode_token_key
from stats.questionnaire.domains import domain_of
from stats.questionnaire.drafts import draft_faults
from stats.questionnaire.odds import MOST_WEIGHT
from stats.questionnaire.promises import period_count, period_span, promise_of, purpose_of, sheet_questions
from stats.questionnaire.questionnaire import (
    MOST_BYTES,
    MechanismKind,
    MechanismSpec,
    Mode,
    PersonKind,
    Questionnaire,
    Sheet,
    SurveyDraft,
    SurveyKey,
    encode_canonical,
)
from stats.questionnaire.questions import AnyQuestion, MultipleChoice

MOST_UNARY = 62


def faults(questionnaire: Questionnaire) -> list[str]:
    """Return all that is wrong with a questionnaire, one line each, with its place; empty if it is sound."""
    draft = questionnaire.draft
    found = draft_faults(draft)
    if found:
        return [f"draft: {fault}" for fault in found]
    found = [*_sheets(draft, questionnaire.sheets)]
    if not found:
        found = [*_promises(draft, questionnaire.sheets), *_keys(draft, questionnaire.keys)]
    if len(encode_canonical(questionnaire)) > MOST_BYTES:
        found.append(f"it has over {MOST_BYTES} bytes")
    return found


def _sheets(draft: SurveyDraft, sheets: tuple[Sheet, ...]) -> Iterator[str]:
    expected = sheet_questions(draft)
    if len(sheets) != len(expected):
        yield f"sheets: there have to be {len(expected)}, not {len(sheets)}"
        return
    for number, (sheet, questions) in enumerate(zip(sheets, expected, strict=True)):
        place = f"sheets[{number}]"
        if sheet.purpose != purpose_of(draft, number):
            yield f"{place}.purpose: it has to be {purpose_of(draft, number)}"
        if sheet.questions != tuple(question.name for question in questions):
            yield f"{place}.questions: they are not those of the draft, in its order"
        elif len(sheet.mechanisms) != len(questions):
            yield f"{place}.mechanisms: each question has one"
        else:
            for question, spec in zip(questions, sheet.mechanisms, strict=True):
                yield from (f"{place} ({question.name}): {fault}" for fault in _mechanism(draft, question, spec))


def _mechanism(draft: SurveyDraft, question: AnyQuestion, spec: MechanismSpec) -> Iterator[str]:
    if spec.domain != domain_of(question):
        yield f"the question has {domain_of(question)} values, and the mechanism {spec.domain}"
    central = draft.privacy.mode is Mode.CENTRAL
    if (spec.kind is MechanismKind.NONE) != central:
        yield "the true answer is sent" if not central else "a data set with central noise holds true answers"
    if spec.kind is MechanismKind.NONE:
        if (spec.true_weight, spec.false_weight) != (1, 0):
            yield "without a mechanism the weights are 1 and 0"
        return
    if (spec.kind is MechanismKind.SAMPLED_BIT) != isinstance(question, MultipleChoice):
        yield f"{spec.kind.value} is not for this kind of question"
    if spec.kind is MechanismKind.UNARY and spec.domain > MOST_UNARY:
        yield f"unary has at most {MOST_UNARY} values"
    if not 1 <= spec.false_weight < spec.true_weight < MOST_WEIGHT:
        yield "the weights are whole numbers from 1 to 2**40, the true one the larger"


def _promises(draft: SurveyDraft, sheets: tuple[Sheet, ...]) -> Iterator[str]:
    if draft.privacy.mode is Mode.CENTRAL:
        return
    promise = promise_of(draft)
    for number, sheet in enumerate(sheets):
        if not promise.is_capped_by(sheet.mechanisms):
            yield f"sheets[{number}]: its local loss is over privacy.eps0_most = {draft.privacy.eps0_most}"
        elif not promise.is_kept_by(sheet.mechanisms):
            yield f"sheets[{number}]: its amplified loss breaks the promise privacy.eps = {draft.privacy.eps}"


def _keys(draft: SurveyDraft, keys: tuple[SurveyKey, ...]) -> Iterator[str]:
    if draft.persons.kind is PersonKind.OPEN:
        if keys:
            yield "keys: a survey that is open to anybody has none"
        return
    sheets, periods = len(sheet_questions(draft)), period_count(draft)
    expected = [(sheet, period) for sheet in range(sheets) for period in range(periods)]
    if [(key.sheet, key.period) for key in keys] != expected:
        yield f"keys: there is one for each of {sheets} sheets and {periods} periods, by sheet, then by period"
        return
    seen: set[bytes] = set()
    for key in keys:
        place = f"keys (sheet {key.sheet}, period {key.period})"
        yield from (f"{place}: {fault}" for fault in _key(draft, key, seen))


def _key(draft: SurveyDraft, key: SurveyKey, seen: set[bytes]) -> Iterator[str]:
    try:
        decoded = decode_token_key(key.key)
    except FormatError as error:
        yield f"no token key: {error}"
        return
    if decoded.purpose != purpose_of(draft, key.sheet):
        yield (
            f"its purpose has to be {purpose_of(draft, key.sheet)}, not {decoded.purpose}: if the draft was changed, "
            "the issuer makes other keys for it"
        )
    if (decoded.begins_s, decoded.ends_s) != period_span(draft, key.period):
        yield "it does not count from the begin of the period to its end"
    # One key for two of them would let a token of the one be spent for the other.
    if decoded.public in seen:
        yield "another sheet or period has the same key"
    seen.add(decoded.public)
