"""The clients a provider knows: made when first heard, forgotten when idle, never too many."""

from __future__ import annotations

import tracemalloc

from twisted.internet.task import Clock

from loopixmix.params import NetworkParams
from provider.clients.allowance import ClientRules
from provider.clients.client import FORGET_S, KnownClients
from tests.worlds.mailboxes.mailstores import ALICE, BOB

PARAMS = NetworkParams(pull_batch=3)


def known_clients(clock: Clock, *, max_known: int = 100) -> KnownClients:
    known = KnownClients(rules=ClientRules(max_known=max_known), lease_pulls=4, clock=clock)
    known.adopt(PARAMS)
    return known


def test_no_client_is_known_before_the_rates_are() -> None:
    known = KnownClients(rules=ClientRules(), lease_pulls=4, clock=Clock())
    assert known.heard(ALICE) is None
    assert len(known) == 0


def test_a_client_is_the_same_each_time_it_is_heard() -> None:
    known = known_clients(Clock())
    alice = known.heard(ALICE)
    assert alice is not None
    assert alice.registered is None
    assert known.heard(ALICE) is alice
    assert known.heard(BOB) is not alice
    assert len(known) == 2


def test_who_is_idle_is_forgotten_and_who_is_not_stays() -> None:
    clock = Clock()
    known = known_clients(clock)
    alice, bob = known.heard(ALICE), known.heard(BOB)
    clock.advance(FORGET_S / 2)
    assert known.heard(ALICE) is alice
    clock.advance(FORGET_S / 2 + 1)
    known.forget_idle()
    assert len(known) == 1
    assert known.heard(ALICE) is alice
    assert known.heard(BOB) is not bob


def test_a_clock_that_was_ahead_for_a_while_lets_nobody_stay_for_ever() -> None:
    clock = Clock()
    known = known_clients(clock)
    clock.advance(10 * FORGET_S)
    known.heard(ALICE)
    known.heard(BOB)
    clock.rightNow = 0.0
    known.forget_idle()
    assert len(known) == 2
    clock.advance(FORGET_S)
    known.forget_idle()
    assert len(known) == 0


def test_the_idlest_makes_room_for_a_newcomer() -> None:
    known = known_clients(Clock(), max_known=2)
    alice, bob = known.heard(ALICE), known.heard(BOB)
    assert known.heard(ALICE) is alice
    known.heard(bytes(32))
    assert len(known) == 2
    assert known.heard(ALICE) is alice
    assert known.heard(BOB) is not bob


def test_a_new_document_changes_the_batches_of_those_who_are_known() -> None:
    known = known_clients(Clock())
    alice = known.heard(ALICE)
    known.adopt(NetworkParams(pull_batch=5))
    assert alice is not None
    assert alice.mailbox.pull_batch == 5


def test_a_known_client_takes_about_a_kilobyte() -> None:
    known = known_clients(Clock(), max_known=2_000)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(2_000):
        client = known.heard(number.to_bytes(32))
        assert client is not None
        client.mailbox.fetch()
        client.mailbox.fetched(number, (), 0)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # The bound of `max_known` rests on it: 250,000 of them are 0.3 GB.
    assert (after - before) / 2_000 < 1_300


def test_a_gateway_has_its_own_batches_and_as_many_seconds_to_store_what_it_was_given() -> None:
    known = known_clients(Clock())
    alice, bob = known.heard(ALICE), known.heard(BOB)
    assert alice is not None
    assert bob is not None
    known.adopt(PARAMS, {ALICE: NetworkParams(pull_batch=40, pull_rate_per_s=10 * PARAMS.pull_rate_per_s)})
    assert (alice.mailbox.pull_batch, alice.mailbox.lease_pulls) == (40, 40)
    assert (bob.mailbox.pull_batch, bob.mailbox.lease_pulls) == (3, 4)
    # One that pulls seldom has no fewer pulls than others.
    known.adopt(PARAMS, {ALICE: NetworkParams(pull_batch=40, pull_rate_per_s=0.1)})
    assert alice.mailbox.lease_pulls == 4
    # No gateway any more.
    known.adopt(PARAMS)
    assert (alice.mailbox.pull_batch, alice.mailbox.lease_pulls) == (3, 4)
