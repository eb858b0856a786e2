"""Providers in a whole network in memory: shipped mixes, shipped providers, clients by hand, one clock."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text
from twisted.logger import LogEvent

from loopixmix.cards import CARD_BYTES, decode_card
from loopixmix.drops import DropReason, RefusalReason
from loopixmix.keys import IdentityKey
from loopixmix.requests.answers import AnswerShare, answer_share_bytes, decode_answer
from loopixmix.requests.coding import decode_shares, encode_shares
from loopixmix.requests.names import LookUp, encode_keys_request, sign_publish
from loopixmix.requests.parts import NO_SHARE, RequestPart, request_content, request_head
from loopixmix.requests.single import ReplyStatus, ServiceReply
from loopixmix.routing.path import service_id
from loopixmix.seams import PacketDelivered, PacketIn
from loopixmix.wire import Dummy, Item, ItemKind, Pull, Register, Registered, RegisterRefusal, RegisterRefused
from provider.mailbox import MailboxRules
from provider.mailboxes.housekeeping import TURN_S
from tests.worlds.networks.mixes import MixWorld
from tests.worlds.networks.providers import WRITE_S, HandClient, RunningProvider
from tests.worlds.networks.towns import TOWN_PARAMS, Town

WITHOUT_LOOPS = msgspec.structs.replace(TOWN_PARAMS, node_loop_rate_per_s=1e-6)
OK, FAILED = ReplyStatus.OK, ReplyStatus.FAILED


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    yield town
    town.stop()


def texts(items: Sequence[Item]) -> list[bytes]:
    return [item.body.rstrip(b"\0") for item in items if item.kind is ItemKind.MESSAGE]


# -- messages and acknowledgements


def test_a_message_goes_from_client_to_client_and_is_acknowledged(town: Town) -> None:
    town.alice.deliver(town.bob.id, b"hello", exit=town.p2.identity)
    town.settle()
    [item] = town.bob.collect()
    assert item.body.rstrip(b"\0") == b"hello"
    assert town.alice.replies() == [b""]
    assert town.p2.service.deliveries.counts.stored == 1
    assert not set(town.p1.recorder.drops + town.p2.recorder.drops)


def test_messages_within_one_provider_cross_the_mixes_too(town: Town) -> None:
    carol = HandClient(town.world, "carol", town.p1)
    assert carol.register() == Registered()
    town.alice.deliver(carol.id, b"hello", exit=town.p1.identity)
    town.settle()
    assert texts(carol.collect()) == [b"hello"]
    assert town.alice.replies() == [b""]


def test_the_acknowledgement_of_an_unknown_recipient_is_the_same(tmp_path: Path) -> None:
    """Same payload, same time from arrival to the reply block's use, and nothing is kept."""
    town = Town(tmp_path, params=WITHOUT_LOOPS)
    nobody = IdentityKey.generate(random.Random(3)).public
    used_after_s = []
    for recipient in (town.bob.id, nobody, town.bob.id, nobody):
        town.p2.recorder.facts.clear()
        town.alice.deliver(recipient, b"x", exit=town.p2.identity)
        town.settle()
        [arrived_s] = [fact.at_s for fact in town.p2.recorder.of(PacketDelivered)]
        [used_s] = [fact.at_s for fact in town.p2.recorder.of(PacketIn) if fact.peer == town.p2.identity]
        used_after_s.append(used_s - arrived_s)
    assert used_after_s == [pytest.approx(WRITE_S, abs=1e-6)] * 4
    assert town.alice.replies() == [b""] * 4
    assert len(texts(town.bob.collect())) == 2
    assert town.p2.service.deliveries.counts.unknown == 2
    town.stop()


def test_what_cannot_be_written_is_not_acknowledged(town: Town, logged: list[LogEvent]) -> None:
    town.p2.store.write(lambda connection: connection.execute(text("ALTER TABLE items RENAME TO elsewhere")))
    town.alice.deliver(town.bob.id, b"marked-secret", exit=town.p2.identity)
    town.settle()
    assert town.p2.drops(DropReason.STORE_FAILED) == 1
    assert "no such table" in (town.p2.service.problem or "")
    assert town.alice.replies() == []
    assert "marked-secret" not in repr(logged)
    town.p2.store.write(lambda connection: connection.execute(text("ALTER TABLE elsewhere RENAME TO items")))
    town.alice.deliver(town.bob.id, b"again", exit=town.p2.identity)
    town.settle()
    assert town.alice.replies() == [b""]
    assert town.p2.service.problem is None


