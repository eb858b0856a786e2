"""Items in the store: numbers, quota, expiry, and what an unknown recipient costs."""

from __future__ import annotations

import pytest
from sqlalchemy import func, inspect, select

from loopixmix.wire import ItemKind
from provider.accounts import RegistrationMode, RegistrationRules
from provider.mailbox import Fetch, Fresh, MailboxRules
from provider.store import MailStore
from provider.store.accounts import Application, register, remove_account
from provider.store.items import (
    NewItem,
    PutOutcome,
    delete_owned,
    expire_items,
    place_of,
    skip_numbers,
    store_items,
    take_items,
)
from provider.store.schema import items
from tests.worlds.mailboxes.mailstores import figures

ALICE, BOB, NOBODY = bytes([1]) * 32, bytes([2]) * 32, bytes([3]) * 32
RULES = MailboxRules(quota_items=1000)
ALL = Fetch((), Fresh(0, 10_000), Fresh(0, 10_000))


def open_account(store: MailStore, name: str, identity: bytes, first_number: int = 1) -> None:
    application = Application(
        name=name, identity=identity, card=b"", invitation_hash=b"", first_number=first_number, day=20_000
    )
    rules = RegistrationRules(mode=RegistrationMode.OPEN)
    assert store.write(lambda connection: register(connection, application, rules)) is None


def put(store: MailStore, *new: NewItem, rules: MailboxRules = RULES) -> list[PutOutcome]:
    return store.write(lambda connection: store_items(connection, new, rules))


def message(recipient: bytes, body: bytes, day: int = 20_000) -> NewItem:
    return NewItem(recipient, ItemKind.MESSAGE, bytes(8), body, day)


def bodies(store: MailStore, identity: bytes, fetch: Fetch = ALL) -> list[bytes]:
    taken = store.read(lambda connection: take_items(connection, identity, fetch))
    assert taken is not None
    return [item.body for item in taken.items]


def numbers(store: MailStore, identity: bytes) -> list[int]:
    taken = store.read(lambda connection: take_items(connection, identity, ALL))
    assert taken is not None
    return [item.number for item in taken.items]


def rows(store: MailStore) -> int:
    return store.read(lambda connection: connection.execute(select(func.count()).select_from(items)).scalar_one())


def test_items_are_read_by_their_owner_oldest_first(store: MailStore) -> None:
    open_account(store, "alice", ALICE, first_number=500)
    open_account(store, "bob", BOB, first_number=7)
    put(store, message(ALICE, b"a1"), message(BOB, b"b1"), message(ALICE, b"a2"))
    put(store, message(ALICE, b"a3"), NewItem(BOB, ItemKind.REPLY, b"surb-id!", b"b2", 20_000))
    assert bodies(store, ALICE) == [b"a1", b"a2", b"a3"]
    assert numbers(store, ALICE) == [500, 501, 502]
    taken = store.read(lambda connection: take_items(connection, BOB, ALL))
    assert taken is not None
    assert [(i.number, i.kind, i.surb_id, i.body) for i in taken.items] == [
        (7, ItemKind.MESSAGE, bytes(8), b"b1"),
        (8, ItemKind.REPLY, b"surb-id!", b"b2"),
    ]


def reply(recipient: bytes, body: bytes) -> NewItem:
    return NewItem(recipient, ItemKind.REPLY, b"surb-id!", body, 20_000)


def test_a_reading_takes_what_comes_again_and_then_the_oldest_fresh_ones_of_each_kind(store: MailStore) -> None:
    open_account(store, "alice", ALICE)
    put(store, *[message(ALICE, b"%d" % n) for n in range(1, 9)], *[reply(ALICE, b"%d" % n) for n in range(9, 14)])
    assert bodies(store, ALICE, Fetch((2, 1, 99), Fresh(4, 2), Fresh(4, 1))) == [b"1", b"2", b"5", b"6", b"9"]
    assert bodies(store, ALICE, Fetch((), Fresh(8, 2), Fresh(9, 9))) == [b"10", b"11", b"12", b"13"]
    assert bodies(store, ALICE, Fetch((), Fresh(13, 2), Fresh(13, 2))) == []


def test_a_few_items_are_read_in_order_whatever_their_kind(store: MailStore) -> None:
    open_account(store, "alice", ALICE)
    put(store, reply(ALICE, b"1"), message(ALICE, b"2"), reply(ALICE, b"3"))
    assert bodies(store, ALICE, Fetch((), Fresh(0, 2), Fresh(0, 1))) == [b"1", b"2", b"3"]


def test_a_reading_tells_the_last_number_of_the_account(store: MailStore) -> None:
    open_account(store, "alice", ALICE, first_number=500)
    put(store, message(ALICE, b"1"), reply(ALICE, b"2"))
    for fetch in (ALL, Fetch((), Fresh(501, 1), Fresh(501, 1))):
        taken = store.read(lambda connection, fetch=fetch: take_items(connection, ALICE, fetch))
        assert taken is not None
        assert taken.last_number == 501


