"""The table of frames: each role sends what its place in the network asks for, and nothing else."""

from __future__ import annotations

import itertools

from loopixmix.wire import LinkRole, may_send
from loopixmix.wire.fields import FrameType

CLIENT, MIX, PROVIDER = LinkRole.CLIENT, LinkRole.MIX, LinkRole.PROVIDER


def names(sender: LinkRole, receiver: LinkRole) -> set[str]:
    return {FrameType(kind).name for kind in may_send(sender, receiver)}


def test_the_table_is_that_of_the_protocol() -> None:
    """docs/protocol/link.md: a frame more in a row is a right that somebody can use against the others."""
    between_nodes = {"PACKET", "DUMMY"}
    assert names(CLIENT, PROVIDER) == {"PACKET", "PULL", "REGISTER", "REGISTER_GUEST", "DUMMY"}
    assert names(PROVIDER, CLIENT) == {"ITEM", "REGISTERED", "REGISTER_REFUSED", "DUMMY"}
    assert names(PROVIDER, MIX) == names(MIX, MIX) == names(MIX, PROVIDER) == between_nodes
    used = {(CLIENT, PROVIDER), (PROVIDER, CLIENT), (PROVIDER, MIX), (MIX, MIX), (MIX, PROVIDER)}
    assert all(names(*pair) == set() for pair in set(itertools.product(LinkRole, LinkRole)) - used)
