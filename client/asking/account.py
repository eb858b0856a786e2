"""Opening an account: over the link to the provider, then publishing our card through its `keys` service."""

from __future__ import annotations

from collections.abc import Coroutine

import msgspec
from sqlalchemy import Connection
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from client.api import BadRequestError
from client.asking.guests import GuestOpening, refused
from client.asking.requests import Requests
from client.core.arguments import check_address
from client.directory.keys import ClientKeys
from client.link.registration import Registration
from client.link.session import Account, Session
from client.store import contacts
from loopixmix.cards import encode_card, make_card
from loopixmix.requests.names import encode_keys_request, sign_publish
from loopixmix.store.access import StoreAccess
from loopixmix.wire import Register, Registered, RegisterRefused

log = Logger()

PUBLISH_TIMEOUT_S = 120.0
PUBLISH_AGAIN_S = 300.0
PUBLISH_VERSION = 1
RENEW_AGAIN_S = 300.0
MAX_INVITATION_BYTES = 255
ACCOUNT_FACT = "account"
CARD_FACT = "card"
PUBLISHED_FACT = "published"


class KeptEnrolment(msgspec.Struct, frozen=True):
    """Our account, its card, and whether that is published."""

    account: Account | None
    card: bytes
    published: bool


def read_enrolment(connection: Connection) -> KeptEnrolment:
    """Return what the store has kept."""
    account = contacts.fact(connection, ACCOUNT_FACT)
    return KeptEnrolment(
        account=None if account is None else msgspec.msgpack.decode(account, type=Account),
        card=contacts.fact(connection, CARD_FACT) or b"",
        published=contacts.fact(connection, PUBLISHED_FACT) is not None,
    )


