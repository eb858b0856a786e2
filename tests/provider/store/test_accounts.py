"""Accounts, cards and invitations in the store."""

from __future__ import annotations

import pytest

from loopixmix.wire import ItemKind, RegisterRefusal
from provider.accounts import RegistrationMode, RegistrationRules
from provider.mailbox import Fetch, Fresh, MailboxRules
from provider.store import MailStore
from provider.store.accounts import (
    Account,
    Application,
    PublishedCard,
    Standing,
    StoreFigures,
    add_invitation,
    find_card,
    find_standing,
    forget_invitations,
    list_accounts,
    publish_card,
    register,
    remove_account,
)
from provider.store.items import NewItem, store_items, take_items
from tests.worlds.mailboxes.mailstores import counted

ALICE, BOB = bytes([1]) * 32, bytes([2]) * 32
OPEN = RegistrationRules(mode=RegistrationMode.OPEN)
INVITED = RegistrationRules(mode=RegistrationMode.INVITATION)
CODE, OTHER_CODE = bytes(32), bytes([9]) * 32


def apply(
    store: MailStore,
    name: str,
    identity: bytes,
    *,
    card: bytes = b"",
    code: bytes = b"",
    day: int = 100,
    rules: RegistrationRules = OPEN,
) -> RegisterRefusal | None:
    application = Application(name=name, identity=identity, card=card, invitation_hash=code, first_number=1000, day=day)
    return store.write(lambda connection: register(connection, application, rules))


def invite(store: MailStore, code: bytes, *, uses: int, last_day: int) -> None:
    store.write(lambda connection: add_invitation(connection, code, uses=uses, last_day=last_day))


def card_of(store: MailStore, name: str) -> PublishedCard | None:
    return store.read(lambda connection: find_card(connection, name))


def publish(store: MailStore, name: str, identity: bytes, version: int, card: bytes) -> bool:
    return store.write(lambda connection: publish_card(connection, name, identity, version, card, today=100))


def test_an_account_belongs_to_one_name_and_one_key(store: MailStore) -> None:
    assert apply(store, "alice", ALICE, card=b"card") is None
    assert apply(store, "alice", ALICE) is None
    assert apply(store, "alice", BOB) is RegisterRefusal.NAME_TAKEN
    assert apply(store, "bob", ALICE) is RegisterRefusal.KEY_TAKEN
    assert card_of(store, "alice") == PublishedCard(ALICE, 0, b"card")
    assert card_of(store, "bob") is None
    assert store.read(lambda connection: (find_standing(connection, ALICE), find_standing(connection, BOB))) == (
        Standing(None),
        None,
    )


def test_registering_again_renews_the_card_but_never_takes_it_away(store: MailStore) -> None:
    apply(store, "alice", ALICE, card=b"one")
    publish(store, "alice", ALICE, 5, b"two")
    apply(store, "alice", ALICE)
    assert card_of(store, "alice") == PublishedCard(ALICE, 5, b"two")
    apply(store, "alice", ALICE, card=b"three")
    assert card_of(store, "alice") == PublishedCard(ALICE, 5, b"three")


def test_a_card_is_published_by_its_key_and_never_goes_back(store: MailStore) -> None:
    apply(store, "alice", ALICE)
    assert publish(store, "alice", ALICE, 3, b"three")
    assert publish(store, "alice", ALICE, 3, b"three")
    assert not publish(store, "alice", ALICE, 3, b"other")
    assert not publish(store, "alice", ALICE, 2, b"two")
    assert not publish(store, "alice", BOB, 4, b"forged")
    assert not publish(store, "nobody", ALICE, 4, b"card")
    assert not publish(store, "", b"", 4, b"card")
    assert card_of(store, "alice") == PublishedCard(ALICE, 3, b"three")
    assert publish(store, "alice", ALICE, 4, b"")
    assert card_of(store, "alice") == PublishedCard(ALICE, 4, b"")


