"""Accounts without a name in the store."""

from __future__ import annotations

from sqlalchemy import Connection

from loopixmix.wire import ItemKind, RegisterRefusal
from provider.accounts import GuestMode, RegistrationMode, RegistrationRules
from provider.mailbox import Fetch, Fresh, MailboxRules
from provider.store import MailStore
from provider.store.accounts import (
    Application,
    Standing,
    StoreFigures,
    find_card,
    find_standing,
    list_accounts,
    publish_card,
    register,
    remove_account,
)
from provider.store.guests import (
    GuestWish,
    end_guests,
    in_place_of_name,
    note_guest,
    open_guest,
)
from provider.store.items import NewItem, store_items, take_items
from tests.worlds.mailboxes.mailstores import counted

ALICE, GUEST, OTHER = bytes([1]) * 32, bytes([7]) * 32, bytes([8]) * 32
OPEN = RegistrationRules(mode=RegistrationMode.OPEN, guests=GuestMode.OPEN, max_guests=2)


def visit(store: MailStore, identity: bytes, *, day: int = 100, rules: RegistrationRules = OPEN) -> object:
    wish = GuestWish(identity=identity, first_number=1000, guest_day=day)
    return store.write(lambda connection: open_guest(connection, wish, rules))


def name(store: MailStore, name: str, identity: bytes) -> RegisterRefusal | None:
    application = Application(name=name, identity=identity, card=b"card", invitation_hash=b"", first_number=1, day=100)
    return store.write(lambda connection: register(connection, application, OPEN))


def put(store: MailStore, identity: bytes, count: int) -> None:
    new = [NewItem(identity, ItemKind.MESSAGE, bytes(8), b"body", 100)] * count
    store.write(lambda connection: store_items(connection, new, MailboxRules()))


def items_of(store: MailStore, identity: bytes) -> int:
    taken = store.read(lambda connection: take_items(connection, identity, Fetch((), Fresh(0, 1000), Fresh(0, 1000))))
    return len(taken.items) if taken is not None else -1


def test_a_guest_has_a_mailbox_and_a_second_wish_changes_nothing(store: MailStore) -> None:
    assert [visit(store, GUEST), visit(store, GUEST, day=120)] == [None, None]
    put(store, GUEST, 3)
    assert items_of(store, GUEST) == 3
    assert counted(store) == StoreFigures(accounts=0, guests=1, items=3)
    assert store.read(lambda connection: find_standing(connection, GUEST)) == Standing(100)


def test_nothing_that_looks_for_names_finds_a_guest(store: MailStore) -> None:
    visit(store, GUEST)
    in_place_of_a_name = in_place_of_name(GUEST)
    assert store.read(list_accounts) == []
    assert store.read(lambda connection: find_card(connection, in_place_of_a_name)) is None
    assert not store.write(
        lambda connection: publish_card(connection, in_place_of_a_name, GUEST, 1, b"card", today=100)
    )
    assert not store.write(
        lambda connection: remove_account(connection, in_place_of_a_name, retire_name=True, today=100)
    )
    assert items_of(store, GUEST) == 0


def test_the_only_time_that_is_kept_of_a_guest_is_the_day_of_its_last_visit(store: MailStore) -> None:
    visit(store, GUEST)
    store.write(lambda connection: note_guest(connection, GUEST, 105))
    store.write(lambda connection: note_guest(connection, GUEST, 104))
    [row] = store.read(
        lambda connection: (
            connection.exec_driver_sql("SELECT * FROM accounts WHERE guest_day IS NOT NULL").mappings().all()
        )
    )
    assert {key: value for key, value in row.items() if key != "id"} == {
        "name": in_place_of_name(GUEST),
        "identity": GUEST,
        "card": b"",
        "card_version": 0,
        "next_number": 1000,
        "item_count": 0,
        "created_day": 0,
        "guest_day": 105,
    }


def test_a_key_is_a_guest_or_has_a_name(store: MailStore) -> None:
    assert name(store, "alice", ALICE) is None
    assert visit(store, ALICE) is RegisterRefusal.KEY_TAKEN
    assert visit(store, GUEST) is None
    assert name(store, "guest", GUEST) is RegisterRefusal.KEY_TAKEN
    found = [store.read(lambda c, who=who: find_standing(c, who)) for who in (ALICE, GUEST, OTHER)]
    assert found == [Standing(None), Standing(100), None]


def test_there_are_only_so_many_guests_and_they_take_no_place_of_names(store: MailStore) -> None:
    assert [visit(store, identity) for identity in (GUEST, OTHER, bytes(32))] == [None, None, RegisterRefusal.FULL]
    assert visit(store, GUEST) is None
    assert name(store, "alice", ALICE) is None


def test_a_token_is_spent_last_and_only_for_an_account(store: MailStore) -> None:
    rules = RegistrationRules(mode=RegistrationMode.OPEN, guests=GuestMode.TOKEN, max_guests=1)
    paid: list[bytes] = []

    def wish(identity: bytes, *, counts: bool) -> RegisterRefusal | None:
        def pay(_: Connection) -> bool:
            paid.append(identity)
            return counts

        made = GuestWish(identity=identity, first_number=1, guest_day=100)
        return store.write(lambda connection: open_guest(connection, made, rules, pay))

    name(store, "alice", ALICE)
    assert wish(ALICE, counts=True) is RegisterRefusal.KEY_TAKEN
    assert wish(GUEST, counts=False) is RegisterRefusal.BAD_TOKEN
    assert counted(store).guests == 0
    assert [wish(GUEST, counts=True), wish(GUEST, counts=True)] == [None, None]
    assert wish(OTHER, counts=True) is RegisterRefusal.FULL
    assert paid == [GUEST, GUEST]


def test_guests_end_and_named_accounts_do_not(store: MailStore) -> None:
    name(store, "alice", ALICE)
    visit(store, GUEST, day=99)
    visit(store, OTHER, day=100)
    put(store, GUEST, 2)
    assert store.write(lambda connection: end_guests(connection, 100, 50)) == 3
    assert counted(store) == StoreFigures(accounts=1, guests=1, items=0)
    assert items_of(store, GUEST) == -1
    assert visit(store, GUEST) is None


def test_a_full_mailbox_is_removed_bit_by_bit_and_its_count_is_right_if_the_guest_comes_back(store: MailStore) -> None:
    visit(store, GUEST, day=1)
    put(store, GUEST, 5)
    assert store.write(lambda connection: end_guests(connection, 100, 2)) == 2
    assert (items_of(store, GUEST), counted(store).items) == (3, 3)
    store.write(lambda connection: note_guest(connection, GUEST, 100))
    assert store.write(lambda connection: end_guests(connection, 100, 2)) == 0
    store.write(lambda connection: end_guests(connection, 200, 3))
    assert counted(store) == StoreFigures(accounts=0, guests=1, items=0)
    assert store.write(lambda connection: end_guests(connection, 200, 3)) == 1
    assert counted(store).guests == 0
