"""Identities that two processes use: their descriptors replace each other in turns."""

from __future__ import annotations

from loopixmix.directory import Descriptor
from loopixmix.seams import Identity


class Twins:
    """Notes which nodes describe themselves in two ways by turns, as two processes with one identity do.

    A node that moves changes once. The one that it was before does not come back, unless it still runs.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._before: dict[Identity, Descriptor] = {}
        self._found: dict[Identity, str] = {}

    @property
    def found(self) -> list[str]:
        """Each of them in words."""
        return list(self._found.values())

    def note(self, known: Descriptor, new: Descriptor) -> None:
        """Take note that `new` replaces `known`."""
        if not differ(known, new):
            return
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


def differ(one: Descriptor, other: Descriptor) -> bool:
    """Tell whether two descriptors of one node are of different processes: of another address, or of other keys."""
    keys = any(other.mix_keys.get(epoch, key) != key for epoch, key in one.mix_keys.items())
    return keys or (one.host, one.port) != (other.host, other.port)


def _place(descriptor: Descriptor) -> str:
    return f"{descriptor.host}:{descriptor.port}"