def test_replies_leave_half_of_a_mailbox_to_messages(store: MailStore) -> None:
    open_account(store, "alice", ALICE)
    rules = MailboxRules(quota_items=4)
    flood = put(store, *[reply(ALICE, b"") for _ in range(3)], rules=rules)
    assert flood == [PutOutcome.STORED] * 2 + [PutOutcome.MAILBOX_FULL]
    assert put(store, message(ALICE, b"1"), message(ALICE, b"2"), message(ALICE, b"3"), rules=rules) == [
        *[PutOutcome.STORED] * 2,
        PutOutcome.MAILBOX_FULL,
    ]


def test_a_gateways_mailbox_has_a_quota_of_its_own(store: MailStore) -> None:
    open_account(store, "alice", ALICE)
    open_account(store, "gate", BOB)
    new = [message(recipient, b"%d" % n) for n in range(4) for recipient in (ALICE, BOB)]
    rules = MailboxRules(quota_items=2)
    outcomes = store.write(lambda connection: store_items(connection, new, rules, {BOB: 3}))
    assert outcomes[::2] == [PutOutcome.STORED] * 2 + [PutOutcome.MAILBOX_FULL] * 2
    assert outcomes[1::2] == [PutOutcome.STORED] * 3 + [PutOutcome.MAILBOX_FULL]


def test_who_has_no_account_reads_and_deletes_nothing(store: MailStore) -> None:
    open_account(store, "alice", ALICE)
    put(store, message(ALICE, b"a"), message(NOBODY, b"n"))
    assert store.read(lambda connection: take_items(connection, NOBODY, ALL)) is None
    assert store.write(lambda connection: delete_owned(connection, [(NOBODY, [1])])) == 0
    assert bodies(store, ALICE) == [b"a"]


def test_an_owner_deletes_only_items_of_its_own(store: MailStore) -> None:
    open_account(store, "alice", ALICE)
    open_account(store, "bob", BOB)
    put(store, message(ALICE, b"a"), message(BOB, b"b"))
    assert store.write(lambda connection: delete_owned(connection, [(BOB, [1, 1, 2, 2**63, 2**64 - 1])])) == 1
    assert (bodies(store, ALICE), bodies(store, BOB)) == ([b"a"], [])
    assert store.read(figures).items == 1


def test_several_owners_delete_at_once_each_its_own(store: MailStore) -> None:
    open_account(store, "alice", ALICE)
    open_account(store, "bob", BOB)
    put(store, *[message(ALICE, b"a%d" % n) for n in range(3)], *[message(BOB, b"b%d" % n) for n in range(3)])
    owned = [(ALICE, [1, 3]), (BOB, [2]), (NOBODY, [1]), (ALICE, [1, 99]), (BOB, [])]
    assert store.write(lambda connection: delete_owned(connection, owned)) == 3
    assert (bodies(store, ALICE), bodies(store, BOB)) == ([b"a1"], [b"b0", b"b2"])
    assert store.read(figures).items == 3


@pytest.mark.parametrize("numbers", [[1, 2], [2, 2, 99, 1], [99]])
def test_what_is_deleted_makes_room_for_as_much_and_no_more(store: MailStore, numbers: list[int]) -> None:
    rules = MailboxRules(quota_items=3)
    open_account(store, "alice", ALICE)
    new = [message(ALICE, b"a%d" % n) for n in range(3)]
    put(store, *new, rules=rules)
    deleted = store.write(lambda connection: delete_owned(connection, [(ALICE, numbers)]))
    assert deleted == len({1, 2} & set(numbers))
    assert put(store, *new, rules=rules) == [PutOutcome.STORED] * deleted + [PutOutcome.MAILBOX_FULL] * (3 - deleted)


def test_numbers_never_repeat_even_when_all_items_are_gone(store: MailStore) -> None:
    open_account(store, "alice", ALICE)
    put(store, message(ALICE, b"a"), message(ALICE, b"b"))
    store.write(lambda connection: delete_owned(connection, [(ALICE, [1, 2])]))
    put(store, message(ALICE, b"c"))
    assert numbers(store, ALICE) == [3]


def test_a_store_put_back_from_a_copy_gives_no_number_again(store: MailStore) -> None:
    """The copy was made before items 2 and 3 came; the new process skips numbers before it takes any item."""
    open_account(store, "alice", ALICE)
    put(store, message(ALICE, b"a"))
    given_since = {2, 3}
    store.write(lambda connection: skip_numbers(connection, 1_000_000))
    put(store, message(ALICE, b"b"), message(NOBODY, b"n"))
    assert numbers(store, ALICE) == [1, 1_000_002]
    assert not given_since & set(numbers(store, ALICE))


def test_numbers_are_skipped_past_the_places_of_items_that_wait(store: MailStore) -> None:
    """A whole turn of the places was skipped, nearly: the second of the next items would meet the one that waits."""
    open_account(store, "alice", ALICE)
    put(store, message(ALICE, b"waits"))
    store.write(lambda connection: skip_numbers(connection, (1 << 32) - 2))
    assert put(store, message(ALICE, b"a"), message(ALICE, b"b")) == [PutOutcome.STORED] * 2
    assert bodies(store, ALICE) == [b"waits", b"a", b"b"]


