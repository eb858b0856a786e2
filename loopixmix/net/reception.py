"""Which peers may have links with a node or client, and which frames it takes from each; each is decoded once, here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from loopixmix.drops import RefusalReason
from loopixmix.errors import FormatError, PeerError
from loopixmix.seams import Identity
from loopixmix.wire import Frame, FrameFormat, LinkRole, may_send

RoleOf: TypeAlias = Callable[[Identity], LinkRole | None]
"""Tells the role that a peer has for us now; None if it is not to have a link with us."""


class RefusedError(PeerError):
    """The other side is not accepted as a peer."""

    def __init__(self, reason: RefusalReason) -> None:
        """`reason`: the name under which the refusal is counted."""
        super().__init__(f"refused: {reason}")
        self.reason = reason


class Reception:
    """Judges the peers and the frames that come over the links of one node or client.

    A peer's rights follow from its key, by `role_of`, and never from the role that it gives in its Hello. Otherwise a
    client that calls itself a mix would have the rights of one.
    """

    def __init__(self, frames: FrameFormat, *, own: LinkRole, role_of: RoleOf) -> None:
        """`frames`: their form in this network. `own`: our own role. `role_of`: asked anew each time frames come.

        It is asked each time, and not once for each link: a mix may change its place, and its rights, while its link
        stays open.
        """
        self.frames = frames
        self.own = own
        self._role_of = role_of
        self._allowed = {role: frozenset(map(int, may_send(role, own))) for role in LinkRole}

    def admits(self, peer: Identity) -> bool:
        """Tell whether a link that this peer makes is welcome."""
        return self._role_of(peer) is not None

    def is_stranger(self, peer: Identity) -> bool:
        """Tell whether a peer has no role but that of a client, which every key has at a provider."""
        return self._role_of(peer) is LinkRole.CLIENT

    def sort(self, peer: Identity, frames: Sequence[bytes]) -> tuple[Sequence[bytes], Sequence[Frame]]:
        """Return the packets in `frames`, and the values of the other frames without the dummies.

        Raises `RefusedError` if the peer has no place here, or sends a frame that is wrong or that its role does not
        send. Then nothing of `frames` is taken, and the link is to be ended.
        """
        role = self._role_of(peer)
        if role is None:
            raise RefusedError(RefusalReason.UNKNOWN_KEY)
        try:
            return self.frames.sort(frames, self._allowed[role])
        except FormatError as error:
            raise RefusedError(RefusalReason.GARBAGE) from error
