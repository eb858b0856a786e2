"""The decisions of a mailbox: which items a pull gets, which come again, when it is full, when an item has expired.

Nothing here reads or writes: the store keeps the items, the service carries them. Only the numbers of items that were
given and are not acknowledged are held in memory. After a restart those items are given again, and the client knows
them by their numbers.

Messages and replies each have a share of every answer, and each can use what the other leaves. Anybody may send replies
to a mailbox, and a provider cannot tell which of them its owner waits for: more of them than pulls can fetch would
otherwise keep messages waiting for good.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Annotated, TypeAlias

import msgspec

from loopixmix.cards import DAY_S
from loopixmix.errors import MisuseError
from loopixmix.wire import SURB_ID_BYTES, Item, ItemKind

ItemNumber: TypeAlias = int
"""The item id on the wire: counts up within one account from a random start, and never repeats."""


class MailboxRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bounds of each mailbox, which the operator sets.

    At most `quota_items` wait in it, and replies come in only while fewer than half as many do. Each is forgotten
    `expiry_days` after the day it came. An item that was given and not acknowledged is given again `lease_pulls` pulls
    later.
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


class Fresh(msgspec.Struct, frozen=True):
    """The `count` oldest items of one kind after number `after`."""

    after: ItemNumber
    count: int


class Fetch(msgspec.Struct, frozen=True):
    """The items to read from the store: those in `again`, and of each kind some that were not read yet."""

    again: tuple[ItemNumber, ...]
    messages: Fresh
    replies: Fresh


def day_of(now_s: float) -> int:
    """Return the day since the Unix epoch: the finest time that is kept of an item."""
    return int(now_s // DAY_S)


def oldest_day_kept(now_s: float, rules: MailboxRules) -> int:
    """Return the first day whose items are kept; those of earlier days have expired."""
    return day_of(now_s) - rules.expiry_days


def is_full(kind: ItemKind, waiting_items: int, quota_items: int) -> bool:
    """Tell whether a mailbox with `waiting_items` takes no more of this kind.

    Replies are taken into its first half only, so that they leave room for messages.
    """
    return waiting_items >= (-(-quota_items // 2) if kind is ItemKind.REPLY else quota_items)


class Mailbox:
    """The pulls of one account: the items that are ready to be given, and those that await acknowledgement.

    A pull goes `acknowledge`, then `fetch` (the store reads) and `fetched`, and at the moment of the answer `give`.
    `deleted` comes when the store has deleted the acknowledged items.
    """

    # There is one for each client that was heard of lately: without a dictionary of its own it takes a third less.
    __slots__ = (
        "_account_id",
        "_deleting",
        "_fetching",
        "_messages",
        "_pulls",
        "_replies",
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
        self._messages = _Line()
        self._replies = _Line()
        self._deleting: set[ItemNumber] = set()
        self._fetching: Fetch | None = None

    def acknowledge(self, numbers: Sequence[ItemNumber]) -> None:
        """Begin a pull: forget the items that the client has stored safely."""
        self._pulls += 1
        # They are still in the store: a reading that is under way, or the next one, may find them once more.
        self._deleting.update(numbers)
        for line in (self._messages, self._replies):
            line.forget(numbers)

    def deleted(self, numbers: Sequence[ItemNumber]) -> None:
        """Hear that the store has deleted the acknowledged items, or could not."""
        self._deleting.difference_update(numbers)

    def fetch(self) -> Fetch | None:
        """Return the items to read for the answer; None while an earlier reading goes on, or if enough are ready."""
        # One reading at a time: a second would begin after the same number and find the same items.
        if self._fetching is not None:
            return None
        overdue_since = self._pulls - self.lease_pulls
        again_messages, messages = self._messages.wanted(self.pull_batch, overdue_since)
        again_replies, replies = self._replies.wanted(self.pull_batch, overdue_since)
        if not (again_messages or again_replies or messages.count or replies.count):
            return None
        self._fetching = Fetch((*again_messages, *again_replies), messages, replies)
        return self._fetching

    def fetched(self, account_id: int, items: Sequence[StoredItem], last_number: ItemNumber) -> None:
        """Take the items that the store read, up to `last_number`, the last one that it has given to an item.

        An account that was removed and made anew starts afresh.
        """
        fetching, self._fetching = self._fetching, None
        # The key of a removed account may open another: its numbers begin anywhere, and old leases mean nothing there.
        if account_id != self._account_id:
            is_first, self._account_id = self._account_id is None, account_id
            if not is_first:
                self._messages, self._replies = _Line(), _Line()
                return
        if fetching is None:
            return
        messages = [item for item in items if item.kind is not ItemKind.REPLY]
        replies = [item for item in items if item.kind is ItemKind.REPLY]
        self._messages.take(messages, fetching.messages, fetching.again, last_number, self._deleting)
        self._replies.take(replies, fetching.replies, fetching.again, last_number, self._deleting)

    def fetch_failed(self) -> None:
        """Forget a reading that failed; the next pull tries again."""
        self._fetching = None

    def give(self) -> list[StoredItem]:
        """Return the items of one answer, oldest first, at most a batch; each is leased."""
        batch, messages, replies = self.pull_batch, len(self._messages.ready), len(self._replies.ready)
        # Where a half is no whole number, it is rounded up in every second answer: with a batch of one, messages and
        # replies take turns.
        share = (batch + self._pulls % 2) // 2
        given_replies = min(replies, batch - min(messages, share))
        given_messages = min(messages, batch - given_replies)
        given = self._messages.give(given_messages, self._pulls) + self._replies.give(given_replies, self._pulls)
        return sorted(given, key=lambda item: item.number)


class _Line:
    """The items of one kind in a mailbox: which were read, which are ready to be given, and which were given."""

    __slots__ = ("after", "leases", "ready")

    def __init__(self) -> None:
        self.after: ItemNumber = 0
        """The items up to this number were read."""
        self.ready: dict[ItemNumber, StoredItem] = {}
        # A lease is the count of pulls when an item was given. Counted in pulls, not seconds: a client that was away
        # for an hour has had no chance to acknowledge, and must not get everything twice when it comes back.
        self.leases: dict[ItemNumber, int] = {}

    def forget(self, numbers: Sequence[ItemNumber]) -> None:
        for number in numbers:
            self.leases.pop(number, None)
            self.ready.pop(number, None)

    def wanted(self, batch: int, overdue_since: int) -> tuple[Sequence[ItemNumber], Fresh]:
        """Return what to read so that a batch is ready: items that were given too long ago first."""
        room = batch - len(self.ready)
        if room <= 0:
            return (), Fresh(self.after, 0)
        again = [
            number
            for number in sorted(self.leases)
            if self.leases[number] <= overdue_since and number not in self.ready
        ][:room]
        return again, Fresh(self.after, room - len(again))

    def take(
        self,
        items: Sequence[StoredItem],
        wanted: Fresh,
        again: Sequence[ItemNumber],
        last_number: ItemNumber,
        deleting: Container[ItemNumber],
    ) -> None:
        found = {item.number: item for item in items}
        # Asked for again and not found: expired meanwhile. Its lease would be overdue at every pull from now on.
        for number in again:
            if number not in found:
                self.leases.pop(number, None)
        fresh = [number for number in found if number > wanted.after]
        if len(fresh) < wanted.count:
            # There are no more of this kind: those of the other kind up to here need not be looked through again.
            self.after = max(self.after, last_number)
        self.after = max(self.after, *fresh, 0)
        for number, item in found.items():
            # Without the items that were acknowledged while they were being read.
            if number not in deleting and (number > wanted.after or number in self.leases):
                self.ready[number] = item

    def give(self, count: int, pulls: int) -> list[StoredItem]:
        numbers = sorted(self.ready)[:count]
        self.leases.update(dict.fromkeys(numbers, pulls))
        return [self.ready.pop(number) for number in numbers]


def answer_items(request_id: int, items: Sequence[StoredItem], *, pull_batch: int, body_bytes: int) -> list[Item]:
    """Return exactly `pull_batch` items for the wire: the given ones, then dummies, all with bodies of one length."""
    if len(items) > pull_batch:
        raise MisuseError(f"a pull is answered by {pull_batch} items, not {len(items)}")
    dummy = StoredItem(0, ItemKind.DUMMY, bytes(SURB_ID_BYTES), b"")
    return [
        Item(request_id, item.number, item.kind, item.surb_id, item.body.ljust(body_bytes, b"\0"))
        for item in [*items, *[dummy] * (pull_batch - len(items))]
    ]
