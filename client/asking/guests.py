"""A provider that takes us as a guest: the one that is wanted, or any one, tried in a random order."""

from __future__ import annotations

from typing import Protocol

from client.api import BadRequestError, NoTokenError, RegistrationRefusedError
from client.link.registration import Registration
from client.link.session import Account, Session
from loopixmix.directory import NodeEntry
from loopixmix.errors import UnavailableError
from loopixmix.seams import Rng
from loopixmix.tokens import Token, encode_token
from loopixmix.wire import RegisterGuest, RegisterRefusal, RegisterRefused

MOST_TRIED = 5
"""Providers that are asked for one account: each may take its time."""
MAX_TOKEN_BYTES = 1024
GUEST_PURPOSE = "guest"

_REASONS = {
    RegisterRefusal.CLOSED: "it takes no new accounts",
    RegisterRefusal.BAD_INVITATION: "it asks for a valid invitation",
    RegisterRefusal.BAD_NAME: "it does not accept that name",
    RegisterRefusal.NAME_TAKEN: "that name is taken",
    RegisterRefusal.KEY_TAKEN: "this client's key has an account there under another name, or none",
    RegisterRefusal.BAD_CARD: "it does not accept our card",
    RegisterRefusal.RATE_LIMITED: "too many registrations at the moment: try again later",
    RegisterRefusal.FULL: "it is full",
    RegisterRefusal.BAD_TOKEN: "it asks for a good token that was never spent before",
}


def refused(provider: str, reason: RegisterRefusal) -> RegistrationRefusedError:
    """Return the error that tells why a provider opens no account."""
    return RegistrationRefusedError(f"{provider} refused: {_REASONS[reason]}")


class Purse(Protocol):
    """The tokens that were fetched ahead."""

    async def take(self, purpose: str) -> Token:
        """Return a token for a purpose, which is gone then; raise `NoTokenError` if there is none."""


class GuestOpening:
    """Asks providers for an account without a name."""

    def __init__(self, *, session: Session, registration: Registration, purse: Purse, rng: Rng) -> None:
        """`session`: has the link, and the account there is; `registration`: asks; `purse`: has tokens to pay with.

        `rng`: draws the provider.
        """
        self._session = session
        self._registration = registration
        self._purse = purse
        self._rng = rng

    async def open(self, provider: str, token: bytes) -> Account:
        """Open an account at `provider`, or anywhere if it is empty; raises as `client.api.Client.register_guest`."""
        if len(token) > MAX_TOKEN_BYTES:
            raise BadRequestError(f"a token has at most {MAX_TOKEN_BYTES} bytes, not {len(token)}")
        try:
            return await self._first_that_agrees(await self._candidates(provider), token, anywhere=not provider)
        except BaseException:  # also a caller that gives up: the link must lead back to our own provider
            self._go_back()
            raise

    async def _candidates(self, provider: str) -> list[NodeEntry]:
        if provider:
            return [await self._registration.find(provider)]
        providers = list((await self._registration.document()).providers())
        if not providers:
            raise UnavailableError("this network has no providers now")
        return self._rng.sample(providers, min(MOST_TRIED, len(providers)))

    async def _first_that_agrees(self, candidates: list[NodeEntry], token: bytes, *, anywhere: bool) -> Account:
        refusal: RegistrationRefusedError | None = None
        for entry in candidates:
            try:
                answer = await self._registration.ask(entry, RegisterGuest(token))
                # A token that one provider refused is good for no other, and was seen by it.
                if not token and answer == RegisterRefused(RegisterRefusal.BAD_TOKEN):
                    token = await self._from_purse()
                    answer = await self._registration.ask(entry, RegisterGuest(token)) if token else answer
            except UnavailableError:
                # A provider that answered says more than one that could not be reached.
                if entry is candidates[-1] and refusal is None:
                    raise
                continue
            if not isinstance(answer, RegisterRefused):
                return Account("", entry.id, entry.name, anywhere)
            refusal = refused(entry.name, answer.reason)
        raise refusal or UnavailableError("no provider could be reached")

    async def _from_purse(self) -> bytes:
        try:
            return encode_token(await self._purse.take(GUEST_PURPOSE))
        except NoTokenError:
            return b""

    def _go_back(self) -> None:
        """Keep the link to the provider that we have, if another one was asked in vain."""
        account, document = self._session.account, self._session.known.document
        entry = document.node(account.provider) if account is not None and document is not None else None
        if entry is not None:
            self._session.connect(entry)
