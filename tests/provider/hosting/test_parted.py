"""Requests of several packets: collected from their parts, answered share by share."""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec
import pytest
from twisted.logger import LogEvent

from loopixmix.drops import DropReason
from loopixmix.requests.answers import AnswerShare, RequestFailed, RequestOver, SharesMissing
from loopixmix.requests.parts import MAX_BODY_BYTES, NO_SHARE, encode_part
from loopixmix.routing.path import service_id
from provider.api import Declaration
from provider.hosting.asking.limits import HostingRules
from provider.hosting.blocks import MAX_HELD
from provider.hosting.parted import IDLE_S
from provider.store import MEMORY_URL, MailStore
from tests.worlds.mailboxes.hosts import ELSEWHERE, PARAMS, SHARE_S, SIZE, HandRequest, HostWorld, Oracle
from tests.worlds.mailboxes.mailstores import WRITE_S
from tests.worlds.networks.models import EPOCH

SETTLING_S = 2 * PARAMS.hops * PARAMS.delay_mean_s + 1.0
MEAN_S = 1 / PARAMS.free_pulls_per_s


class Echo:
    """Repeats."""

    name = "echo"

    async def answer(self, body: bytes) -> bytes:
        return body


class Wrong:
    """Answers with what is no answer."""

    name = "wrong"

    async def answer(self, body: bytes) -> bytes:
        match body:
            case b"long":
                return bytes(MAX_BODY_BYTES + 1)
            case b"text":
                return "marked-secret"  # type: ignore[return-value]
            case b"longest":
                return bytes(MAX_BODY_BYTES)
            case _:
                raise RuntimeError("marked-secret")


@pytest.fixture
def oracle() -> Oracle:
    return Oracle()


@pytest.fixture
def world(store: MailStore, oracle: Oracle) -> Iterator[HostWorld]:
    world = HostWorld(store, [oracle, Echo(), Wrong()])
    yield world
    world.stop()


def shares(world: HostWorld, request: HandRequest) -> list[AnswerShare]:
    said = world.said(request)
    assert all(isinstance(part, AnswerShare) for part in said)
    return [part for part in said if isinstance(part, AnswerShare)]


# Parts that come.


def test_a_request_of_one_packet_is_answered(world: HostWorld) -> None:
    request = world.ask("echo", b"hello")
    assert world.said(request) == [AnswerShare(5, 1, 0, 0, b"hello")]


def test_an_empty_request_and_answer(world: HostWorld) -> None:
    assert world.said(world.ask("echo", b"")) == [AnswerShare(0, 1, 0, 0, b"")]


def test_parts_out_of_order_and_doubled(world: HostWorld, oracle: Oracle) -> None:
    body = world.rng.randbytes(10_000)
    request = world.request("oracle", body)
    assert request.head.pieces == 6
    world.send_all(request, [5, 3, 3, 0, 5, 1, 4])
    assert oracle.asked == []
    world.send_all(request, [2, 2, 0])
    world.run(0.1)
    assert oracle.bodies == [body]


def test_any_shares_give_the_request_back(world: HostWorld, oracle: Oracle) -> None:
    body = world.rng.randbytes(10_000)
    world.send_all(world.request("oracle", body), [200, 1, 7, 254, 0, 9])
    world.run(0.1)
    assert oracle.bodies == [body]


def test_shares_of_another_request_make_none(world: HostWorld, oracle: Oracle) -> None:
    """Whoever mixes them is no honest sender: nothing is carried out, and nothing is said."""
    request, other = world.request("oracle", bytes(4000)), world.request("oracle", bytes([1]) * 4000)
    world.send_all(request, [0, 1])
    foreign = msgspec.structs.replace(world.part(request, 2), share=other.share(2))
    assert world.send(request, foreign) is DropReason.BAD_PAYLOAD
    assert world.said(request) == []
    assert oracle.asked == []
    # The sender of the true parts begins anew.
    world.send_all(request)
    world.run(0.1)
    assert oracle.bodies == [bytes(4000)]


def test_parts_that_name_another_end_are_dropped(world: HostWorld, oracle: Oracle) -> None:
    """Otherwise a request could be erased with its one end, and carried out again before its other one."""
    request = world.request("oracle", bytes(4000))
    world.send_all(request, [0, 1])
    other = msgspec.structs.replace(request.head, last_epoch=EPOCH + 1)
    part = msgspec.structs.replace(world.part(request, 2), head=other)
    assert world.send(request, part) is DropReason.BAD_PAYLOAD
    assert oracle.asked == []


