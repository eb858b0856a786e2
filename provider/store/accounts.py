"""Accounts, cards and invitations in the store: each function works within the caller's transaction.

The statements are made once, with places for the values: to build one anew takes longer than SQLite needs to run it.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, Integer, bindparam, case, delete, func, insert, select, update

from loopixmix.cards import day_of_card
from loopixmix.seams import Identity
from loopixmix.wire import RegisterRefusal
from provider.accounts import AccountFacts, RegistrationMode, RegistrationRules, Wisher, decide_registration
from provider.store.schema import VOID_NAME, account_counts, accounts, invitations, items, retired_names, shown_days

_FIND_STANDING = select(accounts.c.guest_day).where(accounts.c.identity == bindparam("identity"))
_FIND_NAME_OF_KEY = select(accounts.c.name).where(accounts.c.identity == bindparam("identity"))
_FIND_NAME = select(accounts.c.id).where(accounts.c.name == bindparam("name"))
# Accounts without a name hold no place in the list, and are found by nothing that looks for names.
_HAS_NAME = (accounts.c.name != VOID_NAME) & accounts.c.guest_day.is_(None)
_FIND_NAMED = _FIND_NAME.where(_HAS_NAME)
_FIND_SHOWN_DAY = select(shown_days.c.day, shown_days.c.changes).where(shown_days.c.name == bindparam("name"))
_FORGET_SHOWN_DAY = delete(shown_days).where(shown_days.c.name == bindparam("b_name"))
_ADD_SHOWN_DAY = insert(shown_days)
_FIND_RETIRED = select(retired_names.c.name).where(retired_names.c.name == bindparam("name"))
_FIND_INVITATION = select(invitations.c.code_hash).where(
    invitations.c.code_hash == bindparam("code_hash"),
    invitations.c.uses_left > 0,
    invitations.c.last_day >= bindparam("day"),
)
_FIND_CARD = select(accounts.c.identity, accounts.c.card_version, accounts.c.card).where(
    accounts.c.name == bindparam("name"), _HAS_NAME
)
_SOME_ACCOUNTS = (
    select(accounts.c.id, accounts.c.item_count, accounts.c.name)
    .where(accounts.c.id > bindparam("after"))
    .order_by(accounts.c.id)
    .limit(bindparam("limit", type_=Integer))
    .subquery()
)
_COUNT_SOME_ITEMS = select(
    func.max(_SOME_ACCOUNTS.c.id),
    func.coalesce(func.sum(case((_SOME_ACCOUNTS.c.name != VOID_NAME, _SOME_ACCOUNTS.c.item_count), else_=0)), 0),
)
_COUNTS = select(account_counts.c.guests, account_counts.c.accounts)
_LIST = (
    select(
        accounts.c.name,
        accounts.c.identity,
        func.length(accounts.c.card) > 0,
        accounts.c.item_count,
        accounts.c.created_day,
    )
    .where(_HAS_NAME)
    .order_by(accounts.c.name)
)
# In an update, a place that is called like a column would be taken for a value of that column: hence the "b_".
_RENEW_CARD = update(accounts).where(accounts.c.identity == bindparam("b_identity")).values(card=bindparam("b_card"))
_PUBLISH_CARD = (
    update(accounts)
    .where(accounts.c.name == bindparam("b_name"))
    .values(card=bindparam("b_card"), card_version=bindparam("b_version"))
)
_USE_INVITATION = (
    update(invitations)
    .where(invitations.c.code_hash == bindparam("b_code_hash"))
    .values(uses_left=invitations.c.uses_left - 1)
)
_ADD_ACCOUNT = insert(accounts)
_ADD_INVITATION = insert(invitations)
_RETIRE_NAME = insert(retired_names)
_DELETE_ITEMS_OF = delete(items).where(items.c.account_id == bindparam("b_account_id"))
_DELETE_ACCOUNT = delete(accounts).where(accounts.c.id == bindparam("b_id"))
_COUNT_MORE = (
    update(account_counts)
    .where(account_counts.c.guests == bindparam("b_guests"))
    .values(accounts=account_counts.c.accounts + bindparam("b_more", type_=Integer))
)
_FORGET_INVITATIONS = delete(invitations).where(
    (invitations.c.uses_left <= 0) | (invitations.c.last_day < bindparam("b_day"))
)


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """A client's wish for an account. `first_number` is the random number of its first item, `day` the present day."""

    name: str
    identity: Identity
    card: bytes
    invitation_hash: bytes
    first_number: int
    day: int


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account as the operator sees it."""

    name: str
    identity: Identity
    published: bool
    items: int
    created_day: int


class StoreFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is. `accounts`: those with a name."""

    accounts: int
    guests: int
    items: int


