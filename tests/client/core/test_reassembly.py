from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.core.fragments import FragmentKey, FragmentSizes, fragment_id, seal_fragments
from client.core.reassembly import (
    Added,
    Began,
    Completed,
    KnownMessage,
    MessageForgotten,
    OrphanForgotten,
    OrphanKept,
    Reassembly,
    ReassemblyFact,
    ReassemblyLimits,
    Refused,
    Repeated,
)
from client.core.sealing import PlainSealer
from loopixmix.cards import SEALING_KEY_BYTES

RNG = random.Random(11)
SEALER = PlainSealer(RNG.randbytes(SEALING_KEY_BYTES), rng=RNG)
BOB = b"b" * 32
SIZES = FragmentSizes(1280)


def message(length: int, key: int = 1) -> list[bytes]:
    stream = random.Random(length).randbytes(length)
    return list(
        seal_fragments(
            stream,
            recipient=BOB,
            recipient_key=SEALER.public,
            message_key=bytes([key]) * 32,
            sealer=SEALER,
            sizes=SIZES,
        )
    )


def head_of(length: int, key: int) -> bytes:
    """Return the first fragment of a message whose other fragments nobody makes."""
    key_bytes = bytes([key]) * 32
    fragments = seal_fragments(
        bytes(length), recipient=BOB, recipient_key=SEALER.public, message_key=key_bytes, sealer=SEALER, sizes=SIZES
    )
    return next(fragments)


class Inbox:
    """A store as small as it can be: what the facts say, in dictionaries."""

    def __init__(self, limits: ReassemblyLimits | None = None) -> None:
        self.reassembly = Reassembly(BOB, SEALER, SIZES, limits or ReassemblyLimits())
        self.parts: dict[bytes, dict[int, bytes]] = {}
        self.known: dict[bytes, Began] = {}
        self.orphans: dict[bytes, bytes] = {}
        self.whole: list[bytes] = []

    def receive(self, fragment: bytes, now_s: float = 0.0) -> list[ReassemblyFact]:
        facts = self.reassembly.receive(fragment, now_s)
        self.apply(facts, fragment, now_s)
        return facts

    def apply(self, facts: list[ReassemblyFact], fragment: bytes, now_s: float) -> None:
        for fact in facts:
            match fact:
                case Began(head_id=head_id):
                    self.parts[head_id], self.known[head_id] = {}, fact
                case Added(head_id, index, data):
                    assert index not in self.parts[head_id]
                    self.parts[head_id][index] = data
                case Completed(head_id):
                    parts = self.parts.pop(head_id)
                    self.whole.append(b"".join(parts[index] for index in sorted(parts)))
                    self.reassembly.finish(head_id)
                case OrphanKept(orphan_id):
                    self.orphans[orphan_id] = fragment
                case MessageForgotten(head_id):
                    del self.parts[head_id]
                case OrphanForgotten(orphan_id):
                    del self.orphans[orphan_id]
                case Repeated() | Refused():
                    pass
        for fact in facts:
            if isinstance(fact, Began):
                for name, index in fact.orphans:
                    orphan = self.orphans.pop(name)
                    self.apply(self.reassembly.adopt(fact.head_id, index, orphan, now_s), orphan, now_s)

    def restarted(self) -> Inbox:
        after = Inbox(self.reassembly.limits)
        after.parts, after.known, after.orphans = self.parts, self.known, self.orphans
        after.whole = self.whole
        known = [
            KnownMessage(
                head_id, self.known[head_id].head.message_key, self.known[head_id].head.total_bytes, tuple(parts), 0.0
            )
            for head_id, parts in self.parts.items()
        ]
        after.reassembly.restore(known, [(name, 0.0) for name in self.orphans])
        return after


