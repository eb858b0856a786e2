from __future__ import annotations

import random
from pathlib import Path

import pytest

from loopixmix.errors import StoreError
from stats.collect.survey import CheckedReport, CollectedSurvey, PoolName
from stats.collect.waiting.room import WaitingRoom
from tests.worlds.stats.collected import frozen, survey_draft

SURVEY = CollectedSurvey(frozen(survey_draft(periods=2)))
FIRST, SECOND = (PoolName(SURVEY.survey_id, 0, period) for period in range(2))


def opened(folder: Path, seed: int = 1) -> WaitingRoom:
    room = WaitingRoom(folder / "waiting", rng=random.Random(seed))
    assert room.admit(SURVEY) == []
    return room


def some(pool: PoolName, count: int, seed: int = 1) -> dict[bytes, CheckedReport]:
    rng = random.Random(seed)
    made = [CheckedReport(pool, rng.randbytes(32), rng.randbytes(32), (number, 0)) for number in range(count)]
    return {each.once: each for each in made}


def test_pools_are_apart_and_outlive_a_restart(tmp_path: Path) -> None:
    room = opened(tmp_path)
    room.put(SURVEY, FIRST, some(FIRST, 5))
    room.put(SURVEY, SECOND, some(SECOND, 3, 2))
    for each in (room, opened(tmp_path)):
        assert (each.waiting(FIRST), each.waiting(SECOND)) == (5, 3)
        for once, report in some(FIRST, 5).items():
            assert each.digest(FIRST, once) == report.digest
            assert each.digest(SECOND, once) is None


def test_another_survey_leaves_them_alone(tmp_path: Path) -> None:
    room = opened(tmp_path)
    room.put(SURVEY, FIRST, some(FIRST, 2))
    other = WaitingRoom(tmp_path / "waiting", rng=random.Random(1))
    assert other.admit(CollectedSurvey(frozen(survey_draft(threshold=9)))) == []
    assert other.pools() == []


@pytest.mark.parametrize("held_back", [0, 4])
def test_what_is_drawn_is_known_until_it_is_forgotten(tmp_path: Path, held_back: int) -> None:
    room, reports = opened(tmp_path), some(FIRST, 10)
    room.put(SURVEY, FIRST, reports)
    batch = room.draw(FIRST, 3, held_back=held_back)
    assert (batch.rows, room.waiting(FIRST)) == (10 - held_back, held_back)
    drawn = batch.form.spent(batch.records)
    assert all(reports[once].digest == digest for once, digest in drawn.items())
    assert all(room.digest(FIRST, once) is not None for once in reports)
    assert (tmp_path / "waiting" / f"{FIRST}.3.batch").stat().st_mode & 0o777 == 0o600
    room.forget(batch)
    assert {once for once in reports if room.digest(FIRST, once) is None} == set(drawn)
    assert [path.suffix for path in (tmp_path / "waiting").iterdir()] == [".slots"]


def test_who_is_drawn_and_in_which_order_is_left_to_chance(tmp_path: Path) -> None:
    drawn, orders = [0] * 10, set()
    for seed in range(60):
        room = opened(tmp_path / str(seed), seed)
        room.put(SURVEY, FIRST, some(FIRST, 10))
        order = tuple(room.draw(FIRST, 1, held_back=5).records["values"][:, 0].tolist())
        orders.add(order)
        for number in order:
            drawn[number] += 1
        room.close()
    # Each is among 30 of 60 on average, with a deviation of 3.9: beyond 10 to 50 once in a million times for all ten.
    assert all(10 <= count <= 50 for count in drawn)
    assert len(orders) > 55


def test_a_pool_is_discarded_with_its_file(tmp_path: Path) -> None:
    room = opened(tmp_path)
    room.put(SURVEY, FIRST, some(FIRST, 2))
    room.discard(FIRST)
    room.discard(SECOND)
    assert room.waiting(FIRST) == 0
    assert list((tmp_path / "waiting").iterdir()) == []


def test_a_report_that_is_there_twice_counts_once(tmp_path: Path) -> None:
    # A write that failed may have left one, which then came again.
    room, reports = opened(tmp_path), some(FIRST, 3)
    room.put(SURVEY, FIRST, reports)
    room.put(SURVEY, FIRST, dict(list(reports.items())[:1]))
    assert opened(tmp_path).waiting(FIRST) == 3


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "waiting").write_bytes(b"")
    with pytest.raises(StoreError):
        opened(tmp_path)
