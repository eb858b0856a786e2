from __future__ import annotations

import random

import msgspec

from loopixmix.group.ristretto import ristretto255
from votes.ballot.plaintexts import coding_of
from votes.demo.choosing import POLLS, cast_ballots, intentions
from votes.record.polls import Poll


def test_everything_that_is_drawn_is_a_choice_of_its_poll() -> None:
    polls = [msgspec.convert(poll, type=Poll) for poll in POLLS]  # type: ignore[arg-type]
    codings = [coding_of(poll, ristretto255()) for poll in polls]
    drawn = intentions(200, random.Random(4))
    for intended in drawn:
        for choices in intended.ballots:
            for coding, choice in zip(codings, choices, strict=True):
                assert coding.decode(coding.encode(choice)) == choice


def test_some_vote_twice_and_some_challenge() -> None:
    drawn = intentions(200, random.Random(4))
    assert cast_ballots(drawn) == 220
    assert sum(each.challenges for each in drawn) == 8
    assert drawn[9].counts is drawn[9].ballots[1]
