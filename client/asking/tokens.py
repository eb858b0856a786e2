"""The wallet: tokens are fetched ahead, at random times, and spent at other ones.

An issuer and a redeemer that work together see when tokens are fetched and when they are spent. So that these times
have nothing to do with each other, a spending never causes a fetching. The application orders tokens ahead, each order
waits for a random time before it is asked for, and each token rests for a random time before it may be spent.
"""

from __future__ import annotations

import math

from sqlalchemy import Connection
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from client.api import ConflictError, NoTokenError, TokenStock, UnknownServiceError
from client.asking.requests import Requests
from client.core.arguments import LISTING, check_issuer, check_token_key, check_token_order, no_such_provider
from client.core.settings import TokenWaits
from client.link.session import Session
from client.store import tokens
from client.store.tokens import TokenOrder
from loopixmix.errors import FormatError, PeerError, UnavailableError
from loopixmix.seams import Clock, DelayedCall, Rng
from loopixmix.store.access import StoreAccess
from loopixmix.tokens import Token, TokenKey, begin_token, finish_token
from loopixmix.tokens.exchange import (
    ISSUER_SERVICE,
    encode_issue_request,
    split_messages,
)

log = Logger()

ASK_TIMEOUT_S = 300.0
ROUND_S = 60.0
"""How often the wallet is told to work."""
LEAST_RESTS = 4
"""A key whose period ends within so many mean rests is not asked for tokens any more: they would hardly have rested."""
ORDERS_IN_A_FETCH = 15
LONGEST_LOOK_MEANS = 20
"""No order is due later than so many means of a fetch: once in 10^8 draws, which costs a look at the disk."""
"""So many orders are asked for within a mean wait at most: those of a client that was away do not come all at once."""
ORDER_TOKENS = 3
"""As many tokens fit into one request under a key of any size."""
TAKEN_KEPT_S = 86_400.0
"""For so long a key gets the token again that it got: a program comes back sooner after a crash. A spent token tells
whoever seizes the disk what it was spent for, so that it does not stay longer."""


