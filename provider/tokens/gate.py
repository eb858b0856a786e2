"""The gate of a provider: guests pay with a token, which stands with the accounts when it is spent."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from loopixmix.seams import Clock
from loopixmix.store.access import StoreAccess
from loopixmix.store.alarm import already_told
from loopixmix.tokens.redeeming import Redeeming

GUEST_PURPOSE = "guest"


class StoredGate:
    """Takes tokens for one purpose; see `provider.clients.guests.TokenGate`."""

    def __init__(self, redeeming: Redeeming, *, access: StoreAccess, clock: Clock) -> None:
        """`redeeming`: knows which tokens count. `access`: the store with the table of spent tokens."""
        self._redeeming = redeeming
        self._access = access
        self._clock = clock

    def payment(self, token: bytes) -> Callable[[Connection], bool]:
        """Return what spends a token within a transaction, and tells whether it counts and was never spent before."""
        # On the reactor: verifying takes some 30 us. A bad token waits for the transaction as well, like a good one.
        checked = self._redeeming.check(token, self._clock.seconds())
        return lambda connection: self._redeeming.spend(connection, checked)

    def counts(self, token: bytes) -> Callable[[Connection], bool]:
        """Return what tells within a transaction whether a token would count, and spends nothing."""
        checked = self._redeeming.check(token, self._clock.seconds())
        return lambda connection: self._redeeming.counts(connection, checked)

    def erase_ended(self) -> None:
        """Forget the tokens of periods that have ended."""
        now_s = self._clock.seconds()
        self._access.write(lambda connection: self._redeeming.erase_old(connection, now_s)).addErrback(already_told)
