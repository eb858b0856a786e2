"""`result.json`: canonical, strict, and no single choice where only counts are published."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from loopixmix.errors import FormatError
from tests.worlds.counted_elections import counted_election
from votes.record.canonical import encode_canonical
from votes.results.documents import PublishedResult, decode_result, encode_result, published
from votes.tally.counts import ChoiceCounts
from votes.tally.outcomes import ElectionResult, PollResult
from votes.tally.results import count_poll, lots

COUNTED = counted_election()


def test_the_result_comes_back_from_its_bytes() -> None:
    encoded = encode_result(COUNTED.result)
    assert decode_result(encoded) == COUNTED.result
    told = json.loads(encoded)
    assert list(told) == sorted(told)
    assert told["polls"][0]["winners"] == ["Yes"]
    assert (told["polls"][0]["ballots"], told["polls"][0]["blank"]) == (135, 10)


def test_choices_stand_with_their_numbers() -> None:
    (yes, no) = COUNTED.result.polls[0].choices
    assert (yes.number, yes.ballots) == (bytes(29) + b"\1", 81)
    assert (no.number, no.ballots) == (bytes(29) + b"\2", 44)


def test_counts_only_tells_no_single_choice() -> None:
    """Pitfall 19: a published ranking can be a signature that somebody was told to leave."""
    counted = counted_election(counts_only=True)
    assert [poll.choices for poll in counted.result.polls] == [()] * 7
    assert [poll.tables for poll in counted.result.polls] == [poll.tables for poll in COUNTED.result.polls]


def test_a_survey_is_published_without_winners() -> None:
    (poll, *_) = COUNTED.election.polls
    counts = ChoiceCounts((), blank=2, invalid=1)
    survey = msgspec.structs.replace(poll, method="counts")
    outcome = count_poll(survey, counts, lots(bytes(32), 0, counts))
    result = ElectionResult("t", bytes(32), 9, False, False, (PollResult(survey, counts, outcome),))
    (told,) = published(result).polls
    assert (told.winners, told.tied, told.open_seats, told.ballots, told.invalid) == ((), (), 0, 3, 1)


def _changed(**fields: object) -> PublishedResult:
    return msgspec.structs.replace(COUNTED.result, **fields)


def _with_table(change: Callable[[dict[str, Any]], None]) -> bytes:
    told = json.loads(encode_result(COUNTED.result))
    change(told["polls"][0]["tables"][0])
    return json.dumps(told, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        (b"", "cannot be read"),
        (encode_result(COUNTED.result) + b" ", "cannot be read"),
        (encode_result(COUNTED.result).replace(b'"version":1', b'"version":1,"more":2'), "cannot be read"),
        (encode_canonical(_changed(version=2)), "has version 2; only 1 is known"),
        (_with_table(lambda table: table["rows"][0].pop()), "rows that do not fit its 3 columns"),
        (_with_table(lambda table: table["rows"][0].__setitem__(0, 7)), "rows that do not fit its 3 columns"),
        (_with_table(lambda table: table.update(charted=2)), "has no column 2 for a chart"),
        (_with_table(lambda table: table.update(charted=3)), "has no column 3 for a chart"),
        (_with_table(lambda table: table.update(charted=-1)), "has no column -1 for a chart"),
    ],
)
def test_other_bytes_are_refused(encoded: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        decode_result(encoded)


def test_the_same_counts_make_the_same_bytes_and_others_do_not() -> None:
    assert encode_result(counted_election().result) == encode_result(COUNTED.result)
    assert encode_result(_changed(voters=201)) != encode_result(COUNTED.result)
