from __future__ import annotations

import random
from importlib.resources import files

import pytest

from loopixmix.errors import ConfigError
from loopixmix.group.ristretto import ristretto255
from tests.worlds.plans import filled_plan
from votes.administration.planning import draft_of, read_plan
from votes.record.polls import ChoosePoll, YesNoPoll
from votes.record.signing import PartyKey

ADMINISTRATOR = PartyKey.generate(random.Random(9)).identity
GROUP = ristretto255()


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        draft_of(read_plan(text), ADMINISTRATOR, GROUP)
    return str(caught.value)


def test_a_plan_becomes_a_draft() -> None:
    draft = draft_of(read_plan(filled_plan()), ADMINISTRATOR, GROUP)
    assert draft.title == "Board of the garden club"
    assert [type(poll) for poll in draft.polls] == [ChoosePoll, YesNoPoll]
    assert bytes(draft.administrator.identity) == ADMINISTRATOR
    assert draft.opens_at == 1_803_884_400  # 2027-03-01 07:00 UTC
    assert draft.key_commitments == ()
    assert not draft.rehearsal


def test_the_example_of_a_survey_is_a_plan_without_a_winner() -> None:
    draft = draft_of(read_plan(filled_plan(example="survey.toml")), ADMINISTRATOR, GROUP)
    assert {poll.method for poll in draft.polls} == {"counts"}
    assert draft.counts_only


def test_a_rehearsal_is_marked_in_the_record() -> None:
    assert draft_of(read_plan(filled_plan()), ADMINISTRATOR, GROUP, rehearsal=True).rehearsal


def test_the_example_says_what_is_still_missing() -> None:
    example = files("votes.administration").joinpath("example.toml").read_text()
    told = refused(example)
    assert "credential_authority.identity" in told
    assert "trustees[0].encryption_key" in told


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('kind = "choose" ', 'kind = "chose" ', "Invalid value 'chose'"),
        ("threshold = 2", "threshold = 3", "threshold"),
        ("threshold = 2", "treshold = 2", "unknown field `treshold`"),
        ("least = 1", "least = 3", "least"),
        ("opens_at = 2027-03-01T08:00:00+01:00", "opens_at = 2027-03-01T08:00:00", "opens_at: a date needs an offset"),
        ("closes_at = 2027-03-14", "closes_at = 2026-03-14", "closes_at"),
        ('options = ["Yes", "No"]', 'options = ["Yes", "Yes"]', "options"),
        ('title = "Board"', 'title = ""', "polls[0].title"),
        ("voters = 3", "voters = -3", "voters"),
        ('name = "Mixer 1"\nidentity = "', 'name = "Mixer 1"\nidentity = "zz', "mixers[0].identity: expected hexa"),
    ],
)
def test_a_mistake_is_told_with_its_place(old: str, new: str, why: str) -> None:
    plan = filled_plan()
    assert old in plan
    assert why in refused(plan.replace(old, new, 1))


@pytest.mark.parametrize("text", ["title = ", "voters = " + "1" * 5000, "title = " + "[" * 3000])
def test_what_is_no_toml_is_told(text: str) -> None:
    with pytest.raises(ConfigError, match="cannot be used: is not valid TOML"):
        read_plan(text)