class TokenWallet:
    """The tokens of one client."""

    def __init__(
        self, *, session: Session, requests: Requests, access: StoreAccess, waits: TokenWaits, clock: Clock, rng: Rng
    ) -> None:
        """`session`: has the network document. `requests`: ask issuers. `access`: keeps tokens. `rng`: draws times.

        `waits`: their means. `clock`: calls when one is over, if that is sooner than the next round.
        """
        self._waits = waits
        self._clock = clock
        self._call: DelayedCall | None = None
        self._session = session
        self._requests = requests
        self._access = access
        self._rng = rng
        self._working: Deferred[None] | None = None
        self._look_at_s = 0.0
        self._forget_at_s = 0.0
        self._stopped = False
        self.problem: str | None = None

    async def fetch(self, issuer: str, purpose: str, count: int, *, credential: str = "", key: bytes = b"") -> None:
        """Order `count` tokens for `purpose` of `issuer`, `PROVIDER` or `SERVICE@PROVIDER`; return when that is stored.

        They are asked for at random times, some minutes apart; see `client.api.Client.fetch_tokens`. An order that the
        issuer refuses is given up, and `problem` says so; it also says why one has to wait.
        Raises `UnknownServiceError` if the network has no such issuer, or it issues none for `purpose`.
        """
        pinned = check_token_order(issuer, purpose, count, credential=credential, key=key)
        self._check_issuer(issuer, None if pinned is not None else purpose)
        now_s = self._session.now_s
        sizes = [min(ORDER_TOKENS, count - begun) for begun in range(0, count, ORDER_TOKENS)]
        due = [(size, now_s + self._draw_s(self._waits.fetch_mean_s)) for size in sizes]

        def add(connection: Connection) -> None:
            for size, due_at_s in due:
                tokens.add_order(
                    connection,
                    issuer=issuer,
                    purpose=purpose,
                    credential=credential.encode(),
                    size=size,
                    due_at_s=due_at_s,
                    key=pinned,
                )

        await self._access.write(add)
        self.problem = None
        self._look_at(min([self._look_at_s, *(due_at_s for _, due_at_s in due)]))

    async def stock(self) -> list[TokenStock]:
        """Return how many tokens there are and are ordered, by purpose."""
        now_s = self._session.now_s
        return await self._access.read(lambda connection: tokens.count_stock(connection, now_s))

    async def take(self, purpose: str, *, key: str = "") -> Token:
        """Return a token for `purpose`, which the wallet forgets; raise `NoTokenError` if none may be spent now.

        By the same `key`, if it is not empty, the same token comes for `TAKEN_KEPT_S`; `ConflictError` if that was for
        another purpose.
        """
        check_token_key(key)
        now_s, is_agreed = self._session.now_s, self._session.is_time_agreed

        def take(connection: Connection) -> Token | None:
            # By a clock that is wrong good tokens would seem to be old.
            if is_agreed:
                tokens.forget_old(connection, now_s)
            taken = tokens.find_taken(connection, key) if key else None
            if taken is not None:
                if taken[0] != purpose:
                    raise ConflictError("that idempotency key was used for a token for another purpose")
                return taken[1]
            usable = tokens.usable_tokens(connection, purpose, now_s)
            if not usable:
                return None
            # Any of them: the order in which they came would say something of when the next one was fetched.
            number, token = self._rng.choice(usable)
            tokens.remove_token(connection, number)
            if key:
                tokens.note_taken(connection, key, purpose, token, now_s + TAKEN_KEPT_S)
            return token

        token = await self._access.write(take)
        if token is None:
            raise NoTokenError(f"there is no token for {purpose} that may be spent now: order some ahead")
        if key:
            self._forget_at_s = min(self._forget_at_s, now_s + TAKEN_KEPT_S)
        return token

    def work(self) -> None:
        """Ask for the tokens of one order, if one is due; called every `ROUND_S`."""
        if self._working is not None or not self._session.is_time_agreed:
            return
        now_s = self._session.now_s
        # A wait that is longer comes from a clock that was ahead for a while.
        if math.isfinite(self._look_at_s) and self._look_at_s > now_s + LONGEST_LOOK_MEANS * self._waits.fetch_mean_s:
            self._look_at_s = now_s
        if self._session.now_s >= self._forget_at_s and not self._stopped:
            self._forget_at_s = math.inf
            Deferred.fromCoroutine(self._forget_taken()).addErrback(self._failed)
        if self._session.now_s < self._look_at_s:
            self._look_at(self._look_at_s)
            return
        if self._session.account is None or self._session.known.document is None:
            return
        working = Deferred.fromCoroutine(self._work())
        if not working.called:
            self._working = working
        working.addErrback(self._failed)

    def stop(self) -> None:
        """Break off what is under way; it goes on at the next start."""
        self._stopped = True
        self._forget_call()
        if self._working is not None:
            self._working.cancel()

    async def _work(self) -> None:
        try:
            now_s = self._session.now_s
            order, next_s = await self._access.read(
                lambda connection: (tokens.due_order(connection, now_s), tokens.next_due_s(connection))
            )
            # Most clients never order tokens: they are not to read their disk every minute.
            self._look_at_s = math.inf if next_s is None else next_s
            if order is not None:
                await self._try(order)
        finally:
            self._working = None
            self._look_at(max(self._look_at_s, self._session.now_s + self._waits.fetch_mean_s / ORDERS_IN_A_FETCH))

    async def _forget_taken(self) -> None:
        now_s = self._session.now_s
        next_s = await self._access.write(lambda connection: tokens.forget_taken(connection, now_s))
        self._forget_at_s = min(self._forget_at_s, math.inf if next_s is None else next_s)

    def _look_at(self, at_s: float) -> None:
        self._look_at_s = at_s
        self._forget_call()
        wait_s = at_s - self._session.now_s
        # Later, the next round will do: an order that is a minute late is not what a wait of minutes is about.
        if wait_s < ROUND_S and not self._stopped:
            self._call = self._clock.callLater(max(0.0, wait_s), self.work)

    def _forget_call(self) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None

    async def _try(self, order: TokenOrder) -> None:
        try:
            await self._fulfil(order)
        except PeerError as error:
            # Final: asked again, the issuer would refuse again, and an issuer that cheats gets no second try.
            self.problem = f"tokens were not given: {error}"
            log.warn("tokens were not given: {reason}", reason=str(error))
            await self._access.write(lambda connection: tokens.remove_order(connection, order))
        except (UnavailableError, UnknownServiceError) as error:
            self.problem = f"tokens for {order.purpose} are waited for: {error}"
            due_at_s = self._session.now_s + self._draw_s(self._waits.fetch_mean_s)
            await self._access.write(lambda connection: tokens.postpone_order(connection, order, due_at_s))

    async def _fulfil(self, order: TokenOrder) -> None:
        if not order.pending:
            order = await self._begin(order)
        pending = order.pending
        key = pending[0].key
        body = encode_issue_request(key, order.credential, [each.blinded for each in pending])
        service, provider = check_issuer(order.issuer)
        answer = await self._requests.ask(f"{service}@{provider}", body, timeout_s=ASK_TIMEOUT_S)
        rests_until_s = [self._session.now_s + self._draw_s(self._waits.rest_mean_s) for _ in pending]

        def finish(connection: Connection) -> None:
            signatures = split_messages(answer, key)
            if len(signatures) != len(pending):
                raise FormatError(f"{order.issuer} gave {len(signatures)} signatures for {len(pending)} messages")
            for each, signature, until_s in zip(pending, signatures, rests_until_s, strict=True):
                tokens.add_token(connection, finish_token(each, signature), key, until_s)
            tokens.remove_order(connection, order)

        await self._access.write(finish)
        self.problem = None

    async def _begin(self, order: TokenOrder) -> TokenOrder:
        key, now_s = order.key or self._key_of(order), self._session.now_s

        def begin(connection: Connection) -> TokenOrder | None:
            tokens.forget_old(connection, now_s)
            if not tokens.pin_key(connection, order.issuer, key):
                return None
            # Where the store is, which is not the reactor's thread: blinding takes milliseconds.
            pending = tuple(begin_token(key, self._rng) for _ in range(order.size))
            tokens.begin_order(connection, order, key, pending)
            return TokenOrder(
                number=order.number,
                issuer=order.issuer,
                purpose=order.purpose,
                credential=order.credential,
                size=order.size,
                key=key,
                pending=pending,
            )

        begun = await self._access.write(begin)
        if begun is None:
            # The document is the same for all, but from one epoch to the next an issuer could show another key to see
            # who fetched in which.
            raise PeerError(f"{order.issuer} has another key for {order.purpose} than it had before for this period")
        return begun

    def _check_issuer(self, issuer: str, purpose: str | None) -> None:
        """Refuse what the present document shows to be a mistake: such an order would wait for ever."""
        document = self._session.known.document
        if document is None:
            return
        service, provider = check_issuer(issuer)
        entry = document.provider_named(provider)
        if entry is None:
            raise UnknownServiceError(no_such_provider(provider))
        if service != ISSUER_SERVICE and entry not in document.providers_of(service):
            raise UnknownServiceError(f"{provider} offers no service {service}: {LISTING}")
        purposes = sorted({key.purpose for key in entry.issues()})
        if purpose is not None and purpose not in purposes:
            issued = f"only for {', '.join(purposes)}" if purposes else "and none for anything else"
            raise UnknownServiceError(f"{issuer} issues no tokens for {purpose}, {issued}")

    def _key_of(self, order: TokenOrder) -> TokenKey:
        document, now_s = self._session.known.document, self._session.now_s
        entry = None if document is None else document.provider_named(order.issuer)
        for key in () if entry is None else entry.issues():
            if key.purpose == order.purpose and key.ends_s > now_s + LEAST_RESTS * self._waits.rest_mean_s:
                return key
        raise UnavailableError(f"{order.issuer} issues no tokens for {order.purpose} at present")

    def _draw_s(self, mean_s: float) -> float:
        return self._rng.expovariate(1 / mean_s)

    def _failed(self, failure: Failure) -> None:
        if not isinstance(failure.value, CancelledError):
            log.error("the wallet could not do its work: {reason}", reason=failure.getErrorMessage())
