"""Paths through the layers: the order of nodes, uniform choice, delays, and the command for each hop."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Sequence
from math import inf

from loopixmix.directory import Document, NodeEntry
from loopixmix.epoch import epoch_at
from loopixmix.errors import MisuseError, UnavailableError
from loopixmix.params import NetworkParams
from loopixmix.seams import Identity, Rng
from loopixmix.sphinx import Command, Deliver, Hop, Payload, Relay, Surb
from loopixmix.wire import LinkRole

LOOP_SERVICE = "loop"
"""The hosted service that ends every loop: of clients, mixes and providers alike (Loopix 4.2.1)."""
LOOP_PAYLOAD = b""
"""The payload of a loop, beside its reply block. All loops have the same, so that their end cannot tell them apart."""

DOCUMENTS_KNOWN = 3
"""The present epoch's, the one before and the one after."""

_SERVICE_DOMAIN = b"loopixmix/service/v1:"
_ADDRESS_DOMAIN = b"loopixmix/address/v1:"
_US_PER_S = 1_000_000


@functools.lru_cache(maxsize=256)
def service_id(name: str) -> bytes:
    """Return the 32-byte recipient that stands for the hosted service `name` at any provider."""
    return hashlib.sha256(_SERVICE_DOMAIN + name.encode()).digest()


def deliver_to(recipient: bytes, payload: bytes, surb: Surb | None) -> Deliver:
    """Return the last hop's command for a packet that takes `payload` and `surb` to `recipient`.

    `recipient`: a mailbox (client identity key) or a service's id, 32 bytes. The command's address is the recipient
    hidden under the content of the body. An attacker who changes the body on its way, to recognise the packet at its
    end, makes the address unreadable with it (docs/attacks.md, tagging). The content must not be guessable; a reply
    block is not.
    """
    return Deliver(_hidden(recipient, payload, surb))


def recipient_of(command: Deliver, content: Payload) -> bytes:
    """Return the recipient that `deliver_to` hid in the address; 32 bytes that are nobody's if it did not."""
    return _hidden(command.address, content.payload, content.surb)


def _hidden(address: bytes, payload: bytes, surb: Surb | None) -> bytes:
    content = b"\0" + payload if surb is None else b"\1" + surb.encode() + payload
    mask = hashlib.sha256(_ADDRESS_DOMAIN + content).digest()
    return (int.from_bytes(address) ^ int.from_bytes(mask)).to_bytes(len(mask))


def choose_mixes(document: Document, layers: Iterable[int], rng: Rng) -> tuple[NodeEntry, ...]:
    """Return one mix of each of `layers` (1 to `params.layers`), each chosen alone and uniformly."""
    return tuple([rng.choice(document.layer(layer)) for layer in layers])


def choose_path(document: Document, *, entry: Identity, exit: Identity, rng: Rng) -> tuple[NodeEntry, ...]:
    """Return a path from the provider `entry` through one mix of every layer to the provider `exit`.

    Each mix is chosen alone and uniformly (Loopix 4.1). `entry` and `exit` may be the same. Raises
    `UnavailableError` if one of them is not a provider in `document`.
    """
    first, last = provider(document, entry), provider(document, exit)
    return (first, *choose_mixes(document, range(1, document.params.layers + 1), rng), last)


def provider(document: Document, identity: Identity) -> NodeEntry:
    """Return the entry of a provider; raise `UnavailableError` if `document` has no such provider."""
    node = document.node(identity)
    if node is None or node.layer is not None:
        raise UnavailableError(f"the provider {identity.hex()} is not in the network document")
    return node


def choose_loop_end(document: Document, rng: Rng) -> NodeEntry:
    """Return a provider that ends loops, chosen uniformly; raise `UnavailableError` if there is none."""
    candidates = document.providers_of(LOOP_SERVICE)
    if not candidates:
        raise UnavailableError("no provider of the network document ends loops")
    return rng.choice(candidates)


def draw_delays_s(count: int, params: NetworkParams, rng: Rng) -> tuple[float, ...]:
    """Return `count` exponential delays with mean `delay_mean_s`.

    A delay beyond `max_delay_s`, which comes once in 1e12 draws and which no node accepts, is drawn anew.
    """
    rate_per_s, max_delay_s = 1 / params.delay_mean_s, params.max_delay_s
    delays_s = [rng.expovariate(rate_per_s) for _ in range(count)]
    while max(delays_s, default=0.0) > max_delay_s:
        delays_s = [delay_s if delay_s <= max_delay_s else rng.expovariate(rate_per_s) for delay_s in delays_s]
    return tuple(delays_s)


def hops_for(
    document: Document, nodes: Sequence[NodeEntry], final: Command, delays_s: Sequence[float], *, start_s: float
) -> list[Hop]:
    """Return the command for each of `nodes`: wait, then relay to the next one. The last one gets `final`.

    `delays_s`: one for each node but the last. `start_s`: Unix seconds at which the packet comes to `nodes[0]`. Each
    hop's key is that of the epoch in which the packet reaches it, so that a packet that crosses an edge of epochs
    still fits, and a long delay does not need a long grace. Raises `MisuseError` if the counts differ.
    """
    if len(delays_s) != len(nodes) - 1:
        raise MisuseError(f"a path of {len(nodes)} nodes has {len(nodes) - 1} delays, not {len(delays_s)}")
    commands: list[Command] = [
        Relay(following.id, round(delay_s * _US_PER_S)) for following, delay_s in zip(nodes[1:], delays_s, strict=True)
    ]
    commands.append(final)
    first = _epoch_with_keys(document, start_s)
    if _epoch_with_keys(document, start_s + sum(delays_s)) == first:
        # Nearly always: the whole path within one epoch.
        return [Hop(node.mix_key(first), command) for node, command in zip(nodes, commands, strict=True)]
    hops: list[Hop] = []
    arrival_s = start_s
    for node, command, delay_s in zip(nodes, commands, (*delays_s, 0.0), strict=True):
        hops.append(Hop(node.mix_key(_epoch_with_keys(document, arrival_s)), command))
        arrival_s += delay_s
    return hops


