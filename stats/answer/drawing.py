"""From answers to reports: each answer is randomised once, and a question that is asked again is answered as before."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from loopixmix.errors import MisuseError
from loopixmix.seams import Rng
from stats.answer.ledger import millionths
from stats.questionnaire.questionnaire import MechanismKind, Questionnaire
from stats.randomise.permanent import PermanentResponses, RememberedResponse
from stats.randomise.specified import mechanism_of


@dataclass(frozen=True)
class DrawnSheet:
    """The randomised values of one report.

    `new`: permanent responses that were drawn for it. `eps0`: what it costs if all mixes work together, in millionths;
    None if it has true answers. `again`: the part of it that the new permanent responses have.
    """

    sheet: int
    values: tuple[int, ...] = field(repr=False)
    new: tuple[RememberedResponse, ...] = field(repr=False)
    eps0: int | None
    again: int


def sheets_answered(questionnaire: Questionnaire, values: Mapping[str, int]) -> list[int]:
    """Return which sheets `values` fill; raise `MisuseError` if they fill one in part, or none, or name no question."""
    strange = set(values) - {name for sheet in questionnaire.sheets for name in sheet.questions}
    if strange:
        raise MisuseError(f"the survey has no question {min(strange)[:40]!r}")
    filled = []
    for number, sheet in enumerate(questionnaire.sheets):
        missing = [name for name in sheet.questions if name not in values]
        if not missing:
            filled.append(number)
        elif len(missing) < len(sheet.questions):
            raise MisuseError(f"the answers travel together, and there is none to {', '.join(missing)}")
    if not filled:
        raise MisuseError("no question is answered")
    return filled


def draw_sheet(
    questionnaire: Questionnaire, sheet: int, values: Mapping[str, int], remembered: PermanentResponses, rng: Rng
) -> DrawnSheet:
    """Randomise the answers of one sheet; raise `MisuseError` for a value that a question does not have."""
    again = {question.name for question in questionnaire.draft.questions if question.again}
    found = questionnaire.sheets[sheet]
    drawn, new, once, permanent = [], [], 0, 0
    for name, spec in zip(found.questions, found.mechanisms, strict=True):
        mechanism = mechanism_of(spec)
        loss = 0 if math.isinf(mechanism.eps0) else millionths(mechanism.eps0)
        if name not in again:
            drawn.append(mechanism.randomise(values[name], rng))
            once += loss
            continue
        response = remembered.draw(name, values[name], mechanism, rng)
        if remembered.of(name, values[name]) is None:
            new.append(response)
            permanent += loss
        drawn.append(response.report)
    is_true = any(spec.kind is MechanismKind.NONE for spec in found.mechanisms)
    return DrawnSheet(sheet, tuple(drawn), tuple(new), None if is_true else once + permanent, permanent)
