"""The cards of a provider, as the hosted services of a test see them."""

from __future__ import annotations

from loopixmix.cards import SealingKey, decode_card, encode_card, make_card
from loopixmix.errors import PeerError
from loopixmix.keys import KEY_BYTES, IdentityKey
from loopixmix.requests.names import Publish, verify_publish
from loopixmix.seams import Identity, Rng


class FakeKeyDirectory:
    """Implements `provider.api.KeyDirectory` in memory: cards that were published, and a decoy for each other name."""

    def __init__(self, *, rng: Rng, provider: Identity = bytes(KEY_BYTES)) -> None:
        """Begin without accounts. `rng`: makes the decoys. `provider`: whose accounts they are, 32 bytes."""
        self._rng = rng
        self._provider = provider
        self._accounts: dict[str, Identity] = {}
        self._published: dict[str, Publish] = {}
        self._decoys: dict[str, bytes] = {}

    def add_account(self, name: str, identity: Identity) -> None:
        """Let the owner of the key `identity` (32 bytes) publish cards under `name`."""
        self._accounts[name] = identity

    async def card(self, name: str) -> bytes:
        """Return the card published under `name`, or a decoy of the same form and size, the same each time."""
        published = self._published.get(name)
        return published.card if published is not None and published.card else self._decoy(name)

    async def publish(self, publish: Publish) -> bool:
        """Put a card under a name; false unless the account's key signed it and the version is new."""
        identity, last = self._accounts.get(publish.name), self._published.get(publish.name)
        if identity is None or (last is not None and publish.version <= last.version):
            return False
        try:
            verify_publish(publish, identity)
            # An empty card withdraws the name.
            card = decode_card(publish.card) if publish.card else None
        except PeerError:
            return False
        if card is not None and (card.name, card.provider, card.identity) != (publish.name, self._provider, identity):
            return False
        self._published[publish.name] = publish
        return True

    def _decoy(self, name: str) -> bytes:
        if name not in self._decoys:
            identity_key, sealing = IdentityKey.generate(self._rng), SealingKey.generate(self._rng)
            card = make_card(identity_key, name=name, provider=self._provider, sealing_key=sealing.public, now_s=0.0)
            self._decoys[name] = encode_card(card)
        return self._decoys[name]
