"""A request of several packets, from its first part until nothing more can be said about it."""

from __future__ import annotations

import msgspec

from loopixmix.requests.parts import RequestHead
from loopixmix.seams import DelayedCall
from provider.hosting.assembly import Assembly
from provider.hosting.blocks import HeldBlocks
from provider.hosting.speaking import Speech


# Thousands are remembered for minutes after they were answered. The garbage collector would look through all of them
# again and again, and packets would wait for it a tenth of a second. Each circle is broken by `close`.
class OpenedRequest(msgspec.Struct, gc=False):
    """A request that parts come for.

    Its stage shows in what it has: an assembly while parts are missing, a speech once there is an answer, and neither
    while it is carried out.
    """

    name: bytes
    head: RequestHead
    assembly: Assembly | None
    speech: Speech | None = None
    # One bit for each share that came, also after enough others.
    indices: int = 0
    blocks: HeldBlocks = msgspec.field(default_factory=HeldBlocks)
    carried_bytes: int = 0
    coding: int = 0
    again: int = 0
    # What comes next by itself: to tell which shares are missing, or to send one of the answer.
    call: DelayedCall | None = None
    is_loading: bool = False
    # False once it is forgotten: what comes back for it then is nobody's any more.
    is_open: bool = True

    @property
    def shares_left(self) -> int:
        """How many shares of the answer its sender still wants; there is an answer."""
        return 0 if self.speech is None else self.speech.left(self.coding, self.again)

    def size_bytes(self, block_bytes: int) -> int:
        """Return how much memory its parts and blocks take; a block takes `block_bytes`."""
        return len(self.blocks) * block_bytes + (0 if self.assembly is None else self.assembly.size_bytes)

    def stop(self) -> None:
        """Leave no call."""
        if self.call is not None:
            self.call.cancel()
            self.call = None

    def close(self) -> None:
        """Leave no call, and be forgotten."""
        self.stop()
        self.is_open = False