@pytest.mark.parametrize("cut", [1, 53, 60])
def test_what_is_no_part_is_dropped(world: HostWorld, cut: int) -> None:
    payload = encode_part(world.part(world.request("oracle", b"x" * 100)), SIZE)[:cut]
    surb = world.surb()
    assert world.host.take(service_id("oracle"), payload, surb) is DropReason.BAD_PAYLOAD
    assert world.blocks.used == []


def test_copies_share_one_asking_and_their_blocks(world: HostWorld, oracle: Oracle) -> None:
    request = world.ask("oracle", b"q")
    world.send_all(request)
    world.send_all(request)
    world.run(0.1)
    [(_, answer)] = oracle.asked
    answer.callback(bytes(5000))
    assert [share.index for share in shares(world, request)] == [0, 1, 2]


def test_nothing_is_taken_before_the_first_document(store: MailStore, oracle: Oracle) -> None:
    world = HostWorld(store, [oracle], adopted=False)
    request = world.request("oracle", b"q")
    assert world.send(request, world.part(request)) is DropReason.OVERLOADED
    world.stop()


# Parts that are missing.


def test_shares_that_are_missing_are_told_after_a_while(world: HostWorld, oracle: Oracle) -> None:
    request = world.request("oracle", bytes(8000))
    world.send_all(request, [0, 2])
    world.send(request, world.part(request, 3, report=True))
    world.run(SETTLING_S - 0.1)
    assert world.blocks.used == []
    world.send_all(request, [100])
    world.run(0.2)
    assert world.said(request) == [SharesMissing(frozenset([0, 2, 3, 100]))]
    world.send_all(request, [1])
    world.run(0.1)
    assert oracle.bodies == [bytes(8000)]


def test_nothing_is_told_to_who_does_not_ask_or_lacks_nothing(world: HostWorld, oracle: Oracle) -> None:
    silent = world.request("oracle", bytes(8000))
    world.send_all(silent, [0, 1])
    complete = world.request("oracle", bytes(4000))
    world.send_all(complete, [0, 1])
    world.send(complete, world.part(complete, 2, report=True))
    late = world.request("oracle", bytes(4000))
    world.send(late, world.part(late, 2, report=True))
    world.send_all(late, [1, 0])
    world.run(SETTLING_S + 1.0)
    assert world.blocks.used == []
    assert oracle.bodies == [bytes(4000)] * 2


def test_each_round_is_told_once(world: HostWorld) -> None:
    request = world.request("oracle", bytes(8000))
    for index in (0, 0, 1):
        world.send(request, world.part(request, index, report=True))
    world.run(SETTLING_S + 0.1)
    assert len(world.blocks.used) == 1
    world.send(request, world.part(request, 2, report=True))
    world.run(SETTLING_S + 0.1)
    assert world.said(request) == [SharesMissing(frozenset([0, 1])), SharesMissing(frozenset([0, 1, 2]))]


# Bounds of what is not complete.


def test_the_incomplete_request_that_is_idle_longest_is_given_up(store: MailStore) -> None:
    oracle = Oracle(declaration=Declaration(assemblies=2))
    world = HostWorld(store, [oracle])
    first, second, third = (world.request("oracle", bytes([n]) * 4000) for n in range(3))
    world.send_all(first, [0, 1])
    world.send_all(second, [0, 1])
    world.send_all(first, [0])
    world.send_all(third, [0, 1])
    for request in (first, second, third):
        world.send_all(request, [2])
    world.run(0.1)
    assert [body[:1] for body in oracle.bodies] == [b"\0", b"\2"]
    world.stop()


def test_shares_and_blocks_together_are_bounded(store: MailStore) -> None:
    oracle = Oracle(declaration=Declaration(assembly_bytes=13_000))
    world = HostWorld(store, [oracle])
    first, second = (world.request("oracle", bytes([n]) * 10_000) for n in range(2))
    world.send_all(first, [0, 1, 2])
    world.send_all(second, [0, 1, 2])
    world.send_all(second, [3, 4, 5])
    world.send_all(first, [3, 4, 5])
    world.run(0.1)
    assert oracle.bodies == [bytes([1]) * 10_000]
    parted = world.host._asked[service_id("oracle")].parted
    assert parted._collected.used_bytes + parted._carried_bytes <= 13_000
    world.stop()


