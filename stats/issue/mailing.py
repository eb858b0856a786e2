"""Codes go to addresses: to those on a list, and to accounts that ask. Each message is sealed to the address's key."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Protocol

from twisted.logger import Logger

from client.api import (
    BadRequestError,
    Client,
    Contact,
    KeyChangedError,
    ReceivedMessage,
    UnknownContactError,
)
from loopixmix.errors import FormatError
from loopixmix.store.access import StoreAccess
from stats.issue.codes import code_of_address, hash_code
from stats.issue.letters import CODE_KIND, SentCode, decode_ask, encode_code
from stats.issue.people import Addressee, AddresseeState, add_codes, set_state, waiting_addressees
from stats.issue.surveys import SurveyPlace
from stats.questionnaire.questionnaire import PersonKind

log = Logger()

AT_ONCE = 50
"""So many addresses are looked up in a round."""


class KnownSurveys(Protocol):
    """The surveys of the issuer."""

    def places(self) -> Sequence[SurveyPlace]:
        """Return them."""


class CodeMailing:
    """Sends codes by the issuer's own client."""

    def __init__(self, client: Client, *, surveys: KnownSurveys, access: StoreAccess) -> None:
        """`client`: has an account with a name. `access`: to the issuer's store."""
        self._client = client
        self._surveys = surveys
        self._access = access

    async def send_waiting(self) -> int:
        """Send codes to addresses on lists that have none yet; return how many were looked at.

        Raises `client.api.ClientError` if the client cannot now; what was not sent waits.
        """
        places = [(place, place.secret) for place in self._surveys.places()]
        return sum([await self._send_listed(place, secret) for place, secret in places if secret is not None])

    async def answer(self, message: ReceivedMessage) -> None:
        """Send a code to the account that asks for one, if it may have one; nothing tells whether it was refused.

        Raises `client.api.ClientError` if the client cannot now: then the message comes again.
        """
        try:
            draft_id = decode_ask(message.body)
        except FormatError:
            log.info("a message that asks for a code has a wrong form")
            return
        place = next((each for each in self._surveys.places() if each.draft_id == draft_id), None)
        secret = None if place is None else place.secret
        if place is None or secret is None or not _may_ask(place, message.sender):
            log.info("somebody who may have no code asked for one")
            return
        address = str(message.sender)
        contact = await self._look_up(address)
        # Whoever asks must hold the key that the provider publishes for the name: others' accounts get no codes by it.
        if contact is None or contact.fingerprint != message.fingerprint:
            log.info("somebody asked for a code with another key than that of the address")
            return
        await self._send(place, secret, address)

    async def _send_listed(self, place: SurveyPlace, secret: bytes) -> int:
        draft_id = place.draft_id
        waiting = await self._access.read(lambda connection: waiting_addressees(connection, draft_id, AT_ONCE))
        for listed in waiting:
            state = await self._send_to(place, secret, listed)
            await self._access.write(partial(set_state, draft_id=draft_id, address=listed.address, state=state))
        return len(waiting)

    async def _send_to(self, place: SurveyPlace, secret: bytes, listed: Addressee) -> AddresseeState:
        try:
            contact = await self._client.add_contact(listed.address)
        except KeyChangedError:
            return AddresseeState.OTHER_KEY
        except BadRequestError:
            return AddresseeState.UNKNOWN
        if _plain(contact.fingerprint) != _plain(listed.fingerprint):
            return AddresseeState.OTHER_KEY
        await self._send(place, secret, listed.address)
        return AddresseeState.SENT

    async def _look_up(self, address: str) -> Contact | None:
        try:
            return await self._client.add_contact(address)
        except (KeyChangedError, BadRequestError):
            return None

    async def _send(self, place: SurveyPlace, secret: bytes, address: str) -> None:
        code, draft_id = code_of_address(secret, place.draft_id, address), place.draft_id
        # The code counts before it can arrive. After a crash in between the same code is made, and sent once.
        await self._access.write(lambda c: add_codes(c, draft_id, [hash_code(draft_id, code.encode())]))
        key = hashlib.sha256(draft_id + address.encode()).hexdigest()
        try:
            body = encode_code(SentCode(draft_id, code))
            await self._client.send(address, body, kind=CODE_KIND, idempotency_key=f"code-{key}")
        except UnknownContactError:
            log.info("an address was removed from the contacts before its code could be sent")


def _may_ask(place: SurveyPlace, sender: str | None) -> bool:
    persons = place.draft.persons
    if persons.kind is not PersonKind.ACCOUNT or sender is None:
        return False
    _, _, provider = sender.rpartition("@")
    return bool(provider) and provider == persons.provider


def _plain(fingerprint: str) -> str:
    return "".join(fingerprint.lower().replace("-", " ").split())
