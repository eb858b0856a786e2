"""The answers without a network and without asyncio: what they wait for is the client alone."""

from __future__ import annotations

import random

from answering import answer
from twisted.internet.task import Clock

from client.testing import FakeNetwork, wait_for


def test_a_message_is_answered_once_however_often_it_is_offered() -> None:
    clock = Clock()
    network = FakeNetwork(clock=clock, rng=random.Random(1), delay_s=1.0)
    alice, bob = network.client("alice@home"), network.client("bob@away")
    wait_for(alice.add_contact("bob@away"), clock)
    wait_for(alice.send("bob@away", b"hello", kind="text", idempotency_key="1"), clock)
    clock.pump([1.0] * 10)
    [message] = wait_for(bob.inbox(), clock)
    wait_for(answer(bob, message), clock)
    wait_for(answer(bob, message), clock)
    clock.pump([1.0] * 10)
    [answered] = wait_for(alice.inbox(), clock)
    assert (answered.sender, answered.body) == ("bob@away", b"I got: hello")


def test_a_message_under_the_address_of_a_contact_by_another_key_is_left_alone() -> None:
    clock = Clock()
    network = FakeNetwork(clock=clock, rng=random.Random(1), delay_s=1.0)
    eve, bob = network.client("alice@home"), network.client("bob@away")
    wait_for(bob.add_contact("alice@home"), clock)
    network.change_key("alice@home")
    wait_for(eve.add_contact("bob@away"), clock)
    wait_for(eve.send("bob@away", b"hello", kind="text", idempotency_key="1"), clock)
    clock.pump([1.0] * 10)
    [message] = wait_for(bob.inbox(), clock)
    assert str(message.sender).startswith("key:")
    wait_for(answer(bob, message), clock)
    clock.pump([1.0] * 10)
    assert wait_for(eve.inbox(), clock) == []
