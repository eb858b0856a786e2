"""Contacts and the single facts of a client, in the store."""

from __future__ import annotations

import msgspec
from sqlalchemy import BindParameter, Connection, and_, bindparam, delete, or_, select
from sqlalchemy.dialects.sqlite import insert

from client.api import Contact, Verified
from client.store.schema import contacts, facts
from loopixmix.cards import Card, decode_card, encode_card, fingerprint
from loopixmix.seams import Identity

# The statements are built once: SQLAlchemy takes longer to build one anew than SQLite takes to carry it out.
_ADDRESS: BindParameter[str] = bindparam("of_address")
_SAME_PLACE = and_(contacts.c.name == bindparam("of_name"), contacts.c.provider == bindparam("at_provider"))
_FIND = select(contacts).where(contacts.c.address == _ADDRESS)
_FIND_BY_IDENTITY = (
    select(contacts)
    .where(contacts.c.identity == bindparam("of_identity"))
    .order_by(contacts.c.address != _ADDRESS, contacts.c.address)
    .limit(1)
)
_FIND_BY_CLAIM = select(contacts).where(or_(contacts.c.address == _ADDRESS, _SAME_PLACE)).limit(1)
_EVERY = select(contacts).order_by(contacts.c.address)
_INSERT = insert(contacts)
_SAVE = _INSERT.on_conflict_do_update(
    index_elements=[contacts.c.address],
    set_={column.name: _INSERT.excluded[column.name] for column in contacts.columns},
)
_REMOVE = delete(contacts).where(contacts.c.address == _ADDRESS)
_FACT = select(facts.c.value).where(facts.c.name == bindparam("of_name"))
_FORGET_FACT = delete(facts).where(facts.c.name == bindparam("of_name"))
_INSERT_FACT = insert(facts)
_SAVE_FACT = _INSERT_FACT.on_conflict_do_update(
    index_elements=[facts.c.name], set_={"value": _INSERT_FACT.excluded.value}
)


class PinnedContact(msgspec.Struct, frozen=True, kw_only=True):
    """A contact as it is pinned; `changed_card` is an encoded card with another identity key."""

    address: str
    name: str
    provider: Identity
    identity: Identity
    sealing_key: bytes
    made_at_s: int
    compared: bool
    changed_card: bytes | None

    @property
    def verified(self) -> Verified:
        """How sure it is whose key it is."""
        return Verified.COMPARED if self.compared else Verified.PINNED

    def as_contact(self) -> Contact:
        """Return what an application sees."""
        changed = "" if self.changed_card is None else fingerprint(decode_card(self.changed_card).identity)
        return Contact(
            address=self.address,
            fingerprint=fingerprint(self.identity),
            verified=self.verified,
            changed_fingerprint=changed,
        )


def pin_of(address: str, card: Card, *, compared: bool) -> PinnedContact:
    """Return the contact that pins the keys of `card` under `address`."""
    return PinnedContact(
        address=address,
        name=card.name,
        provider=card.provider,
        identity=card.identity,
        sealing_key=card.sealing_key,
        made_at_s=card.made_at_s,
        compared=compared,
        changed_card=None,
    )


def find(connection: Connection, address: str) -> PinnedContact | None:
    """Return the contact of this address."""
    row = connection.execute(_FIND, {"of_address": address}).one_or_none()
    return None if row is None else PinnedContact(**row._mapping)


def find_by_identity(connection: Connection, identity: Identity, *, rather: str = "") -> PinnedContact | None:
    """Return a contact whose pinned key this is; of several the one with the address `rather`."""
    row = connection.execute(_FIND_BY_IDENTITY, {"of_identity": identity, "of_address": rather}).one_or_none()
    return None if row is None else PinnedContact(**row._mapping)


def find_by_claim(connection: Connection, address: str, *, name: str, provider: Identity) -> PinnedContact | None:
    """Return the contact whose place a sender claims, by its address or by its name and provider's key."""
    claim = {"of_address": address, "of_name": name, "at_provider": provider}
    row = connection.execute(_FIND_BY_CLAIM, claim).first()
    return None if row is None else PinnedContact(**row._mapping)


def every(connection: Connection) -> list[PinnedContact]:
    """Return all contacts by address."""
    return [PinnedContact(**row._mapping) for row in connection.execute(_EVERY)]


def save(connection: Connection, contact: PinnedContact) -> None:
    """Store a contact, in place of the one of the same address."""
    connection.execute(_SAVE, msgspec.structs.asdict(contact))


def save_changed_card(connection: Connection, contact: PinnedContact, card: Card) -> PinnedContact:
    """Note that a look-up brought another identity key; the pinned one stays."""
    # The whole card is kept: accepting it later must pin what was shown, not what a new look-up brings.
    changed = msgspec.structs.replace(contact, changed_card=encode_card(card))
    save(connection, changed)
    return changed


def remove(connection: Connection, address: str) -> bool:
    """Forget a contact; tell whether there was one."""
    return connection.execute(_REMOVE, {"of_address": address}).rowcount > 0


def fact(connection: Connection, name: str) -> bytes | None:
    """Return a single value."""
    return connection.execute(_FACT, {"of_name": name}).scalar_one_or_none()


def forget_fact(connection: Connection, name: str) -> None:
    """Forget a single value."""
    connection.execute(_FORGET_FACT, {"of_name": name})


def save_fact(connection: Connection, name: str, value: bytes) -> None:
    """Store a single value."""
    connection.execute(_SAVE_FACT, {"name": name, "value": value})