def _epoch_with_keys(document: Document, at_s: float) -> int:
    """Return the epoch at `at_s`, or the nearest one for which the document has keys."""
    epochs = document.epochs
    return min(max(epoch_at(at_s, document.params.epoch_length_s), epochs[0]), epochs[-1])


def next_hops(document: Document, identity: Identity) -> frozenset[Identity]:
    """Return the nodes that `identity` may send packets to: the next layer; the providers after the last one.

    Nothing for a node that is not in `document`.
    """
    node = document.node(identity)
    if node is None:
        return frozenset()
    return _ids_of(document, 1 if node.layer is None else node.layer + 1)


def previous_hops(document: Document, identity: Identity) -> frozenset[Identity]:
    """Return the nodes that may send packets to `identity`: the layer before; the providers before the first one."""
    node = document.node(identity)
    if node is None:
        return frozenset()
    return _ids_of(document, document.params.layers if node.layer is None else node.layer - 1)


def _ids_of(document: Document, layer: int) -> frozenset[Identity]:
    nodes = document.layer(layer) if 1 <= layer <= document.params.layers else document.providers()
    return frozenset(node.id for node in nodes)


class Neighbourhood:
    """The nodes before and after one node, by the documents of up to three epochs.

    Packets are in flight at an edge of epochs, and the clocks of neighbours differ: what the document before or after
    the present one lets a packet do is right as well.
    """

    def __init__(self, identity: Identity) -> None:
        """`identity`: the node in the middle. It has no neighbours before the first document."""
        self.identity = identity
        self._documents: tuple[Document, ...] = ()
        self._roles: dict[Identity, LinkRole] = {}
        # When the previous hops were last told, until when that holds, and which they were.
        self._told: tuple[float, float, frozenset[Identity]] = (inf, -inf, frozenset())
        self.next_hops: frozenset[Identity] = frozenset()
        self.previous_hops: frozenset[Identity] = frozenset()

    def add(self, document: Document) -> None:
        """Take up a document, in place of another one of the same epoch; the three newest count."""
        # By epoch and not by arrival: the next one is fetched before the present one has ended.
        known = {each.epoch: each for each in (*self._documents, document)}
        self._documents = tuple(known[epoch] for epoch in sorted(known)[-DOCUMENTS_KNOWN:])
        self.next_hops = frozenset().union(*(next_hops(each, self.identity) for each in self._documents))
        self.previous_hops = frozenset().union(*(previous_hops(each, self.identity) for each in self._documents))
        entries = (self.entry(peer) for peer in self.next_hops | self.previous_hops)
        self._roles = {
            entry.id: LinkRole.PROVIDER if entry.layer is None else LinkRole.MIX for entry in entries if entry
        }
        self._told = (inf, -inf, frozenset())

    def role_of(self, peer: Identity) -> LinkRole | None:
        """Return the role of a neighbour; None for every other key."""
        return self._roles.get(peer)

    def takes_from(self, peer: Identity, now_s: float) -> bool:
        """Tell whether `peer` may send packets here at `now_s`: it stood before us in a document that still counts.

        The newest document counts, the present one, and an older one until packets that left by it have arrived: for
        the grace of its keys, or for the longest delay if that is longer. Without this end, a mix that has moved could
        go on for an epoch to send to the layer it came from, and give it packets that skip a layer.
        """
        from_s, until_s, previous = self._told
        if not from_s <= now_s < until_s:
            from_s, until_s, previous = self._told = self._tell_previous(now_s)
        return peer in previous

    def _tell_previous(self, now_s: float) -> tuple[float, float, frozenset[Identity]]:
        from_s, until_s, counting = -inf, inf, []
        for position, document in enumerate(self._documents):
            end_s = self._ends_at_s(position)
            if end_s > now_s:
                until_s = min(until_s, end_s)
                counting.append(previous_hops(document, self.identity))
            else:
                from_s = max(from_s, end_s)
        return from_s, until_s, frozenset().union(*counting)

    def _ends_at_s(self, position: int) -> float:
        """Return when a document counts no longer; never while there is no later one."""
        if position == len(self._documents) - 1:
            return inf
        params = self._documents[position].params
        return self._documents[position + 1].valid_from_s + max(params.grace_s, params.max_delay_s)

    def entry(self, identity: Identity) -> NodeEntry | None:
        """Return the newest entry of a node; None if no document has it."""
        entries = (document.node(identity) for document in reversed(self._documents))
        return next((entry for entry in entries if entry is not None), None)

    @property
    def max_delay_s(self) -> float:
        """The longest delay that any of the documents lets a sender ask for."""
        return max((document.params.max_delay_s for document in self._documents), default=0.0)
