"""Decisions about unwrapped packets, and the pool in which they wait."""

from __future__ import annotations

from math import ceil, inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.drops import DropReason
from loopixmix.hop.mixing import Arrived, Drop, Forward, Mixer, Pool
from loopixmix.params import NetworkParams
from loopixmix.sphinx import Command, Deliver, Discard, Relay, Reply, Unwrapped, encode_command

PARAMS = NetworkParams(delay_mean_s=0.2)
NEXT, STRANGER, RECIPIENT = b"n" * 32, b"x" * 32, b"r" * 32
TAG, KEY, PACKET = b"t" * 16, b"k" * 16, b"header" + b"body"
CAP_US = ceil(PARAMS.max_delay_s * 1_000_000)

mixer = Mixer(max_delay_s=PARAMS.max_delay_s, next_hops={NEXT})


def unwrapped(command: Command | bytes) -> Unwrapped:
    encoded = command if isinstance(command, bytes) else encode_command(command)
    return Unwrapped(key_index=0, replay_tag=TAG, command=encoded, packet=PACKET, payload_key=KEY, body_bytes=4)


@pytest.mark.parametrize("delay_us", [0, 1, 123_457, CAP_US])
def test_a_relayed_packet_waits_its_delay_to_the_microsecond(delay_us: int) -> None:
    decision = mixer.decide(unwrapped(Relay(NEXT, delay_us)), 1000.0)
    assert decision == Forward(1000.0 + delay_us / 1e6, NEXT, PACKET, TAG)


@pytest.mark.parametrize("command", [Deliver(RECIPIENT), Reply(RECIPIENT, b"surb-id8"), Discard()])
def test_a_packet_at_its_end_is_given_up_with_its_body(command: Deliver | Reply | Discard) -> None:
    assert mixer.decide(unwrapped(command), 1000.0) == Arrived(command, KEY, b"body", TAG)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (Relay(STRANGER, 5), DropReason.UNKNOWN_NEXT_HOP),
        (Relay(NEXT, CAP_US + 1), DropReason.EXCESSIVE_DELAY),
        (Relay(NEXT, 2**64 - 1), DropReason.EXCESSIVE_DELAY),
        (b"\x07" + bytes(40), DropReason.UNKNOWN_COMMAND),
        (b"\x04" + bytes(39) + b"\x01", DropReason.UNKNOWN_COMMAND),
    ],
)
def test_what_cannot_be_done_is_dropped(command: Command | bytes, reason: DropReason) -> None:
    assert mixer.decide(unwrapped(command), 1000.0) == Drop(reason)


def test_neither_keys_nor_bodies_nor_tags_show_in_a_repr() -> None:
    assert repr(mixer.decide(unwrapped(Deliver(RECIPIENT)), 1000.0)) == "Arrived(Deliver)"
    assert repr(mixer.decide(unwrapped(Relay(NEXT, 5)), 1000.0)) == "Forward()"


def forward(at_s: float, name: bytes = b"") -> Forward:
    return Forward(at_s, NEXT, name, TAG)


@given(times_s=st.lists(st.floats(0, 100), max_size=30), now_s=st.floats(0, 100))
def test_the_pool_gives_what_is_due_in_order_and_keeps_the_rest(times_s: list[float], now_s: float) -> None:
    pool = Pool()
    for at_s in times_s:
        pool.add(forward(at_s))
    assert pool.next_at_s == min(times_s, default=inf)
    due = [each.at_s for each in pool.take_due(now_s)]
    assert due == sorted(at_s for at_s in times_s if at_s <= now_s)
    assert len(pool) == len(times_s) - len(due)
    assert pool.next_at_s > now_s


def test_a_packet_never_leaves_before_its_time() -> None:
    pool = Pool()
    pool.add(forward(10.0))
    assert list(pool.take_due(9.999999999)) == []
    assert len(list(pool.take_due(10.0))) == 1


def test_packets_of_one_instant_leave_in_the_order_they_came() -> None:
    pool = Pool()
    for name in (b"a", b"b", b"c"):
        pool.add(forward(1.0, name))
    assert [each.packet for each in pool.take_due(1.0)] == [b"a", b"b", b"c"]


def test_a_shift_moves_what_waits_and_not_what_comes_later() -> None:
    pool = Pool()
    pool.add(forward(1000.5, b"old"))
    pool.shift(-600.0)
    pool.add(forward(400.6, b"new"))
    assert pool.next_at_s == pytest.approx(400.5)
    assert [each.packet for each in pool.take_due(400.7)] == [b"old", b"new"]


def test_a_cleared_pool_is_empty() -> None:
    pool = Pool()
    pool.add(forward(1.0))
    pool.clear()
    assert len(pool) == 0
    assert pool.next_at_s == inf
