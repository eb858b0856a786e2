"""The accounts of guests in the store: each function works within the caller's transaction.

Such an account has no name and no card: in place of the name stands a mark with the key, by which nothing finds it. The
only time that is kept of it is the last day on which it was used.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TypeAlias

import msgspec
from sqlalchemy import Connection, Integer, bindparam, delete, insert, select, update

from loopixmix.seams import Identity
from loopixmix.wire import RegisterRefusal
from provider.accounts import GuestFacts, GuestMode, RegistrationRules, Wisher, decide_guest
from provider.store.accounts import count_more, count_of, find_standing
from provider.store.schema import GUEST_MARK, accounts, items

_ADD_GUEST = insert(accounts)
_NOTE_GUEST = (
    update(accounts)
    .where(accounts.c.identity == bindparam("b_identity"), accounts.c.guest_day < bindparam("b_day", type_=Integer))
    .values(guest_day=bindparam("b_day", type_=Integer))
)
_FIND_ENDED = (
    select(accounts.c.id)
    .where(accounts.c.guest_day < bindparam("oldest_day", type_=Integer))
    .limit(bindparam("limit", type_=Integer))
)
_FIND_ITEMS = (
    select(items.c.id).where(items.c.account_id == bindparam("account_id")).limit(bindparam("limit", type_=Integer))
)
_DELETE_ITEMS = delete(items).where(items.c.id.in_(bindparam("b_ids", expanding=True)))
_COUNT_FEWER = (
    update(accounts)
    .where(accounts.c.id == bindparam("b_id"))
    .values(item_count=accounts.c.item_count - bindparam("b_fewer", type_=Integer))
)
_DELETE_GUEST = delete(accounts).where(accounts.c.id == bindparam("b_id"))


Payment: TypeAlias = Callable[[Connection], bool]
"""Spends a token within a transaction, and tells whether it counted."""


class GuestWish(msgspec.Struct, frozen=True, kw_only=True):
    """A client's wish for an account without a name.

    `first_number`: the random number of its first item. `guest_day`: the present one of its own days.
    """

    identity: Identity
    first_number: int
    guest_day: int


def in_place_of_name(identity: Identity) -> str:
    """Return what stands where the name of an account would."""
    return GUEST_MARK + base64.urlsafe_b64encode(identity).decode()


def open_guest(
    connection: Connection, wish: GuestWish, rules: RegistrationRules, pay: Payment | None = None
) -> RegisterRefusal | None:
    """Open the account of a guest unless there is one for the same key; return why not, or None.

    `pay` spends a token and tells whether it counted; it is asked last, and only if the rules want a token.
    """
    facts = _facts(connection, wish.identity)
    refusal = decide_guest(facts, rules)
    # Not paid for twice: a client repeats its wish until it hears an answer.
    if refusal is not None or facts.has_guest:
        return refusal
    # In this transaction, so that no token is lost without an account, nor an account opened without a token.
    if rules.guests is GuestMode.TOKEN and (pay is None or not pay(connection)):
        return RegisterRefusal.BAD_TOKEN
    connection.execute(
        _ADD_GUEST,
        {
            "name": in_place_of_name(wish.identity),
            "identity": wish.identity,
            "card": b"",
            "card_version": 0,
            "next_number": wish.first_number,
            "item_count": 0,
            # The day on which it was opened is nobody's business: it might be told together with the day of a token.
            "created_day": 0,
            "guest_day": wish.guest_day,
        },
    )
    count_more(connection, 1, guests=True)
    return None


def find_wisher(connection: Connection, identity: Identity, counts: Payment | None) -> Wisher:
    """Tell who wants an account: a key that has one, one whose token counts by `counts`, or a stranger."""
    if find_standing(connection, identity) is not None:
        return Wisher.MEMBER
    return Wisher.INVITED if counts is not None and counts(connection) else Wisher.STRANGER


def note_guest(connection: Connection, identity: Identity, guest_day: int) -> None:
    """Note that a guest was here on a day, unless a later one is noted."""
    connection.execute(_NOTE_GUEST, {"b_identity": identity, "b_day": guest_day})


def end_guests(connection: Connection, oldest_day: int, limit: int) -> int:
    """Remove guests that were not here since `oldest_day`, and their items; return how many rows, at most `limit`."""
    left = limit
    for account_id in connection.execute(_FIND_ENDED, {"oldest_day": oldest_day, "limit": limit}).scalars().all():
        found = connection.execute(_FIND_ITEMS, {"account_id": account_id, "limit": left}).scalars().all()
        if found:
            connection.execute(_DELETE_ITEMS, {"b_ids": found})
            # The guest may come back before the rest is gone: its count must be right then.
            connection.execute(_COUNT_FEWER, {"b_id": account_id, "b_fewer": len(found)})
            left -= len(found)
        # A mailbox may hold more than one transaction should delete: the rest, and the account, go with the next one.
        if left <= 0:
            break
        connection.execute(_DELETE_GUEST, {"b_id": account_id})
        count_more(connection, -1, guests=True)
        left -= 1
        if left <= 0:
            break
    return limit - left


def _facts(connection: Connection, identity: Identity) -> GuestFacts:
    standing = find_standing(connection, identity)
    return GuestFacts(
        has_guest=standing is not None and standing.guest_day is not None,
        has_name=standing is not None and standing.guest_day is None,
        guests=count_of(connection, guests=True),
    )
