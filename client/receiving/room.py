"""Room for received messages: unread ones may take so much, and what comes then waits at the provider."""

from __future__ import annotations


class InboxRoom:
    """Whether further messages are taken; the store measures, the letterbox asks."""

    def __init__(self, *, most_bytes: int) -> None:
        """Unread messages may take `most_bytes`, and a little more, as they are measured now and then."""
        self._is_full = False
        self._most_bytes = most_bytes

    @property
    def is_full(self) -> bool:
        """Tell whether no further message is taken."""
        return self._is_full

    def measured(self, is_full: bool) -> bool:
        """Hear how it is now; return whether that is another thing than before."""
        is_new, self._is_full = is_full != self._is_full, is_full
        return is_new

    @property
    def problem(self) -> str | None:
        """One line for the user, None while there is room."""
        if not self._is_full:
            return None
        return (
            f"unread messages take {self._most_bytes / 2**20:,.0f} MiB, as much as client.keep_received_bytes allows: "
            "further mail waits at the provider until some are read or deleted"
        )
