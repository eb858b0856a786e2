"""A provider's store with accounts and items in it, on a clock; and an observer that counts drops."""

from __future__ import annotations

from sqlalchemy import Connection
from twisted.internet.task import Clock

from loopixmix.drops import DropReason
from loopixmix.seams import Fact, Identity, PacketDropped
from loopixmix.wire import ItemKind
from provider.accounts import GuestMode, RegistrationMode, RegistrationRules
from provider.drops import Drops
from provider.mailbox import Fetch, Fresh, MailboxRules
from provider.store import MailStore
from provider.store.access import clocked_access
from provider.store.accounts import Application, StoreFigures, count_items, count_of, register
from provider.store.items import NewItem, store_items, take_items

ALICE, BOB, NOBODY = bytes([1]) * 32, bytes([2]) * 32, bytes([9]) * 32
WRITE_S, READ_S = 0.004, 0.001
RULES = MailboxRules()
ALL = Fetch((), Fresh(0, 1000), Fresh(0, 1000))
OPEN = RegistrationRules(mode=RegistrationMode.OPEN, guests=GuestMode.OPEN)


def open_account(store: MailStore, name: str, identity: Identity, *, card: bytes = b"", first_number: int = 1) -> None:
    application = Application(
        name=name, identity=identity, card=card, invitation_hash=b"", first_number=first_number, day=1
    )
    assert store.write(lambda connection: register(connection, application, OPEN)) is None


def message(recipient: Identity, body: bytes = b"x", *, day: int = 1) -> NewItem:
    return NewItem(recipient, ItemKind.MESSAGE, bytes(8), body, day)


def figures(connection: Connection) -> StoreFigures:
    """Count accounts, guests and items, all at once."""
    return StoreFigures(
        accounts=count_of(connection, guests=False),
        guests=count_of(connection, guests=True),
        items=count_items(connection, after=0, limit=1_000_000).items,
    )


def counted(store: MailStore) -> StoreFigures:
    """Count accounts, guests and items in a store."""
    return store.read(figures)


class Facts:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def observe(self, fact: Fact, /) -> None:
        self.facts.append(fact)

    @property
    def drops(self) -> list[DropReason]:
        return [fact.reason for fact in self.facts if isinstance(fact, PacketDropped)]


class StoreWorld:
    """A store with an account of Alice, reached in `WRITE_S` and `READ_S`."""

    def __init__(
        self, store: MailStore, *, rules: MailboxRules = RULES, read_s: float = READ_S, account: bool = True
    ) -> None:
        self.clock = Clock()
        self.store = store
        self.rules = rules
        self.facts = Facts()
        self.access = clocked_access(store, rules, clock=self.clock, write_s=WRITE_S, read_s=read_s)
        self.drops = Drops(clock=self.clock, observer=self.facts)
        if account:
            open_account(store, "alice", ALICE)

    def put(self, *bodies: bytes, recipient: Identity = ALICE, day: int = 1) -> None:
        new = [message(recipient, body, day=day) for body in bodies]
        self.store.write(lambda connection: store_items(connection, new, self.rules))

    def bodies(self, identity: Identity = ALICE) -> list[bytes]:
        taken = self.store.read(lambda connection: take_items(connection, identity, ALL))
        assert taken is not None
        return [item.body.rstrip(b"\0") for item in taken.items]

    def break_store(self) -> None:
        self.rename("items", "elsewhere")

    def mend_store(self) -> None:
        self.rename("elsewhere", "items")

    def rename(self, old: str, new: str) -> None:
        self.store.write(lambda connection: connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}"))
