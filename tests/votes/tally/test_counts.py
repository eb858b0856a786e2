"""From decrypted rows to counts of choices."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

import pytest

from loopixmix.group.group import Elements
from loopixmix.group.ristretto import ristretto255
from tests.worlds.vote_polls import choose, rank, write_in, yes_no
from votes.ballot.choices import BlankVote, Choice, ChosenOptions, Ranking, WrittenText, YesOrNo
from votes.ballot.plaintexts import PollCoding, coding_of, embed_numbers
from votes.tally.counts import ChoiceCounter, count_choices

GROUP = ristretto255()
ANSWERS = coding_of(yes_no(blank=True), GROUP)
WIDE = coding_of(rank(55, least=55, most=55), GROUP)
FORWARDS, BACKWARDS = Ranking(tuple(range(55))), Ranking(tuple(reversed(range(55))))


def _columns(coding: PollCoding, choices: Sequence[Choice]) -> tuple[Elements, ...]:
    return embed_numbers(GROUP, [coding.encode(choice) for choice in choices], coding.width)


def test_rows_are_counted_by_choice() -> None:
    counter = ChoiceCounter(GROUP, ANSWERS)
    counter.add(_columns(ANSWERS, [YesOrNo(True), BlankVote(), YesOrNo(False), YesOrNo(True)]))
    counts = counter.finish()
    assert [(each.choice, each.count) for each in counts.choices] == [(YesOrNo(True), 2), (YesOrNo(False), 1)]
    assert (counts.valid, counts.blank, counts.invalid, counts.total) == (3, 1, 0, 4)


def test_rows_may_come_in_pieces() -> None:
    choices = [random.Random(seed).choice([FORWARDS, BACKWARDS]) for seed in range(7)]
    whole, pieces = ChoiceCounter(GROUP, WIDE), ChoiceCounter(GROUP, WIDE)
    whole.add(_columns(WIDE, choices))
    for piece in (choices[:3], choices[3:4], choices[4:]):
        pieces.add(_columns(WIDE, piece))
    assert whole.finish() == pieces.finish() == count_choices(WIDE, choices)


def test_what_is_no_choice_is_invalid_and_stops_nothing() -> None:
    """Pitfall 7: an element without data, a number above the count, halves of two different rows, the neutral one."""
    good = _columns(ANSWERS, [YesOrNo(True)])[0]
    junk = GROUP.hash_to_elements(b"a test", [b"no data"])
    above = GROUP.embed([bytes(29) + b"\3"])
    counter = ChoiceCounter(GROUP, ANSWERS)
    counter.add([GROUP.join([junk, good, above, GROUP.identity, good])])
    counts = counter.finish()
    assert [(each.choice, each.count) for each in counts.choices] == [(YesOrNo(True), 2)]
    assert (counts.invalid, counts.total) == (3, 5)
    high, low = _columns(WIDE, [BACKWARDS])
    counter = ChoiceCounter(GROUP, WIDE)
    counter.add([GROUP.join([high, junk, low]), GROUP.join([low, low, high])])
    counts = counter.finish()
    assert [(each.choice, each.count) for each in counts.choices] == [(BACKWARDS, 1)]
    assert counts.invalid == 2


def test_texts_that_are_no_unicode_are_invalid() -> None:
    coding = coding_of(write_in(28), GROUP)
    counter = ChoiceCounter(GROUP, coding)
    counter.add([GROUP.embed([b"\0\1\xff" + bytes(27), b"\0\1x" + bytes(27)])])
    counts = counter.finish()
    assert [each.choice for each in counts.choices] == [WrittenText("x")]
    assert counts.invalid == 1


def test_no_rows_are_no_counts() -> None:
    assert ChoiceCounter(GROUP, ANSWERS).finish() == count_choices(ANSWERS, [])


def test_rows_of_another_width_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="there are 2 columns; rows of this poll have 1"):
        ChoiceCounter(GROUP, ANSWERS).add(_columns(WIDE, [FORWARDS]))


def test_a_million_rows_are_counted_in_seconds() -> None:
    """The bar for the whole tally of a million is ten minutes; counting has to be next to nothing of that."""
    coding = coding_of(choose(10, least=0, most=10), GROUP)
    rng = random.Random(1)
    subsets = [ChosenOptions(frozenset(rng.sample(range(10), rng.randint(0, 10)))) for _ in range(500)]
    distinct = _columns(coding, subsets)[0].encode()
    counter = ChoiceCounter(GROUP, coding)
    started_s = time.process_time()
    for _ in range(10):
        counter.add_encoded([distinct * 200])
    counts = counter.finish()
    assert counts.valid == 1_000_000
    assert time.process_time() - started_s < 20


def test_the_digest_covers_choices_and_counts() -> None:
    some = count_choices(ANSWERS, [YesOrNo(True), YesOrNo(False)])
    digests = {
        counts.digest()
        for counts in (
            some,
            count_choices(ANSWERS, [YesOrNo(True)]),
            count_choices(ANSWERS, [YesOrNo(True)] * 2),
            count_choices(ANSWERS, [YesOrNo(False), YesOrNo(False), YesOrNo(True)]),
        )
    }
    assert len(digests) == 4
    assert count_choices(ANSWERS, [YesOrNo(False), YesOrNo(True)]).digest() == some.digest()