def test_messages_survive_a_restart_and_are_given_again(town: Town) -> None:
    for n in range(3):
        town.alice.deliver(town.bob.id, b"%d" % n, exit=town.p2.identity)
        town.settle()
    given = town.bob.pull()
    town.p2.stop()
    restarted = RunningProvider(town.world, "provider2", town.directory)
    restarted.adopt(town.world.model.document)
    restarted.start()
    assert texts(town.bob.pull([given[0].item_id])) == [b"1", b"2"]
    town.p2 = restarted


def test_a_tagged_body_goes_nowhere(town: Town) -> None:
    packet = bytearray(town.alice.packet(town.bob.id, bytes(2048), exit=town.p2.identity))
    packet[-1] ^= 1
    town.alice.submit(bytes(packet))
    town.settle()
    assert town.p2.drops(DropReason.TAGGED_PAYLOAD) == 1
    assert texts(town.bob.collect()) == []


def test_a_reply_block_for_another_first_hop_is_not_used(town: Town) -> None:
    surb = town.alice.surb(town.p2.identity, first_hop=town.p1.identity)
    town.alice.submit(town.alice.packet(town.bob.id, bytes(2048), exit=town.p2.identity, surb=surb))
    town.settle()
    assert town.p2.drops(DropReason.UNKNOWN_NEXT_HOP) == 1
    assert town.alice.replies() == []


def test_a_reply_block_is_used_once(town: Town) -> None:
    surb = town.alice.surb(town.p2.identity)
    for _ in range(2):
        town.alice.submit(town.alice.packet(town.bob.id, bytes(2048), exit=town.p2.identity, surb=surb))
        town.settle()
    assert town.p2.drops(DropReason.REPLAY) == 1
    assert town.alice.replies() == [b""]


def test_a_reply_is_kept_for_its_owner_alone(town: Town) -> None:
    town.alice.deliver(town.bob.id, b"x", exit=town.p2.identity)
    town.settle()
    assert [item.kind for item in town.bob.collect()] == [ItemKind.MESSAGE]
    assert [item.kind for item in town.alice.collect()] == [ItemKind.REPLY]


# -- attacks on links


def test_an_unregistered_link_sends_nothing_into_the_network(town: Town) -> None:
    mallory = HandClient(town.world, "mallory", town.p1)
    mallory.deliver(town.bob.id, b"spam", exit=town.p2.identity)
    assert mallory.answer_to(Pull(1, ())) == [RegisterRefused(RegisterRefusal.NOT_REGISTERED)]
    town.settle()
    assert town.p1.drops(DropReason.NOT_REGISTERED) == 1
    assert texts(town.bob.collect()) == []


def test_a_neighbour_that_sends_other_frames_is_refused(town: Town) -> None:
    mix = town.mixes[2]
    mix.network.send(town.p1.identity, town.world.packet_format.frames.encode(Dummy()))
    town.settle()
    assert town.p1.recorder.refusals == []
    mix.network.send(town.p1.identity, town.world.packet_format.frames.encode(Pull(1, ())))
    town.settle()
    assert town.p1.recorder.refusals == [RefusalReason.GARBAGE]


def test_flooding_by_one_client_does_not_delay_another(town: Town) -> None:
    flood = [town.alice.packet(b"", b"", exit=town.p2.identity, discard=True) for _ in range(120)] * 20
    for packet in flood:
        town.alice.submit(packet)
    carol = HandClient(town.world, "carol", town.p1)
    assert carol.register() == Registered()
    carol.deliver(town.bob.id, b"in time", exit=town.p2.identity)
    town.settle()
    assert texts(town.bob.collect()) == [b"in time"]
    assert town.p1.drops(DropReason.RATE_LIMITED) > 2000
    assert town.p1.drops(DropReason.OVERLOADED) == 0


# -- services


def test_a_request_is_answered_through_the_network(town: Town) -> None:
    town.alice.request("echo", b"anybody there?", at=town.p2.identity)
    town.settle()
    assert town.alice.answers() == [ServiceReply(OK, b"anybody there?")]


