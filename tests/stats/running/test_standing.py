from __future__ import annotations

from pathlib import Path

from stats.running.standing import kept_surveys, standing_of
from tests.worlds.stats.collected import OPENS_S, PERIOD_S, CollectorWorld, Respondents, frozen, survey_draft


def test_each_survey_is_told_with_its_numbers(tmp_path: Path) -> None:
    world = CollectorWorld(tmp_path)
    people = Respondents(frozen(survey_draft(periods=2)))
    world.add(people.questionnaire)
    world.take(*(people.encoded() for _ in range(6)))
    world.clock.now_s += 1000
    assert world.release() == [6]
    world.take(*(people.encoded() for _ in range(2)), b"junk")
    world.clock.now_s = OPENS_S + PERIOD_S
    assert world.release() == []
    world.take(people.encoded(period=1))
    world.collector.look_again()
    standing = standing_of(world.ledger, kept_surveys(world.ledger), world.collector.waiting())
    [status] = standing.surveys
    assert (status.survey_id, status.title) == (people.survey_id.hex(), "Habits")
    assert (status.waiting, status.released, status.discarded) == (1, 6, 2)
    assert (status.is_closed, status.is_settled) == (False, False)
    assert standing.refused == {"malformed": 1}
    assert standing_of(world.ledger, kept_surveys(world.ledger), None).surveys[0].waiting is None
    world.close()
