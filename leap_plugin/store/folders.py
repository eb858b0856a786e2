"""What is in the folders of an account. Each function works in the transaction of its caller.

Whoever changes something through these functions rings the bell (`leap_plugin/store/bell.py`) after the commit. Each
raises NoFolderError if there is no such folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, case, delete, exists, func, insert, select, update

from leap_plugin.bridge.imap.message.mime import header_length
from leap_plugin.bridge.imap.session.mailboxes import Changes, FlagChange, FolderState, Summary
from leap_plugin.store.accounts import last_moment, next_moment
from leap_plugin.store.schema import accounts, contents, expunged, folders, mails
from leap_plugin.store.tree import delete_folder_row, find_folder

SEEN = "\\Seen"
DELETED = "\\Deleted"
MOST_EXPUNGED = 10_000
"""So many UIDs of a folder are remembered after their mails are gone; earlier ones are found by comparing all."""
MOST_BEGINNING_BYTES = 262_144
"""A longer header is cut, so that reading many headers at once has a bound."""
_KEPT_BY_COPIES = ("content", "size_bytes", "arrived_at_s", "zone_minutes", "flags", "seen")
_AT_ONCE = 500
"""Numbers in one statement."""


def append(
    connection: Connection, account: int, folder: str, message: bytes, flags: Iterable[str], at: datetime
) -> int:
    """Store a mail byte for byte, which came `at` (with a zone), and return its UID."""
    row = find_folder(connection, account, folder)
    moment = next_moment(connection, account)
    uid = _take_uids(connection, row.number, 1)
    content = _keep_content(connection, account, message)
    offset = at.utcoffset() or timedelta()
    written = _written(frozenset(flags))
    connection.execute(
        insert(mails),
        {
            "folder": row.number,
            "uid": uid,
            "content": content,
            "size_bytes": len(message),
            "arrived_at_s": int(at.timestamp()),
            "zone_minutes": int(offset.total_seconds()) // 60,
            "flags": written,
            "seen": SEEN in written.split(" "),
            "arrived": moment,
            "changed": moment,
        },
    )
    return uid


def uids_in(connection: Connection, account: int, folder: str) -> list[int]:
    """Return the UIDs of all mails in a folder, ascending."""
    return _uids_of(connection, find_folder(connection, account, folder).number)


def message_in(connection: Connection, account: int, folder: str, uid: int) -> bytes | None:
    """Return a mail as it came, or None if it is gone."""
    row = find_folder(connection, account, folder)
    columns = select(contents.c.beginning, contents.c.rest).join(mails, mails.c.content == contents.c.number)
    found = connection.execute(columns.where(mails.c.folder == row.number, mails.c.uid == uid)).one_or_none()
    return None if found is None else found.beginning + found.rest


def headers_in(connection: Connection, account: int, folder: str, uids: Sequence[int]) -> Mapping[int, bytes]:
    """Return the headers of mails with the blank line; those that are gone or overlong are left out."""
    row = find_folder(connection, account, folder)
    found: dict[int, bytes] = {}
    for some in _chunks(uids):
        query = select(mails.c.uid, contents.c.beginning).join(contents, mails.c.content == contents.c.number)
        query = query.where(mails.c.folder == row.number, mails.c.uid.in_(some))
        rows = connection.execute(query.where(contents.c.header_bytes <= MOST_BEGINNING_BYTES))
        found.update((uid, beginning) for uid, beginning in rows)
    return found


def summaries_in(connection: Connection, account: int, folder: str, uids: Sequence[int]) -> list[Summary]:
    """Return what is known of mails without reading them, ascending; those that are gone are left out."""
    row = find_folder(connection, account, folder)
    columns = (mails.c.uid, mails.c.flags, mails.c.arrived_at_s, mails.c.zone_minutes, mails.c.size_bytes)
    return [
        Summary(uid, _read_flags(flags), datetime.fromtimestamp(at_s, _zone(zone)), size)
        for uid, flags, at_s, zone, size in _rows(connection, row.number, columns, uids)
    ]


def state_of(connection: Connection, account: int, folder: str) -> FolderState:
    """Return the state of a folder."""
    row = find_folder(connection, account, folder)
    unseen = case((mails.c.seen, None), else_=mails.c.uid)
    query = select(func.count(), func.count(unseen), func.min(unseen)).where(mails.c.folder == row.number)
    messages, unseen_count, first = connection.execute(query).one()
    moment = last_moment(connection, account)
    return FolderState(row.uid_validity, row.uid_next, messages, unseen_count, moment, first)


def changes_after(connection: Connection, account: int, folder: str, after: int) -> Changes:
    """Return what happened in a folder after a moment."""
    row = find_folder(connection, account, folder)
    moment = last_moment(connection, account)
    if moment == after:
        return Changes(moment, row.uid_validity)
    columns = select(mails.c.uid, mails.c.flags, mails.c.arrived, mails.c.changed)
    changed = connection.execute(columns.where(mails.c.folder == row.number, mails.c.changed > after)).all()
    gone: list[int] = []
    present: list[int] | None = None
    if after < row.forgotten:
        present = _uids_of(connection, row.number)
    else:
        query = select(expunged.c.uid).where(expunged.c.folder == row.number, expunged.c.moment > after)
        gone = list(connection.execute(query).scalars())
    return Changes(
        moment,
        row.uid_validity,
        sorted(one.uid for one in changed if one.arrived > after),
        gone,
        {one.uid: _read_flags(one.flags) for one in changed if one.changed > one.arrived},
        present,
    )


def change_flags(connection: Connection, account: int, folder: str, uids: Sequence[int], change: FlagChange) -> None:
    """Change the flags of mails; those that are gone are passed over. Raises what `change` does."""
    row = find_folder(connection, account, folder)
    changed: dict[str, list[int]] = {}
    for uid, flags in _rows(connection, row.number, (mails.c.uid, mails.c.flags), uids):
        written = _written(change.applied(_read_flags(flags)))
        if written != flags:
            changed.setdefault(written, []).append(uid)
    if not changed:
        return
    moment = next_moment(connection, account)
    for written, its_uids in changed.items():
        values = {"flags": written, "seen": SEEN in written.split(" "), "changed": moment}
        for some in _chunks(its_uids):
            which = (mails.c.folder == row.number, mails.c.uid.in_(some))
            connection.execute(update(mails).where(*which).values(values))


def copy(connection: Connection, account: int, folder: str, uids: Sequence[int], target: str) -> list[tuple[int, int]]:
    """Copy those of the mails that are there; return the old and the new UID of each. The bytes are shared."""
    row = find_folder(connection, account, folder)
    to = find_folder(connection, account, target)
    columns = [mails.c.uid, *(mails.c[name] for name in _KEPT_BY_COPIES)]
    rows = list(_rows(connection, row.number, columns, uids))
    if not rows:
        return []
    moment = next_moment(connection, account)
    first = _take_uids(connection, to.number, len(rows))
    placed = {"folder": to.number, "arrived": moment, "changed": moment}
    copies = [{**one._mapping, **placed, "uid": first + position} for position, one in enumerate(rows)]
    connection.execute(insert(mails), copies)
    return [(one.uid, first + position) for position, one in enumerate(rows)]


def move(connection: Connection, account: int, folder: str, uids: Sequence[int], target: str) -> list[tuple[int, int]]:
    """Do as `copy`, and remove the mails here."""
    pairs = copy(connection, account, folder, uids, target)
    remove(connection, account, folder, [uid for uid, _ in pairs])
    return pairs


def remove(connection: Connection, account: int, folder: str, uids: Sequence[int]) -> list[int]:
    """Remove mails, and their bytes with the last copy; return the UIDs of those that were there."""
    row = find_folder(connection, account, folder)
    there = list(_rows(connection, row.number, (mails.c.uid, mails.c.content), uids))
    if not there:
        return []
    moment = next_moment(connection, account)
    gone = [one.uid for one in there]
    for some in _chunks(gone):
        connection.execute(delete(mails).where(mails.c.folder == row.number, mails.c.uid.in_(some)))
    connection.execute(insert(expunged), [{"folder": row.number, "moment": moment, "uid": uid} for uid in gone])
    _forget_old(connection, row.number)
    _drop_unused(connection, account, [one.content for one in there])
    return gone


def expunge(connection: Connection, account: int, folder: str, uids: Sequence[int] | None) -> list[int]:
    """Remove the mails that bear `\\Deleted`, all or those of `uids`; return their UIDs."""
    row = find_folder(connection, account, folder)
    marked = select(mails.c.uid).where(mails.c.folder == row.number, mails.c.flags.contains(DELETED, autoescape=True))
    chosen = list(connection.execute(marked.order_by(mails.c.uid)).scalars())
    if uids is not None:
        named = frozenset(uids)
        chosen = [uid for uid in chosen if uid in named]
    return remove(connection, account, folder, chosen)


def delete_folder(connection: Connection, account: int, folder: str) -> None:
    """Remove a folder with its mails; raises MailFolderError for one that stays or has others below it."""
    row = find_folder(connection, account, folder)
    used = list(connection.execute(select(mails.c.content).where(mails.c.folder == row.number)).scalars())
    delete_folder_row(connection, account, folder)
    _drop_unused(connection, account, used)


def _keep_content(connection: Connection, account: int, message: bytes) -> int:
    header = header_length(message)
    cut = min(header, MOST_BEGINNING_BYTES)
    made = insert(contents).returning(contents.c.number)
    number = connection.execute(
        made,
        {
            "account": account,
            "size_bytes": len(message),
            "header_bytes": header,
            "beginning": message[:cut],
            "rest": message[cut:],
        },
    ).scalar_one()
    _add_used(connection, account, len(message))
    return int(number)


def _drop_unused(connection: Connection, account: int, numbers: Sequence[int]) -> None:
    used = exists().where(mails.c.content == contents.c.number)
    freed = 0
    for some in _chunks(sorted(set(numbers))):
        dropped = delete(contents).where(contents.c.number.in_(some), ~used).returning(contents.c.size_bytes)
        freed += sum(connection.execute(dropped).scalars())
    if freed:
        _add_used(connection, account, -freed)


def _add_used(connection: Connection, account: int, more_bytes: int) -> None:
    changed = update(accounts).where(accounts.c.number == account)
    connection.execute(changed.values(used_bytes=accounts.c.used_bytes + more_bytes))


def _take_uids(connection: Connection, folder: int, count: int) -> int:
    """Return the first of `count` UIDs that were never given before."""
    taken = update(folders).where(folders.c.number == folder).values(uid_next=folders.c.uid_next + count)
    return int(connection.execute(taken.returning(folders.c.uid_next)).scalar_one()) - count


def _forget_old(connection: Connection, folder: int) -> None:
    newest_first = select(expunged.c.moment).where(expunged.c.folder == folder).order_by(expunged.c.moment.desc())
    oldest = connection.execute(newest_first.offset(MOST_EXPUNGED).limit(1)).scalar_one_or_none()
    if oldest is not None:
        # All of that moment, since `changes_after` can only tell whole moments.
        connection.execute(delete(expunged).where(expunged.c.folder == folder, expunged.c.moment <= oldest))
        connection.execute(update(folders).where(folders.c.number == folder).values(forgotten=oldest))


def _uids_of(connection: Connection, folder: int) -> list[int]:
    return list(connection.execute(select(mails.c.uid).where(mails.c.folder == folder).order_by(mails.c.uid)).scalars())


def _rows(
    connection: Connection, folder: int, columns: Sequence[ColumnElement[Any]], uids: Sequence[int]
) -> Iterator[Row[*tuple[Any, ...]]]:
    """Yield some columns, of which `uid` is the first, of the mails that are there, by ascending UID."""
    named = frozenset(uids)
    if not named:
        return
    query = select(*columns).where(mails.c.folder == folder).order_by(mails.c.uid)
    first, last = min(named), max(named)
    if last - first < 2 * len(named):
        # Most of a range: the database reads it in one go, and thousands of numbers would first have to be bound.
        rows = connection.execute(query.where(mails.c.uid.between(first, last))).all()
        yield from (one for one in rows if one[0] in named)
        return
    for some in _chunks(sorted(named)):
        yield from connection.execute(query.where(mails.c.uid.in_(some))).all()


def _chunks(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    for first in range(0, len(numbers), _AT_ONCE):
        yield numbers[first : first + _AT_ONCE]


def _written(flags: frozenset[str]) -> str:
    return " ".join(sorted(flags))


@lru_cache(maxsize=1_024)
def _read_flags(written: str) -> frozenset[str]:
    return frozenset(written.split(" ")) if written else frozenset()


@lru_cache(maxsize=64)
def _zone(minutes: int) -> timezone:
    return timezone(timedelta(minutes=minutes)) if minutes else UTC
