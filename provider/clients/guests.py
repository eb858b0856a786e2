"""Accounts without a name: wishes for them are limited, paid for with a token if need be, and answered."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred, succeed

from loopixmix.seams import Clock, Identity, Rng
from loopixmix.store.access import StoreAccess
from loopixmix.store.alarm import already_told
from loopixmix.wire import Registered, RegisterRefusal, RegisterRefused
from provider.accounts import GuestMode, RegistrationLimits, RegistrationRules, day_of_guest
from provider.clients.answers import FIRST_NUMBER_BITS, Answer
from provider.store.guests import GuestWish, has_guest, judge_guest, note_guest, open_guest


class TokenGate(Protocol):
    """Takes the tokens that guests pay with."""

    def spend(self, token: bytes) -> Deferred[bool]:
        """Tell whether the token is good and was never spent before; it is spent now. Fails if that cannot be known."""


class Guests:
    """Opens accounts without a name at one provider."""

    def __init__(
        self, *, access: StoreAccess, rules: RegistrationRules, gate: TokenGate | None, clock: Clock, rng: Rng
    ) -> None:
        """`access`: the store. `rules`: the operator's. `gate`: takes tokens; None if none are taken here."""
        self._access = access
        self._rules = rules
        self._gate = gate
        self._clock = clock
        self._rng = rng
        self._limits = RegistrationLimits(rules, clock.seconds(), guests=True)
        self._under_way: set[Identity] = set()

    def enrol(self, identity: Identity, token: bytes) -> Deferred[Answer | None]:
        """Judge the wish of the client `identity`, which proved by TLS that it has the key.

        Fires with the answer, once the account is on the disk, or with None if there is none: the store failed, or an
        earlier wish of the same client is not answered yet. Then the client asks again.
        """
        if not self._limits.admit(identity, self._clock.seconds()):
            return succeed(RegisterRefused(RegisterRefusal.RATE_LIMITED))
        # A client repeats its wish until it is answered: the second must not find its token spent by the first.
        if identity in self._under_way:
            return succeed(None)
        self._under_way.add(identity)
        enrolling = Deferred.fromCoroutine(self._enrol(identity, token))
        return enrolling.addErrback(already_told).addBoth(self._ended, identity)

    def note(self, identity: Identity, noted_day: int) -> None:
        """Note that a guest is here, unless that is noted for this day already; `noted_day`: the last that is."""
        day = day_of_guest(identity, self._clock.seconds())
        if day > noted_day:
            self._access.write(lambda connection: note_guest(connection, identity, day)).addErrback(already_told)

    async def _enrol(self, identity: Identity, token: bytes) -> Answer:
        if self._rules.guests is GuestMode.TOKEN:
            refusal = await self._pay(identity, token)
            if refusal is not None:
                return RegisterRefused(refusal)
        wish = GuestWish(
            identity=identity,
            first_number=1 + self._rng.getrandbits(FIRST_NUMBER_BITS),
            guest_day=day_of_guest(identity, self._clock.seconds()),
        )
        refusal = await self._access.write(lambda connection: open_guest(connection, wish, self._rules))
        return Registered() if refusal is None else RegisterRefused(refusal)

    async def _pay(self, identity: Identity, token: bytes) -> RegisterRefusal | None:
        # Looked at first: a token must not be spent on a wish that will be refused, nor by the owner of an account.
        if await self._access.read(lambda connection: has_guest(connection, identity)):
            return None
        refusal = await self._access.read(lambda connection: judge_guest(connection, identity, self._rules))
        if refusal is not None:
            return refusal
        is_good = self._gate is not None and await self._gate.spend(token)
        return None if is_good else RegisterRefusal.BAD_TOKEN

    def _ended(self, answer: Answer | None, identity: Identity) -> Answer | None:
        self._under_way.discard(identity)
        return answer
