"""Any order of arrivals, pulls, acknowledgements, removals and restarts: nothing acknowledged is lost or comes back."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from loopixmix.wire import ItemKind
from provider.accounts import RegistrationMode, RegistrationRules
from provider.mailbox import Fetch, Fresh, Mailbox, MailboxRules
from provider.store import MailStore
from provider.store.accounts import Application, register, remove_account
from provider.store.items import NewItem, PutOutcome, delete_owned, expire_items, store_items, take_items
from tests.worlds.databases import new_database
from tests.worlds.mailboxes.mailstores import figures

RULES = MailboxRules(quota_items=12, lease_pulls=2)
ALL = Fetch((), Fresh(0, 1000), Fresh(0, 1000))
OPEN = RegistrationRules(mode=RegistrationMode.OPEN)
USERS = tuple(bytes([n]) * 32 for n in range(1, 4))
users = st.sampled_from(USERS)


class Store(RuleBasedStateMachine):
    """Three users, against lists."""

    kind = "sqlite"

    @initialize()
    def open(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.url = new_database(self.kind, Path(self.directory.name))
        self.store = MailStore(self.url)
        self.waiting: dict[bytes, list[bytes]] = {}
        self.mailboxes: dict[bytes, Mailbox] = {}
        self.given: dict[bytes, dict[int, bytes]] = {user: {} for user in USERS}
        self.seen: dict[bytes, set[int]] = {user: set() for user in USERS}
        self.count = 0

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.directory.cleanup()

    @rule(user=users)
    def register(self, user: bytes) -> None:
        self.count += 1
        application = Application(
            name=f"user{user[0]}",
            identity=user,
            card=b"",
            invitation_hash=b"",
            first_number=1_000_000 * self.count,
            day=1,
        )
        assert self.store.write(lambda connection: register(connection, application, OPEN)) is None
        self.waiting.setdefault(user, [])

    @rule(user=users)
    def remove(self, user: bytes) -> None:
        removed = self.store.write(lambda c: remove_account(c, f"user{user[0]}", retire_name=False, today=100))
        assert removed == (user in self.waiting)
        self.waiting.pop(user, None)
        self.given[user].clear()

    @rule(
        coming=st.lists(st.tuples(users, st.sampled_from([ItemKind.MESSAGE, ItemKind.REPLY])), min_size=1, max_size=6)
    )
    def arrive(self, coming: list[tuple[bytes, ItemKind]]) -> None:
        new = []
        for recipient, kind in coming:
            self.count += 1
            new.append(NewItem(recipient, kind, bytes(8), b"%d" % self.count, 1))
        outcomes = self.store.write(lambda connection: store_items(connection, new, RULES))
        for item, outcome in zip(new, outcomes, strict=True):
            box = self.waiting.get(item.recipient)
            if box is None:
                assert outcome is PutOutcome.UNKNOWN_RECIPIENT
            elif len(box) >= (RULES.quota_items // 2 if item.kind is ItemKind.REPLY else RULES.quota_items):
                assert outcome is PutOutcome.MAILBOX_FULL
            else:
                assert outcome is PutOutcome.STORED
                box.append(item.body)

    @rule(user=users, data=st.data())
    def pull(self, user: bytes, data: st.DataObject) -> None:
        given = self.given[user]
        acknowledged = sorted(data.draw(st.sets(st.sampled_from(sorted(given))))) if given else []
        mailbox = self.mailboxes.setdefault(user, Mailbox(pull_batch=3, lease_pulls=RULES.lease_pulls))
        mailbox.acknowledge(acknowledged)
        self.store.write(lambda connection: delete_owned(connection, [(user, acknowledged)]))
        for number in acknowledged:
            self.waiting[user].remove(given.pop(number))
        fetch = mailbox.fetch()
        if fetch is not None:
            taken = self.store.read(lambda connection: take_items(connection, user, fetch))
            if taken is None:
                assert user not in self.waiting
                mailbox.fetch_failed()
            else:
                mailbox.fetched(taken.account_id, taken.items, taken.last_number)
        for item in mailbox.give():
            if user in self.waiting and item.body in self.waiting[user]:
                assert item.number not in self.seen[user] or item.number in given
                given[item.number] = item.body
                self.seen[user].add(item.number)

    @rule()
    def expire_nothing_young(self) -> None:
        assert self.store.write(lambda connection: expire_items(connection, 1, 100)) == 0

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = MailStore(self.url)
        self.mailboxes.clear()

    @invariant()
    def everything_waits_in_order(self) -> None:
        if not hasattr(self, "store"):
            return
        for user, box in self.waiting.items():
            taken = self.store.read(lambda connection, user=user: take_items(connection, user, ALL))
            assert taken is not None
            assert [item.body for item in taken.items] == box
        counted = self.store.read(figures)
        assert (counted.accounts, counted.items) == (len(self.waiting), sum(map(len, self.waiting.values())))


TestStore = Store.TestCase
TestStore.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)


class StoreInPostgres(Store):
    """The same in PostgreSQL."""

    kind = "postgres"


@pytest.mark.long
@pytest.mark.needs("postgres")
class TestStoreInPostgres(StoreInPostgres.TestCase):  # type: ignore[misc,valid-type]
    settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
