"""Accounts, cards and invitations in the store: each function works within the caller's transaction."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from loopixmix.seams import NodeId
from loopixmix.wire import RegisterRefusal
from provider.accounts import AccountFacts, RegistrationMode, RegistrationRules, decide_registration
from provider.store.schema import VOID_NAME, accounts, invitations, items, retired_names

_FIND_ACCOUNT = select(accounts.c.id).where(accounts.c.identity == bindparam("identity"))


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """A client's wish for an account; `first_number` is the random number of its first item."""

    name: str
    identity: NodeId
    card: bytes
    invitation_hash: bytes
    first_number: int
    day: int


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account as the operator sees it."""

    name: str
    identity: NodeId
    published: bool
    items: int
    created_day: int


class StoreFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is."""

    accounts: int
    items: int


class PublishedCard(msgspec.Struct, frozen=True):
    """The card under a name (empty where none is published) and the key it belongs to."""

    identity: NodeId
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
        if application.card:
            own = update(accounts).where(accounts.c.identity == application.identity)
            connection.execute(own.values(card=application.card))
        return None
    if rules.mode is RegistrationMode.INVITATION:
        used = invitations.c.code_hash == application.invitation_hash
        connection.execute(update(invitations).where(used).values(uses_left=invitations.c.uses_left - 1))
    connection.execute(
        insert(accounts).values(
            name=application.name,
            identity=application.identity,
            card=application.card,
            card_version=0,
            next_number=application.first_number,
            item_count=0,
            created_day=application.day,
        )
    )
    return None


def is_registered(connection: Connection, identity: NodeId) -> bool:
    """Tell whether `identity` has an account."""
    return connection.execute(_FIND_ACCOUNT, {"identity": identity}).scalar() is not None


def find_card(connection: Connection, name: str) -> PublishedCard | None:
    """Return what is published under `name`; None where there is no such account."""
    wanted = select(accounts.c.identity, accounts.c.card_version, accounts.c.card).where(
        accounts.c.name == name, accounts.c.name != VOID_NAME
    )
    row = connection.execute(wanted).one_or_none()
    return None if row is None else PublishedCard(row.identity, row.card_version, row.card)


def publish_card(connection: Connection, name: str, identity: NodeId, version: int, card: bytes) -> bool:
    """Put a card (or none) under `name` if the key fits and the version is new; repeating the same one is fine."""
    found = find_card(connection, name)
    if found is None or found.identity != identity:
        return False
    if version <= found.version:
        return version == found.version and card == found.card
    own = update(accounts).where(accounts.c.name == name)
    connection.execute(own.values(card=card, card_version=version))
    return True


def remove_account(connection: Connection, name: str, *, retire_name: bool) -> bool:
    """Remove an account and its items; false where there is none. A retired name is never given again."""
    account_id = connection.execute(
        select(accounts.c.id).where(accounts.c.name == name, accounts.c.name != VOID_NAME)
    ).scalar()
    if account_id is None:
        return False
    connection.execute(delete(items).where(items.c.account_id == account_id))
    connection.execute(delete(accounts).where(accounts.c.id == account_id))
    if retire_name:
        connection.execute(insert(retired_names).values(name=name))
    return True


def list_accounts(connection: Connection) -> list[Account]:
    """Return all accounts by name."""
    published = func.length(accounts.c.card) > 0
    columns = (accounts.c.name, accounts.c.identity, published, accounts.c.item_count, accounts.c.created_day)
    wanted = select(*columns).where(accounts.c.name != VOID_NAME).order_by(accounts.c.name)
    return [
        Account(name=name, identity=identity, published=bool(has_card), items=count, created_day=day)
        for name, identity, has_card, count, day in connection.execute(wanted)
    ]


def figures(connection: Connection) -> StoreFigures:
    """Count accounts and items."""
    count, waiting = connection.execute(
        select(func.count(), func.coalesce(func.sum(accounts.c.item_count), 0)).where(accounts.c.name != VOID_NAME)
    ).one()
    return StoreFigures(accounts=count, items=int(waiting))


def add_invitation(connection: Connection, code_hash: bytes, *, uses: int, last_day: int) -> None:
    """Let `uses` clients register with a code, up to `last_day`."""
    connection.execute(insert(invitations).values(code_hash=code_hash, uses_left=uses, last_day=last_day))


def forget_invitations(connection: Connection, day: int) -> int:
    """Delete the invitations that no longer hold on `day`; return how many there were."""
    spent = (invitations.c.uses_left <= 0) | (invitations.c.last_day < day)
    return connection.execute(delete(invitations).where(spent)).rowcount


def _facts(connection: Connection, application: Application) -> AccountFacts:
    name_of_key = select(accounts.c.name).where(accounts.c.identity == application.identity)
    name = select(accounts.c.id).where(accounts.c.name == application.name)
    retired = select(retired_names.c.name).where(retired_names.c.name == application.name)
    invitation = select(invitations.c.code_hash).where(
        invitations.c.code_hash == application.invitation_hash,
        invitations.c.uses_left > 0,
        invitations.c.last_day >= application.day,
    )
    return AccountFacts(
        name_of_key=connection.execute(name_of_key).scalar(),
        name_is_free=connection.execute(name).first() is None and connection.execute(retired).first() is None,
        invitation_holds=connection.execute(invitation).first() is not None,
        accounts=figures(connection).accounts,
    )