def test_bodies_that_wait_for_the_service_are_bounded_too(store: MailStore) -> None:
    oracle = Oracle(declaration=Declaration(assembly_bytes=12_000, at_once=1))
    world = HostWorld(store, [oracle])
    reasons = []
    for number in range(10):
        request = world.request("oracle", bytes([number]) * 1500)
        reasons.append(world.send(request, world.part(request)))
    assert reasons == [None] * 6 + [DropReason.OVERLOADED] * 4
    world.stop()


def test_one_service_s_parts_do_not_push_out_another_s(store: MailStore, oracle: Oracle) -> None:
    flooded = Oracle("flooded")
    world = HostWorld(store, [oracle, flooded], rules=HostingRules(assembly_bytes=40_000))
    request = world.request("oracle", bytes(10_000))
    world.send_all(request, [0, 1, 2])
    for number in range(100):
        world.send_all(world.request("flooded", bytes([number]) * 10_000), [0])
    world.send_all(request, [3, 4, 5])
    world.run(0.1)
    assert oracle.bodies == [bytes(10_000)]
    assert world.host._asked[service_id("flooded")].parted._collected.used_bytes <= 40_000
    world.stop()


def test_idle_requests_are_given_up(world: HostWorld, oracle: Oracle) -> None:
    request = world.request("oracle", bytes(4000))
    world.send_all(request, [0, 1])
    world.run(IDLE_S - 1)
    world.host.forget_old()
    world.send_all(request, [1])
    world.run(IDLE_S + 1)
    world.host.forget_old()
    world.send_all(request, [2])
    world.run(0.1)
    assert oracle.asked == []


# Answers.


def test_a_request_and_an_answer_of_several_packets(world: HostWorld) -> None:
    body = world.rng.randbytes(10_000)
    request = world.ask("echo", body)
    assert world.answer(request) == body
    assert [(share.index, share.sent) for share in shares(world, request)] == [(n, n + 1) for n in range(5)]


def test_the_longest_request_and_answer(world: HostWorld) -> None:
    body = world.rng.randbytes(MAX_BODY_BYTES)
    request = world.ask("echo", body)
    assert request.head.pieces == 132
    assert world.answer(request) == body


def test_an_answer_waits_for_blocks_and_says_how_many_are_left(world: HostWorld, oracle: Oracle) -> None:
    request = world.ask("oracle", b"q")
    oracle.asked[0][1].callback(bytes(10_000))
    assert [(share.sent, share.held) for share in shares(world, request)] == [(1, 0)]
    world.send(request, world.part(request, NO_SHARE, further=5))
    assert [(share.sent, share.held) for share in shares(world, request)] == [(1, 0), (2, 5), (3, 4), (4, 3), (5, 2)]


def test_coded_shares_are_sent_for_who_wants_them(world: HostWorld, oracle: Oracle) -> None:
    request = world.request("oracle", b"q")
    world.send(request, world.part(request, coding=128, further=3))
    world.send(request, world.part(request, NO_SHARE, further=5))
    world.run(0.1)
    oracle.asked[0][1].callback(body := world.rng.randbytes(8000))
    # Four give the answer back, half as many are added; the other blocks stay.
    assert [share.index for share in shares(world, request)] == [0, 1, 2, 3, 4, 5]
    assert world.answer(request) == body


def test_shares_that_were_lost_are_followed_by_others(world: HostWorld, oracle: Oracle) -> None:
    request = world.ask("oracle", b"q")
    world.send(request, world.part(request, NO_SHARE, further=5))
    oracle.asked[0][1].callback(bytes(4000))
    assert [share.index for share in shares(world, request)] == [0, 1]
    world.send(request, world.part(request, NO_SHARE, again=2))
    assert [share.index for share in shares(world, request)] == [0, 1, 2, 3]


def test_a_share_that_is_sent_again_is_answered_again(world: HostWorld, oracle: Oracle) -> None:
    """Whoever sends it has no answer; a spare one that is late has not been sent again."""
    request = world.ask("oracle", b"q")
    oracle.asked[0][1].callback(b"a")
    assert [share.sent for share in shares(world, request)] == [1]
    world.send_all(request, [7])
    assert [share.sent for share in shares(world, request)] == [1]
    world.send_all(request, [7])
    assert [share.sent for share in shares(world, request)] == [1, 2]
    # The block of the spare one is still there: it is used with that of this part.
    world.send(request, world.part(request, 0, again=2))
    assert [share.sent for share in shares(world, request)] == [1, 2, 3, 4]
    assert oracle.bodies == [b"q"]