class ItemCount(msgspec.Struct, frozen=True):
    """The items of some accounts. `last_id`: where the next count goes on; None if no account was left."""

    last_id: int | None
    items: int


class Standing(msgspec.Struct, frozen=True):
    """An account, as a link needs it. `guest_day`: the last day that is noted of a guest; None if it has a name."""

    guest_day: int | None


class ShownDay(msgspec.Struct, frozen=True):
    """The day on which the card of a name was taken away, and how often that has happened."""

    day: int
    changes: int


class PublishedCard(msgspec.Struct, frozen=True):
    """The card under a name (empty if none is published) and the key it belongs to."""

    identity: Identity
    version: int
    card: bytes


def register(connection: Connection, application: Application, rules: RegistrationRules) -> RegisterRefusal | None:
    """Open an account, or renew the card of one that the same key has under the same name.

    Returns why not, or None. An invitation is used up in the same transaction.
    """
    facts = _facts(connection, application)
    refusal = decide_registration(application.name, facts, rules)
    if refusal is not None:
        return refusal
    if facts.name_of_key is not None:
        # The client asked again because it did not hear the answer: the invitation it used must not count twice.
        if application.card:
            connection.execute(_RENEW_CARD, {"b_identity": application.identity, "b_card": application.card})
        return None
    if rules.mode is RegistrationMode.INVITATION:
        connection.execute(_USE_INVITATION, {"b_code_hash": application.invitation_hash})
    connection.execute(
        _ADD_ACCOUNT,
        {
            "name": application.name,
            "identity": application.identity,
            "card": application.card,
            "card_version": 0,
            "next_number": application.first_number,
            "item_count": 0,
            "created_day": application.day,
            "guest_day": None,
        },
    )
    count_more(connection, 1, guests=False)
    return None


def find_wisher(connection: Connection, application: Application) -> Wisher:
    """Tell who wants an account: a key that has one, one with an invitation that counts, or a stranger."""
    if connection.execute(_FIND_NAME_OF_KEY, {"identity": application.identity}).first() is not None:
        return Wisher.MEMBER
    invitation = {"code_hash": application.invitation_hash, "day": application.day}
    return Wisher.STRANGER if connection.execute(_FIND_INVITATION, invitation).first() is None else Wisher.INVITED


def find_standing(connection: Connection, identity: Identity) -> Standing | None:
    """Return what account `identity` has; None if it has none."""
    row = connection.execute(_FIND_STANDING, {"identity": identity}).one_or_none()
    return None if row is None else Standing(row.guest_day)


def find_card(connection: Connection, name: str) -> PublishedCard | None:
    """Return what is published under `name`; None if there is no such account."""
    row = connection.execute(_FIND_CARD, {"name": name}).one_or_none()
    return None if row is None else PublishedCard(row.identity, row.card_version, row.card)


def find_shown_day(connection: Connection, name: str) -> ShownDay | None:
    """Return the day on which the card of `name` was taken away; None if that never happened."""
    row = connection.execute(_FIND_SHOWN_DAY, {"name": name}).one_or_none()
    return None if row is None else ShownDay(row.day, row.changes)


def publish_card(
    connection: Connection, name: str, identity: Identity, version: int, card: bytes, *, today: int
) -> bool:
    """Put a card (or none) under `name` if the key fits and the version is new; repeating the same one is fine.

    A card that is older than what was shown of the name is not put there: it would tell that there is an account.
    """
    # Read in the transaction that writes: two publications that come together must not both find an older version.
    found = find_card(connection, name)
    if found is None or found.identity != identity:
        return False
    if version <= found.version:
        return version == found.version and card == found.card
    if card and day_of_card(card) < _shown_day(connection, name, found.card):
        return False
    if not card:
        _note_shown_day(connection, name, found.card, today)
    connection.execute(_PUBLISH_CARD, {"b_name": name, "b_card": card, "b_version": version})
    return True


