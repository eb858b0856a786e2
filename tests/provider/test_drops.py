"""Dropped packets are told to the observer, with time and reason."""

from __future__ import annotations

from twisted.internet.task import Clock

from loopixmix.drops import DropReason
from loopixmix.seams import PacketDropped
from provider.drops import Drops
from tests.worlds.mailboxes.mailstores import Facts


def test_a_drop_is_observed_at_its_time() -> None:
    clock, facts = Clock(), Facts()
    drops = Drops(clock=clock, observer=facts)
    drops.count(DropReason.RATE_LIMITED)
    clock.advance(2.0)
    drops.count(DropReason.MAILBOX_FULL)
    assert facts.facts == [PacketDropped(0.0, DropReason.RATE_LIMITED), PacketDropped(2.0, DropReason.MAILBOX_FULL)]