def test_a_whole_request_that_is_sent_again_brings_the_answer(world: HostWorld) -> None:
    body = world.rng.randbytes(9000)
    request = world.ask("echo", body)
    assert len(shares(world, request)) == 5
    request.blocks.clear()
    world.send_all(request)
    assert [share.index for share in shares(world, request)] == [5, 6, 7, 8, 9]
    assert world.answer(request) == body


def test_shares_leave_at_exponential_intervals() -> None:
    """H0: exponential with the mean of free places. Kolmogorov-Smirnov, 1,500 samples, 1 % false alarms; seeded."""
    store = MailStore(MEMORY_URL)
    world = HostWorld(store, [Echo()])
    times_s: list[float] = []
    requests = [world.request("echo", world.rng.randbytes(2000)) for _ in range(1500)]
    for request in requests:
        begin_s = world.clock.seconds()
        used = len(world.blocks.used)
        world.send_all(request)
        while len(world.blocks.used) == used:
            world.run(min(call.getTime() for call in world.clock.getDelayedCalls()) - world.clock.seconds())
        # Written before the service is asked, and before its answer leaves.
        times_s.append(world.clock.seconds() - begin_s - 2 * WRITE_S)
    ordered = sorted(times_s)
    distance = max(
        max(abs((n + 1) / len(ordered) - share), abs(n / len(ordered) - share))
        for n, each_s in enumerate(ordered)
        for share in [1 - math.exp(-each_s / MEAN_S)]
    )
    assert distance < 1.63 / math.sqrt(len(ordered))
    world.stop()
    store.close()


@pytest.mark.parametrize("body", [b"long", b"text", b"break"])
def test_every_failure_is_the_same_answer(world: HostWorld, logged: list[LogEvent], body: bytes) -> None:
    assert world.said(world.ask("wrong", body)) == [RequestFailed()]
    assert "marked-secret" not in repr(logged)
    assert len(logged) == 1
    assert "wrong" in str(logged)


def test_the_longest_answer_of_a_service_is_no_failure(world: HostWorld) -> None:
    request = world.ask("wrong", b"longest")
    [share] = shares(world, request)
    assert share.answer_bytes == MAX_BODY_BYTES


def test_a_failure_is_said_again_to_who_did_not_hear_it(world: HostWorld) -> None:
    request = world.ask("wrong", b"break")
    world.send_all(request, [1])
    assert world.said(request) == [RequestFailed()]
    world.send_all(request)
    assert world.said(request) == [RequestFailed()] * 2
    world.send(request, world.part(request, NO_SHARE, again=2))
    assert world.said(request) == [RequestFailed()] * 3


def test_an_answer_that_is_late_is_a_failure(world: HostWorld, oracle: Oracle, logged: list[LogEvent]) -> None:
    request = world.ask("oracle", b"q")
    world.run(29.0)
    assert world.blocks.used == []
    assert world.said(request) == [RequestFailed()]
    assert len(logged) == 1


def test_a_busy_service_gives_no_answer_and_leaves_the_others_theirs(store: MailStore) -> None:
    oracle = Oracle(declaration=Declaration(at_once=2, queue=1))
    world = HostWorld(store, [oracle, Echo()])
    requests = [world.ask("oracle", b"%d" % number) for number in range(4)]
    assert world.facts.drops == [DropReason.OVERLOADED]
    assert oracle.bodies == [b"0", b"1"]
    assert world.said(world.ask("echo", b"hello")) == [AnswerShare(5, 1, 0, 0, b"hello")]
    for number in range(3):
        oracle.asked[number][1].callback(b"a")
        world.run(0.1)
    assert oracle.bodies == [b"0", b"1", b"2"]
    assert [len(world.said(request)) for request in requests] == [1, 1, 1, 0]
    # What got no answer was not begun, and may come again.
    world.send_all(requests[3])
    world.run(0.1)
    assert oracle.bodies[3:] == [b"3"]
    world.stop()


# Reply blocks.


def others_push_out(world: HostWorld, others: list[HandRequest]) -> None:
    """Let a share leave of each of these answers, which have no room beside another one."""
    for other in others:
        world.send(other, world.part(other, NO_SHARE, again=100))
    world.run(SHARE_S)


