"""The gate of a provider: guests pay with a token, which stands with the accounts when it is spent."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from loopixmix.seams import Clock
from loopixmix.store.access import StoreAccess
from loopixmix.store.alarm import already_told
from provider.tokens.redeeming import Redeeming

GUEST_PURPOSE = "guest"


class StoredGate:
    """Takes tokens for one purpose; see `provider.clients.guests.TokenGate`."""

    def __init__(self, redeeming: Redeeming, *, access: StoreAccess, clock: Clock) -> None:
        """`redeeming`: knows which tokens count. `access`: the store with the table of spent tokens."""
        self._redeeming = redeeming
        self._access = access
        self._clock = clock

    def spend(self, token: bytes) -> Deferred[bool]:
        """Tell whether the token counts and was never spent before; it is spent now, and that is on the disk.

        Fails with `StoreError` if that cannot be known.
        """
        # On the reactor: verifying takes some 30 us. A bad token waits for the disk as well, like a good one.
        checked = self._redeeming.check(token, self._clock.seconds())
        return self._access.write(lambda connection: self._redeeming.spend(connection, checked))

    def erase_ended(self) -> None:
        """Forget the tokens of periods that have ended."""
        now_s = self._clock.seconds()
        self._access.write(lambda connection: self._redeeming.erase_old(connection, now_s)).addErrback(already_told)
