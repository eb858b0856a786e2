"""The cards of a provider's accounts, with decoys for all other names."""

from __future__ import annotations

from loopixmix.cards import CARD_BYTES, decode_card
from loopixmix.errors import PeerError
from loopixmix.requests.names import Publish, verify_publish
from loopixmix.seams import Clock, Identity
from loopixmix.store.access import StoreAccess
from provider.cards.decoys import Decoys
from provider.mailbox import day_of
from provider.store.accounts import find_card, find_shown_day, publish_card


class StoredKeys:
    """The key directory that hosted services use."""

    def __init__(self, *, provider: Identity, access: StoreAccess, decoys: Decoys, clock: Clock) -> None:
        """`provider`: our identity, which the cards name. `clock`: tells the day of the decoys."""
        self._provider = provider
        self._access = access
        self._decoys = decoys
        self._clock = clock

    async def card(self, name: str) -> bytes:
        """Return the card published under `name`, or a decoy of the same form and size, the same each time."""
        found, shown = await self._access.read(lambda c: (find_card(c, name), find_shown_day(c, name)))
        # Made also when it is not used: an answer that came sooner by the time of a signature would tell that the name
        # has a card.
        decoy = self._decoys.card(name, day_of(self._clock.seconds()), shown)
        return found.card if found is not None and found.card else decoy

    async def publish(self, publish: Publish) -> bool:
        """Put a card under a name; false unless the account's key signed it and the version is new."""
        name, version, card = publish.name, publish.version, publish.card
        found = await self._access.read(lambda connection: find_card(connection, name))
        if found is None:
            return False
        try:
            verify_publish(publish, found.identity)
        except PeerError:
            return False
        # An empty card withdraws the name.
        if card and not is_card_of(card, name=name, provider=self._provider, identity=found.identity):
            return False
        identity = found.identity
        today = day_of(self._clock.seconds())
        return await self._access.write(lambda c: publish_card(c, name, identity, version, card, today=today))


def is_card_of(data: bytes, *, name: str, provider: Identity, identity: Identity) -> bool:
    """Tell whether `data` is a card, rightly signed, of this name, provider and identity key."""
    if len(data) != CARD_BYTES:
        return False
    try:
        card = decode_card(data)
    except PeerError:
        return False
    return (card.name, card.provider, card.identity) == (name, provider, identity)
