"""In which stage a mail is, from what the stores say, and what is counted in the end."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.mailing.kills import KillCount, Seen, Stage, _is_in

BEFORE = Seen(newest=4, sent=9, stored=1, coming=0, appended=3)


@pytest.mark.parametrize(
    ("now", "stages"),
    [
        (BEFORE, {Stage.ACCEPTED}),
        (Seen(newest=5, sent=0, stored=0, coming=0, appended=3), {Stage.ACCEPTED, Stage.HANDED}),
        (Seen(newest=5, sent=3, stored=0, coming=1, appended=3), {Stage.ACCEPTED, Stage.SENDING, Stage.RECEIVING}),
        (Seen(newest=5, sent=9, stored=1, coming=0, appended=4), {Stage.ACCEPTED, Stage.STORED, Stage.APPENDED}),
    ],
)
def test_the_stage_of_the_newest_mail(now: Seen, stages: set[Stage]) -> None:
    assert {stage for stage in Stage if _is_in(stage, BEFORE, now)} == stages


def test_what_is_lost_and_doubled() -> None:
    count = KillCount(accepted=["a", "b", "c"], arrived=Counter({"b": 2, "c": 1}))
    assert (count.lost, count.doubled) == (["a"], ["b"])
