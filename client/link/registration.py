"""Registration: a provider is asked over the link for an account, and tells whether it knows us."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime

from client.api import BadRequestError
from client.core.arguments import no_such_provider
from client.link.session import Session
from loopixmix.directory import Document, NodeEntry
from loopixmix.errors import UnavailableError
from loopixmix.net.address import PeerAddress
from loopixmix.seams import Clock, DelayedCall, Identity
from loopixmix.wire import Register, Registered, RegisterGuest, RegisterRefusal, RegisterRefused

ASK_AGAIN_S = 5.0
LINK_WAIT_S = 0.1
DOCUMENT_PATIENCE_S = 15.0
"""So long a document is waited for, if it is known what keeps it away: by then its source was tried several times."""


class Registration:
    """The talk with a provider about our account there."""

    def __init__(
        self, session: Session, *, clock: Clock, patience_s: float, document_problem: Callable[[], str | None]
    ) -> None:
        """Talk over the link of `session`; the network and the provider have `patience_s` each to be there.

        `document_problem`: says why there is no network document, if anything is known about that.
        """
        self.provider: Identity | None = None
        """The provider that is asked for an account now."""
        self.forgotten = False
        """Whether our provider says that it does not know us."""
        self._is_stopped = False
        self._obstacle: str | None = None
        self._session = session
        self._clock = clock
        self._patience_s = patience_s
        self._document_problem = document_problem
        self._answer: Deferred[Registered | RegisterRefused] | None = None
        self._asking: DelayedCall | None = None
        self._asked = 0
        self._limited = 0

    @property
    def problem(self) -> str | None:
        """One line for the user, None while the provider knows us."""
        account = self._session.account
        if account is None or not self.forgotten:
            return None
        if account.is_guest:
            reason = f" ({self._obstacle})" if self._obstacle is not None else ""
            return f"the guest account at {account.provider_name} has ended: this client opens another one{reason}"
        return f"the provider {account.provider_name} says that it has no account for this client: register again"

    async def find(self, provider: str) -> NodeEntry:
        """Return a provider's entry, as soon as there is a network document; raise `BadRequestError` if it has none."""
        document = await self.document()
        entry = document.provider_named(provider)
        if entry is None:
            raise BadRequestError(no_such_provider(provider))
        return entry

    async def document(self) -> Document:
        """Return the network document, as soon as there is one; raise `UnavailableError` if there is none in time.

        The error names the authorities that were asked in vain.
        """
        first_s = min(self._patience_s, DOCUMENT_PATIENCE_S)
        try:
            return await self._session.arrival(first_s)
        except UnavailableError as error:
            problem = self._document_problem()
            if problem is not None:
                raise UnavailableError(problem) from error
        return await self._session.arrival(self._patience_s - first_s)

    async def ask(self, entry: NodeEntry, register: Register | RegisterGuest) -> Registered | RegisterRefused:
        """Ask a provider until it answers; raise `UnavailableError` if it does not in time."""
        if self._is_stopped:
            raise UnavailableError("the client is stopping")
        answer: Deferred[Registered | RegisterRefused] = Deferred()
        self._answer, self.provider = answer, entry.id
        self._asked = self._limited = 0
        self._session.connect(entry)
        answer.addTimeout(self._patience_s, cast("IReactorTime", self._clock))
        try:
            self._ask_again(entry, register)
            return await answer
        except (CancelledError, TimeoutError):
            address = PeerAddress(entry.host, entry.port)
            raise UnavailableError(
                f"the provider {entry.name} at {address} cannot be reached or does not answer"
            ) from None
        finally:
            if self._asking is not None and self._asking.active():
                self._asking.cancel()
            self._answer = self.provider = None

    def on_answer(self, provider: Identity, answer: Registered | RegisterRefused) -> None:
        """Take a provider's word."""
        if answer == RegisterRefused(RegisterRefusal.NOT_REGISTERED):
            # The answer to a pull, never to a registration. Pulls go on while a provider that forgot us is asked for
            # another account, and this word, taken for the answer to that, once made an account look refused.
            account = self._session.account
            self.forgotten = self.forgotten or (account is not None and provider == account.provider)
        # From whom we ask: one that was given up a moment ago may still answer.
        elif provider == self.provider and self._answer is not None and not self._answer.called:
            if answer == RegisterRefused(RegisterRefusal.RATE_LIMITED):
                self._limited += 1
                # Asked again, because it is slow, a provider refuses the second asking while the first may open the
                # account: only if it has refused them all was there none.
                if self._limited < self._asked:
                    return
            self._answer.callback(answer)

    def on_known(self) -> None:
        """Note that the provider has an account for us: it gave us mail, or opened one."""
        self.forgotten, self._obstacle = False, None

    def hindered(self, reason: str) -> None:
        """Note why a guest whose account has ended could not open another one."""
        self._obstacle = reason

    def stop(self) -> None:
        """Break off what is under way, and ask nobody any more."""
        self._is_stopped = True
        if self._answer is not None and not self._answer.called:
            self._answer.errback(UnavailableError("the client is stopping"))

    def _ask_again(self, entry: NodeEntry, register: Register | RegisterGuest) -> None:
        sent = self._session.send(register, to=entry.id)
        self._asked += sent
        # The first frame is lost if the link is not there yet, so a short while; an answer takes longer.
        self._asking = self._clock.callLater(ASK_AGAIN_S if sent else LINK_WAIT_S, self._ask_again, entry, register)