@given(st.data())
def test_any_order_any_repetition_any_restart_gives_each_message_once(data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(1, 6000), min_size=1, max_size=3, unique=True))
    sealed = [message(length, key) for key, length in enumerate(lengths)]
    once = [fragment for fragments in sealed for fragment in fragments]
    again = data.draw(st.lists(st.sampled_from(once), max_size=5))
    order = data.draw(st.permutations(once + again))
    restarts = data.draw(st.sets(st.integers(0, len(order))))
    inbox, seen = Inbox(), set()
    for position, fragment in enumerate(order):
        if position in restarts:
            inbox = inbox.restarted()
        if fragment_id(fragment) in seen:  # the service asks the store before it asks us
            continue
        inbox.receive(fragment)
        seen.add(fragment_id(fragment))
    assert sorted(inbox.whole) == sorted(random.Random(length).randbytes(length) for length in lengths)
    assert inbox.orphans == {}


def test_a_repeated_fragment_is_known_before_its_message_is_complete() -> None:
    inbox, fragments = Inbox(), message(3000)
    orphan, head = fragments[1], fragments[0]
    assert inbox.receive(orphan) == [OrphanKept(fragment_id(orphan))]
    assert inbox.receive(orphan) == [Repeated()]
    inbox.receive(head)
    assert inbox.receive(head) == [Repeated()]
    assert inbox.receive(orphan) == [Repeated()]


def test_a_number_over_the_count_belongs_to_no_message() -> None:
    for length, fact in ((3000, OrphanKept), (100_000, Refused)):
        inbox = Inbox()
        inbox.receive(message(length)[0])
        for index in (0, SIZES.count(length)):
            assert isinstance(inbox.receive(FragmentKey(b"\1" * 32).seal(index, b"", SIZES))[0], fact)
        assert [len(parts) for parts in inbox.parts.values()] == [1]


def test_messages_that_come_all_at_the_same_time_become_whole_and_leave_nothing() -> None:
    """As at a gateway: many write at once, each of them slowly."""
    sealed = [message(4000 + number, number) for number in range(250)] + [message(100_000, 251), message(99_000, 252)]
    inbox = Inbox(ReassemblyLimits(messages=252, long_messages=2))
    for position in range(max(map(len, sealed))):
        for fragments in sealed:
            if position < len(fragments):
                inbox.receive(fragments[position])
    assert len(inbox.whole) == 252
    assert inbox.orphans == {}
    kept = inbox.reassembly
    assert (len(kept._messages), len(kept._expected), len(kept._long), len(kept._message_keys)) == (0, 0, 0, 0)


@pytest.mark.parametrize("seed", range(3))
def test_a_long_message_comes_in_any_order(seed: int) -> None:
    fragments = message(200_000)
    random.Random(seed).shuffle(fragments)
    inbox = Inbox()
    for fragment in fragments:
        inbox.receive(fragment)
    assert [len(stream) for stream in inbox.whole] == [200_000]


def test_a_length_that_is_only_claimed_fills_no_table() -> None:
    inbox = Inbox()
    for number in range(40):
        inbox.receive(head_of(9_000_000, number))
    assert len(inbox.reassembly._expected) < 40 * 40


def test_long_messages_push_out_only_each_other() -> None:
    inbox = Inbox(ReassemblyLimits(long_messages=3))
    short = message(3000, 200)
    inbox.receive(short[0])
    for number in range(10):
        inbox.receive(message(100_000, number)[0])
    assert len(inbox.parts) == 4
    for fragment in short[1:]:
        inbox.receive(fragment)
    assert len(inbox.whole) == 1


def test_an_altered_fragment_is_refused_and_the_true_one_still_counts() -> None:
    inbox, fragments = Inbox(), message(3000)
    inbox.receive(fragments[0])
    altered = fragments[1][:-1] + bytes([fragments[1][-1] ^ 1])
    assert isinstance(inbox.receive(altered)[0], Refused)
    for fragment in fragments[1:]:
        inbox.receive(fragment)
    assert len(inbox.whole) == 1


def test_an_altered_orphan_does_not_spoil_its_message() -> None:
    inbox, fragments = Inbox(), message(3000)
    altered = fragments[1][:-1] + bytes([fragments[1][-1] ^ 1])
    inbox.receive(altered)
    for fragment in fragments:
        inbox.receive(fragment)
    assert len(inbox.whole) == 1


