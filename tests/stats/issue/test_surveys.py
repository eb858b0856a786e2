"""The keys of surveys on disk: made once, erased when their period ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loopixmix.errors import ConfigError, MisuseError
from provider.api import ServiceRefusedError
from stats.issue.people import count_codes, count_signed
from stats.issue.surveys import SURVEYS, find_survey, read_draft
from stats.questionnaire.questionnaire import Periods
from tests.worlds.stats.issuers import CLOSES_S, OPENS_S, IssuerWorld, survey_draft, write_draft

DAY_S = 86_400
DRAFT = survey_draft(periods=Periods(length_s=DAY_S, count=3))
PERIODS = [(OPENS_S + number * DAY_S, OPENS_S + (number + 1) * DAY_S) for number in range(3)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[IssuerWorld]:
    made = IssuerWorld(tmp_path, draft=DRAFT)
    yield made
    made.close()


def private_files(world: IssuerWorld) -> list[str]:
    return sorted(path.name for path in world.path.glob(f"{SURVEYS}/*/*.pkcs8"))


def test_keys_are_private_and_made_once(world: IssuerWorld) -> None:
    assert private_files(world) == ["0-0.pkcs8", "0-1.pkcs8", "0-2.pkcs8"]
    for path in world.path.glob(f"{SURVEYS}/*/*"):
        assert path.stat().st_mode & 0o777 == 0o600
    assert world.add(DRAFT) == world.public
    assert [(world.key(number).begins_s, world.key(number).ends_s) for number in range(3)] == PERIODS


def test_what_was_broken_off_is_gone_on_with(world: IssuerWorld) -> None:
    [public] = world.path.glob(f"{SURVEYS}/*/public.json")
    public.unlink()
    told: list[int] = []
    assert world.add(DRAFT, told.append) == world.public
    assert told == [1, 2, 3]


def test_a_key_is_erased_with_its_rows_when_its_period_ends_and_signs_no_more(world: IssuerWorld) -> None:
    code = world.new_code()
    first, second = world.begin(0), world.begin(1)
    world.ask(code, first)
    world.ask(code, second)
    world.now_s = OPENS_S + 1.0 * DAY_S
    world.refresh()
    assert private_files(world) == ["0-1.pkcs8", "0-2.pkcs8"]
    counts = [world.store.read(lambda c, n=n: count_signed(c, world.key(n).key_id)) for n in range(2)]
    assert counts == [0, 1]
    world.now_s = float(OPENS_S)
    for _ in range(2):
        # Whatever the clock says then, also in a program that was started anew.
        for pending in (first, world.begin(0)):
            with pytest.raises(ServiceRefusedError):
                world.ask(code, pending)
        world.ask(code, second)
        world.close()
        world.open()


def test_when_a_survey_has_closed_its_codes_and_its_secret_are_gone(world: IssuerWorld) -> None:
    world.new_code()
    [place] = world.surveys.places()
    assert len(place.secret or b"") == 32
    world.now_s = float(CLOSES_S)
    world.refresh()
    assert place.secret is None
    assert private_files(world) == []
    assert world.store.read(lambda c: count_codes(c, world.draft_id)) == 0


def test_rows_that_a_crash_left_behind_their_key_go_at_the_next_start(world: IssuerWorld) -> None:
    world.ask(world.new_code(), world.begin(0))
    for path in world.path.glob(f"{SURVEYS}/*/0-0.pkcs8"):
        path.unlink()
    world.close()
    world.now_s = OPENS_S + 1.0 * DAY_S
    world.open()
    assert world.store.read(lambda c: count_signed(c, world.key(0).key_id)) == 0


def test_a_survey_that_is_added_is_taken_up_while_the_issuer_runs(world: IssuerWorld) -> None:
    other = survey_draft(name="coffee")
    world.add(other)
    assert len(world.surveys.places()) == 1
    world.refresh()
    assert {place.draft_id for place in world.surveys.places()} == {DRAFT.draft_id, other.draft_id}
    assert find_survey(world.path, other).draft == other


def test_a_survey_that_cannot_be_is_refused(world: IssuerWorld, tmp_path: Path) -> None:
    world.now_s = float(CLOSES_S)
    with pytest.raises(MisuseError, match="has closed"):
        world.add(survey_draft(name="old"))
    with pytest.raises(MisuseError, match="another survey"):
        find_survey(world.path, survey_draft(name="changed"))
    path = write_draft(tmp_path / "draft.json", DRAFT)
    assert read_draft(path) == DRAFT
    path.write_text(path.read_text().replace('"version"', '"verzion"'))
    with pytest.raises(ConfigError, match="no draft of a survey"):
        read_draft(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_draft(tmp_path / "nowhere.json")


def test_keys_that_were_exchanged_are_found(world: IssuerWorld) -> None:
    [first] = world.path.glob(f"{SURVEYS}/*/0-0.pkcs8")
    first.write_bytes((first.parent / "0-1.pkcs8").read_bytes())
    world.close()
    with pytest.raises(ConfigError, match="is not the key that"):
        world.open()
