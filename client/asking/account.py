"""Opening an account: over the link to the provider, then publishing our card through its `keys` service."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from client.api import BadRequestError, RegistrationRefusedError
from client.asking.requests import Requests
from client.core.arguments import check_address
from client.directory.keys import ClientKeys
from client.link.session import Account, Session
from client.store import contacts
from client.store.access import StoreAccess
from loopixmix.cards import encode_card, make_card
from loopixmix.directory import NodeEntry
from loopixmix.errors import UnavailableError
from loopixmix.requests import encode_keys_request, sign_publish
from loopixmix.seams import Clock, DelayedCall, NodeId
from loopixmix.wire import Register, Registered, RegisterRefusal, RegisterRefused

log = Logger()

ASK_AGAIN_S = 5.0
LINK_WAIT_S = 0.1
PUBLISH_TIMEOUT_S = 120.0
PUBLISH_AGAIN_S = 300.0
PUBLISH_VERSION = 1
MAX_INVITATION_BYTES = 255
ACCOUNT_FACT = "account"
CARD_FACT = "card"
PUBLISHED_FACT = "published"

_REASONS = {
    RegisterRefusal.CLOSED: "it takes no new accounts",
    RegisterRefusal.BAD_INVITATION: "it asks for a valid invitation",
    RegisterRefusal.BAD_NAME: "it does not accept that name",
    RegisterRefusal.NAME_TAKEN: "that name is taken",
    RegisterRefusal.KEY_TAKEN: "this client's key has an account there under another name",
    RegisterRefusal.BAD_CARD: "it does not accept our card",
    RegisterRefusal.RATE_LIMITED: "too many registrations at the moment: try again later",
    RegisterRefusal.FULL: "it is full",
    RegisterRefusal.NOT_REGISTERED: "it does not know this client",
}


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


class Enrolment:
    """Registers at a provider, and lets it publish our card."""

    def __init__(
        self,
        *,
        keys: ClientKeys,
        session: Session,
        requests: Requests,
        access: StoreAccess,
        clock: Clock,
        patience_s: float,
    ) -> None:
        """Take the neighbours; a registration waits `patience_s` for the network."""
        self.provider: NodeId | None = None
        self.forgotten = False
        """Whether our provider says that it does not know us."""
        self._keys = keys
        self._session = session
        self._requests = requests
        self._access = access
        self._clock = clock
        self._patience_s = patience_s
        self._answer: Deferred[Registered | RegisterRefused] | None = None
        self._asking: DelayedCall | None = None
        self._card = b""
        self._published = True
        self._publishing: Deferred[None] | None = None
        self._publish_after_s = 0.0

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
            if (present.name, present.provider_name) == (name, provider) and not self.forgotten:
                return present
            if present.address != f"{name}@{provider}":
                raise BadRequestError(f"this client has the account {present.address} already")
        if self._answer is not None:
            raise BadRequestError("a registration is under way already")
        entry = await self._find(provider)
        account = Account(name, entry.id, entry.name)
        card = self._make_card(account)
        answer = await self._ask(entry, Register(name, invitation, card))
        match answer:
            case RegisterRefused(reason):
                raise RegistrationRefusedError(f"{provider} refused: {_REASONS[reason]}")
            case Registered():
                await self._open(account, card)
                return account

    def on_answer(self, answer: Registered | RegisterRefused) -> None:
        """Take the provider's word."""
        if self._answer is not None and not self._answer.called:
            self._answer.callback(answer)
        elif answer == RegisterRefused(RegisterRefusal.NOT_REGISTERED):
            self.forgotten = True

    def publish(self) -> None:
        """Publish our card, where it is not published yet and it is time to try."""
        account = self._session.account
        now_s = self._clock.seconds()
        if self._published or self._publishing is not None or account is None or now_s < self._publish_after_s:
            return
        self._publish_after_s = now_s + PUBLISH_AGAIN_S
        publishing = Deferred.fromCoroutine(self._publish(account))
        if not publishing.called:
            self._publishing = publishing
        publishing.addErrback(self._not_published)

    def stop(self) -> None:
        """Break off what is under way."""
        if self._answer is not None and not self._answer.called:
            self._answer.errback(UnavailableError("the client is stopping"))
        if self._publishing is not None:
            self._publishing.cancel()

    async def _find(self, provider: str) -> NodeEntry:
        document = await self._session.arrival(self._patience_s)
        entry = document.provider_named(provider)
        if entry is None:
            raise BadRequestError(f"this network has no provider {provider}")
        return entry

    def _make_card(self, account: Account) -> bytes:
        card = make_card(
            self._keys.identity,
            name=account.name,
            provider=account.provider,
            sealing_key=self._keys.sealing.public,
            now_s=self._clock.seconds(),
        )
        return encode_card(card)

    async def _ask(self, entry: NodeEntry, register: Register) -> Registered | RegisterRefused:
        answer: Deferred[Registered | RegisterRefused] = Deferred()
        self._answer, self.provider = answer, entry.id
        self._session.connect(entry)
        limit = self._clock.callLater(self._patience_s, answer.cancel)
        try:
            self._ask_again(answer, entry, register)
            return await answer
        except CancelledError:
            raise UnavailableError(f"the provider {entry.name} cannot be reached or does not answer") from None
        finally:
            for call in (limit, self._asking):
                if call is not None and call.active():
                    call.cancel()
            self._answer = self.provider = None

    def _ask_again(self, answer: Deferred[Registered | RegisterRefused], entry: NodeEntry, register: Register) -> None:
        sent = self._session.send(register, to=entry.id)
        wait_s = ASK_AGAIN_S if sent else LINK_WAIT_S
        self._asking = self._clock.callLater(wait_s, self._ask_again, answer, entry, register)

    async def _open(self, account: Account, card: bytes) -> None:
        def save(connection: Connection) -> None:
            contacts.save_fact(connection, ACCOUNT_FACT, msgspec.msgpack.encode(account))
            contacts.save_fact(connection, CARD_FACT, card)
            contacts.forget_fact(connection, PUBLISHED_FACT)

        await self._access.write(save)
        self.forgotten = False
        self._card, self._published, self._publish_after_s = card, False, 0.0
        self._session.open_account(account)

    async def _publish(self, account: Account) -> None:
        try:
            publish = sign_publish(self._keys.identity, account.name, PUBLISH_VERSION, self._card)
            service = f"keys@{account.provider_name}"
            await self._requests.ask(service, encode_keys_request(publish), timeout_s=PUBLISH_TIMEOUT_S)
            await self._access.write(lambda c: contacts.save_fact(c, PUBLISHED_FACT, b"1"))
            self._published = True
        finally:
            self._publishing = None

    def _not_published(self, failure: Failure) -> None:
        if not isinstance(failure.value, CancelledError):
            log.warn("the card is not published yet: {reason}", reason=failure.getErrorMessage())