def test_an_answer_that_others_push_out_goes_on_from_where_it_was(store: MailStore) -> None:
    """Who keeps many long answers alive, with a part now and then, must not make those of others begin again."""
    oracle = Oracle(declaration=Declaration(assembly_bytes=60_000))
    world = HostWorld(store, [oracle])
    request, *others = [world.ask("oracle", b"%d" % number) for number in range(6)]
    body = world.rng.randbytes(20_000)
    for number, (_, answer) in enumerate(oracle.asked):
        answer.callback(bytes(10_000) if number else body)
    parted = world.host._asked[service_id("oracle")].parted
    world.send(request, world.part(request, NO_SHARE, further=1))
    for _ in range(4):
        others_push_out(world, others)
        assert sum(each.speech.size_bytes for each in parted._open.values() if each.speech) <= 45_000
        world.send(request, world.part(request, NO_SHARE, further=1))
    assert [share.sent for share in shares(world, request)] == list(range(1, 11))
    assert world.answer(request) == body
    assert len(oracle.asked) == 6
    assert "0 answers put aside" not in world.host.figures()["service_oracle"]
    world.stop()


def test_an_answer_that_cannot_be_read_again_goes_on_with_the_next_part(store: MailStore) -> None:
    oracle = Oracle(declaration=Declaration(assembly_bytes=10_000))
    world = HostWorld(store, [oracle])
    request = world.ask("oracle", b"q")
    world.send(request, world.part(request, NO_SHARE, further=3))
    oracle.asked[0][1].callback(body := world.rng.randbytes(8000))
    world.run(WRITE_S * 1.5)
    world.rename("requests", "elsewhere")
    assert len(world.said(request)) == 0
    world.rename("elsewhere", "requests")
    world.send(request, world.part(request, NO_SHARE))
    assert world.answer(request) == body
    world.stop()


