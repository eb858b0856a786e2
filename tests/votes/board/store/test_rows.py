from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loopixmix.store.transactions import Store
from tests.worlds.databases import SQLITE_AND_POSTGRES, new_database
from votes.board.store.rows import (
    ASKED_AT_ONCE,
    NewBallot,
    add_ballots,
    add_challenge,
    add_entries,
    ballots_by_credential,
    ballots_by_digest,
    challenged,
    entries_from,
    is_ballot,
    last_time_s,
    leaf_hashes,
    statements,
    turnout,
)
from votes.board.store.schema import SCHEMA
from votes.record.entries import Entry, EntryKind


@pytest.fixture(params=SQLITE_AND_POSTGRES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = Store(SCHEMA, new_database(request.param, tmp_path))
    yield made
    made.close()


def name(number: int) -> bytes:
    return number.to_bytes(32, "big")


def ballot(place: int, voter: int, *, at_s: int = 0, is_first: bool = True) -> NewBallot:
    return NewBallot(place, name(place), name(voter), 1, at_s, is_first, not is_first)


def test_entries_come_back_in_order(store: Store) -> None:
    made = [Entry(EntryKind(1 + number % 12), 2**40 + number, b"\0body") for number in range(20)]
    assert store.read(last_time_s) == 0
    store.write(lambda connection: add_entries(connection, 0, [(entry, name(at)) for at, entry in enumerate(made)]))
    assert store.read(lambda connection: list(leaf_hashes(connection))) == [name(at) for at in range(20)]
    found = store.read(lambda connection: entries_from(connection, 5, 3))
    assert [(each.place, each.entry) for each in found] == [(at, made[at]) for at in (5, 6, 7)]
    few = store.read(statements)
    assert {each.entry.kind for each in few} == set(EntryKind) - {EntryKind.BALLOT, EntryKind.CHALLENGE}
    assert store.read(last_time_s) == 2**40 + 19


def test_ballots_are_looked_up_many_at_a_time(store: Store) -> None:
    count = 2 * ASKED_AT_ONCE + 1
    store.write(lambda connection: add_ballots(connection, [ballot(place, place // 2) for place in range(count)]))
    digests = [name(place) for place in range(count + 5)]
    known = store.read(lambda connection: ballots_by_digest(connection, digests))
    assert sorted(each.place for each in known.values()) == list(range(count))
    of = store.read(lambda connection: ballots_by_credential(connection, [name(0), name(7)]))
    assert sorted(each.place for each in of) == [0, 1, 14, 15]
    assert store.read(lambda connection: is_ballot(connection, 3))
    assert not store.read(lambda connection: is_ballot(connection, count))


def test_challenges_are_remembered(store: Store) -> None:
    store.write(lambda connection: add_challenge(connection, name(1), name(2), 5, 2**40))
    assert store.read(lambda connection: challenged(connection, [name(1), name(2)])) == {name(1): (5, 2**40)}


def test_turnout_counts_first_ballots_by_hour(store: Store) -> None:
    made = [
        ballot(0, 0, at_s=7200),
        ballot(1, 1, at_s=7200 + 3599),
        ballot(2, 1, at_s=7200 + 3600, is_first=False),
        ballot(3, 2, at_s=7200 + 3600),
    ]
    store.write(lambda connection: add_ballots(connection, made))
    assert store.read(turnout) == [(7200, 2), (10_800, 1)]
