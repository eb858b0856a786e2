"""Each challenge covers all that was fixed before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import pytest

from loopixmix.group.ristretto import ristretto255
from votes.shuffle.statement import ColumnDigests, ShuffleStatement, batch_seed, first_seed, second_challenge

GROUP = ristretto255("libsodium")
ONE, TWO = GROUP.scalars_of([1]), GROUP.scalars_of([2])
STATEMENT = ShuffleStatement(GROUP, b"f" * 32, 1, 2, GROUP.generator.times(TWO), 2, 5)
DIGESTS = ColumnDigests(b"H", b"U", (b"A1", b"B1", b"A2", b"B2"), (b"a1", b"b1", b"a2", b"b2"))


def test_the_first_challenge_covers_the_whole_statement() -> None:
    changes = {
        "fingerprint": b"g" * 32,
        "poll": 2,
        "mixer": 1,
        "public_key": GROUP.generator,
        "width": 3,
        "size": 6,
        "group": GroupOfAnotherName(),
    }
    assert set(changes) == {field.name for field in fields(ShuffleStatement)}
    seeds = {first_seed(replace(STATEMENT, **{name: to}), DIGESTS) for name, to in changes.items()}  # type: ignore[arg-type]
    assert len(seeds | {first_seed(STATEMENT, DIGESTS)}) == len(changes) + 1


class GroupOfAnotherName:
    """The group, which says that it is another one."""

    name = "another"

    def __getattr__(self, name: str) -> object:
        return getattr(GROUP, name)


def test_the_first_challenge_covers_each_column() -> None:
    changes = [replace(DIGESTS, generators=b"h"), replace(DIGESTS, commitments=b"u")]
    for number in range(4):
        changes.append(replace(DIGESTS, before=with_another(DIGESTS.before, number)))
        changes.append(replace(DIGESTS, after=with_another(DIGESTS.after, number)))
    # What is the input in one proof is the output in another.
    changes.append(replace(DIGESTS, before=DIGESTS.after, after=DIGESTS.before))
    seeds = {first_seed(STATEMENT, digests) for digests in (DIGESTS, *changes)}
    assert len(seeds) == len(changes) + 1


def with_another(digests: Sequence[bytes], number: int) -> list[bytes]:
    return [b"x" if place == number else digest for place, digest in enumerate(digests)]


def test_the_second_challenge_covers_all_commitments() -> None:
    masks = GROUP.generator.times(GROUP.scalars_of(range(1, 6)))
    changes = [(b"t", b"P", b"Q", masks), (b"s", b"p", b"Q", masks), (b"s", b"P", b"q", masks)]
    for number in range(5):
        other = GROUP.join([masks[:number], GROUP.identity, masks[number + 1 :]])
        changes.append((b"s", b"P", b"Q", other))
    challenges = {second_challenge(GROUP, *change).encode() for change in (*changes, (b"s", b"P", b"Q", masks))}
    assert len(challenges) == len(changes) + 1


def test_the_coefficients_of_the_batch_cover_the_whole_proof() -> None:
    sums = GROUP.scalars_of(range(4))
    changes = [
        (b"t", ONE, b"B", b"E", sums),
        (b"s", TWO, b"B", b"E", sums),
        (b"s", ONE, b"b", b"E", sums),
        (b"s", ONE, b"B", b"e", sums),
        *((b"s", ONE, b"B", b"E", GROUP.join_scalars([sums[:n], TWO + TWO, sums[n + 1 :]])) for n in range(4)),
    ]
    seeds = {batch_seed(GROUP, *change) for change in (*changes, (b"s", ONE, b"B", b"E", sums))}
    assert len(seeds) == len(changes) + 1


def test_a_neutral_element_is_no_key() -> None:
    for key in (GROUP.identity, GROUP.generator[:0], GROUP.join([GROUP.generator, GROUP.generator])):
        with pytest.raises(ValueError, match="not the neutral one"):
            replace(STATEMENT, public_key=key)


@pytest.mark.parametrize(("width", "size"), [(0, 5), (2**16, 5), (1, -1), (1, 2**32)])
def test_sizes_are_bounded(width: int, size: int) -> None:
    with pytest.raises(ValueError, match=r"not (0|65536|-1|4294967296)"):
        replace(STATEMENT, width=width, size=size)
