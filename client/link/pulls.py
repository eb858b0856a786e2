"""Pulls: which items of the mailbox were given to us, and which may be deleted there.

The provider gives an item again until a pull acknowledges it, and a pull acknowledges it only once it is stored
here; so neither side's crash loses one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from loopixmix.bounds import BoundedMap
from loopixmix.errors import MisuseError
from loopixmix.wire import Item, ItemKind, Pull

REMEMBERED_ITEMS = 65_536
MOST_OUTSTANDING = 64
"""So many pulls may be under way; an answer to an older one is not taken any more."""


class PullBook:
    """The pulls of one mailbox, in order."""

    def __init__(self) -> None:
        """Begin without a pull; nothing is taken from the mailbox before `begin`."""
        self.unanswered = 0
        """How many pulls were sent since the provider answered last."""
        self.unasked = 0
        """How many items came that nobody had asked for."""
        self._outstanding: BoundedMap[int, int] = BoundedMap(MOST_OUTSTANDING)
        self._request_id: int | None = None
        self._max_acknowledged = 0
        self._to_acknowledge: OrderedDict[int, None] = OrderedDict()
        self._in_work: set[int] = set()
        self._stored: BoundedMap[int, None] = BoundedMap(REMEMBERED_ITEMS)

    @property
    def has_begun(self) -> bool:
        """Whether pulls are sent."""
        return self._request_id is not None

    def begin(self, *, first_request_id: int, max_acknowledged: int) -> None:
        """Start to count pulls at `first_request_id` (random); one pull acknowledges at most `max_acknowledged`."""
        self._request_id = first_request_id
        self._max_acknowledged = max_acknowledged

    @property
    def in_work(self) -> int:
        """How many items lie in the memory until they are stored."""
        return len(self._in_work)

    def next_pull(self, batch: int) -> Pull:
        """Return the pull that is sent now, which is answered by `batch` items; `begin` comes first."""
        acknowledged = [
            self._to_acknowledge.popitem(last=False)[0]
            for _ in range(min(len(self._to_acknowledge), self._max_acknowledged))
        ]
        if self._request_id is None:
            raise MisuseError("pulls have not begun")
        self._request_id = (self._request_id + 1) % 2**64
        self.unanswered += 1
        self._outstanding[self._request_id] = batch
        return Pull(self._request_id, tuple(acknowledged))

    def on_item(self, item: Item) -> bool:
        """Note an item that came; tell whether it is to be worked on.

        That is none that nobody asked for, no dummy, and none that is here already.
        """
        left = self._outstanding.get(item.request_id, 0)
        if left == 0:
            # A provider could send as many as it likes: they would fill the memory, and keep the store busy.
            self.unasked += 1
            return False
        self._outstanding[item.request_id] = left - 1
        self.unanswered = 0
        if item.kind is ItemKind.DUMMY or item.item_id in self._in_work:
            return False
        if item.item_id in self._stored:
            self._to_acknowledge[item.item_id] = None  # the pull that said so was lost
            return False
        self._in_work.add(item.item_id)
        return True

    def on_stored(self, item_ids: Iterable[int]) -> None:
        """Note that what these items held is safe (or worthless): the next pull says so."""
        for item_id in item_ids:
            self._in_work.discard(item_id)
            self._to_acknowledge[item_id] = None
            self._stored[item_id] = None

    def on_failed(self, item_ids: Iterable[int]) -> None:
        """Note that these items could not be stored: they are left to be given again."""
        self._in_work.difference_update(item_ids)
