"""One request decided part by part, and whole exchanges with a host over ways that lose and reorder."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client.core.asking.asking import RESUMED_AGAIN, Asking, Done, RequestProgress
from client.core.asking.shares import answer_timing
from client.core.asking.spares import spare_shares
from loopixmix.params import NetworkParams
from loopixmix.requests.answers import (
    AnswerShare,
    RequestFailed,
    RequestOver,
    SharesMissing,
    answer_shares,
)
from loopixmix.requests.parts import MAX_BODY_BYTES, NO_SHARE, RequestPart, request_content, request_head
from loopixmix.sphinx import Geometry
from tests.worlds.clients.asked_hosts import SERVICE, AskedHost
from tests.worlds.networks.models import NOW_S

PARAMS = NetworkParams()
SIZE = Geometry.for_network(PARAMS)
ANSWER = random.Random(1).randbytes(40_000)
ROOM = 28


def asking(body_bytes: int = 100, *, loss: float = 0.0, resumed: bool = False) -> Asking:
    content = request_content(bytes(16), bytes(body_bytes))
    head = request_head(bytes(16), content, last_epoch=7, size=SIZE)
    return Asking(head, SIZE, timing=answer_timing(PARAMS), loss=loss, resumed=resumed)


def send(one: Asking, room: int = ROOM, *, at_s: float = 2.0) -> list[tuple[int, int, bool]]:
    """Let all parts leave that are due; return their index, further blocks, and whether they ask for a report."""
    left = []
    while (plan := one.plan(room - one.under_way)) is not None and len(left) < 300:
        one.on_sent(plan, arrives_s=at_s + 1, ends_s=1000.0)
        left.append((plan.index, plan.blocks, plan.report))
    return left


def give(one: Asking, number: int, *, held: int, now_s: float, part: int = 1) -> object:
    index = number - 1
    [data] = answer_shares(ANSWER, [index], SIZE)
    return one.on_answer(AnswerShare(len(ANSWER), number, held, index, data), part=part, back_s=0.5, now_s=now_s)


def test_the_parts_of_a_request_leave_and_the_last_asks_for_a_report() -> None:
    one = asking(4096)
    assert send(one) == [(0, 1, False), (1, 1, False), (2, 1, True)]
    assert one.progress == RequestProgress(3, 3, 0, 0)
    assert one.under_way == 6


def test_a_short_request_brings_as_many_blocks_as_there_is_room_for() -> None:
    assert send(asking(), 28) == [(0, 5, True)]
    assert send(asking(), 3) == [(0, 2, True)]
    # Its own block goes in any case: without a packet there is no request.
    assert send(asking(), 0) == [(0, 0, True)]
    assert send(asking(), -9) == [(0, 0, True)]


def test_after_the_first_share_it_brings_blocks_for_the_rest_while_there_is_room() -> None:
    one = asking()
    send(one)
    give(one, 1, held=5, now_s=3.0)
    # 20 pieces: 19 to come, for 5 of which there are blocks. The room is for 28 in all.
    assert send(one) == [(NO_SHARE, 5, True), (NO_SHARE, 5, True), (NO_SHARE, 1, True)]
    assert one.progress == RequestProgress(1, 1, 1, 20)
    assert one.due(ROOM) == 0


def test_it_waits_until_there_is_room_for_a_full_part() -> None:
    one = asking()
    send(one)
    give(one, 1, held=5, now_s=3.0)
    assert one.due(5) == 0
    assert one.due(6) == 1
    assert one.due(13) == 3


def test_without_room_a_host_that_has_no_block_left_gets_one() -> None:
    one = asking()
    send(one, 1)
    give(one, 1, held=0, now_s=3.0)
    assert one.due(-50) == 1
    assert send(one, -50, at_s=3.0) == [(NO_SHARE, 0, True)]


def test_a_lost_part_is_noticed_by_what_the_host_holds() -> None:
    one = asking()
    send(one, at_s=0.0)
    give(one, 1, held=5, now_s=3.0)
    send(one, at_s=3.0)
    assert one.due(ROOM) == 0
    # It was to hold 4 + 14 at the time; one part of 6 did not come.
    give(one, 2, held=12, now_s=9.0)
    assert send(one, at_s=9.0) == [(NO_SHARE, 5, True)]


def test_a_lost_share_makes_it_want_one_more() -> None:
    one = asking()
    send(one)
    for number in (1, 3):
        give(one, number, held=17, now_s=3.0)
    send(one)
    one.refresh(3.1)
    assert one.due(ROOM) == 0
    one.refresh(60.0)
    plan = one.plan(ROOM)
    assert plan is not None
    assert (plan.index, plan.again) == (NO_SHARE, 1)


def test_a_report_of_missing_shares_is_followed() -> None:
    one = asking(8000)
    assert len(send(one)) == 5
    assert one.on_answer(SharesMissing(frozenset({0, 1, 3})), part=1, back_s=0.1, now_s=5.0) is None
    assert send(one) == [(2, 1, False), (4, 1, True)]


def test_once_the_answer_comes_no_share_leaves_any_more() -> None:
    one = asking(8000, loss=0.2)
    plan = one.plan(ROOM)
    assert plan is not None
    one.on_sent(plan, arrives_s=1.0, ends_s=1000.0)
    give(one, 1, held=0, now_s=3.0)
    assert all(index == NO_SHARE for index, _, _ in send(one))


def test_each_silence_asks_for_a_word_and_for_more_shares_than_can_have_been_lost() -> None:
    one = asking()
    send(one)
    wanted = []
    for _ in range(5):
        one.on_silence()
        plan = one.plan(ROOM)
        assert plan is not None
        assert plan.report
        assert plan.index != NO_SHARE
        wanted.append(plan.again)
        one.on_sent(plan, arrives_s=1.0, ends_s=1000.0)
        assert one.plan(ROOM) is None
    assert wanted == [1, 3, 7, 15, 31]
    assert one.attempt == 6
    give(one, 1, held=0, now_s=3.0)
    assert one.attempt == 1


def test_silence_in_the_middle_of_an_answer_brings_new_blocks() -> None:
    one = asking()
    send(one)
    give(one, 1, held=5, now_s=3.0)
    send(one)
    one.on_silence()
    assert send(one)[0] == (NO_SHARE, 5, True)


def test_a_request_that_is_taken_up_again_wants_its_answer_anew() -> None:
    plan = asking(resumed=True).plan(ROOM)
    assert plan is not None
    assert plan.again == RESUMED_AGAIN


def test_the_end_is_told() -> None:
    for end in (RequestFailed(), RequestOver()):
        one = asking()
        send(one)
        assert one.on_answer(end, part=1, back_s=0.1, now_s=5.0) == end


def test_how_far_it_came_is_told_in_words() -> None:
    one = asking(8000)
    assert one.progress.words == "it could not be sent"
    plan = one.plan(ROOM)
    assert plan is not None
    one.on_sent(plan, arrives_s=1.0, ends_s=1000.0)
    assert one.progress.words == "1 of 5 parts of the request were sent"
    send(one)
    assert one.progress.words == "no answer"
    give(one, 1, held=0, now_s=3.0)
    assert one.progress.words == "1 of 20 parts of the answer came"


# Whole exchanges.


@settings(max_examples=60)
@given(
    body_bytes=st.integers(0, 9000),
    answer_bytes=st.integers(0, 60_000),
    loss=st.floats(0, 0.4),
    known_loss=st.floats(0, 0.5),
    seed=st.integers(0, 2**32),
)
def test_any_request_is_answered_once_whatever_the_ways_lose(
    body_bytes: int, answer_bytes: int, loss: float, known_loss: float, seed: int
) -> None:
    body, answer = random.Random(seed).randbytes(body_bytes), random.Random(seed + 1).randbytes(answer_bytes)
    world = AskedHost(body, answer, seed=seed, loss=loss, known_loss=known_loss)
    world.run(3600)
    assert world.body == answer
    assert [asked for _, asked in world.host.asked] == [body]
    # Its own blocks, one a part, and never more beside them than there is room for.
    assert world.most_under_way <= max(world.window, world.sent) + 6


@settings(max_examples=20)
@given(answer_bytes=st.integers(20_000, 120_000), into_s=st.floats(0, 25), seed=st.integers(0, 2**32))
def test_an_epoch_may_end_in_the_middle_of_an_answer(answer_bytes: int, into_s: float, seed: int) -> None:
    params = NetworkParams(grace_s=1)
    answer = random.Random(seed).randbytes(answer_bytes)
    world = AskedHost(b"x", answer, params=params, seed=seed, start_s=NOW_S + params.epoch_length_s - into_s)
    world.run(300)
    assert world.body == answer
    assert len(world.host.asked) == 1


@settings(max_examples=20)
@given(at_s=st.floats(0.5, 20), keeps=st.booleans(), loss=st.floats(0, 0.1), seed=st.integers(0, 2**32))
def test_a_host_may_be_started_again_at_any_time(at_s: float, keeps: bool, loss: float, seed: int) -> None:
    answer = random.Random(seed).randbytes(60_000)
    world = AskedHost(bytes(5000), answer, seed=seed, loss=loss)
    world.clock.callLater(at_s, world.host.restart, keeps_answers=keeps)
    world.run(900)
    assert world.body == answer
    assert len(world.host.asked) <= (1 if keeps else 2)


@settings(max_examples=20)
@given(at_s=st.floats(5, 20), loss=st.floats(0, 0.1), seed=st.integers(0, 2**32))
def test_an_answer_that_changed_with_the_host_s_restart_is_never_mixed(at_s: float, loss: float, seed: int) -> None:
    rng = random.Random(seed)
    first, second = rng.randbytes(50_000), rng.randbytes(50_000)
    world = AskedHost(bytes(500), first, seed=seed, loss=loss)

    def change() -> None:
        world.answer = second
        world.host.restart(keeps_answers=False)

    world.clock.callLater(at_s, change)
    world.run(900)
    assert world.body in (first, second)


@settings(max_examples=20)
@given(at_s=st.floats(1, 20), loss=st.floats(0, 0.1), seed=st.integers(0, 2**32))
def test_a_client_may_be_started_again_at_any_time(at_s: float, loss: float, seed: int) -> None:
    """It has forgotten all but the request, and how much of the answer was sent before."""
    answer = random.Random(seed).randbytes(50_000)
    world = AskedHost(bytes(5000), answer, seed=seed, loss=loss)

    def restart() -> None:
        world.asking = world.make_asking(resumed=True)
        world.mailbox.clear()

    world.clock.callLater(at_s, restart)
    world.run(900)
    assert world.body == answer
    assert len(world.host.asked) == 1


def test_a_slow_service_is_waited_for() -> None:
    world = AskedHost(b"x", b"slow")
    world.host.answers_after_s = 28.0
    world.run(120)
    assert world.body == b"slow"
    assert len(world.host.asked) == 1
    assert world.sent <= 4


def test_a_service_that_fails_ends_it() -> None:
    world = AskedHost(b"x", None)
    assert world.run(60) == RequestFailed()


def test_a_host_tells_a_request_whose_time_is_over() -> None:
    # The grace after its last epoch still counts.
    world = AskedHost(b"x", b"y", start_s=NOW_S + 10, epochs=-1)
    assert world.run(60) == Done(b"y")
    world = AskedHost(b"x", b"y", start_s=NOW_S + 1000, epochs=-1)
    assert world.run(60) == RequestOver()


def test_the_longest_request_and_answer_come_through_loss() -> None:
    body, answer = (random.Random(seed).randbytes(MAX_BODY_BYTES) for seed in (1, 2))
    world = AskedHost(body, answer, loss=0.05, seed=3)
    world.run(600)
    assert world.outcome == Done(answer)
    assert world.host.asked[0][1] == body


def test_without_loss_no_part_and_no_share_is_sent_in_vain() -> None:
    parts: list[RequestPart] = []
    world = AskedHost(bytes(4096), bytes(100 * 1024))
    world.on_part = parts.append
    world.run(120)
    assert world.host.requests[SERVICE, world.head].sent == 51
    # 3 parts with 2 blocks each, and for the other 45 shares 8 parts of 6.
    assert len(parts) == 3 + 8
    assert {(part.coding, part.again) for part in parts} == {(0, 0)}


@pytest.mark.parametrize(
    ("body_bytes", "answer_bytes", "loss", "known_loss", "bar"),
    [
        (4096, 100, 0.0, 0.0, 1.25),
        (100, 100 * 1024, 0.0, 0.0, 1.25),
        (100, 100 * 1024, 0.05, 0.0, 1.4),
        (100, 100 * 1024, 0.05, 0.05, 1.4),
    ],
)
def test_it_takes_little_longer_than_its_parts_at_their_rates(
    body_bytes: int, answer_bytes: int, loss: float, known_loss: float, bar: float
) -> None:
    """Parts at the rate of payloads, shares at that of free pulls, and one round trip with half a pull.

    The mean of 40 seeded runs: no chance is left in it.
    """
    took_s = []
    for seed in range(40):
        world = AskedHost(bytes(body_bytes), bytes(answer_bytes), seed=seed, loss=loss, known_loss=known_loss)
        world.run(300)
        assert world.body == bytes(answer_bytes)
        took_s.append(world.ended_s - NOW_S)
    pieces = world.asking.progress.answer_parts
    round_trip_s = 2 * (PARAMS.layers + 1) * PARAMS.delay_mean_s + 0.5 / PARAMS.pull_rate_per_s
    model_s = world.head.pieces / PARAMS.payload_rate_per_s + pieces / PARAMS.free_pulls_per_s + round_trip_s
    assert sum(took_s) / len(took_s) / model_s < bar


def test_with_loss_it_brings_spare_blocks_so_that_a_lost_packet_is_not_missed_at_the_end() -> None:
    """The host sends no more shares for them: what it is to send is said by `coding` and `again`."""
    one = asking(loss=0.05)
    send(one, 100)
    give(one, 1, held=10, now_s=3.0)
    blocks = sum(1 + beside for _, beside, _ in send(one, 100))
    wanted = 20 + spare_shares(19, 0.05)
    assert blocks == (wanted - 1) + spare_shares(wanted - 1, 0.05) - 11
