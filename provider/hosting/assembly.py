"""Puts the shares of a request together."""

from __future__ import annotations

from loopixmix.requests.coding import decode_shares
from loopixmix.requests.parts import RequestHead, check_content


class Assembly:
    """The shares of one request that came until now."""

    __slots__ = ("_shares", "head")

    def __init__(self, head: RequestHead) -> None:
        """`head`: that of the request, the same in all its parts."""
        self.head = head
        self._shares: dict[int, bytes] = {}

    @property
    def received(self) -> frozenset[int]:
        """The indices of the shares that came."""
        return frozenset(self._shares)

    @property
    def is_complete(self) -> bool:
        """Tell whether the content can be had."""
        return len(self._shares) >= self.head.pieces

    @property
    def size_bytes(self) -> int:
        """How much memory the shares take."""
        return len(self._shares) * self.head.share_bytes

    def add(self, index: int, share: bytes) -> bool:
        """Take a share; false if it came before, or if enough of them came."""
        if index in self._shares or self.is_complete:
            return False
        self._shares[index] = share
        return True

    def content(self) -> bytes:
        """Return the content of a complete request; raise `FormatError` if its shares do not belong together."""
        content = decode_shares(self._shares, self.head.content_bytes, self.head.share_bytes)
        check_content(self.head, content)
        return content