def test_an_answer_is_read_once_at_a_time(store: MailStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts that come during a slow reading make it neither twice, nor let shares leave faster."""
    oracle = Oracle(declaration=Declaration(assembly_bytes=10_000))
    world = HostWorld(store, [oracle])
    request = world.ask("oracle", b"q")
    oracle.asked[0][1].callback(bytes(8000))
    monkeypatch.setattr(world.access._reading, "_batch_s", 1000.0)
    world.run(10.0)
    for _ in range(4):
        world.send(request, world.part(request, NO_SHARE))
        world.run(10.0)
    assert (world.access._reading.waiting, world.blocks.used) == (1, [])
    world.run(1000.0)
    assert len(world.blocks.used) == 1
    world.host.forget_old()
    world.run(3000.0)
    world.stop()


def test_a_long_answer_of_a_service_that_recognises_repetition_is_asked_for_again(store: MailStore) -> None:
    oracle = Oracle(declaration=Declaration(recognises_repetition=True, assembly_bytes=10_000))
    world = HostWorld(store, [oracle])
    requests = [world.ask("oracle", b"%d" % number) for number in range(2)]
    for _, answer in oracle.asked:
        answer.callback(bytes(5000))
    # Its bytes are nowhere else, so that nothing of it stays.
    assert list(world.host._asked[service_id("oracle")].parted._open) == [
        requests[1].head.kept_name(service_id("oracle"))
    ]
    assert world.said(requests[0]) == []
    world.send_all(requests[0])
    assert oracle.bodies == [b"0", b"1", b"0"]
    world.stop()


def test_a_block_whose_way_begins_elsewhere_is_not_used(world: HostWorld) -> None:
    request = world.request("echo", b"hello")
    foreign = world.surb(request, first_hop=ELSEWHERE)
    part = world.part(request, further=1)
    foreign_too = world.surb(request, first_hop=ELSEWHERE).encode()
    world.send(request, msgspec.structs.replace(part, blocks=(foreign_too, *part.blocks)), foreign)
    world.run(0.1)
    assert len(world.said(request)) == 1
    assert world.blocks.foreign == 2


def test_a_part_without_a_block_is_a_part(world: HostWorld, oracle: Oracle) -> None:
    request = world.request("oracle", b"q")
    assert world.host.take(service_id("oracle"), encode_part(world.part(request), SIZE), None) is None
    world.run(0.1)
    oracle.asked[0][1].callback(b"a")
    assert world.said(request) == []
    world.send(request, world.part(request, NO_SHARE))
    assert len(world.said(request)) == 1


def test_blocks_that_end_first_are_used_first(world: HostWorld, oracle: Oracle) -> None:
    request = world.request("oracle", b"q", last_epoch=EPOCH + 1)
    world.send(request, world.part(request, blocks_end=0))
    world.send(request, world.part(request, NO_SHARE, blocks_end=1))
    world.run(0.1)
    oracle.asked[0][1].callback(bytes(4000))
    assert len(shares(world, request)) == 2
    assert [int.from_bytes(header) for header, _ in world.blocks.used] == [2, 1]


def test_blocks_end_with_their_epoch_and_others_continue(store: MailStore) -> None:
    oracle = Oracle(declaration=Declaration(timeout_s=1e6))
    world = HostWorld(store, [oracle])
    request = world.request("oracle", b"q", last_epoch=EPOCH + 1)
    world.send(request, world.part(request, blocks_end=1, further=2))
    world.run(PARAMS.epoch_length_s + PARAMS.grace_s / 2)
    oracle.asked[0][1].callback(bytes(4000))
    assert world.said(request) == []
    world.send(request, world.part(request, NO_SHARE, further=1))
    assert [(share.sent, share.held) for share in shares(world, request)] == [(1, 1), (2, 0)]
    world.stop()


def test_held_blocks_are_bounded(world: HostWorld, oracle: Oracle) -> None:
    request = world.ask("oracle", b"q")
    for _ in range(MAX_HELD):
        world.send(request, world.part(request, NO_SHARE, further=1))
    oracle.asked[0][1].callback(b"a")
    [share] = shares(world, request)
    assert share.held == MAX_HELD - 1


# The end of a request.


@pytest.mark.parametrize("ahead", [-1, 3, 2**40])
def test_a_request_of_another_time_is_over(world: HostWorld, oracle: Oracle, ahead: int) -> None:
    world.run(PARAMS.grace_s + 1)
    request = world.request("oracle", b"q", last_epoch=EPOCH + ahead)
    world.send_all(request)
    world.run(0.1)
    assert oracle.asked == []
    assert world.said(request) == [RequestOver()]


def test_the_grace_counts_on_both_sides(world: HostWorld, oracle: Oracle) -> None:
    # It is the first second of the epoch: clocks behind ours see the last one, and at its end those ahead the next.
    world.ask("oracle", b"before", last_epoch=EPOCH - 1)
    world.run(PARAMS.epoch_length_s - PARAMS.grace_s)
    world.ask("oracle", b"after", last_epoch=EPOCH + 3)
    assert oracle.bodies == [b"before", b"after"]


def test_a_request_whose_end_comes_while_its_parts_do_is_over(world: HostWorld, oracle: Oracle) -> None:
    request = world.request("oracle", bytes(4000))
    world.run(PARAMS.epoch_length_s)
    world.send_all(request, [0, 1])
    world.run(PARAMS.grace_s)
    world.send_all(request, [2])
    assert world.said(request) == [RequestOver()]
    assert oracle.asked == []
    world.host.forget_old()
    assert world.host._asked[service_id("oracle")].parted._open == {}


def test_what_was_erased_is_over_also_if_the_clock_is_set_back(world: HostWorld, oracle: Oracle) -> None:
    request = world.ask("oracle", b"q")
    oracle.asked[0][1].callback(b"a")
    world.run(PARAMS.epoch_length_s + PARAMS.grace_s)
    world.host.forget_old()
    world.host.erase_ended()
    world.run(1.0)
    world.clock.rightNow -= PARAMS.epoch_length_s
    request.blocks.clear()
    world.send_all(request)
    assert world.said(request) == [RequestOver()]
    assert oracle.bodies == [b"q"]


def test_every_end_leaves_nothing_behind(world: HostWorld, oracle: Oracle) -> None:
    """Whatever became of requests, after their time no memory is taken."""
    world.ask("echo", b"answered")
    world.ask("wrong", b"failed")
    world.send_all(world.request("oracle", bytes(8000)), [0, 1])
    world.ask("oracle", b"late")
    world.run(40.0)
    for _ in range(3):
        world.run(IDLE_S + 1)
        world.host.forget_old()
    for service in world.host._asked.values():
        assert service.parted._open == {}
        assert service.parted._carried_bytes == 0
        assert service.parted._collected.used_bytes == service.parted.answers._answered.used_bytes == 0
        assert service.parted.answers._loaded.used_bytes == len(service.parted.answers._loaded) == 0
        assert service.turns.seats.taken == service.carrying._beginning.taken == 0
