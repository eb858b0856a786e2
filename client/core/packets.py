"""The packets a client makes: each takes a fresh path, and whatever it is for, the size is the same.

A packet goes from our provider through one mix of each layer to another provider; its reply block comes back from
there to our mailbox. Drop cover carries a reply block too. It is never used, but making it takes as long. So the work
is the same for all packets but one kind: a part of a request is made with all the reply blocks that it carries, and
one with five further ones takes four times as long as cover (docs/attacks.md, "A host that lies to who asks").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from loopixmix.directory import Document
from loopixmix.epoch import epoch_at, epoch_start_s
from loopixmix.routing.path import (
    LOOP_SERVICE,
    choose_loop_end,
    choose_path,
    deliver_to,
    draw_delays_s,
    hops_for,
    service_id,
)
from loopixmix.seams import Identity, Rng
from loopixmix.sphinx import Discard, Geometry, Reply, Sphinx, Surb, SurbKeys, make_surb, wrap

SURB_ID_BYTES = 8

PartEncoder: TypeAlias = Callable[[Sequence[bytes], int], bytes]


class MadePacket(msgspec.Struct, frozen=True):
    """A packet for our provider, and what opens its answer. `delays_s` is the sum of all delays, there and back."""

    packet: bytes
    surb_id: bytes
    keys: SurbKeys
    delays_s: float
    delay_count: int


class MadeBlock(msgspec.Struct, frozen=True):
    """A reply block to give away, and what opens the reply."""

    surb: Surb
    surb_id: bytes
    keys: SurbKeys


class GivenBlock(msgspec.Struct, frozen=True):
    """A reply block that left in a part of a request. `back_s`: the sum of the delays on its way."""

    surb_id: bytes
    keys: SurbKeys
    back_s: float


class MadePart(msgspec.Struct, frozen=True):
    """A packet with a part of a request; `blocks`: its own reply block and those in the part.

    `arrives_s`: when it is at the host, if it is sent now. `epoch`: the last one in which the blocks work.
    """

    packet: bytes
    blocks: tuple[GivenBlock, ...]
    arrives_s: float
    epoch: int


@dataclass(frozen=True)
class PacketMaker:
    """Makes the packets of the client `identity` at `provider` in the network of `document`, whose are `sphinx`."""

    document: Document
    sphinx: Sphinx
    identity: Identity
    provider: Identity
    rng: Rng = field(repr=False)

    @property
    def geometry(self) -> Geometry:
        """The lengths of the packets."""
        return self.sphinx.geometry

    def deliver(self, recipient: bytes, payload: bytes, *, provider: Identity, now_s: float) -> MadePacket:
        """Return a packet that takes `payload` to a mailbox or service at `provider`, with a reply block.

        Raises `UnavailableError` if the document does not have one of the providers.
        """
        return self._make(recipient, payload, provider, now_s)

    def part(self, service: bytes, *, provider: Identity, blocks: int, encode: PartEncoder, now_s: float) -> MadePart:
        """Return a packet that takes a part of a request to a service at `provider`.

        `blocks`: how many reply blocks go beside the packet's own one; `encode`: makes the part of these, encoded, and
        of the last epoch in which they work. Raises `UnavailableError` if the document does not have the provider.
        """
        params = self.document.params
        path = choose_path(self.document, entry=self.provider, exit=provider, rng=self.rng)
        delays_s = draw_delays_s(len(path) - 1, params, self.rng)
        arrives_s = now_s + sum(delays_s)
        made = [self._make_block(provider, arrives_s) for _ in range(1 + blocks)]
        epoch = self.epoch(arrives_s)
        payload = encode([block.surb.encode() for block, _ in made[1:]], epoch)
        own = made[0][0].surb
        hops = hops_for(self.document, path, deliver_to(service, payload, own), delays_s, start_s=now_s)
        packet = wrap(hops, payload, sphinx=self.sphinx, rng=self.rng, surb=own)
        given = tuple(GivenBlock(block.surb_id, block.keys, back_s) for block, back_s in made)
        return MadePart(packet, given, arrives_s, epoch)

    def loop(self, now_s: float) -> MadePacket:
        """Return a packet that comes back to us by the loop service of some provider."""
        end = choose_loop_end(self.document, self.rng)
        return self._make(service_id(LOOP_SERVICE), b"", end.id, now_s)

    def drop(self, now_s: float) -> MadePacket:
        """Return a packet that some provider discards; its reply block is never used."""
        return self._make(None, b"", self.rng.choice(self.document.providers()).id, now_s)

    def reply_block(self, first_hop: Identity, *, epoch: int, now_s: float) -> MadeBlock:
        """Return a reply block that somebody at the provider `first_hop` can use during `epoch`."""
        start_s = max(now_s, float(epoch_start_s(epoch, self.document.params.epoch_length_s)))
        block, _ = self._make_block(first_hop, start_s)
        return block

    def epoch(self, now_s: float) -> int:
        """Return the number of the present epoch."""
        return epoch_at(now_s, self.document.params.epoch_length_s)

    def _make(self, recipient: bytes | None, payload: bytes, provider: Identity, now_s: float) -> MadePacket:
        params = self.document.params
        path = choose_path(self.document, entry=self.provider, exit=provider, rng=self.rng)
        delays_s = draw_delays_s(len(path) - 1, params, self.rng)
        there_s = sum(delays_s)
        # Made for the moment at which the packet arrives: the keys of that epoch open it then.
        block, back_s = self._make_block(provider, now_s + there_s)
        final = Discard() if recipient is None else deliver_to(recipient, payload, block.surb)
        hops = hops_for(self.document, path, final, delays_s, start_s=now_s)
        packet = wrap(hops, payload, sphinx=self.sphinx, rng=self.rng, surb=block.surb)
        return MadePacket(packet, block.surb_id, block.keys, there_s + back_s, 2 * len(delays_s))

    def _make_block(self, first_hop: Identity, start_s: float) -> tuple[MadeBlock, float]:
        surb_id = self.rng.randbytes(SURB_ID_BYTES)
        path = choose_path(self.document, entry=first_hop, exit=self.provider, rng=self.rng)
        delays_s = draw_delays_s(len(path) - 1, self.document.params, self.rng)
        hops = hops_for(self.document, path, Reply(self.identity, surb_id), delays_s, start_s=start_s)
        surb, keys = make_surb(first_hop, hops, sphinx=self.sphinx, rng=self.rng)
        return MadeBlock(surb, surb_id, keys), sum(delays_s)
