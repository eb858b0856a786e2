"""Items in the store: each function works within the caller's transaction."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec
from sqlalchemy import BigInteger, Connection, Integer, RowMapping, bindparam, delete, func, insert, select, update

from loopixmix.seams import Identity
from loopixmix.wire import ItemKind
from provider.mailbox import Fetch, ItemNumber, MailboxRules, StoredItem, is_full
from provider.store.schema import VOID_NAME, accounts, items

_T = TypeVar("_T")
# SQLite takes only so many values in one statement: 999 in its older versions.
_CHUNK = 400
_PLACE_BITS = 32
_FREE_PLACES = 1 << 20
"""After a skip no item that waits has one of the next so many places of its mailbox."""
NO_QUOTAS: Mapping[Identity, int] = {}


class PutOutcome(enum.Enum):
    """The fate of a new item in the store."""

    STORED = enum.auto()
    UNKNOWN_RECIPIENT = enum.auto()
    MAILBOX_FULL = enum.auto()


class NewItem(msgspec.Struct, frozen=True, gc=False):
    """An item on its way into the store."""

    recipient: Identity
    kind: ItemKind
    surb_id: bytes
    body: bytes
    day: int


class Taken(msgspec.Struct, frozen=True):
    """The result of a reading. `account_id` changes when an account was removed and made anew.

    `last_number`: the last one that was given to an item of the account, or a later one.
    """

    account_id: int
    last_number: ItemNumber
    items: tuple[StoredItem, ...]


class _Box:
    """The figures of one account while a batch is stored."""

    def __init__(self, row: RowMapping) -> None:
        self.account_id: int = row["id"]
        self.next_number: ItemNumber = row["next_number"]
        self.item_count: int = row["item_count"]

    def as_parameters(self) -> dict[str, int]:
        return {"b_id": self.account_id, "b_next_number": self.next_number, "b_item_count": self.item_count}


_UPDATE_BOX = (
    update(accounts)
    .where(accounts.c.id == bindparam("b_id"))
    .values(next_number=bindparam("b_next_number"), item_count=bindparam("b_item_count"))
)
_ITEM_COLUMNS = (items.c.number, items.c.kind, items.c.surb_id, items.c.body)
_TAKE_FRESH = (
    select(accounts.c.id, accounts.c.next_number, *_ITEM_COLUMNS)
    .select_from(
        accounts.outerjoin(items, (items.c.account_id == accounts.c.id) & (items.c.number > bindparam("after")))
    )
    .where(accounts.c.identity == bindparam("identity"))
    .order_by(items.c.number)
    .limit(bindparam("fresh", type_=Integer))
)
"""One statement for an account and its oldest items; one row without an item if there are none."""
_TAKE_FRESH_OF_KIND = (
    select(*_ITEM_COLUMNS)
    .where(items.c.account_id == bindparam("account_id"), items.c.number > bindparam("after"))
    .where(items.c.kind == bindparam("kind"))
    .order_by(items.c.number)
    .limit(bindparam("fresh", type_=Integer))
)
_TAKE_AGAIN = (
    select(*_ITEM_COLUMNS)
    .where(items.c.account_id == bindparam("account_id"))
    .where(items.c.number.in_(bindparam("again", expanding=True)))
    .order_by(items.c.number)
)
_DELETE_OWN = delete(items).where(
    items.c.account_id == bindparam("b_account_id"), items.c.number == bindparam("b_number")
)
"""One pair at a time, by the index: for several pairs in one condition SQLite would read all items."""
_FIND_ACCOUNTS = select(accounts.c.identity, accounts.c.id).where(
    accounts.c.identity.in_(bindparam("identities", expanding=True))
)
_FEWER = (
    update(accounts)
    .where(accounts.c.id == bindparam("b_id"))
    .values(item_count=func.coalesce(accounts.c.item_count, 0) - bindparam("b_fewer", type_=Integer))
)
_RECOUNT = (
    update(accounts)
    .where(accounts.c.id == bindparam("b_id"))
    .values(
        item_count=select(func.count()).select_from(items).where(items.c.account_id == accounts.c.id).scalar_subquery()
    )
)
_BOX_COLUMNS = (accounts.c.identity, accounts.c.id, accounts.c.next_number, accounts.c.item_count)
_KNOWN_BOXES = select(*_BOX_COLUMNS).where(
    accounts.c.identity.in_(bindparam("identities", expanding=True)), accounts.c.name != VOID_NAME
)
_VOID_BOX = select(*_BOX_COLUMNS).where(accounts.c.name == VOID_NAME)
_CLEAR_VOID = delete(items).where(items.c.account_id == bindparam("b_void"))
_INSERT_ITEMS = insert(items)
_FIND_EXPIRED = (
    select(items.c.id, items.c.account_id)
    .where(items.c.stored_day < bindparam("oldest_day"))
    .limit(bindparam("limit", type_=Integer))
)
_DELETE_BY_ID = delete(items).where(items.c.id.in_(bindparam("b_ids", expanding=True)))
_SKIP_NUMBERS = update(accounts).values(next_number=accounts.c.next_number + bindparam("b_count", type_=BigInteger))
_MEETS_ITEM = (
    select(items.c.id)
    .join(accounts, items.c.account_id == accounts.c.id)
    .where((accounts.c.next_number - items.c.number + _FREE_PLACES) % (1 << _PLACE_BITS) <= _FREE_PLACES)
    .limit(1)
)


def store_items(
    connection: Connection, new: Sequence[NewItem], rules: MailboxRules, quotas: Mapping[Identity, int] = NO_QUOTAS
) -> list[PutOutcome]:
    """Store a batch and return the outcome of each item.

    `quotas`: how many items wait in the mailboxes that have quotas of their own, by the keys of their accounts.
    An item for an unknown recipient is written like the others, into an account that nobody pulls, and deleted with
    the next batch.
    """
    # To skip it would save a write, and the shorter time to its acknowledgement would tell that there is no mailbox.
    boxes, void = _boxes(connection, {item.recipient for item in new})
    connection.execute(_CLEAR_VOID, {"b_void": void.account_id})
    rows: list[dict[str, int | bytes]] = []
    outcomes: list[PutOutcome] = []
    touched: dict[int, _Box] = {}
    for item in new:
        box = boxes.get(item.recipient)
        if box is not None and is_full(item.kind, box.item_count, quotas.get(item.recipient, rules.quota_items)):
            outcomes.append(PutOutcome.MAILBOX_FULL)
            continue
        outcomes.append(PutOutcome.STORED if box is not None else PutOutcome.UNKNOWN_RECIPIENT)
        # Numbers are counted here and written back once for each account of a batch, not once for each item.
        box = box or void
        rows.append(_row(box, item))
        box.next_number += 1
        box.item_count += 0 if box is void else 1
        touched[box.account_id] = box
    if rows:
        connection.execute(_INSERT_ITEMS, rows)
        connection.execute(_UPDATE_BOX, [box.as_parameters() for box in touched.values()])
    return outcomes


def place_of(account_id: int, number: ItemNumber) -> int:
    """Return the id of an item's row: it tells the mailbox, and the place in it that the number tells anyway.

    Numbers of a mailbox begin anywhere and ascend, and `skip_numbers` sees to it that none comes to the lower bits of
    one that waits. A hash in their place would meet another one, and the transaction with all of its items would fail.
    """
    return (account_id << _PLACE_BITS) + number % (1 << _PLACE_BITS)


def take_items(connection: Connection, identity: Identity, fetch: Fetch) -> Taken | None:
    """Read the items that a mailbox wants; None if `identity` has no account.

    If no more items were not read yet than are wanted of both kinds together, all of them are read.
    """
    messages, replies = fetch.messages, fetch.replies
    after, count = min(messages.after, replies.after), messages.count + replies.count
    # One row more than is wanted: it tells the account, and that there are more.
    rows = connection.execute(_TAKE_FRESH, {"identity": identity, "after": after, "fresh": count + 1}).all()
    if not rows:
        return None
    account_id: int = rows[0].id
    found: list[StoredItem] = []
    if fetch.again:
        again = connection.execute(_TAKE_AGAIN, {"account_id": account_id, "again": fetch.again})
        found += [_stored_item(*row) for row in again]
    if len(rows) <= count and messages.after == replies.after:
        # Nearly always: that was everything.
        found += [_stored_item(*row[2:]) for row in rows if row.number is not None]
    else:
        for kind, fresh in ((ItemKind.MESSAGE, messages), (ItemKind.REPLY, replies)):
            wanted = {"account_id": account_id, "after": fresh.after, "kind": int(kind), "fresh": fresh.count}
            found += [_stored_item(*row) for row in connection.execute(_TAKE_FRESH_OF_KIND, wanted)]
    return Taken(account_id, rows[0].next_number - 1, tuple(found))


def delete_owned(connection: Connection, owned: Sequence[tuple[Identity, Sequence[ItemNumber]]]) -> int:
    """Delete the items that several owners (by identity) have stored safely; return how many there were."""
    account_ids: dict[Identity, int] = {}
    for identities in _chunks(sorted({identity for identity, _ in owned})):
        found = connection.execute(_FIND_ACCOUNTS, {"identities": identities})
        account_ids.update((identity, account_id) for identity, account_id in found)
    # A number over the range of the database was never given to a client, and the database would refuse it. A number
    # that is named twice is deleted, and counted, once.
    pairs = dict.fromkeys(
        (account_ids[identity], number)
        for identity, numbers in owned
        if identity in account_ids
        for number in numbers
        if number < 2**63
    )
    if not pairs:
        return 0
    wanted = [{"b_account_id": account_id, "b_number": number} for account_id, number in pairs]
    deleted = connection.execute(_DELETE_OWN, wanted).rowcount
    asked = Counter(account_id for account_id, _ in pairs)
    if deleted == len(pairs):
        _subtract(connection, asked)
    else:  # seldom: some were gone before, or the database does not tell
        connection.execute(_RECOUNT, [{"b_id": account_id} for account_id in asked])
    return max(0, deleted)


def expire_items(connection: Connection, oldest_day: int, limit: int) -> int:
    """Delete at most `limit` items stored before `oldest_day`; return how many there were."""
    found = connection.execute(_FIND_EXPIRED, {"oldest_day": oldest_day, "limit": limit}).all()
    lost = Counter(row.account_id for row in found)
    for chunk in _chunks([row.id for row in found]):
        connection.execute(_DELETE_BY_ID, {"b_ids": chunk})
    _subtract(connection, lost)
    return len(found)


def skip_numbers(connection: Connection, count: int) -> None:
    """Leave out `count` numbers in every account.

    A store that was put back from a copy would give numbers again that clients know already, and they would take the
    new items for those they have. A random, large `count` at each start prevents it. A few more are left out where
    the next items of a mailbox would otherwise get the places of those that wait in it.
    """
    connection.execute(_SKIP_NUMBERS, {"b_count": count})
    while connection.execute(_MEETS_ITEM).first() is not None:
        connection.execute(_SKIP_NUMBERS, {"b_count": 2 * _FREE_PLACES})


def _boxes(connection: Connection, recipients: set[Identity]) -> tuple[dict[Identity, _Box], _Box]:
    boxes: dict[Identity, _Box] = {}
    for chunk in _chunks(sorted(recipients)):
        known = connection.execute(_KNOWN_BOXES, {"identities": chunk}).mappings()
        boxes.update((row["identity"], _Box(row)) for row in known)
    return boxes, _Box(connection.execute(_VOID_BOX).mappings().one())


def _stored_item(number: ItemNumber, kind: int, surb_id: bytes, body: bytes) -> StoredItem:
    return StoredItem(number, ItemKind(kind), surb_id, body)


def _row(box: _Box, item: NewItem) -> dict[str, int | bytes]:
    return {
        "id": place_of(box.account_id, box.next_number),
        "account_id": box.account_id,
        "number": box.next_number,
        "kind": int(item.kind),
        "surb_id": item.surb_id,
        "body": item.body,
        "stored_day": item.day,
    }


def _subtract(connection: Connection, fewer: Counter[int]) -> None:
    """Count fewer items in accounts, by their ids."""
    if fewer:
        connection.execute(_FEWER, [{"b_id": account_id, "b_fewer": count} for account_id, count in fewer.items()])


def _chunks(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
