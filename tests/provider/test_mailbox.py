"""The mailbox's decisions, as a conversation of pulls with a store that is a dictionary."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from loopixmix.cards import DAY_S
from loopixmix.errors import MisuseError
from loopixmix.wire import ItemKind
from provider.mailbox import (
    Fetch,
    Fresh,
    Mailbox,
    MailboxRules,
    StoredItem,
    answer_items,
    day_of,
    is_full,
    oldest_day_kept,
)

ACCOUNT = 7
RULES = MailboxRules(quota_items=3, expiry_days=30, lease_pulls=2)


def item(number: int, kind: ItemKind = ItemKind.MESSAGE) -> StoredItem:
    return StoredItem(number, kind, bytes(8), b"body %d" % number)


def awaiting(mailbox: Mailbox) -> int:
    """How many items were given and not acknowledged."""
    return len(mailbox._messages.leases) + len(mailbox._replies.leases)


class DictStore:
    """The items of one account by number."""

    def __init__(self, *numbers: int) -> None:
        self.items = {number: item(number) for number in numbers}

    def read(self, fetch: Fetch) -> tuple[list[StoredItem], int]:
        """Return the items, and the last number."""
        found = [self.items[number] for number in fetch.again if number in self.items]
        for kind, fresh in ((ItemKind.MESSAGE, fetch.messages), (ItemKind.REPLY, fetch.replies)):
            numbers = sorted(n for n, each in self.items.items() if n > fresh.after and each.kind is kind)
            found += [self.items[number] for number in numbers[: fresh.count]]
        return found, max(self.items, default=0)


def pull(mailbox: Mailbox, store: DictStore, acknowledged: tuple[int, ...] = ()) -> list[int]:
    mailbox.acknowledge(acknowledged)
    for number in acknowledged:
        store.items.pop(number, None)
    mailbox.deleted(acknowledged)
    fetch = mailbox.fetch()
    if fetch is not None:
        mailbox.fetched(ACCOUNT, *store.read(fetch))
    return [item.number for item in mailbox.give()]


def test_items_are_given_oldest_first_a_batch_at_a_time() -> None:
    mailbox, store = Mailbox(pull_batch=2, lease_pulls=9), DictStore(5, 3, 9, 4)
    assert pull(mailbox, store) == [3, 4]
    assert pull(mailbox, store, (3, 4)) == [5, 9]
    assert pull(mailbox, store, (5, 9)) == []
    assert awaiting(mailbox) == 0


def test_what_is_not_acknowledged_comes_again_after_its_lease_and_before_newer_items() -> None:
    mailbox, store = Mailbox(pull_batch=2, lease_pulls=2), DictStore(1, 2, 3, 4, 5, 6)
    assert pull(mailbox, store) == [1, 2]
    assert pull(mailbox, store, (2,)) == [3, 4]
    assert pull(mailbox, store, (3, 4)) == [1, 5]
    assert pull(mailbox, store, (1, 5)) == [6]


def test_an_acknowledged_item_never_comes_again_even_if_the_store_is_slow_to_delete_it() -> None:
    mailbox, store = Mailbox(pull_batch=3, lease_pulls=1), DictStore(1, 2)
    assert pull(mailbox, store) == [1, 2]
    mailbox.acknowledge(())
    fetch = mailbox.fetch()
    assert fetch == Fetch((1, 2), Fresh(2, 1), Fresh(2, 3))
    mailbox.acknowledge((1,))
    mailbox.fetched(ACCOUNT, *store.read(fetch))
    assert [item.number for item in mailbox.give()] == [2]


def test_what_is_acknowledged_after_a_restart_is_not_given_while_the_store_deletes_it() -> None:
    mailbox, store = Mailbox(pull_batch=2, lease_pulls=9), DictStore(1, 2)
    mailbox.acknowledge((1,))
    fetch = mailbox.fetch()
    assert fetch is not None
    mailbox.fetched(ACCOUNT, *store.read(fetch))
    assert [item.number for item in mailbox.give()] == [2]
    mailbox.deleted((1,))
    assert pull(mailbox, store, (2,)) == []


def test_pulls_that_overtake_a_reading_do_not_read_twice() -> None:
    mailbox, store = Mailbox(pull_batch=2, lease_pulls=9), DictStore(1, 2, 3)
    mailbox.acknowledge(())
    fetch = mailbox.fetch()
    assert fetch is not None
    mailbox.acknowledge(())
    assert mailbox.fetch() is None
    assert mailbox.give() == []
    mailbox.fetched(ACCOUNT, *store.read(fetch))
    assert [item.number for item in mailbox.give()] == [1, 2]


def test_what_was_read_too_late_for_one_answer_is_given_with_the_next() -> None:
    mailbox, store = Mailbox(pull_batch=2, lease_pulls=9), DictStore(1, 2, 3)
    mailbox.acknowledge(())
    fetch = mailbox.fetch()
    assert fetch is not None
    assert mailbox.give() == []
    mailbox.fetched(ACCOUNT, *store.read(fetch))
    assert pull(mailbox, store) == [1, 2]
    assert pull(mailbox, store) == [3]


def test_what_comes_again_is_given_before_newer_items_that_were_read_earlier() -> None:
    mailbox, store = Mailbox(pull_batch=2, lease_pulls=2), DictStore(1)
    assert pull(mailbox, store) == [1]
    store.items[2] = item(2)
    mailbox.acknowledge(())
    fetch = mailbox.fetch()
    assert fetch is not None
    mailbox.fetched(ACCOUNT, *store.read(fetch))
    mailbox.acknowledge(())
    fetch = mailbox.fetch()
    assert fetch is not None
    mailbox.fetched(ACCOUNT, *store.read(fetch))
    assert [item.number for item in mailbox.give()] == [1, 2]


REPLY = ItemKind.REPLY


def backlog(batch: int, *, messages: int = 0, replies: int = 0) -> tuple[Mailbox, DictStore]:
    """A mailbox in which replies wait, and messages that came after them."""
    store = DictStore()
    kinds = [REPLY] * replies + [ItemKind.MESSAGE] * messages
    store.items = {number: item(number, kind) for number, kind in enumerate(kinds, start=1)}
    return Mailbox(pull_batch=batch, lease_pulls=9), store


def pull_kinds(mailbox: Mailbox, store: DictStore, times: int) -> list[tuple[int, int]]:
    """Pull some times, each acknowledging the one before; return how many messages and replies came each time."""
    counts, given = [], list[int]()
    for _ in range(times):
        given = pull(mailbox, store, tuple(given))
        replies = sum(store.items[number].kind is REPLY for number in given)
        counts.append((len(given) - replies, replies))
    return counts


def test_messages_and_replies_each_have_half_of_an_answer() -> None:
    mailbox, store = backlog(8, messages=100, replies=100)
    assert pull_kinds(mailbox, store, 3) == [(4, 4)] * 3


def test_each_takes_what_the_other_leaves() -> None:
    mailbox, store = backlog(8, messages=3, replies=100)
    assert pull_kinds(mailbox, store, 2) == [(3, 5), (0, 8)]
    mailbox, store = backlog(8, messages=100, replies=3)
    assert pull_kinds(mailbox, store, 2) == [(5, 3), (8, 0)]


@pytest.mark.parametrize("batch", [1, 3])
def test_half_of_an_odd_answer_is_rounded_up_for_each_in_turn(batch: int) -> None:
    mailbox, store = backlog(batch, messages=100, replies=100)
    given = pull_kinds(mailbox, store, 6)
    assert {sum(each) for each in given} == {batch}
    assert set(given) == {(batch // 2, batch - batch // 2), (batch - batch // 2, batch // 2)}


def test_however_many_replies_wait_a_message_comes_with_the_next_answer() -> None:
    mailbox, store = backlog(9, replies=500)
    given: list[int] = []
    for number in range(1001, 1040):
        store.items[number] = item(number)
        given = pull(mailbox, store, tuple(given))
        assert (number in given, len(given)) == (True, 9)


def test_items_of_one_kind_are_not_looked_through_again_for_the_other() -> None:
    mailbox, store = backlog(8, replies=100)
    pull(mailbox, store)
    mailbox.acknowledge(())
    fetch = mailbox.fetch()
    assert fetch is not None
    assert (fetch.messages.after, fetch.replies.after) == (100, 8)


def test_a_failed_reading_is_repeated_by_the_next_pull() -> None:
    mailbox, store = Mailbox(pull_batch=2, lease_pulls=9), DictStore(1)
    mailbox.acknowledge(())
    assert mailbox.fetch() is not None
    mailbox.fetch_failed()
    assert pull(mailbox, store) == [1]


def test_an_item_that_expired_while_leased_is_forgotten() -> None:
    mailbox, store = Mailbox(pull_batch=1, lease_pulls=1), DictStore(1, 2)
    assert pull(mailbox, store) == [1]
    del store.items[1]
    assert pull(mailbox, store) == []
    assert pull(mailbox, store) == [2]


def test_an_account_made_anew_starts_afresh() -> None:
    mailbox, store = Mailbox(pull_batch=2, lease_pulls=9), DictStore(100, 101)
    assert pull(mailbox, store) == [100, 101]
    anew = DictStore(50)
    mailbox.acknowledge(())
    fetch = mailbox.fetch()
    assert fetch is not None
    mailbox.fetched(ACCOUNT + 1, *anew.read(fetch))
    assert mailbox.give() == []
    assert awaiting(mailbox) == 0
    fetch = mailbox.fetch()
    assert fetch == Fetch((), Fresh(0, 2), Fresh(0, 2))
    mailbox.fetched(ACCOUNT + 1, *anew.read(fetch))
    assert [item.number for item in mailbox.give()] == [50]


def test_an_answer_has_always_the_same_number_of_items_of_the_same_length() -> None:
    for given in range(4):
        items = answer_items(9, [item(n + 1) for n in range(given)], pull_batch=3, body_bytes=64)
        assert [i.kind for i in items] == [ItemKind.MESSAGE] * given + [ItemKind.DUMMY] * (3 - given)
        assert {len(i.body) for i in items} == {64}
        assert {i.request_id for i in items} == {9}
    with pytest.raises(MisuseError):
        answer_items(9, [item(1), item(2)], pull_batch=1, body_bytes=64)


def test_a_batch_and_a_lease_are_one_or_more() -> None:
    with pytest.raises(MisuseError):
        Mailbox(pull_batch=0, lease_pulls=1)
    with pytest.raises(MisuseError):
        Mailbox(pull_batch=1, lease_pulls=0)


def test_quota_and_expiry_are_counted_in_items_and_whole_days() -> None:
    assert [is_full(ItemKind.MESSAGE, waiting, 5) for waiting in (4, 5, 6)] == [False, True, True]
    assert [is_full(ItemKind.REPLY, waiting, 5) for waiting in (2, 3, 4)] == [False, True, True]
    assert [day_of(now_s) for now_s in (0.0, DAY_S - 0.1, DAY_S, 100.5 * DAY_S)] == [0, 0, 1, 100]
    assert oldest_day_kept(100.5 * DAY_S, RULES) == 70


class Pulls(RuleBasedStateMachine):
    """Any order of arrivals, pulls, acknowledgements, late and failed readings."""

    @initialize(batch=st.integers(1, 4), lease=st.integers(1, 4))
    def begin(self, batch: int, lease: int) -> None:
        self.batch, self.lease = batch, lease
        self.mailbox = Mailbox(pull_batch=batch, lease_pulls=lease)
        self.store = DictStore()
        self.next_number = 1
        self.acknowledged: set[int] = set()
        self.given: dict[int, int] = {}
        self.pulls = 0
        self.reading: Fetch | None = None

    @rule(kinds=st.lists(st.sampled_from([ItemKind.MESSAGE, ItemKind.REPLY]), min_size=1, max_size=5))
    def arrive(self, kinds: list[ItemKind]) -> None:
        for kind in kinds:
            self.store.items[self.next_number] = item(self.next_number, kind)
            self.next_number += 1

    @rule(data=st.data())
    def pull(self, data: st.DataObject) -> None:
        numbers = data.draw(st.sets(st.sampled_from(sorted(self.given)))) if self.given else set()
        self.pulls += 1
        self.mailbox.acknowledge(sorted(numbers))
        self.acknowledged |= numbers
        for number in numbers:
            del self.given[number]
            self.store.items.pop(number)
        self.mailbox.deleted(sorted(numbers))
        self.reading = self.mailbox.fetch() or self.reading

    @precondition(lambda self: self.reading is not None)
    @rule(fails=st.booleans())
    def read(self, fails: bool) -> None:
        assert self.reading is not None
        if fails:
            self.mailbox.fetch_failed()
        else:
            self.mailbox.fetched(ACCOUNT, *self.store.read(self.reading))
        self.reading = None

    @rule()
    def answer(self) -> None:
        numbers = [item.number for item in self.mailbox.give()]
        assert len(numbers) <= self.batch
        assert numbers == sorted(set(numbers))
        for number in numbers:
            assert number not in self.acknowledged
            assert number not in self.given or self.pulls - self.given[number] >= self.lease
            self.given[number] = self.pulls

    @invariant()
    def what_awaits_acknowledgement_is_bounded(self) -> None:
        if hasattr(self, "mailbox"):
            assert awaiting(self.mailbox) <= len(self.given)

    def teardown(self) -> None:
        if not hasattr(self, "mailbox"):
            return
        if self.reading is not None:
            self.read(fails=False)
        for _ in range(len(self.store.items) + self.lease + 2):
            numbers = pull(self.mailbox, self.store, tuple(self.given))
            self.given = dict.fromkeys(numbers, 0)
        for _ in range(self.lease + len(self.store.items)):
            numbers = pull(self.mailbox, self.store, tuple(self.given))
            self.given = dict.fromkeys(numbers, 0)
        assert not self.store.items, "everything is given in the end"


TestPulls = Pulls.TestCase
