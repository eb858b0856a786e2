"""A poll of each kind, for tests."""

from __future__ import annotations

from tests.worlds.elections import CHOOSE, YES_NO
from votes.record.polls import GradePoll, ListPoll, RankPoll, ScorePoll, WriteInPoll

OPTIONS = ("Ada", "Ben", "Cleo", "Dora")
RANK = RankPoll(
    id="chair", title="Chair", question="", blank=True, method="irv", seats=1, options=OPTIONS, least=1, most=4
)
SCORE = ScorePoll(
    id="plans", title="Plans", question="", blank=False, method="score", seats=2, options=OPTIONS, highest=10
)
GRADE = GradePoll(
    id="grades",
    title="Grades",
    question="",
    blank=True,
    method="majority-judgment",
    seats=1,
    options=OPTIONS,
    grades=("good", "fair", "bad"),
)
LISTS = ListPoll(
    id="council",
    title="Council",
    question="",
    blank=True,
    method="d-hondt",
    seats=2,
    options=OPTIONS,
    lists=("Left", "Right"),
    list_of=(0, 0, 0, 1),
    least=0,
    most=2,
)
WRITE_IN = WriteInPoll(
    id="name", title="A name", question="Which\nname?", blank=True, method="counts", seats=1, longest=60
)
EVERY_KIND = (CHOOSE, YES_NO, RANK, SCORE, GRADE, LISTS, WRITE_IN)