def test_a_request_sent_again_is_answered_again(town: Town) -> None:
    for _ in range(2):
        town.alice.request("echo", b"once", at=town.p2.identity, request_id=bytes(16))
        town.settle()
    assert town.alice.answers() == [ServiceReply(OK, b"once")] * 2


def test_a_request_of_several_packets_is_answered_through_the_network(town: Town) -> None:
    body = random.Random(1).randbytes(6000)
    geometry, rng = town.world.geometry, random.Random(2)
    content = request_content(rng.randbytes(16), body)
    head = request_head(rng.randbytes(16), content, last_epoch=town.world.model.epoch + 1, size=geometry)
    # The first share is lost on its way, a coded one comes in its place; one more part brings blocks.
    for index in (1, 2, 3, 100, NO_SHARE):
        share = b"" if index == NO_SHARE else encode_shares(content, head.share_bytes, [index])[0]
        further = 2 if index == NO_SHARE else 0
        blocks = tuple(town.alice.surb(town.p2.identity).encode() for _ in range(further))
        part = RequestPart(head, index, share, blocks, blocks_end=1, coding=64, report=index == NO_SHARE)
        town.alice.send_part("echo", part, at=town.p2.identity)
    town.settle()
    town.world.run(30.0)
    said = [decode_answer(reply, geometry) for reply in town.alice.replies()]
    shares = {part.index: part.share for part in said if isinstance(part, AnswerShare)}
    assert sorted(shares) == [0, 1, 2, 3]
    assert decode_shares(shares, len(body), answer_share_bytes(len(body), geometry)) == body
    assert str(town.p2.service.status()["service_echo"]).startswith("1 answered, 0 failed")


def test_a_service_that_is_not_here_takes_the_request_like_a_mailbox(town: Town) -> None:
    payload = bytes(town.world.geometry.payload_bytes)
    surb = town.alice.surb(town.p2.identity)
    town.alice.submit(town.alice.packet(service_id("votes"), payload, exit=town.p2.identity, surb=surb))
    town.settle()
    assert town.alice.replies() == [b""]


def test_keys_are_looked_up_and_published_anonymously(town: Town) -> None:
    for name in ("bob", "nobody"):
        town.alice.request("keys", encode_keys_request(LookUp(name)), at=town.p2.identity)
        town.settle()
    known, unknown = town.alice.answers()
    assert decode_card(known.body).identity == town.bob.id
    assert (len(unknown.body), decode_card(unknown.body).name) == (CARD_BYTES, "nobody")
    newer = town.bob.card()
    for publish in (
        sign_publish(town.alice.identity_key, "bob", 2, newer),
        sign_publish(town.bob.identity_key, "bob", 1, newer),
    ):
        town.alice.request("keys", encode_keys_request(publish), at=town.p2.identity)
        town.settle()
    assert town.alice.answers() == [ServiceReply(FAILED, b""), ServiceReply(OK, b"")]
    town.alice.request("keys", encode_keys_request(LookUp("bob")), at=town.p2.identity)
    town.settle()
    assert town.alice.answers() == [ServiceReply(OK, newer)]


def test_loops_of_clients_mixes_and_providers_all_come_back(town: Town) -> None:
    for _ in range(5):
        surb = town.alice.surb(town.p2.identity)
        town.alice.submit(town.alice.packet(service_id("loop"), b"", exit=town.p2.identity, surb=surb))
    town.world.run(30.0)
    assert town.alice.replies() == [b""] * 5
    for node in (*town.mixes, town.p1, town.p2):
        loops = node.counters.snapshot().loops
        assert loops.sent > 5
        assert loops.lost == 0
        assert loops.sent - loops.returned <= 1
    assert not set(town.p1.recorder.drops + town.p2.recorder.drops)


# -- running


