"""Accounts without a name: wishes for them are limited, paid for with a token if need be, and answered."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred, succeed

from loopixmix.seams import Clock, Identity, Rng
from loopixmix.store.access import StoreAccess
from loopixmix.store.alarm import already_told
from loopixmix.wire import Registered, RegisterRefusal, RegisterRefused
from provider.accounts import GuestMode, RegistrationLimits, RegistrationRules, Wisher, day_of_guest
from provider.clients.answers import FIRST_NUMBER_BITS, Answer
from provider.store.guests import GuestWish, Payment, find_wisher, note_guest, open_guest


class TokenGate(Protocol):
    """Takes the tokens that guests pay with."""

    def payment(self, token: bytes) -> Payment:
        """Return what spends a token within the transaction that opens the account."""

    def counts(self, token: bytes) -> Payment:
        """Return what tells whether a token would count, and spends nothing."""


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

    def enrol(self, identity: Identity, token: bytes) -> Deferred[Answer | None]:
        """Judge the wish of the client `identity`, which proved by TLS that it has the key.

        Fires with the answer, once the account is on the disk, or with None if the store failed: then the client asks
        again.
        """
        if not self._limits.admit_link(identity, self._clock.seconds()):
            return succeed(RegisterRefused(RegisterRefusal.RATE_LIMITED))
        # Who asks is known first, and then counted: otherwise strangers spend what is there for those with tokens.
        counts = None if self._gate is None or self._rules.guests is not GuestMode.TOKEN else self._gate.counts(token)
        asked = self._access.read(lambda connection: find_wisher(connection, identity, counts))
        return asked.addCallbacks(lambda wisher: self._judge(wisher, identity, token), already_told)

    def _judge(self, wisher: Wisher, identity: Identity, token: bytes) -> Answer | Deferred[Answer | None]:
        if not self._limits.admit(wisher, self._clock.seconds()):
            return RegisterRefused(RegisterRefusal.RATE_LIMITED)
        wish = GuestWish(
            identity=identity,
            first_number=1 + self._rng.getrandbits(FIRST_NUMBER_BITS),
            guest_day=day_of_guest(identity, self._clock.seconds()),
        )
        # Verified before the transaction, which others wait for.
        pay = None if self._gate is None else self._gate.payment(token)
        opening = self._access.write(lambda connection: open_guest(connection, wish, self._rules, pay))
        return opening.addCallbacks(_answer, already_told)

    def note(self, identity: Identity, noted_day: int) -> None:
        """Note that a guest is here, unless that is noted for this day already; `noted_day`: the last that is."""
        day = day_of_guest(identity, self._clock.seconds())
        if day > noted_day:
            self._access.write(lambda connection: note_guest(connection, identity, day)).addErrback(already_told)


def _answer(refusal: RegisterRefusal | None) -> Answer:
    return Registered() if refusal is None else RegisterRefused(refusal)
