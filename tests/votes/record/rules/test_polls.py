from __future__ import annotations

import msgspec
import pytest

from tests.worlds.elections import CHOOSE, YES_NO
from tests.worlds.polling import EVERY_KIND, GRADE, LISTS, RANK, SCORE, WRITE_IN
from votes.record.polls import Poll
from votes.record.rules.polls import poll_faults


def told(poll: Poll) -> str:
    return "; ".join(str(fault) for fault in poll_faults(poll, "polls[0]"))


@pytest.mark.parametrize("poll", EVERY_KIND, ids=lambda poll: poll.id)
def test_a_poll_of_each_kind_may_be_right(poll: Poll) -> None:
    assert told(poll) == ""


@pytest.mark.parametrize(
    ("poll", "field", "value", "sentence"),
    [
        (CHOOSE, "id", "Board", "polls[0].id is 'Board'; allowed are 1 to 32 of a-z, 0-9 and -"),
        (CHOOSE, "id", "a\n", "polls[0].id is 'a\\n'; allowed are 1 to 32 of a-z, 0-9 and -"),
        (CHOOSE, "id", "a" * 33, "allowed are 1 to 32"),
        (CHOOSE, "title", "", "polls[0].title has 0 characters; allowed is 1 to 200"),
        (CHOOSE, "title", "a\u202eb", "polls[0].title has a character that is not seen"),
        (CHOOSE, "title", "a\nb", "polls[0].title has a character that is not seen"),
        (CHOOSE, "title", "e\u0301", "polls[0].title has letters that are put together of parts"),
        (CHOOSE, "title", " a", "polls[0].title begins or ends with a space"),
        (CHOOSE, "question", "a" * 10_001, "polls[0].question has 10001 characters; allowed is 0 to 10000"),
        (CHOOSE, "method", "stv", "polls[0].method is 'stv'; allowed is most-votes or counts"),
        (CHOOSE, "options", (), "polls[0].options has 0 entries; allowed is 1 to 1000"),
        (CHOOSE, "options", ("A",) * 2, "polls[0].options has an entry twice; allowed is each once"),
        (CHOOSE, "options", ("A", "", "C"), "polls[0].options[1] has 0 characters; allowed is 1 to 200"),
        (CHOOSE, "options", tuple(map(str, range(1001))), "polls[0].options has 1001 entries"),
        (CHOOSE, "seats", 0, "polls[0].seats is 0; allowed is 1 to 3"),
        (CHOOSE, "seats", 4, "polls[0].seats is 4; allowed is 1 to 3"),
        (CHOOSE, "most", 4, "polls[0].most is 4; allowed is 1 to 3"),
        (CHOOSE, "most", 0, "polls[0].most is 0; allowed is 1 to 3"),
        (CHOOSE, "least", 3, "polls[0].least is 3; allowed is 0 to 2"),
        (CHOOSE, "least", -1, "polls[0].least is -1; allowed is 0 to 2"),
        (YES_NO, "options", ("Yes",), "polls[0].options has 1 entries; allowed is 2"),
        (YES_NO, "seats", 2, "polls[0].seats is 2; allowed is 1"),
        (RANK, "seats", 2, "polls[0].seats is 2; allowed is 1"),
        (RANK, "most", 5, "polls[0].most is 5; allowed is 1 to 4"),
        (SCORE, "highest", 0, "polls[0].highest is 0; allowed is 1 to 1000"),
        (SCORE, "highest", 1001, "polls[0].highest is 1001; allowed is 1 to 1000"),
        (GRADE, "grades", ("good",), "polls[0].grades has 1 entries; allowed is 2 to 100"),
        (GRADE, "grades", ("good", "good"), "polls[0].grades has an entry twice"),
        (LISTS, "list_of", (0, 0, 0), "polls[0].list_of has 3 entries; allowed is 4"),
        (LISTS, "list_of", (0, 0, 0, 2), "polls[0].list_of[3] is 2; allowed is 0 to 1"),
        (LISTS, "most", 4, "polls[0].most is 4; allowed is 1 to 3"),
        (LISTS, "lists", ("Left", "Left"), "polls[0].lists has an entry twice"),
        (WRITE_IN, "longest", 0, "polls[0].longest is 0; allowed is 1 to 1500"),
        (WRITE_IN, "longest", 1501, "polls[0].longest is 1501; allowed is 1 to 1500"),
    ],
)
def test_a_fault_names_the_field_and_the_allowed_values(poll: Poll, field: str, value: object, sentence: str) -> None:
    assert sentence in told(msgspec.structs.replace(poll, **{field: value}))


def test_schulze_is_for_a_hundred_options() -> None:
    names = tuple(f"Option {number}" for number in range(101))
    schulze = msgspec.structs.replace(RANK, method="schulze", options=names)
    assert told(schulze) == "polls[0].options has 101 entries; allowed is 1 to 100"
    assert told(msgspec.structs.replace(schulze, options=names[:100])) == ""
