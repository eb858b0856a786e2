"""What an operator does with accounts, while the provider runs or not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from loopixmix.errors import ConfigError
from loopixmix.node.config import CONFIG_FILE
from provider.accounts import RegistrationMode, RegistrationRules, hash_invitation
from provider.administration import Administration, UnknownAccountError, administration
from provider.mailbox import MailboxRules
from provider.store import MailStore
from provider.store.accounts import Account, Application, register
from provider.store.items import store_items
from tests.worlds.mailboxes.mailstores import ALICE, BOB, message, open_account

BY_INVITATION = RegistrationRules(mode=RegistrationMode.INVITATION)


def application(name: str, identity: bytes, code: str = "") -> Application:
    return Application(
        name=name, identity=identity, card=b"", invitation_hash=hash_invitation(code), first_number=1, day=5
    )


def test_accounts_are_listed_by_name(store: MailStore) -> None:
    open_account(store, "bob", BOB)
    open_account(store, "alice", ALICE, card=b"card")
    store.write(lambda connection: store_items(connection, [message(BOB)], MailboxRules()))
    assert Administration(store).accounts() == [
        Account(name="alice", identity=ALICE, published=True, items=0, created_day=1),
        Account(name="bob", identity=BOB, published=False, items=1, created_day=1),
    ]


@pytest.mark.parametrize("release_name", [True, False])
def test_a_removed_account_s_name_is_given_again_only_if_released(store: MailStore, release_name: bool) -> None:
    open_account(store, "alice", ALICE)
    Administration(store).remove("alice", release_name=release_name, today=100)
    again = RegistrationRules(mode=RegistrationMode.OPEN)
    refusal = store.write(lambda connection: register(connection, application("alice", BOB), again))
    assert (refusal is None) == release_name


def test_an_account_that_is_not_there_cannot_be_removed(store: MailStore) -> None:
    with pytest.raises(UnknownAccountError, match="no account mallory"):
        Administration(store).remove("mallory", release_name=False, today=100)


def test_an_invitation_opens_as_many_accounts_as_it_says(store: MailStore, rng: random.Random) -> None:
    code = Administration(store).invite(uses=1, last_day=5, rng=rng)
    refusals = [
        store.write(
            lambda connection, name=name, key=key: register(connection, application(name, key, code), BY_INVITATION)
        )
        for name, key in (("alice", ALICE), ("bob", BOB))
    ]
    assert [refusal is None for refusal in refusals] == [True, False]


def test_the_store_is_opened_where_the_provider_s_configuration_says_and_closed(tmp_path: Path) -> None:
    (tmp_path / CONFIG_FILE).write_text('name = "p1"\nlisten = "127.0.0.1:30001"\n')
    with pytest.raises(ConfigError, match="no provider has run here yet"), administration(tmp_path):
        pass
    with administration(tmp_path, may_begin=True) as opened:
        assert opened.accounts() == []
    assert (tmp_path / "mail.sqlite3").exists()
