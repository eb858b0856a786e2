"""Which frames may come over a link, by what its two ends are to the network."""

from __future__ import annotations

from collections.abc import Mapping

from loopixmix.wire.fields import FrameType
from loopixmix.wire.frames import LinkRole

_BETWEEN_NODES = frozenset({FrameType.PACKET, FrameType.DUMMY})

MAY_SEND: Mapping[tuple[LinkRole, LinkRole], frozenset[FrameType]] = {
    (LinkRole.CLIENT, LinkRole.PROVIDER): frozenset(
        {FrameType.PACKET, FrameType.PULL, FrameType.REGISTER, FrameType.REGISTER_GUEST, FrameType.DUMMY}
    ),
    (LinkRole.PROVIDER, LinkRole.CLIENT): frozenset(
        {FrameType.ITEM, FrameType.REGISTERED, FrameType.REGISTER_REFUSED, FrameType.DUMMY}
    ),
    (LinkRole.PROVIDER, LinkRole.MIX): _BETWEEN_NODES,
    (LinkRole.MIX, LinkRole.MIX): _BETWEEN_NODES,
    (LinkRole.MIX, LinkRole.PROVIDER): _BETWEEN_NODES,
}
"""(sender, receiver): what the sender sends. Ends that are not here have nothing to say to each other.

A Hello is in no row: it opens a link, and a second one breaks the protocol.
"""


def may_send(sender: LinkRole, receiver: LinkRole) -> frozenset[FrameType]:
    """Return the types of frames that `sender` may send to `receiver` on an open link."""
    return MAY_SEND.get((sender, receiver), frozenset())