def test_the_status_says_how_much_there_is(town: Town) -> None:
    town.alice.deliver(town.bob.id, b"x", exit=town.p2.identity)
    town.world.run(TURN_S + 1)
    town.bob.pull()
    town.world.run(TURN_S + 1)
    status = town.p2.service.status()
    assert {key: status[key] for key in ("accounts", "items", "items_stored", "pulls", "clients", "services")} == {
        "accounts": 1,
        "items": 1,
        "items_stored": 1,
        "pulls": 1,
        "clients": 1,
        "services": "echo keys loop",
    }
    assert status["store_bytes"] > 10_000  # type: ignore[operator]
    assert status["pulls_per_s"] == pytest.approx(0.1)
    assert town.p2.service.problem is None


def test_a_store_that_fails_is_a_problem_until_it_works_again(town: Town) -> None:
    town.p2.store.write(lambda connection: connection.execute(text("ALTER TABLE accounts RENAME TO elsewhere")))
    town.world.run(TURN_S + 1)
    assert "store cannot be read" in (town.p2.service.problem or "")
    town.p2.store.write(lambda connection: connection.execute(text("ALTER TABLE elsewhere RENAME TO accounts")))
    town.world.run(TURN_S + 1)
    assert town.p2.service.problem is None


def test_items_expire(tmp_path: Path) -> None:
    town = Town(tmp_path, mailbox=MailboxRules(expiry_days=1))
    town.alice.deliver(town.bob.id, b"x", exit=town.p2.identity)
    town.settle()
    for node in (*town.mixes, town.p1):
        node.stop()
    town.p2.service.loops.stop()
    town.world.clock.advance(2 * 86_400)
    town.world.run(2 * TURN_S)
    assert town.p2.service.status()["items_expired"] == 0, "the clock may be wrong: the network has no document for it"
    now_s = int(town.world.clock.seconds())
    later = {"epoch": now_s // 600, "valid_from_s": now_s, "valid_until_s": now_s + 600}
    town.p2.service.adopt(msgspec.structs.replace(town.world.model.document, **later))
    town.p2.service.loops.stop()
    town.world.run(TURN_S + 1)
    assert town.p2.service.status()["items_expired"] == 1
    town.p2.stop()
    assert town.world.clock.getDelayedCalls() == []


def test_requests_are_erased_at_their_end_while_the_network_agrees_about_the_time(tmp_path: Path) -> None:
    town = Town(tmp_path)
    content = request_content(bytes(16), b"hello")
    head = request_head(bytes(16), content, last_epoch=town.world.model.epoch, size=town.world.geometry)
    town.alice.send_part("echo", RequestPart(head, 0, content), at=town.p2.identity)
    town.settle()
    for node in (*town.mixes, town.p1):
        node.stop()
    town.p2.service.loops.stop()

    def rows() -> int:
        return town.p2.store.read(
            lambda connection: connection.execute(text("SELECT count(*) FROM requests")).scalar_one()
        )

    # Neither a clock that was set ahead nor one that was set back erases anything.
    for off_s in (2 * 86_400, -4 * 86_400):
        town.world.clock.rightNow += off_s
        town.world.run(2 * TURN_S)
        assert rows() == 1
    town.world.clock.rightNow += 4 * 86_400
    now_s = int(town.world.clock.seconds())
    later = {"epoch": now_s // 600, "valid_from_s": now_s, "valid_until_s": now_s + 600}
    town.p2.service.adopt(msgspec.structs.replace(town.world.model.document, **later))
    town.p2.service.loops.stop()
    town.world.run(TURN_S + 1)
    assert rows() == 0
    town.p2.stop()
    assert town.world.clock.getDelayedCalls() == []


def test_nothing_is_served_before_the_first_document(tmp_path: Path) -> None:
    world = MixWorld(TOWN_PARAMS)
    provider = RunningProvider(world, "provider1", tmp_path)
    provider.service.start()
    client = HandClient(world, "alice", provider)
    assert client.answer_to(Register("alice", "", b"")) == []
    provider.stop()
    assert world.clock.getDelayedCalls() == []


def test_what_was_accepted_is_written_before_the_provider_stops(town: Town) -> None:
    town.alice.deliver(town.bob.id, b"last", exit=town.p2.identity)
    town.world.run(5.0, until=lambda: bool(town.p2.service._access.waiting))
    town.p2.stop()
    restarted = RunningProvider(town.world, "provider2", town.directory)
    restarted.adopt(town.world.model.document)
    restarted.start()
    town.p2 = restarted
    assert texts(town.bob.collect()) == [b"last"]
