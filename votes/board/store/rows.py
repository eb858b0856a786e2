"""What is asked of a board's store, and written into it; each function is part of a transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Column, Connection, func, insert, select

from votes.board.store.schema import ballots, challenges, entries
from votes.record.entries import Entry, EntryKind

ASKED_AT_ONCE = 1_000
"""Values in one statement: databases bound them."""
READ_AT_ONCE = 10_000
HOUR_S = 3600


@dataclass(frozen=True)
class StoredEntry:
    """An entry and its index in the log."""

    place: int
    entry: Entry


@dataclass(frozen=True)
class NewBallot:
    """A ballot that is about to be stored. `place`: the index of its entry."""

    place: int
    digest: bytes
    credential: bytes
    counter: int
    at_s: int
    is_first: bool
    is_doubled: bool


@dataclass(frozen=True)
class KnownBallot:
    """A ballot that is stored. `is_doubled`: another one with its counter counts instead."""

    place: int
    digest: bytes
    credential: bytes
    counter: int
    at_s: int
    is_doubled: bool


def leaf_hashes(connection: Connection) -> Iterator[bytes]:
    """Yield the hashes of all leaves of the tree, in order."""
    chosen = select(entries.c.place, entries.c.leaf_hash).order_by(entries.c.place)
    # PostgreSQL keeps a cursor open for them, which has to be closed also if an entry is missing.
    with connection.execute(chosen.execution_options(yield_per=READ_AT_ONCE)) as found:
        for expected, (place, leaf_hash) in enumerate(found):
            if place != expected:
                raise LookupError(f"entry {expected} is missing")
            yield bytes(leaf_hash)


def last_time_s(connection: Connection) -> int:
    """Return the time of the newest entry; 0 if there is none."""
    return connection.execute(select(func.max(entries.c.at_s))).scalar_one() or 0


def entries_from(connection: Connection, first: int, count: int) -> list[StoredEntry]:
    """Return `count` entries from `first` on, or as many as there are."""
    chosen = select(entries).where(entries.c.place >= first).order_by(entries.c.place).limit(count)
    return [StoredEntry(row.place, _entry(row.kind, row.at_s, row.body)) for row in connection.execute(chosen)]


def statements(connection: Connection) -> list[StoredEntry]:
    """Return all entries but ballots and challenges, in order: there are few of them."""
    many = (EntryKind.BALLOT, EntryKind.CHALLENGE)
    chosen = select(entries).where(entries.c.kind.not_in(many)).order_by(entries.c.place)
    return [StoredEntry(row.place, _entry(row.kind, row.at_s, row.body)) for row in connection.execute(chosen)]


def add_entries(connection: Connection, first: int, added: Sequence[tuple[Entry, bytes]]) -> None:
    """Write entries with their leaf hashes; the first one gets the index `first`."""
    rows = [
        {"place": first + number, "kind": entry.kind, "at_s": entry.at_s, "leaf_hash": leaf, "body": entry.body}
        for number, (entry, leaf) in enumerate(added)
    ]
    if rows:
        connection.execute(insert(entries), rows)


def is_ballot(connection: Connection, place: int) -> bool:
    """Tell whether the entry at `place` is a ballot."""
    return connection.execute(select(ballots.c.place).where(ballots.c.place == place)).first() is not None


def ballots_by_digest(connection: Connection, digests: Sequence[bytes]) -> Mapping[bytes, KnownBallot]:
    """Return those of the ballots that are stored."""
    return {each.digest: each for each in _known(connection, ballots.c.digest, digests)}


def ballots_by_credential(connection: Connection, credentials: Sequence[bytes]) -> list[KnownBallot]:
    """Return all ballots of these credentials."""
    return list(_known(connection, ballots.c.credential, credentials))


def add_ballots(connection: Connection, added: Sequence[NewBallot]) -> None:
    """Write what is looked up of ballots."""
    rows = [
        {
            "place": each.place,
            "digest": each.digest,
            "credential": each.credential,
            "counter": each.counter,
            "at_s": each.at_s,
            "is_first": each.is_first,
            "is_doubled": each.is_doubled,
        }
        for each in added
    ]
    if rows:
        connection.execute(insert(ballots), rows)


def challenged(connection: Connection, digests: Sequence[bytes]) -> Mapping[bytes, tuple[int, int]]:
    """Return which of the ballots were challenged: the index of the entry that opens each, and its time."""
    return {
        bytes(row.digest): (row.place, row.at_s)
        for part in _parts(digests)
        for row in connection.execute(select(challenges).where(challenges.c.digest.in_(part)))
    }


def challenges_of(connection: Connection, credential: bytes) -> int:
    """Return how many ballots of a credential were challenged."""
    chosen = select(func.count()).where(challenges.c.credential == credential)
    return connection.execute(chosen).scalar_one()


def add_challenge(connection: Connection, digest: bytes, credential: bytes, place: int, at_s: int) -> None:
    """Write down that a ballot was challenged."""
    row = {"digest": digest, "credential": credential, "place": place, "at_s": at_s}
    connection.execute(insert(challenges), row)


def turnout(connection: Connection) -> list[tuple[int, int]]:
    """Return for each hour, by its first Unix second, how many credentials cast their first ballot in it."""
    hour = ballots.c.at_s - ballots.c.at_s % HOUR_S
    counted = select(hour, func.count()).where(ballots.c.is_first).group_by(hour).order_by(hour)
    return [(int(begin), int(count)) for begin, count in connection.execute(counted)]


def _known(connection: Connection, column: Column[bytes], values: Sequence[bytes]) -> Iterator[KnownBallot]:
    for part in _parts(values):
        for row in connection.execute(select(ballots).where(column.in_(part))):
            yield KnownBallot(
                row.place, bytes(row.digest), bytes(row.credential), row.counter, row.at_s, row.is_doubled
            )


def _parts(values: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(values), ASKED_AT_ONCE):
        yield values[start : start + ASKED_AT_ONCE]


def _entry(kind: int, at_s: int, body: bytes) -> Entry:
    return Entry(EntryKind(kind), at_s, bytes(body))
