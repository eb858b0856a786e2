"""Contacts: looked up anonymously, pinned, and never changed behind the user's back."""

from __future__ import annotations

import hmac
from typing import Protocol

import msgspec
from sqlalchemy import Connection

from client.api import (
    BadRequestError,
    Contact,
    KeyChangedError,
    RequestTimeoutError,
    ServiceFailedError,
    UnknownContactError,
)
from client.asking.requests import Requests
from client.core.arguments import check_address, no_such_place, plain_fingerprint
from client.core.pins import ChangedKey, judge_card
from client.link.session import Session
from client.store import contacts
from client.store.contacts import PinnedContact, pin_of
from loopixmix.cards import Card, decode_card, fingerprint
from loopixmix.errors import PeerError
from loopixmix.requests.names import LookUp, encode_keys_request
from loopixmix.store.access import StoreAccess


class KeyWarnings(Protocol):
    """The part that warns of keys which are not those of contacts."""

    def settled(self, address: str) -> None:
        """Note that the user has accepted a key of the contact `address`, or has forgotten the contact."""


class ContactBook:
    """The contacts in the store."""

    def __init__(
        self,
        *,
        session: Session,
        requests: Requests,
        access: StoreAccess,
        warnings: KeyWarnings,
        patience_s: float,
    ) -> None:
        """Keep contacts in the store of `access`, and look them up by `requests` in the network of `session`.

        `warnings`: hear of keys that were accepted. A look-up waits `patience_s` for its answer.
        """
        self._session = session
        self._requests = requests
        self._access = access
        self._warnings = warnings
        self._patience_s = patience_s

    async def every(self) -> list[Contact]:
        """Return all contacts by address."""
        return [contact.as_contact() for contact in await self._access.read(contacts.every)]

    async def add(self, address: str) -> Contact:
        """Look up an address and pin its key; raises as `client.api.Client.add_contact`."""
        card = await self._look_up(address)

        def pin(connection: Connection) -> PinnedContact:
            known = contacts.find(connection, address)
            if known is not None and isinstance(judge_card(card, known.identity), ChangedKey):
                return contacts.save_changed_card(connection, known, card)
            pinned = pin_of(address, card, compared=False) if known is None else _newer(known, card)
            contacts.save(connection, pinned)
            return pinned

        pinned = await self._access.write(pin)
        if pinned.changed_card is not None:
            raise KeyChangedError(f"the key of {address} changed: compare fingerprints and accept it first")
        return pinned.as_contact()

    async def accept(self, address: str, accepted: str) -> Contact:
        """Pin the key of the fingerprint `accepted`; raises as `client.api.Client.accept_key`."""

        def accept(connection: Connection) -> PinnedContact:
            known = contacts.find(connection, address)
            if known is None:
                raise UnknownContactError(f"there is no contact {address}; add it first")
            pinned = _accepted(known, plain_fingerprint(accepted))
            contacts.save(connection, pinned)
            return pinned

        contact = (await self._access.write(accept)).as_contact()
        self._warnings.settled(address)
        return contact

    async def remove(self, address: str) -> None:
        """Forget a contact; raises as `client.api.Client.remove_contact`."""
        if not await self._access.write(lambda connection: contacts.remove(connection, address)):
            raise UnknownContactError(f"there is no contact {address}")
        self._warnings.settled(address)

    async def _look_up(self, address: str) -> Card:
        name, place = check_address(address)
        document = self._session.known.document
        if document is None:
            raise RequestTimeoutError("there is no network document yet: the address cannot be looked up")
        reach = document.reach(name, place)
        if reach is None:
            raise BadRequestError(no_such_place(address))
        # The account is looked up and not the name: of a domain that is a gateway's, all names have its one card, and
        # the provider does not learn which of them is meant.
        provider = reach.provider.name
        body = encode_keys_request(LookUp(reach.account))
        answer = await self._requests.ask(f"keys@{provider}", body, timeout_s=self._patience_s)
        try:
            card = decode_card(answer)
        except PeerError as error:
            raise ServiceFailedError(f"{provider} answered with something that is no card: {error}") from error
        # The signature is not enough: the provider could give the card of another user, which is signed as well.
        if (card.name, card.provider) != (reach.account, reach.provider.id):
            raise ServiceFailedError(f"{provider} answered with the card of somebody else")
        if reach.gateway is not None and not hmac.compare_digest(card.identity, reach.gateway.identity):
            raise ServiceFailedError(f"{provider} answered with another key than the network document has for {place}")
        return card


def _newer(known: PinnedContact, card: Card) -> PinnedContact:
    """Return the contact with a card of the same identity: its sealing key may be newer, never older."""
    if known.made_at_s > card.made_at_s:
        return msgspec.structs.replace(known, changed_card=None)
    return pin_of(known.address, card, compared=known.compared)


def _accepted(known: PinnedContact, wanted: str) -> PinnedContact:
    if wanted == plain_fingerprint(fingerprint(known.identity)):
        return msgspec.structs.replace(known, compared=True, changed_card=None)
    if known.changed_card is not None:
        card = decode_card(known.changed_card)
        if wanted == plain_fingerprint(fingerprint(card.identity)):
            return pin_of(known.address, card, compared=True)
    raise BadRequestError(f"no key of {known.address} has that fingerprint")
