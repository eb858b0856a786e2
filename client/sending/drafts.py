"""Anonymous messages that wait for their reply blocks: sealed in the store when they leave."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from client.core.packets import PacketMaker
from client.sending.anonymous import AnonymousPoster
from client.store.outgoing import MessageRow
from loopixmix.store.access import StoreAccess


class Drafts:
    """The anonymous messages in the store that are not sealed yet."""

    def __init__(self, anonymous: AnonymousPoster, access: StoreAccess) -> None:
        """Let `anonymous` seal them where `access` has the store."""
        self._anonymous = anonymous
        self._access = access

    def seal(self, row: MessageRow, maker: PacketMaker, now_s: float) -> Deferred[int]:
        """Seal a draft with reply blocks that `maker` makes now.

        Fires with the number of its fragments, which is 0 if the draft is gone. Fails with `UnavailableError` while the
        recipient's provider is away, and with `StoreError`.
        """
        return self._access.write(lambda connection: self._anonymous.seal_draft(connection, row, maker, now_s))