class AccountOpening:
    """Registers at a provider, and lets it publish our card."""

    def __init__(
        self,
        *,
        keys: ClientKeys,
        session: Session,
        registration: Registration,
        guests: GuestOpening,
        requests: Requests,
        access: StoreAccess,
    ) -> None:
        """Begin without an account.

        `keys`: what the card tells; `session`: gets the account; `registration`: asks a provider for one; `guests`:
        finds one for a guest; `requests`: ask its `keys` service to publish the card; `access`: keeps all of it in the
        store.
        """
        self._keys = keys
        self._session = session
        self._registration = registration
        self._guests = guests
        self._requests = requests
        self._access = access
        self._card = b""
        self._published = True
        self._publishing: Deferred[None] | None = None
        self._publish_after_s = 0.0
        self._is_registering = False
        self._renewing: Deferred[None] | None = None
        self._renew_after_s = 0.0

    def restore(self, kept: KeptEnrolment) -> None:
        """Take up what the store has kept."""
        self._card, self._published = kept.card, kept.published

    async def register(self, name: str, provider: str, invitation: str) -> Account:
        """Open an account; raises as `client.api.Client.register`."""
        check_address(f"{name}@{provider}")
        if len(invitation.encode()) > MAX_INVITATION_BYTES:
            raise BadRequestError(f"an invitation has at most {MAX_INVITATION_BYTES} bytes")
        present = self._session.account
        if present is not None:
            if (present.name, present.provider_name) == (name, provider) and not self._registration.forgotten:
                return present
            if present.is_guest:
                raise BadRequestError(f"this client is a guest at {present.provider_name} already")
            if present.address != f"{name}@{provider}":
                raise BadRequestError(f"this client has the account {present.address} already")
        return await self._alone(self._register(name, provider, invitation))

    async def register_guest(self, provider: str, token: bytes) -> Account:
        """Open an account without a name; raises as `client.api.Client.register_guest`."""
        present = self._session.account
        if present is not None and not present.is_guest:
            raise BadRequestError(f"this client has the account {present.address} already")
        if present is not None and provider not in ("", present.provider_name):
            raise BadRequestError(f"this client is a guest at {present.provider_name} already")
        if present is not None and not self._registration.forgotten:
            return present
        return await self._alone(self._register_guest(provider, token))

    def renew(self) -> None:
        """Open another account for a guest whose account has ended, if it is time to try."""
        account, now_s = self._session.account, self._session.now_s
        if account is None or not account.is_guest or not self._registration.forgotten:
            return
        if self._is_registering or now_s < self._renew_after_s <= now_s + RENEW_AGAIN_S:
            return
        self._renew_after_s = now_s + RENEW_AGAIN_S
        renewing = Deferred.fromCoroutine(self._renew(account))
        if not renewing.called:
            self._renewing = renewing
        renewing.addErrback(self._not_renewed)

    def publish(self) -> None:
        """Publish our card, if it is not published yet and it is time to try."""
        account = self._session.account
        now_s = self._session.now_s
        if self._published or self._publishing is not None or account is None:
            return
        # Any longer wait comes from a clock that was set back.
        if now_s < self._publish_after_s <= now_s + PUBLISH_AGAIN_S:
            return
        # Set before it is tried, so that a failure does not lead to the next try at once.
        self._publish_after_s = now_s + PUBLISH_AGAIN_S
        publishing = Deferred.fromCoroutine(self._publish(account))
        if not publishing.called:
            self._publishing = publishing
        publishing.addErrback(self._not_published)

    def stop(self) -> None:
        """Break off what is under way."""
        for under_way in (self._publishing, self._renewing):
            if under_way is not None:
                under_way.cancel()

    async def _alone(self, opening: Coroutine[Deferred[object], object, Account]) -> Account:
        if self._is_registering:
            opening.close()
            raise BadRequestError("a registration is under way already")
        # From before the first wait to after the last: a second one in between would open a second account.
        self._is_registering = True
        try:
            return await opening
        finally:
            self._is_registering = False

    async def _register_guest(self, provider: str, token: bytes) -> Account:
        account = await self._guests.open(provider, token)

        def save(connection: Connection) -> None:
            contacts.save_fact(connection, ACCOUNT_FACT, msgspec.msgpack.encode(account))
            contacts.save_fact(connection, PUBLISHED_FACT, b"1")  # a guest has nothing to publish

        await self._access.write(save)
        self._registration.on_known()
        self._card, self._published = b"", True
        self._session.open_account(account)
        return account

    async def _renew(self, account: Account) -> None:
        try:
            await self._alone(self._register_guest("" if account.anywhere else account.provider_name, b""))
        finally:
            self._renewing = None

    def _not_renewed(self, failure: Failure) -> None:
        if not isinstance(failure.value, CancelledError):
            self._registration.hindered(failure.getErrorMessage())
            log.warn("no other account for the guest yet: {reason}", reason=failure.getErrorMessage())

    async def _register(self, name: str, provider: str, invitation: str) -> Account:
        entry = await self._registration.find(provider)
        account = Account(name, entry.id, entry.name)
        card = self._make_card(account)
        answer = await self._registration.ask(entry, Register(name, invitation, card))
        match answer:
            case RegisterRefused(reason):
                raise refused(provider, reason)
            case Registered():
                await self._open(account, card)
                return account

    def _make_card(self, account: Account) -> bytes:
        card = make_card(
            self._keys.identity_key,
            name=account.name,
            provider=account.provider,
            sealing_key=self._keys.sealing.public,
            now_s=self._session.now_s,
        )
        return encode_card(card)

    async def _open(self, account: Account, card: bytes) -> None:
        def save(connection: Connection) -> None:
            contacts.save_fact(connection, ACCOUNT_FACT, msgspec.msgpack.encode(account))
            contacts.save_fact(connection, CARD_FACT, card)
            # An account that is opened anew, after the provider forgot us, has no published card.
            contacts.forget_fact(connection, PUBLISHED_FACT)

        await self._access.write(save)
        self._registration.on_known()
        self._card, self._published, self._publish_after_s = card, False, 0.0
        self._session.open_account(account)

    async def _publish(self, account: Account) -> None:
        try:
            publish = sign_publish(self._keys.identity_key, account.name, PUBLISH_VERSION, self._card)
            service = f"keys@{account.provider_name}"
            await self._requests.ask(service, encode_keys_request(publish), timeout_s=PUBLISH_TIMEOUT_S)
            await self._access.write(lambda c: contacts.save_fact(c, PUBLISHED_FACT, b"1"))
            self._published = True
        finally:
            self._publishing = None

    def _not_published(self, failure: Failure) -> None:
        if not isinstance(failure.value, CancelledError):
            log.warn("the card is not published yet: {reason}", reason=failure.getErrorMessage())
