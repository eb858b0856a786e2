"""Requests that come together share a few statements and a commit, and bad ones harm no others."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from provider.store import MailStore
from provider.store.requests import Begun, NewRequest, read_answer
from tests.worlds.mailboxes.mailstores import ALICE, WRITE_S, StoreWorld, message


def test_all_kinds_of_changes_share_a_batch(store: MailStore) -> None:
    world = StoreWorld(store)
    begun: list[Begun] = []
    for number in range(3):
        world.access.begin(NewRequest(bytes([number]) * 32, "s", 1, True)).addCallback(begun.append)
    world.access.put(message(ALICE, b"mail"))
    world.clock.advance(WRITE_S)
    assert begun == [Begun.NOW] * 3
    kept: list[None] = []
    # An answer and a copy of its request in one batch: the copy finds it.
    world.access.begin(NewRequest(bytes(32), "s", 1, True)).addCallback(begun.append)
    world.access.keep_answer(bytes(32), b"sealed").addCallback(kept.append)
    world.clock.advance(WRITE_S)
    assert (begun[3:], kept) == ([Begun.ANSWERED], [None])
    assert store.read(lambda connection: read_answer(connection, bytes(32))) == (Begun.ANSWERED, b"sealed")
    assert world.bodies() == [b"mail"]


def test_what_cannot_be_written_fails_alone(store: MailStore) -> None:
    world = StoreWorld(store)
    outcomes: list[object] = []

    def begin(epoch: int) -> Deferred[None]:
        asked = world.access.begin(NewRequest(epoch.to_bytes(32), "s", epoch, True))
        return asked.addCallbacks(outcomes.append, lambda failure: outcomes.append(type(failure.value).__name__))

    # One number is over the range of the database.
    for epoch in (1, 2**70, 2):
        begin(epoch)
    world.clock.advance(WRITE_S)
    assert outcomes[0] is outcomes[2] is Begun.NOW
    assert isinstance(outcomes[1], str)