def test_two_heads_that_announce_one_message_do_not_both_count() -> None:
    inbox = Inbox()
    inbox.receive(message(3000)[0])
    assert isinstance(inbox.receive(message(4000)[0])[0], Refused)


def test_the_oldest_of_too_many_messages_is_forgotten() -> None:
    inbox = Inbox(ReassemblyLimits(messages=2))
    first, second, third = (message(3000, key) for key in (1, 2, 3))
    inbox.receive(first[0])
    inbox.receive(second[0])
    inbox.receive(first[1])
    facts = inbox.receive(third[0])
    assert facts[0] == MessageForgotten(fragment_id(second[0]))
    for fragment in first[2:]:
        inbox.receive(fragment)
    assert len(inbox.whole) == 1


def test_heads_alone_push_out_no_message_that_has_come_further() -> None:
    """Whoever has somebody's card can begin messages without end: one that pauses must not be lost by that."""
    inbox = Inbox(ReassemblyLimits(messages=4))
    paused = message(6000, 99)
    for fragment in paused[:2]:
        inbox.receive(fragment)
    for key in range(20):
        inbox.receive(message(3000, key)[0])
    for fragment in paused[2:]:
        inbox.receive(fragment)
    assert len(inbox.whole) == 1


def test_the_oldest_of_too_many_orphans_is_forgotten() -> None:
    inbox = Inbox(ReassemblyLimits(orphans=2))
    orphans = message(6000)[1:4]
    facts = [inbox.receive(orphan) for orphan in orphans][-1]
    assert facts == [OrphanForgotten(fragment_id(orphans[0])), OrphanKept(fragment_id(orphans[2]))]
    assert len(inbox.orphans) == 2


def test_what_is_too_old_is_forgotten() -> None:
    inbox = Inbox(ReassemblyLimits(keep_s=100.0))
    young, old = message(3000, 1), message(3000, 2)
    inbox.receive(old[0], now_s=0.0)
    inbox.receive(message(3000, 3)[1], now_s=0.0)
    inbox.receive(young[0], now_s=50.0)
    assert inbox.reassembly.expire(100.0) == []
    facts = inbox.reassembly.expire(101.0)
    assert [type(fact) for fact in facts] == [MessageForgotten, OrphanForgotten]
    inbox.receive(old[1], now_s=102.0)
    assert inbox.parts.keys() >= {fragment_id(young[0])}


@pytest.mark.parametrize("fragment", [bytes(1280), b"\xff" * 1280])
def test_noise_is_an_orphan(fragment: bytes) -> None:
    assert Inbox().receive(fragment) == [OrphanKept(fragment_id(fragment))]


def test_an_orphan_of_a_forgotten_message_is_let_go() -> None:
    inbox = Inbox()
    assert inbox.reassembly.adopt(b"nobody", 1, message(3000)[1], 0.0) == []


def test_beyond_so_many_fragments_the_message_of_which_the_least_is_here_is_forgotten() -> None:
    inbox = Inbox(ReassemblyLimits(fragments=6))
    further, less, growing = (message(6000, key) for key in (1, 2, 3))
    for fragment in (*further[:3], less[0], *growing[:2]):
        assert not any(isinstance(fact, MessageForgotten) for fact in inbox.receive(fragment))
    assert MessageForgotten(fragment_id(less[0])) in inbox.receive(growing[2])
    # Now both have three, and the one that grows stays.
    assert MessageForgotten(fragment_id(further[0])) in inbox.receive(growing[3])
    for fragment in growing[4:]:
        inbox.receive(fragment)
    assert len(inbox.whole) == 1
    # It alone takes more than there is room for: a message is never forgotten for its own next fragment.
    for fragment in message(15_000, 4):
        inbox.receive(fragment)
    assert len(inbox.whole) == 2


def test_fragments_that_a_store_has_kept_count_too() -> None:
    inbox = Inbox(ReassemblyLimits(fragments=4))
    for fragment in message(6000, 1)[:3]:
        inbox.receive(fragment)
    inbox = inbox.restarted()
    facts = [fact for fragment in message(6000, 2)[:2] for fact in inbox.receive(fragment)]
    assert [type(fact) for fact in facts].count(MessageForgotten) == 1
