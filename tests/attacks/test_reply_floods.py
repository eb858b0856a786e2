"""Somebody sends a user packets that end as replies in her mailbox, more than her pulls can fetch."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from loopixmix.routing.path import choose_path, draw_delays_s, hops_for
from loopixmix.sphinx import Reply, wrap
from loopixmix.wire import Item, ItemKind, Registered
from provider.mailbox import MailboxRules
from tests.worlds.networks.providers import HandClient
from tests.worlds.networks.towns import Town

FLOOD = 60
"""Replies that a client sends in a second: 90 at once and 4.5 a second are let through. Pulls fetch 4 a second."""


def reply_to(victim: HandClient, attacker: HandClient, rng: random.Random) -> bytes:
    """Return a packet that reaches the victim's mailbox as a reply which answers nothing."""
    document, params = attacker.world.model.document, attacker.world.params
    path = choose_path(document, entry=attacker.provider, exit=victim.provider, rng=rng)
    delays_s = draw_delays_s(len(path) - 1, params, rng)
    final = Reply(victim.id, rng.randbytes(8))
    hops = hops_for(document, path, final, delays_s, start_s=attacker.world.clock.seconds())
    return wrap(hops, b"", sphinx=attacker.world.packet_format.sphinx, rng=rng)


def texts(items: Sequence[Item]) -> list[bytes]:
    return [item.body.rstrip(b"\0") for item in items if item.kind is ItemKind.MESSAGE]


def test_a_flood_of_replies_keeps_no_message_from_a_user_who_pulls(tmp_path: Path) -> None:
    town = Town(tmp_path)
    carol = HandClient(town.world, "carol", town.p1)
    assert carol.register() == Registered()
    rng = random.Random(5)
    got: list[bytes] = []
    given: list[Item] = []
    for second in range(12):
        for _ in range(FLOOD):
            town.alice.submit(reply_to(town.bob, town.alice, rng))
        carol.deliver(town.bob.id, b"message %d" % second, exit=town.p2.identity)
        town.world.run(1.0)
        given = town.bob.pull([item.item_id for item in given if item.kind is not ItemKind.DUMMY])
        got += texts(given)
    # The one of the last second may be on its way.
    assert got[:11] == [b"message %d" % second for second in range(11)]
    assert town.p2.service.deliveries.counts.stored > 2 * 12 * len(given)
    town.stop()


def test_a_flood_of_replies_leaves_messages_room_in_the_mailbox_of_a_user_who_is_away(tmp_path: Path) -> None:
    town = Town(tmp_path, mailbox=MailboxRules(quota_items=20))
    rng = random.Random(6)
    for _ in range(FLOOD):
        town.alice.submit(reply_to(town.bob, town.alice, rng))
    town.settle()
    assert town.p2.service.deliveries.counts.full > 0
    town.alice.deliver(town.bob.id, b"there is room", exit=town.p2.identity)
    town.settle()
    assert texts(town.bob.collect(pulls=2)) == [b"there is room"]
    town.stop()