def test_a_full_mailbox_takes_nothing_until_there_is_room(store: MailStore) -> None:
    open_account(store, "alice", ALICE)
    open_account(store, "bob", BOB)
    two = MailboxRules(quota_items=2)
    outcomes = put(store, *[message(ALICE, b"%d" % n) for n in range(3)], message(BOB, b"b"), rules=two)
    assert outcomes == [PutOutcome.STORED, PutOutcome.STORED, PutOutcome.MAILBOX_FULL, PutOutcome.STORED]
    assert put(store, message(ALICE, b"3"), rules=two) == [PutOutcome.MAILBOX_FULL]
    store.write(lambda connection: delete_owned(connection, [(ALICE, [1])]))
    assert put(store, message(ALICE, b"4"), rules=two) == [PutOutcome.STORED]
    assert bodies(store, ALICE) == [b"1", b"4"]


def test_an_item_for_nobody_is_written_like_any_other_and_soon_gone(store: MailStore) -> None:
    open_account(store, "alice", ALICE)
    nobody = [message(NOBODY, b"n")] * 2
    assert put(store, *nobody, rules=MailboxRules(quota_items=1)) == [PutOutcome.UNKNOWN_RECIPIENT] * 2
    assert rows(store) == 2
    assert put(store, message(NOBODY, b"n"), message(ALICE, b"a")) == [PutOutcome.UNKNOWN_RECIPIENT, PutOutcome.STORED]
    assert rows(store) == 2
    put(store, message(ALICE, b"a"))
    assert rows(store) == 2
    assert store.read(figures).items == 2


def test_the_void_account_is_nobodys(store: MailStore) -> None:
    put(store, message(NOBODY, b"n"))
    assert put(store, message(b"", b"n")) == [PutOutcome.UNKNOWN_RECIPIENT]
    assert store.read(figures).accounts == 0
    assert store.write(lambda connection: remove_account(connection, "", retire_name=True, today=100)) is False


def test_items_expire_by_whole_days_some_at_a_time(store: MailStore) -> None:
    open_account(store, "alice", ALICE)
    open_account(store, "bob", BOB)
    put(store, *[message(ALICE, b"old", day) for day in (1, 2, 3)], message(BOB, b"old", 2), message(BOB, b"new", 4))
    assert store.write(lambda connection: expire_items(connection, 4, 3)) == 3
    assert store.write(lambda connection: expire_items(connection, 4, 3)) == 1
    assert store.write(lambda connection: expire_items(connection, 4, 3)) == 0
    assert (bodies(store, ALICE), bodies(store, BOB)) == ([], [b"new"])
    assert store.read(figures).items == 1


def test_more_recipients_than_one_statement_takes(store: MailStore) -> None:
    identities = [n.to_bytes(32) for n in range(1, 1001)]
    for n, identity in enumerate(identities[:3]):
        open_account(store, f"user{n}", identity)
    outcomes = put(store, *[message(identity, b"x") for identity in identities])
    assert outcomes == [PutOutcome.STORED] * 3 + [PutOutcome.UNKNOWN_RECIPIENT] * 997


def test_nothing_at_rest_is_finer_than_a_day_or_names_a_sender(store: MailStore) -> None:
    columns = store.read(
        lambda connection: [
            (table, column["name"])
            for table in ("accounts", "account_counts", "items", "invitations", "retired_names")
            for column in inspect(connection).get_columns(table)
        ]
    )
    times = {name for _, name in columns if "time" in name or "day" in name or name.endswith("_s")}
    assert times == {"created_day", "stored_day", "last_day", "guest_day"}
    assert not {name for _, name in columns if "sender" in name or "peer" in name or "address" in name}


def test_the_ids_of_rows_tell_no_order_but_that_of_mailboxes(store: MailStore) -> None:
    open_account(store, "alice", ALICE)
    open_account(store, "bob", BOB)
    for number in range(32):
        put(store, message(ALICE, b"to alice %d" % number), message(BOB, b"to bob %d" % number))
    found = store.read(lambda c: c.execute(select(items.c.account_id, items.c.number).order_by(items.c.id)).all())
    # Whatever came between them, the rows of a mailbox stand together, in the order that their numbers tell anyway.
    assert found == sorted(found)
    assert len({row.account_id for row in found}) == 2
    assert bodies(store, BOB)[:2] == [b"to bob 0", b"to bob 1"]


def test_no_two_items_that_wait_together_have_one_place() -> None:
    first = (1 << 56) - 1_000
    places = {place_of(account_id, number) for account_id in (1, 2) for number in range(first, first + 500_000)}
    assert len(places) == 1_000_000
    assert max(place_of((1 << 31) - 1, number) for number in (first, (1 << 32) - 1)) < 1 << 63
