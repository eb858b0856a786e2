"""Drafts compile to mechanisms whose integers keep what the survey promises."""

from __future__ import annotations

import math

import pytest

from loopixmix.errors import MisuseError
from stats.account.shuffling import amplified
from stats.questionnaire.compiling import compile_draft
from stats.questionnaire.domains import domain_of
from stats.questionnaire.odds import loss_of
from stats.questionnaire.promises import blanket_domain, promise_of
from stats.questionnaire.questionnaire import (
    Batching,
    MechanismKind,
    MechanismSpec,
    Mode,
    PrivacyGoal,
    Sheet,
    SurveyDraft,
    Travel,
)
from stats.questionnaire.questions import AnyQuestion, NumberQuestion, TripQuestion
from tests.worlds.stats.drafts import AGE, EVERY_KIND, MOOD, TOOLS, new_draft

MANY_PLACES = TripQuestion(name="far", text="From where to where?", places=tuple(f"p{index}" for index in range(100)))
FIFTY = NumberQuestion(name="fifty", text="How many?", edges=tuple(range(51)))


def loss(specs: tuple[MechanismSpec, ...]) -> float:
    return sum(loss_of(spec.true_weight, spec.false_weight) for spec in specs)


def told(draft: SurveyDraft, sheet: Sheet) -> float:
    promise = promise_of(draft)
    return amplified(loss(sheet.mechanisms), promise.company, blanket_domain(sheet.mechanisms)).best


def test_each_question_is_a_sheet_and_the_losses_add_up_to_the_promise() -> None:
    draft = new_draft(*EVERY_KIND, privacy=PrivacyGoal(eps="2", eps0_most="6"))
    sheets = compile_draft(draft)
    assert [sheet.questions for sheet in sheets] == [(question.name,) for question in EVERY_KIND]
    assert [sheet.mechanisms[0].domain for sheet in sheets] == [domain_of(question) for question in EVERY_KIND]
    losses = [told(draft, sheet) for sheet in sheets]
    assert 0.99 * 2 < sum(losses) <= 2 * (1 + 2e-6)


def test_questions_that_travel_together_share_one_local_loss() -> None:
    draft = new_draft(MOOD, AGE, TOOLS, travel=Travel.TOGETHER)
    (sheet,) = compile_draft(draft)
    losses = [loss((spec,)) for spec in sheet.mechanisms]
    assert losses == [pytest.approx(losses[0])] * 3
    assert 0.99 < told(draft, sheet) <= 1 + 1e-6
    assert sheet.purpose == f"stats-{draft.draft_id.hex()[:16]}-0"


def test_a_cap_holds_although_the_promise_would_allow_more() -> None:
    draft = new_draft(MOOD, batching=Batching(threshold=10_000_000, longest_wait_s=60))
    (sheet,) = compile_draft(draft)
    spec = sheet.mechanisms[0]
    assert spec == MechanismSpec(
        kind=MechanismKind.KRR, domain=3, true_weight=math.floor(math.e**5 * 10**6), false_weight=10**6
    )


@pytest.mark.parametrize(
    ("question", "eps", "threshold", "kind"),
    [
        (MOOD, "1", 1_000, MechanismKind.KRR),
        (TOOLS, "1", 1_000, MechanismKind.SAMPLED_BIT),
        (FIFTY, "1", 1_000, MechanismKind.KRR),
        # Too few to hide among: then unary encoding may spend as much as Hadamard response.
        (FIFTY, "1", 20, MechanismKind.UNARY),
        (FIFTY, "0.02", 1_000, MechanismKind.HADAMARD),
        (MANY_PLACES, "1", 1_000, MechanismKind.HADAMARD),
    ],
)
def test_the_mechanism_fits_the_question_and_the_loss(
    question: AnyQuestion, eps: str, threshold: int, kind: MechanismKind
) -> None:
    batching = Batching(threshold=threshold, longest_wait_s=60)
    draft = new_draft(question, privacy=PrivacyGoal(eps=eps), batching=batching)
    assert compile_draft(draft)[0].mechanisms[0].kind is kind


def test_with_central_noise_the_true_answers_are_sent() -> None:
    draft = new_draft(*EVERY_KIND, privacy=PrivacyGoal(mode=Mode.CENTRAL, eps="1"))
    for sheet in compile_draft(draft):
        assert (sheet.mechanisms[0].kind, sheet.mechanisms[0].true_weight) == (MechanismKind.NONE, 1)


def test_a_promise_that_leaves_nothing_to_learn_is_refused() -> None:
    with pytest.raises(MisuseError, match="too small"):
        compile_draft(
            new_draft(privacy=PrivacyGoal(eps="0.000000001"), batching=Batching(threshold=3, longest_wait_s=9))
        )
    with pytest.raises(MisuseError, match="eps: it is over 0"):
        compile_draft(new_draft(privacy=PrivacyGoal(eps="0")))


def test_a_draft_compiles_to_the_same_integers_again() -> None:
    draft = new_draft(*EVERY_KIND)
    assert compile_draft(draft) == compile_draft(draft)
