"""Whether a link's key has an account: asked of the store when the link first sends, and again from time to time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from loopixmix.drops import DropReason
from loopixmix.seams import Clock, Identity
from loopixmix.store.access import StoreAccess
from loopixmix.wire import Frame
from provider.clients.client import Client
from provider.clients.guests import Guests
from provider.drops import Drops
from provider.store.accounts import Standing, find_standing

MAX_ASKING = 256
"""Links that wait for the store at one time; with what each may hold, some 12 MB."""
MAX_HELD_FRAMES = 16
"""A link at the default rates sends fewer before the store has answered."""
CHECK_AGAIN_S = 60.0

TakeFrames: TypeAlias = Callable[[Client, Sequence[Frame]], None]


class Recognition:
    """Finds out which clients have accounts, without keeping their links waiting for the disk."""

    def __init__(self, *, access: StoreAccess, guests: Guests, drops: Drops, clock: Clock) -> None:
        """`access`: the store that has the accounts. `guests`: notes the guests that are here.

        `drops`: counts the frames of clients without an account.
        """
        self._access = access
        self._guests = guests
        self._drops = drops
        self._clock = clock
        self._asking = 0

    def hold(self, client: Client, frames: Sequence[Frame], take: TakeFrames) -> None:
        """Keep the first frames of a link until the store has told about it, then give them to `take` in order.

        Dropping them would lose the first packets of every client after each restart. What is kept is bounded, because
        links of keys without an account come here too.
        """
        room = MAX_HELD_FRAMES - len(client.held) if client.asking or self._asking < MAX_ASKING else 0
        client.held.extend(frames[:room])
        for _ in frames[max(0, room) :]:
            self._drops.count(DropReason.OVERLOADED)
        if client.held:
            self._ask(client, take)

    def check_again(self, client: Client, take: TakeFrames) -> None:
        """Ask again if the last answer is old.

        A pull reads the account anyway. A client that sends packets and never pulls would go on after the operator
        has removed its account.
        """
        # Also if the last answer is of the future, by a clock that was ahead then.
        if client.registered and not 0 <= self._clock.seconds() - client.checked_at_s <= CHECK_AGAIN_S:
            self._ask(client, take)

    def opened(self, client: Client) -> None:
        """Hear that the client's account is on the disk."""
        self._told(client, registered=True)

    def _found(self, client: Client, standing: Standing | None) -> None:
        self._told(client, registered=standing is not None)
        if standing is not None and standing.guest_day is not None:
            self._guests.note(client.identity, standing.guest_day)

    def _ask(self, client: Client, take: TakeFrames) -> None:
        if client.asking:
            return
        client.asking = True
        self._asking += 1

        def ended(_: object) -> None:
            client.asking = False
            self._asking -= 1
            held, client.held = client.held, []
            # After a failure of the store nothing is known, and what was held is dropped: the next frame asks again.
            if held and client.registered is not None:
                take(client, held)

        identity: Identity = client.identity
        asked = self._access.read(lambda connection: find_standing(connection, identity))
        asked.addCallback(lambda standing: self._found(client, standing)).addBoth(ended)

    def _told(self, client: Client, *, registered: bool) -> None:
        client.registered, client.checked_at_s = registered, self._clock.seconds()
