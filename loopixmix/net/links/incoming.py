"""The links that peers make to us: counted, one for each peer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress

from loopixmix.drops import RefusalReason
from loopixmix.net.limits import Census, LinkLimits
from loopixmix.net.links.link import Link, LinkOwner
from loopixmix.seams import Clock, Identity, LinkRefused, Observer

MakeLink: TypeAlias = Callable[[LinkOwner], Link]


class IncomingLinks:
    """Owns the links that peers make to us, and keeps the newest of each peer.

    A peer that comes again, with the same proven key, has lost its first connection, which may take us a minute
    more to notice.
    """

    def __init__(self, *, make_link: MakeLink, clock: Clock, limits: LinkLimits, observer: Observer) -> None:
        """`make_link`: makes a link that tells its owner when it opens and ends. `limits`: how many there may be."""
        self._make_link = make_link
        self._clock = clock
        self._observer = observer
        self._census = Census(limits)
        self._hosts: dict[Link, str] = {}
        self._links: dict[Identity, Link] = {}

    def accept(self, address: IAddress | None) -> Link | None:
        """Return the link for a new connection, or None if there are too many."""
        host = address.host if isinstance(address, IPv4Address | IPv6Address) else ""
        if not self._census.enter(host):
            self._observer.observe(LinkRefused(self._clock.seconds(), RefusalReason.TOO_MANY_LINKS))
            return None
        link = self._make_link(self)
        self._hosts[link] = host
        return link

    def get(self, peer: Identity) -> Link | None:
        """Return the open link that this peer made, if there is one."""
        return self._links.get(peer)

    def keep(self, admit: Callable[[Identity], bool]) -> None:
        """Close the links of peers that are no longer admitted."""
        for peer, link in list(self._links.items()):
            if not admit(peer):
                link.close()

    def link_opened(self, link: Link) -> None:
        """The link's own word that it is open."""
        self._census.opened(self._hosts[link])
        earlier = self._links.get(link.peer)
        # In its place before the earlier one is closed, whose end would otherwise take the new one out.
        self._links[link.peer] = link
        if earlier is not None:
            earlier.close()

    def link_closed(self, link: Link, _: str) -> None:
        """The link's own word that it is gone."""
        self._census.leave(self._hosts.pop(link), was_open=link.peer != b"")
        link.outbox.close()
        if self._links.get(link.peer) is link:
            del self._links[link.peer]
