"""The nodes whose descriptors were refused lately, for the operator who wonders why one is missing."""

from __future__ import annotations

from twisted.logger import Logger

from loopixmix.bounds import BoundedMap
from loopixmix.directory import read_descriptor
from loopixmix.errors import PeerError
from loopixmix.seams import Identity

MOST_REFUSED = 8
"""Anybody may make identities and upload descriptors of them: no more are remembered."""
SHORT_ID = 16

_log = Logger()


class RefusedNodes:
    """Remembers the last refusal of each of the nodes that were refused last."""

    def __init__(self, network_id: bytes) -> None:
        """`network_id`: of the authority's network."""
        self._network_id = network_id
        self._reasons: BoundedMap[Identity, tuple[str, str]] = BoundedMap(MOST_REFUSED)

    @property
    def told(self) -> str:
        """Who was refused, and why, in one line; empty if nobody was."""
        return "; ".join(f"{node}: {reason}" for node, reason in self._reasons.values())

    def note(self, signed: bytes, error: PeerError) -> None:
        """Note that a descriptor was refused because of `error`; nothing if it is not what a node has signed."""
        try:
            descriptor = read_descriptor(signed, network_id=self._network_id)
        except PeerError:
            return  # from a stranger: whom it names had no part in it
        node = f"{descriptor.role} {descriptor.name} ({descriptor.node_id.hex()[:SHORT_ID]})"
        before = self._reasons.get(descriptor.node_id)
        self._reasons[descriptor.node_id] = node, str(error)
        self._reasons.move_to_end(descriptor.node_id)
        if before is None:
            _log.warn("refused {node}: {reason}", node=node, reason=str(error))

    def forget(self, identity: Identity) -> None:
        """Forget a node, which was accepted."""
        self._reasons.pop(identity, None)
