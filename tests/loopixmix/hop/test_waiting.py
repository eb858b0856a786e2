"""Queues of peers: in turn, the oldest of the longest lost first, and counts that stay right."""

from __future__ import annotations

import time
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from loopixmix.hop.waiting import PeerQueues, Waiting

A, B, C = (name * 32 for name in (b"a", b"b", b"c"))


def queues_of(*sent: tuple[bytes, int]) -> PeerQueues:
    """Return queues to which each peer sent so many packets, one a second, in the order of `sent`."""
    queues, now_s = PeerQueues(), 0.0
    for peer, count in sent:
        queues.add(peer, [Waiting(now_s + number, peer, b"%d" % number) for number in range(count)])
        now_s += count
    return queues


def peers_of(taken: list[Waiting]) -> bytes:
    return b"".join(waiting.peer[:1] for waiting in taken)


def test_peers_have_turns_and_a_peer_that_ran_out_comes_last_when_it_sends_again() -> None:
    queues = queues_of((A, 3), (B, 1), (C, 2))
    taken, _ = queues.take(4, 0.0)
    assert peers_of(taken) == b"abca"
    queues.add(B, [Waiting(9.0, B, b"later")])
    taken, _ = queues.take(10, 0.0)
    assert peers_of(taken) == b"cab"
    assert len(queues) == 0


def test_the_longest_queue_loses_its_oldest_until_it_is_as_long_as_the_others() -> None:
    queues = queues_of((A, 2), (B, 9), (C, 2))
    queues.shed(7)
    taken, _ = queues.take(10, 0.0)
    assert Counter(waiting.peer for waiting in taken) == {A: 2, B: 2, C: 2}
    assert [waiting.packet for waiting in taken if waiting.peer == B] == [b"7", b"8"]


def test_several_long_queues_are_cut_to_one_length() -> None:
    queues = queues_of((A, 9), (B, 2), (C, 8))
    queues.shed(10)
    taken, _ = queues.take(10, 0.0)
    assert Counter(waiting.peer for waiting in taken) == {A: 3, B: 2, C: 4}
    assert [waiting.packet for waiting in taken if waiting.peer == C] == [b"4", b"5", b"6", b"7"]


def test_thousands_of_peers_lose_theirs_in_a_moment() -> None:
    queues = queues_of(*((b"%d" % number, 1) for number in range(8000)))
    began_s = time.thread_time()
    queues.shed(7900)
    # It was five seconds, when the longest queue was looked for again for each packet.
    assert time.thread_time() - began_s < 0.25
    assert len(queues.take(8000, 0.0)[0]) == 100


def test_all_can_be_lost() -> None:
    queues = queues_of((A, 2), (B, 3))
    queues.shed(5)
    assert (len(queues), queues.take(5, 0.0)) == (0, ([], 0))
    queues.add(A, [Waiting(0.0, A, b"")])
    assert len(queues.take(5, 0.0)[0]) == 1


def test_what_came_too_early_is_taken_out_and_counted() -> None:
    queues = queues_of((A, 3), (B, 3))
    taken, too_late = queues.take(2, 2.0)
    assert ([waiting.arrived_at_s for waiting in taken], too_late, len(queues)) == ([2.0, 3.0], 2, 2)
    assert queues.take(2, 99.0) == ([], 2)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.sampled_from([A, B, C]), st.integers(1, 9)),
            st.tuples(st.just("take"), st.just(A), st.integers(0, 9)),
            st.tuples(st.just("shed"), st.just(A), st.integers(0, 9)),
        )
    )
)
def test_every_packet_is_taken_or_lost_once(steps: list[tuple[str, bytes, int]]) -> None:
    queues, number, here = PeerQueues(), 0, 0
    order: dict[bytes, int] = {}
    for what, peer, count in steps:
        if what == "add":
            queues.add(peer, [Waiting(0.0, peer, b"%d" % (number + each)) for each in range(count)])
            number, here = number + count, here + count
        elif what == "take":
            taken, _ = queues.take(count, 0.0)
            here -= len(taken)
            for waiting in taken:
                assert int(waiting.packet) > order.get(waiting.peer, -1)
                order[waiting.peer] = int(waiting.packet)
        else:
            losing = min(count, here)
            queues.shed(losing)
            here -= losing
        assert len(queues) == here
