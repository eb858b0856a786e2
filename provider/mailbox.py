"""The decisions of a mailbox: which items a pull gets, which come again, when it is full, when an item has expired.

Nothing here reads or writes: the store keeps the items, the service carries them. Only the numbers of items that were
given and are not acknowledged are held in memory. After a restart those items are given again, and the client knows
them by their numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, TypeAlias

import msgspec

from loopixmix.cards import DAY_S
from loopixmix.errors import MisuseError
from loopixmix.wire import SURB_ID_BYTES, Item, ItemKind

ItemNumber: TypeAlias = int
"""The item id on the wire: counts up within one account from a random start, and never repeats."""


class MailboxRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bounds of each mailbox, which the operator sets.

    At most `quota_items` wait in it. Each is forgotten `expiry_days` after the day it came. An item that was given and
    not acknowledged is given again `lease_pulls` pulls later.
    """

    quota_items: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)] = 20_000
    expiry_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 30
    lease_pulls: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 8


class StoredItem(msgspec.Struct, frozen=True, gc=False):
    """An item as the store holds it."""

    number: ItemNumber
    kind: ItemKind
    surb_id: bytes
    body: bytes


class Fetch(msgspec.Struct, frozen=True):
    """The items to read from the store: those in `again`, and the `fresh` oldest ones after number `after`."""

    again: tuple[ItemNumber, ...]
    after: ItemNumber
    fresh: int


def day_of(now_s: float) -> int:
    """Return the day since the Unix epoch: the finest time that is kept of an item."""
    return int(now_s // DAY_S)


def oldest_day_kept(now_s: float, rules: MailboxRules) -> int:
    """Return the first day whose items are kept; those of earlier days have expired."""
    return day_of(now_s) - rules.expiry_days


def is_full(waiting_items: int, quota_items: int) -> bool:
    """Tell whether a mailbox with `waiting_items` takes no more."""
    return waiting_items >= quota_items


class Mailbox:
    """The pulls of one account: the items that are ready to be given, and those that await acknowledgement.

    A pull goes `acknowledge`, then `fetch` (the store reads) and `fetched`, and at the moment of the answer `give`.
    `deleted` comes when the store has deleted the acknowledged items.
    """

    # There is one for each client that was heard of lately: without a dictionary of its own it takes a third less.
    __slots__ = (
        "_account_id",
        "_after",
        "_deleting",
        "_fetching",
        "_leases",
        "_pulls",
        "_ready",
        "lease_pulls",
        "pull_batch",
    )

    def __init__(self, *, pull_batch: int, lease_pulls: int) -> None:
        """`pull_batch`: items of each answer. `lease_pulls`: after so many pulls an item is given again."""
        if pull_batch < 1 or lease_pulls < 1:
            raise MisuseError("a pull is answered by one item or more, a lease lasts one pull or more")
        self.pull_batch = pull_batch
        self.lease_pulls = lease_pulls
        self._pulls = 0
        self._account_id: int | None = None
        self._after: ItemNumber = 0
        self._ready: dict[ItemNumber, StoredItem] = {}
        # A lease is the count of pulls when an item was given. Counted in pulls, not seconds: a client that was away
        # for an hour has had no chance to acknowledge, and must not get everything twice when it comes back.
        self._leases: dict[ItemNumber, int] = {}
        self._deleting: set[ItemNumber] = set()
        self._fetching: Fetch | None = None

    def acknowledge(self, numbers: Sequence[ItemNumber]) -> None:
        """Begin a pull: forget the items that the client has stored safely."""
        self._pulls += 1
        # They are still in the store: a reading that is under way, or the next one, may find them once more.
        self._deleting.update(numbers)
        for number in numbers:
            self._leases.pop(number, None)
            self._ready.pop(number, None)

    def deleted(self, numbers: Sequence[ItemNumber]) -> None:
        """Hear that the store has deleted the acknowledged items, or could not."""
        self._deleting.difference_update(numbers)

    def fetch(self) -> Fetch | None:
        """Return the items to read for the answer; None while an earlier reading goes on, or if enough are ready."""
        room = self.pull_batch - len(self._ready)
        # One reading at a time: a second would begin after the same number and find the same items.
        if self._fetching is not None or room <= 0:
            return None
        again = [number for number in self._overdue() if number not in self._ready][:room]
        self._fetching = Fetch(tuple(again), self._after, room - len(again))
        return self._fetching

    def fetched(self, account_id: int, items: Sequence[StoredItem]) -> None:
        """Take the items that the store read. An account that was removed and made anew starts afresh."""
        fetching, self._fetching = self._fetching, None
        # The key of a removed account may open another: its numbers begin anywhere, and old leases mean nothing there.
        if account_id != self._account_id:
            is_first, self._account_id = self._account_id is None, account_id
            if not is_first:
                self._start_afresh()
                return
        if fetching is None:
            return
        found = {item.number: item for item in items}
        # Asked for again and not found: expired meanwhile. Its lease would be overdue at every pull from now on.
        for number in fetching.again:
            if number not in found:
                self._leases.pop(number, None)
        for number, item in found.items():
            self._after = max(self._after, number)
            # Without the items that were acknowledged while they were being read.
            if number not in self._deleting and (number > fetching.after or number in self._leases):
                self._ready[number] = item

    def fetch_failed(self) -> None:
        """Forget a reading that failed; the next pull tries again."""
        self._fetching = None

    def give(self) -> list[StoredItem]:
        """Return the items of one answer, oldest first, at most a batch; each is leased."""
        numbers = sorted(self._ready)[: self.pull_batch]
        items = [self._ready.pop(number) for number in numbers]
        for number in numbers:
            self._leases[number] = self._pulls
        return items

    def _overdue(self) -> Iterator[ItemNumber]:
        for number in sorted(self._leases):
            if self._pulls - self._leases[number] >= self.lease_pulls:
                yield number

    def _start_afresh(self) -> None:
        self._after = 0
        self._ready.clear()
        self._leases.clear()


def answer_items(request_id: int, items: Sequence[StoredItem], *, pull_batch: int, body_bytes: int) -> list[Item]:
    """Return exactly `pull_batch` items for the wire: the given ones, then dummies, all with bodies of one length."""
    if len(items) > pull_batch:
        raise MisuseError(f"a pull is answered by {pull_batch} items, not {len(items)}")
    dummy = StoredItem(0, ItemKind.DUMMY, bytes(SURB_ID_BYTES), b"")
    return [
        Item(request_id, item.number, item.kind, item.surb_id, item.body.ljust(body_bytes, b"\0"))
        for item in [*items, *[dummy] * (pull_batch - len(items))]
    ]