def test_an_invitation_is_used_up_by_those_who_register_with_it(store: MailStore) -> None:
    invite(store, CODE, uses=2, last_day=100)
    assert apply(store, "alice", ALICE, rules=INVITED) is RegisterRefusal.BAD_INVITATION
    assert apply(store, "alice", ALICE, code=OTHER_CODE, rules=INVITED) is RegisterRefusal.BAD_INVITATION
    assert apply(store, "alice", ALICE, code=CODE, rules=INVITED) is None
    assert apply(store, "alice", ALICE, code=CODE, rules=INVITED) is None
    assert apply(store, "alice", BOB, code=CODE, rules=INVITED) is RegisterRefusal.NAME_TAKEN
    assert apply(store, "bob", BOB, code=CODE, rules=INVITED) is None
    assert apply(store, "carol", bytes([3]) * 32, code=CODE, rules=INVITED) is RegisterRefusal.BAD_INVITATION


def test_an_invitation_ends_with_its_last_day(store: MailStore) -> None:
    invite(store, CODE, uses=1, last_day=99)
    assert apply(store, "alice", ALICE, code=CODE, day=100, rules=INVITED) is RegisterRefusal.BAD_INVITATION
    assert apply(store, "alice", ALICE, code=CODE, day=99, rules=INVITED) is None


def test_spent_and_expired_invitations_are_forgotten(store: MailStore) -> None:
    invite(store, CODE, uses=1, last_day=100)
    invite(store, OTHER_CODE, uses=1, last_day=50)
    assert store.write(lambda connection: forget_invitations(connection, 51)) == 1
    apply(store, "alice", ALICE, code=CODE, rules=INVITED)
    assert store.write(lambda connection: forget_invitations(connection, 51)) == 1


def test_a_provider_can_be_full(store: MailStore) -> None:
    rules = RegistrationRules(mode=RegistrationMode.OPEN, max_accounts=1)
    assert apply(store, "alice", ALICE, rules=rules) is None
    assert apply(store, "bob", BOB, rules=rules) is RegisterRefusal.FULL


@pytest.mark.parametrize("retire_name", [True, False])
def test_a_removed_account_is_gone_with_its_items(store: MailStore, retire_name: bool) -> None:
    apply(store, "alice", ALICE, card=b"card")
    new = [NewItem(ALICE, ItemKind.MESSAGE, bytes(8), b"x", 100)]
    store.write(lambda connection: store_items(connection, new, MailboxRules()))
    before = store.read(lambda connection: take_items(connection, ALICE, Fetch((), Fresh(0, 9), Fresh(0, 9))))
    assert store.write(lambda connection: remove_account(connection, "alice", retire_name=retire_name, today=100))
    assert not store.write(lambda connection: remove_account(connection, "alice", retire_name=retire_name, today=100))
    assert counted(store) == StoreFigures(accounts=0, guests=0, items=0)
    assert card_of(store, "alice") is None
    assert apply(store, "alice", BOB) == (RegisterRefusal.NAME_TAKEN if retire_name else None)
    assert apply(store, "alice2", ALICE) is None
    after = store.read(lambda connection: take_items(connection, ALICE, Fetch((), Fresh(0, 9), Fresh(0, 9))))
    assert before is not None
    assert after is not None
    assert after.items == ()
    assert after.account_id != before.account_id


def test_the_operator_sees_names_keys_and_counts(store: MailStore) -> None:
    apply(store, "bob", BOB, day=101)
    apply(store, "alice", ALICE, card=b"card")
    new = [NewItem(BOB, ItemKind.MESSAGE, bytes(8), b"x", 101)] * 2
    store.write(lambda connection: store_items(connection, new, MailboxRules()))
    assert store.read(list_accounts) == [
        Account(name="alice", identity=ALICE, published=True, items=0, created_day=100),
        Account(name="bob", identity=BOB, published=False, items=2, created_day=101),
    ]
    assert counted(store) == StoreFigures(accounts=2, guests=0, items=2)
