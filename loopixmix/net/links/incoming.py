"""The links that peers make to us: bounded, one for each peer, and places kept for those who belong here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress

from loopixmix.bounds import BoundedMap, BucketsByKey
from loopixmix.drops import RefusalReason
from loopixmix.net.limits import LinkLimits, address_group
from loopixmix.net.links.link import Link, LinkOwner
from loopixmix.net.places import BoundedPlaces
from loopixmix.seams import Clock, Identity, LinkRefused, Observer

MakeLink: TypeAlias = Callable[[LinkOwner], Link]

MAX_ADDRESSES = 10_000
"""Addresses whose connections are counted, and those at which nodes were seen."""


class IncomingLinks:
    """Owns the links that peers make to us, and keeps the newest of each peer.

    A peer that comes again, with the same proven key, has lost its first connection, which may take us a minute
    more to notice.

    A connection is first *opening*: its peer has proven nothing. Then it is a link: of a *node* of the network, of a
    *stranger*, for whom nobody has vouched yet, or of a peer that was *vouched* for. Each kind has places of its own.
    Where all are taken, the oldest opening connection or stranger of the address with the most has to go for a new one,
    if it is a second old; of those vouched for, only one that is silent.
    """

    def __init__(
        self,
        *,
        make_link: MakeLink,
        is_stranger: Callable[[Identity], bool],
        clock: Clock,
        limits: LinkLimits,
        observer: Observer,
    ) -> None:
        """`make_link`: makes a link that tells its owner when it opens and ends. `limits`: how many there may be.

        `is_stranger`: tells whether somebody has to vouch for a peer that is no node of the network.
        """
        self._make_link = make_link
        self._is_stranger = is_stranger
        self._clock = clock
        self._limits = limits
        self._observer = observer
        self._opening = BoundedPlaces[Link](limits.max_opening_links, limits.max_opening_links_per_address)
        self._opening_nodes = BoundedPlaces[Link](limits.max_opening_nodes, limits.max_opening_links_per_address)
        self._strangers = BoundedPlaces[Link](limits.max_strangers, limits.max_strangers_per_address)
        self._vouched = BoundedPlaces[Link](limits.max_links, limits.max_links_per_address)
        self._handshakes: BucketsByKey[str] = BucketsByKey(
            limits.handshakes_per_address_per_s, limits.handshakes_per_address_burst, capacity=MAX_ADDRESSES
        )
        self._nodes: frozenset[Identity] = frozenset()
        self._node_addresses: frozenset[str] = frozenset()
        # Where nodes were seen: what the document names may be a host name, and many connect from another address.
        self._seen_nodes: BoundedMap[str, None] = BoundedMap(MAX_ADDRESSES)
        self._hosts: dict[Link, str] = {}
        self._links: dict[Identity, Link] = {}

    def accept(self, address: IAddress | None) -> Link | None:
        """Return the link for a new connection, or None if too many come from its address."""
        host = address.host if isinstance(address, IPv4Address | IPv6Address) else ""
        group = address_group(host)
        is_node = group in self._node_addresses or group in self._seen_nodes
        # Before TLS begins: each handshake takes about 2 ms of the one thread that all links share.
        if not is_node and not self._handshakes.take(group, self._clock.seconds()):
            self._observer.observe(LinkRefused(self._clock.seconds(), RefusalReason.TOO_MANY_LINKS))
            return None
        link = self._make_link(self)
        if not self._enter(self._opening_nodes if is_node else self._opening, link, host):
            self._observer.observe(LinkRefused(self._clock.seconds(), RefusalReason.TOO_MANY_LINKS))
            return None
        self._hosts[link] = host
        return link

    def get(self, peer: Identity) -> Link | None:
        """Return the open link that this peer made, if there is one."""
        return self._links.get(peer)

    def know_nodes(self, nodes: Mapping[Identity, str]) -> None:
        """Keep places for the nodes of the network from now on: their keys, and their hosts as they are named."""
        self._nodes = frozenset(nodes)
        self._node_addresses = frozenset(map(address_group, nodes.values()))
        for peer, link in list(self._links.items()):
            self._place(peer, link)

    def keep(self, admit: Callable[[Identity], bool]) -> None:
        """Close the links of peers that are no longer admitted."""
        for peer, link in list(self._links.items()):
            if not admit(peer):
                link.close()

    def vouch(self, peer: Identity, *, queue_frames: int) -> None:
        """Let the link of this peer stay, if it made one; so many frames may wait for it."""
        link = self._links.get(peer)
        if link is None or not link.is_open or self._needs_nobody(peer):
            return
        if link not in self._vouched:
            self._strangers.remove(link)
            if not self._enter(self._vouched, link, self._hosts[link]):
                link.refuse(RefusalReason.TOO_MANY_LINKS)
                return
        link.vouched(queue_frames=queue_frames)

    def doubt(self, peer: Identity) -> None:
        """Let the link of this peer end soon, unless somebody vouches for it."""
        link = self._links.get(peer)
        if link is not None and link in self._vouched:
            self._vouched.remove(link)
            self._admit_stranger(link)

    def link_opened(self, link: Link) -> None:
        """The link's own word that it is open."""
        self._leave(link)
        earlier = self._links.get(link.peer)
        # In its place before the earlier one is closed, whose end would otherwise take the new one out.
        self._links[link.peer] = link
        if earlier is not None:
            earlier.close()
        self._place(link.peer, link)

    def link_closed(self, link: Link, _: str) -> None:
        """The link's own word that it is gone."""
        self._leave(link)
        del self._hosts[link]
        link.outbox.close()
        if self._links.get(link.peer) is link:
            del self._links[link.peer]

    def _place(self, peer: Identity, link: Link) -> None:
        if not link.is_open:
            return
        if self._needs_nobody(peer):
            self._leave(link)
            host = address_group(self._hosts[link])
            self._seen_nodes[host] = None
            self._seen_nodes.move_to_end(host)
            link.vouched(queue_frames=self._limits.incoming_queue_frames)
        elif link not in self._vouched and link not in self._strangers:
            self._admit_stranger(link)

    def _needs_nobody(self, peer: Identity) -> bool:
        return peer in self._nodes or not self._is_stranger(peer)

    def _admit_stranger(self, link: Link) -> None:
        if self._enter(self._strangers, link, self._hosts[link]):
            link.doubted()
        else:
            link.refuse(RefusalReason.TOO_MANY_LINKS)

    def _enter(self, places: BoundedPlaces[Link], link: Link, host: str) -> bool:
        """Give a place to a link, and end another one for it if need be; false if all the others may stay."""
        while not places.has_room(host):
            other = places.first_to_go(host)
            if other is None:
                return False
            places.remove(other)
            other.refuse(RefusalReason.TOO_MANY_LINKS)
        places.add(link, host)
        return True

    def _leave(self, link: Link) -> None:
        for places in (self._opening, self._opening_nodes, self._strangers, self._vouched):
            places.remove(link)