def remove_account(connection: Connection, name: str, *, retire_name: bool, today: int) -> bool:
    """Remove an account and its items; false if there is none. A retired name is never given again."""
    account_id = connection.execute(_FIND_NAMED, {"name": name}).scalar()
    found = find_card(connection, name)
    if account_id is None or found is None:
        return False
    _note_shown_day(connection, name, found.card, today)
    connection.execute(_DELETE_ITEMS_OF, {"b_account_id": account_id})
    connection.execute(_DELETE_ACCOUNT, {"b_id": account_id})
    count_more(connection, -1, guests=False)
    # In a table of its own and not as an account without mail: nothing that looks for accounts may find it.
    if retire_name:
        connection.execute(_RETIRE_NAME, {"name": name})
    return True


def list_accounts(connection: Connection) -> list[Account]:
    """Return all accounts by name."""
    return [
        Account(name=name, identity=identity, published=bool(has_card), items=count, created_day=day)
        for name, identity, has_card, count, day in connection.execute(_LIST)
    ]


def count_items(connection: Connection, *, after: int, limit: int) -> ItemCount:
    """Count the items of the next `limit` accounts after the one with the id `after`."""
    # Each account knows how many items it has: to count the items themselves would read all of them.
    last_id, items_there = connection.execute(_COUNT_SOME_ITEMS, {"after": after, "limit": limit}).one()
    return ItemCount(last_id, int(items_there))


def count_of(connection: Connection, *, guests: bool) -> int:
    """Return how many accounts have a name, or how many are those of guests."""
    counts = {row.guests: row.accounts for row in connection.execute(_COUNTS)}
    return int(counts[int(guests)])


def count_more(connection: Connection, more: int, *, guests: bool) -> None:
    """Count accounts that were opened, or fewer than none if some were removed."""
    connection.execute(_COUNT_MORE, {"b_guests": int(guests), "b_more": more})


def add_invitation(connection: Connection, code_hash: bytes, *, uses: int, last_day: int) -> None:
    """Let `uses` clients register with a code, up to `last_day`."""
    connection.execute(_ADD_INVITATION, {"code_hash": code_hash, "uses_left": uses, "last_day": last_day})


def forget_invitations(connection: Connection, day: int) -> int:
    """Delete the invitations that no longer hold on `day`; return how many there were."""
    return connection.execute(_FORGET_INVITATIONS, {"b_day": day}).rowcount


def _shown_day(connection: Connection, name: str, card: bytes) -> int:
    shown = find_shown_day(connection, name)
    return max(day_of_card(card) if card else 0, shown.day if shown is not None else 0)


def _note_shown_day(connection: Connection, name: str, card: bytes, today: int) -> None:
    """Note that a card is taken away, if there is one."""
    if not card:
        return
    shown = find_shown_day(connection, name)
    # A client whose clock is ahead made a card of a day to come.
    row = {
        "name": name,
        "day": max(today, _shown_day(connection, name, card)),
        "changes": 1 + (shown.changes if shown is not None else 0),
    }
    connection.execute(_FORGET_SHOWN_DAY, {"b_name": name})
    connection.execute(_ADD_SHOWN_DAY, row)


def _facts(connection: Connection, application: Application) -> AccountFacts:
    name = {"name": application.name}
    code = {"code_hash": application.invitation_hash, "day": application.day}
    return AccountFacts(
        name_of_key=connection.execute(_FIND_NAME_OF_KEY, {"identity": application.identity}).scalar(),
        name_is_free=(
            connection.execute(_FIND_NAME, name).first() is None
            and connection.execute(_FIND_RETIRED, name).first() is None
        ),
        invitation_holds=connection.execute(_FIND_INVITATION, code).first() is not None,
        accounts=count_of(connection, guests=False),
    )
