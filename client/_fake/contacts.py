"""The contacts of a fake client."""

from __future__ import annotations

import msgspec

from client._fake.post import PostOffice
from client.api import BadRequestError, Contact, KeyChangedError, UnknownContactError, Verified
from client.core.arguments import no_such_place, plain_fingerprint


class FakeContacts:
    """Pinned keys by address."""

    def __init__(self, network: PostOffice) -> None:
        """Begin without contacts; `network` looks them up."""
        self._network = network
        self._contacts: dict[str, Contact] = {}
        self._accounts: dict[str, tuple[str, str]] = {}

    def all(self) -> list[Contact]:
        """Return all contacts by address."""
        return [self._contacts[address] for address in sorted(self._contacts)]

    def find(self, address: str) -> Contact | None:
        """Return a contact, or None."""
        return self._contacts.get(address)

    def to_write_to(self, address: str) -> Contact:
        """Return a contact that can be written to; raise `UnknownContactError` or `KeyChangedError`."""
        contact = self._known(address)
        reached = self._network.account_of(address)
        if reached is None:
            raise UnknownContactError(no_such_place(address))
        if contact.changed_fingerprint or reached != self._accounts[address]:
            raise KeyChangedError(f"the key of {address} changed: compare fingerprints and accept it first")
        return contact

    def reaching(self, account: tuple[str, str]) -> Contact | None:
        """Return a contact that an account, its name and its provider, was pinned for."""
        return next((self._contacts[at] for at, reached in self._accounts.items() if reached == account), None)

    def add(self, address: str) -> Contact:
        """Look up `address` and pin its key; raise `KeyChangedError` if another one was pinned."""
        reached = self._network.account_of(address)
        if reached is None:
            raise BadRequestError(no_such_place(address))
        found = self._network.look_up(*reached)
        known = self._contacts.get(address)
        if known is not None and known.fingerprint != found:
            self._contacts[address] = msgspec.structs.replace(known, changed_fingerprint=found)
            raise KeyChangedError(f"the key of {address} changed: compare fingerprints and accept it first")
        contact = msgspec.structs.replace(known, changed_fingerprint="") if known else _pinned(address, found)
        self._contacts[address], self._accounts[address] = contact, reached
        return contact

    def accept(self, address: str, fingerprint: str) -> Contact:
        """Pin the key of `fingerprint` and mark the contact verified."""
        contact = self._known(address)
        for known in filter(None, (contact.fingerprint, contact.changed_fingerprint)):
            if plain_fingerprint(known) == plain_fingerprint(fingerprint):
                self._contacts[address] = Contact(address=address, fingerprint=known, verified=Verified.COMPARED)
                if known != contact.fingerprint:
                    self._accounts[address] = self._network.account_of(address) or self._accounts[address]
                return self._contacts[address]
        raise BadRequestError(f"no key of {address} has that fingerprint")

    def remove(self, address: str) -> None:
        """Forget a contact."""
        self._known(address)
        del self._contacts[address], self._accounts[address]

    def _known(self, address: str) -> Contact:
        if address not in self._contacts:
            raise UnknownContactError(f"there is no contact {address}; add it first")
        return self._contacts[address]


def _pinned(address: str, fingerprint: str) -> Contact:
    return Contact(address=address, fingerprint=fingerprint, verified=Verified.PINNED)
