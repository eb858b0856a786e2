"""Clients and collectors refuse an unsound questionnaire; each way to be unsound is found."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from msgspec.structs import replace

from loopixmix.errors import FormatError, MisuseError
from loopixmix.tokens.keys import decode_token_key, encode_token_key
from stats.questionnaire.checking import faults
from stats.questionnaire.freezing import freeze
from stats.questionnaire.questionnaire import (
    MechanismKind,
    MechanismSpec,
    Mode,
    Periods,
    PersonKind,
    Persons,
    PrivacyGoal,
    Questionnaire,
    Travel,
    decode_questionnaire,
    encode_canonical,
)
from tests.worlds.stats.drafts import AGE, EVERY_KIND, MOOD, TOOLS, keys_for, new_draft, new_questionnaire, survey_key


def with_mechanism(questionnaire: Questionnaire, sheet: int = 0, **changes: Any) -> Questionnaire:
    """Return a questionnaire one of whose mechanisms is another."""
    sheets = list(questionnaire.sheets)
    first, *others = sheets[sheet].mechanisms
    sheets[sheet] = replace(sheets[sheet], mechanisms=(replace(first, **changes), *others))
    return replace(questionnaire, sheets=tuple(sheets))


def test_what_is_frozen_is_sound() -> None:
    again = tuple(replace(question, again=True) for question in (MOOD, TOOLS))
    for questionnaire in (
        new_questionnaire(*EVERY_KIND),
        new_questionnaire(*EVERY_KIND, travel=Travel.TOGETHER),
        new_questionnaire(*again, periods=Periods(length_s=86_400, count=14)),
        new_questionnaire(persons=Persons(kind=PersonKind.OPEN, issuer="beta")),
        new_questionnaire(*EVERY_KIND, privacy=PrivacyGoal(mode=Mode.CENTRAL, eps="1")),
    ):
        assert faults(questionnaire) == []
        assert decode_questionnaire(encode_canonical(questionnaire)) == questionnaire


WRONG_MECHANISMS: list[tuple[int, dict[str, Any], str]] = [
    (0, {"domain": 4}, "the question has 3 values, and the mechanism 4"),
    (0, {"kind": MechanismKind.NONE, "true_weight": 1, "false_weight": 0}, "the true answer is sent"),
    (0, {"kind": MechanismKind.SAMPLED_BIT}, "sampled-bit is not for this kind"),
    (1, {"kind": MechanismKind.KRR}, "krr is not for this kind"),
    (0, {"false_weight": 0}, "the weights are whole numbers"),
    (0, {"true_weight": 2**40}, "the weights are whole numbers"),
    (0, {"true_weight": 1_000_000}, "the weights are whole numbers"),
    (0, {"true_weight": 150_000_000}, "its local loss is over privacy.eps0_most = 5"),
    (0, {"true_weight": 30_000_000}, "its amplified loss breaks the promise privacy.eps = 1"),
]


@pytest.mark.parametrize(("sheet", "changes", "fault"), WRONG_MECHANISMS)
def test_a_wrong_mechanism_is_found(sheet: int, changes: dict[str, Any], fault: str) -> None:
    found = faults(with_mechanism(new_questionnaire(MOOD, TOOLS), sheet, **changes))
    assert any(fault in line for line in found), found
    assert all(line.startswith(f"sheets[{sheet}]") for line in found)


def test_a_little_more_than_the_cap_is_too_much() -> None:
    batching = replace(new_draft().batching, threshold=10_000_000)
    sound = new_questionnaire(batching=batching)
    true = sound.sheets[0].mechanisms[0].true_weight
    assert faults(with_mechanism(sound, true_weight=true + 1)) == [
        "sheets[0]: its local loss is over privacy.eps0_most = 5"
    ]


def test_a_mechanism_for_larger_companies_than_the_threshold_is_found() -> None:
    sound = new_questionnaire()
    smaller = replace(sound.draft, batching=replace(sound.draft.batching, threshold=500))
    moved = replace(sound, draft=smaller, keys=keys_for(smaller))
    sheets = (replace(sound.sheets[0], purpose=f"stats-{smaller.draft_id.hex()[:16]}-0"),)
    assert faults(replace(moved, sheets=sheets)) == ["sheets[0]: its amplified loss breaks the promise privacy.eps = 1"]


def test_sheets_are_those_of_the_draft() -> None:
    sound = new_questionnaire(MOOD, AGE)
    first, second = sound.sheets
    assert faults(replace(sound, sheets=(first,))) == ["sheets: there have to be 2, not 1"]
    swapped = faults(replace(sound, sheets=(second, first)))
    assert any("sheets[0].purpose" in fault for fault in swapped)
    assert any("sheets[0].questions" in fault for fault in swapped)
    lacking = replace(first, mechanisms=())
    assert faults(replace(sound, sheets=(lacking, second))) == ["sheets[0].mechanisms: each question has one"]


def test_keys_are_those_of_the_sheets_and_periods() -> None:
    sound = new_questionnaire(MOOD, AGE)
    first, second = sound.keys
    assert any("there is one for each" in fault for fault in faults(replace(sound, keys=(first,))))
    assert any("there is one for each" in fault for fault in faults(replace(sound, keys=(second, first))))
    exchanged = (replace(first, key=second.key), replace(second, key=first.key))
    assert any("its purpose has to be" in fault for fault in faults(replace(sound, keys=exchanged)))
    assert any("no token key" in fault for fault in faults(replace(sound, keys=(replace(first, key=b"x"), second))))
    open_to_all = new_questionnaire(persons=Persons(kind=PersonKind.OPEN, issuer="beta"))
    assert faults(replace(open_to_all, keys=(first,))) == ["keys: a survey that is open to anybody has none"]


def test_a_key_counts_in_its_period_only_and_for_nothing_else() -> None:
    question = replace(MOOD, again=True)
    sound = new_questionnaire(question, periods=Periods(length_s=86_400, count=2))
    first, second = sound.keys
    late = replace(first, key=second.key)
    assert any("begin of the period" in fault for fault in faults(replace(sound, keys=(late, second))))
    # The same key, with the span of the other period.
    same = replace(decode_token_key(second.key), public=decode_token_key(first.key).public)
    repeated = replace(second, key=encode_token_key(same))
    assert any("has the same key" in fault for fault in faults(replace(sound, keys=(first, repeated))))


def test_a_draft_with_faults_makes_an_unsound_questionnaire() -> None:
    sound = new_questionnaire()
    wrong = replace(sound, draft=replace(sound.draft, questions=(MOOD, MOOD)))
    assert faults(wrong) == ["draft: questions[1] (mood): another question has this name"]


def test_central_data_sets_hold_true_answers_only() -> None:
    central = new_questionnaire(privacy=PrivacyGoal(mode=Mode.CENTRAL, eps="1"))
    local = MechanismSpec(kind=MechanismKind.KRR, domain=3, true_weight=2, false_weight=1)
    sheets = (replace(central.sheets[0], mechanisms=(local,)),)
    assert faults(replace(central, sheets=sheets)) == [
        "sheets[0] (mood): a data set with central noise holds true answers"
    ]
    assert any("weights are 1 and 0" in fault for fault in faults(with_mechanism(central, true_weight=2)))


def places_in(value: Any) -> list[tuple[Any, Any]]:
    """Return each place of a JSON value at which something stands: the container and its key."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    inner = [place for key in keys if isinstance(value[key], dict | list) for place in places_in(value[key])]
    return [(value, key) for key in keys] + inner


def test_whatever_is_changed_in_a_questionnaire_is_refused_or_judged() -> None:
    rng = random.Random(6)
    together = encode_canonical(new_questionnaire(*EVERY_KIND, travel=Travel.TOGETHER))
    judged = 0
    for _ in range(300):
        changed = json.loads(together)
        container, key = rng.choice(places_in(changed))
        old = container[key]
        others = [0, 1, -1, 2**40 - 1, 2**62, "", "0", "13", "0.000000000001", None, [], [old], {}]
        container[key] = rng.choice([*others, old * 2 if isinstance(old, int | str) else old])
        try:
            found = decode_questionnaire(json.dumps(changed, sort_keys=True, separators=(",", ":")).encode())
        except FormatError:
            continue
        judged += 1
        assert faults(found) != [] or encode_canonical(found) == together
    assert judged > 20


def test_freezing_refuses_what_would_be_unsound() -> None:
    draft = new_draft(MOOD, AGE)
    assert faults(freeze(draft, reversed(keys_for(draft)))) == []
    with pytest.raises(MisuseError, match="keys: there is one for each of 2 sheets"):
        freeze(draft, [survey_key(draft, 0, 0)])
