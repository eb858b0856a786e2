"""Identities that two processes use: their descriptors replace each other in turns."""

from __future__ import annotations

from loopixmix.directory import Descriptor
from loopixmix.seams import Identity

ALONE_AFTER = 3
"""A process that describes the node so often, and no other between, is alone: the other one was stopped."""


class Twins:
    """Notes which nodes describe themselves in two ways by turns, as two processes with one identity do.

    A node that moves changes once. The one that it was before does not come back, unless it still runs.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._before: dict[Identity, Descriptor] = {}
        self._found: dict[Identity, str] = {}
        self._alike: dict[Identity, int] = {}

    @property
    def found(self) -> list[str]:
        """Each of them in words."""
        return list(self._found.values())

    def note(self, known: Descriptor, new: Descriptor) -> None:
        """Take note that `new` replaces `known`."""
        if not differ(known, new):
            self._alike[new.node_id] = alike = self._alike.get(new.node_id, 0) + 1
            if alike >= ALONE_AFTER:
                self._found.pop(new.node_id, None)
            return
        self._alike.pop(new.node_id, None)
        before = self._before.get(new.node_id)
        if before is not None and not differ(before, new):
            places = sorted({_place(known), _place(new)})
            self._found[new.node_id] = (
                f"two processes use the identity of {new.name} in turns, at {' and '.join(places)}: stop one"
            )
        self._before[new.node_id] = known

    def forget(self, identity: Identity) -> None:
        """Forget a node that is no longer enrolled."""
        self._before.pop(identity, None)
        self._found.pop(identity, None)
        self._alike.pop(identity, None)


def differ(one: Descriptor, other: Descriptor) -> bool:
    """Tell whether two descriptors of one node are of different processes: of another address, or of other keys."""
    keys = any(other.mix_keys.get(epoch, key) != key for epoch, key in one.mix_keys.items())
    return keys or (one.host, one.port) != (other.host, other.port)


def _place(descriptor: Descriptor) -> str:
    return f"{descriptor.host}:{descriptor.port}"
