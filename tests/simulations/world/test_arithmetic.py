"""Packets without cryptography against real ones: the same walk through a network, the same reasons to drop."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.drops import DropReason
from loopixmix.errors import MisuseError
from loopixmix.keys import MixKey
from loopixmix.sphinx import (
    Arithmetic,
    Command,
    Deliver,
    Geometry,
    Hop,
    PacketError,
    Payload,
    Relay,
    Reply,
    Sphinx,
    Surb,
    SurbKeys,
    Unwrapped,
    decode_command,
    load_arithmetic,
    make_surb,
    open_payload,
    open_reply,
    unwrap,
    unwrap_many,
    use_surb,
    wrap,
)
from simulations.world.arithmetic import PlainArithmetic
from simulations.world.journeys import PlainNumbers, TracingArithmetic

GEOMETRY = Geometry(hops=5, payload_bytes=1280)
KEYS = [MixKey.generate(random.Random(number)) for number in range(6)]
STRANGER = KEYS.pop()
MIDDLE = 2
REAL = Sphinx(GEOMETRY, load_arithmetic())
PLAIN = Sphinx(GEOMETRY, PlainArithmetic())


def hops(final: Command, count: int = 5) -> list[Hop]:
    relays = [Hop(key.public, Relay(bytes([n]) * 32, n * 1000)) for n, key in enumerate(KEYS[: count - 1])]
    return [*relays, Hop(KEYS[count - 1].public, final)]


def make(sphinx: Sphinx, count: int = 5, payload: bytes = b"payload") -> tuple[bytes, SurbKeys]:
    rng = random.Random(5)
    surb, keys = make_surb(bytes(32), hops(Reply(bytes(32), b"surb id.")), sphinx=sphinx, rng=rng)
    return wrap(hops(Deliver(bytes(32)), count), payload, sphinx=sphinx, rng=rng, surb=surb), keys


def walk(sphinx: Sphinx, packet: bytes, count: int = 5) -> list[Unwrapped]:
    steps: list[Unwrapped] = []
    for key in KEYS[:count]:
        steps.append(unwrap([STRANGER.private, key.private], packet, sphinx=sphinx))
        packet = steps[-1].packet
    return steps


def flipped(data: bytes, position: int, bit: int = 0) -> bytes:
    changed = bytearray(data)
    changed[position] ^= 1 << bit
    return bytes(changed)


def judged(sphinx: Sphinx, packet: bytes, hop: int = 0) -> DropReason | bytes:
    [result] = unwrap_many([KEYS[hop].private], [packet], sphinx=sphinx)
    return result if isinstance(result, DropReason) else result.command


def reason_of(work: Callable[[], object]) -> DropReason:
    with pytest.raises(PacketError) as caught:
        work()
    return caught.value.reason


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("payload", [b"", b"\xff\x7f\xff", bytes(1280)])
def test_the_walk_is_that_of_a_real_packet(count: int, payload: bytes) -> None:
    seen = []
    for sphinx in (REAL, PLAIN):
        packet, _ = make(sphinx, count, payload)
        steps = walk(sphinx, packet, count)
        content = open_payload(steps[-1].payload_key, steps[-1].body, sphinx=sphinx)
        lengths = [len(packet), *(len(step.packet) for step in steps), *(len(step.replay_tag) for step in steps)]
        tags = len({step.replay_tag for step in steps})
        commands = [decode_command(step.command) for step in steps]
        seen.append((commands, lengths, tags, [step.key_index for step in steps], content.payload))
        assert content.surb is not None

    assert seen[0] == seen[1]


def reason_at_the_end(sphinx: Sphinx, packet: bytes, hop: int) -> DropReason:
    for key in KEYS[hop:-1]:
        packet = unwrap([key.private], packet, sphinx=sphinx).packet
    end = unwrap([KEYS[-1].private], packet, sphinx=sphinx)
    return reason_of(lambda: open_payload(end.payload_key, end.body, sphinx=sphinx))


REGIONS = {"alpha": (0, 31), "beta": (32, 306), "gamma": (306, 322), "body": (322, GEOMETRY.packet_bytes)}


@given(st.sampled_from(sorted(REGIONS)), st.integers(0, 10_000), st.integers(0, 7), st.sampled_from([0, MIDDLE, 4]))
def test_a_flipped_bit_is_noticed_where_a_real_node_notices_it(region: str, place: int, bit: int, hop: int) -> None:
    start, end = REGIONS[region]
    position = start + place % (end - start)
    reasons = []
    for sphinx in (REAL, PLAIN):
        packet, _ = make(sphinx)
        packet = packet if hop == 0 else walk(sphinx, packet)[hop - 1].packet
        changed = flipped(packet, position, bit)
        found = judged(sphinx, changed, hop)
        reasons.append(found if isinstance(found, DropReason) else reason_at_the_end(sphinx, changed, hop))

    assert reasons[0] == reasons[1]
    assert reasons[0] is (DropReason.TAGGED_PAYLOAD if region == "body" else DropReason.BAD_MAC)


@pytest.mark.parametrize(
    "alpha",
    [bytes(32), b"\x01" + bytes(31), b"\xff" * 32, flipped(bytes(31) + b"\x7f", 31, 7)],
    ids=["0", "1", "p", "u"],
)
def test_impossible_group_elements_are_bad_points(alpha: bytes) -> None:
    for sphinx in (REAL, PLAIN):
        packet, _ = make(sphinx)
        assert judged(sphinx, alpha + packet[32:]) is DropReason.BAD_POINT


@pytest.mark.parametrize("change", [lambda p: p[:-1], lambda p: p + b"\0", lambda p: b""])
def test_other_lengths_are_refused(change: Callable[[bytes], bytes]) -> None:
    for sphinx in (REAL, PLAIN):
        packet, _ = make(sphinx)
        assert judged(sphinx, change(packet)) is DropReason.WRONG_LENGTH


def test_only_the_right_key_of_the_right_hop_fits() -> None:
    for sphinx in (REAL, PLAIN):
        packet, _ = make(sphinx)
        assert judged(sphinx, packet, 1) is DropReason.BAD_MAC
        assert judged(sphinx, unwrap([KEYS[0].private], packet, sphinx=sphinx).packet, 0) is DropReason.BAD_MAC
        [result] = unwrap_many([STRANGER.private], [packet], sphinx=sphinx)
        assert result is DropReason.BAD_MAC
        assert unwrap([STRANGER.private, KEYS[0].private], packet, sphinx=sphinx).key_index == 1


def test_a_replay_has_its_packets_tag_whatever_its_body_and_no_other_packet_has() -> None:
    for sphinx in (REAL, PLAIN):
        packet, _ = make(sphinx)
        first = walk(sphinx, packet)
        again = walk(sphinx, flipped(packet, -1))
        rng = random.Random(6)
        other = walk(sphinx, wrap(hops(Deliver(bytes(32))), b"payload", sphinx=sphinx, rng=rng))
        assert [step.replay_tag for step in first] == [step.replay_tag for step in again]
        assert not {step.replay_tag for step in first} & {step.replay_tag for step in other}


def test_a_reply_comes_back_and_is_opened_by_its_keys_only() -> None:
    for sphinx in (REAL, PLAIN):
        packet, keys = make(sphinx)
        _, other_keys = make_surb(bytes(32), hops(Reply(bytes(32), b"surb id.")), sphinx=sphinx, rng=random.Random(8))
        end = walk(sphinx, packet)[-1]
        surb = open_payload(end.payload_key, end.body, sphinx=sphinx).surb
        assert surb is not None
        back = walk(sphinx, use_surb(surb, b"answer", sphinx=sphinx))
        body = back[-1].body
        assert decode_command(back[-1].command) == Reply(bytes(32), b"surb id.")
        assert open_reply(keys, body, sphinx=sphinx) == b"answer"
        for wrong in (
            lambda: open_reply(other_keys, body, sphinx=sphinx),  # noqa: B023 (called at once)
            lambda: open_reply(keys, flipped(body, 200), sphinx=sphinx),  # noqa: B023
        ):
            assert reason_of(wrong) is DropReason.TAGGED_PAYLOAD
        assert reason_of(lambda: open_reply(keys, body[:-1], sphinx=sphinx)) is DropReason.WRONG_LENGTH  # noqa: B023
        second = unwrap([KEYS[0].private], use_surb(surb, b"another", sphinx=sphinx), sphinx=sphinx)
        assert second.replay_tag == back[0].replay_tag


def test_the_body_of_another_packet_is_a_tagged_payload() -> None:
    for sphinx in (REAL, PLAIN):
        packet, _ = make(sphinx)
        other = wrap(hops(Deliver(bytes(32))), b"payload", sphinx=sphinx, rng=random.Random(6))
        spliced = packet[: GEOMETRY.header_bytes] + other[GEOMETRY.header_bytes :]
        end = walk(sphinx, spliced)[-1]
        reason = reason_of(lambda: open_payload(end.payload_key, end.body, sphinx=sphinx))  # noqa: B023
        assert reason is DropReason.TAGGED_PAYLOAD


def test_reply_blocks_of_the_one_are_nothing_to_the_other() -> None:
    packet, _ = make(PLAIN)
    assert judged(REAL, packet) in (DropReason.BAD_MAC, DropReason.BAD_POINT)


def test_no_name_an_operator_can_write_leads_to_it() -> None:
    assert load_arithmetic().name != PlainArithmetic().name
    with pytest.raises(MisuseError):
        load_arithmetic(PlainArithmetic().name)


@pytest.mark.parametrize("arithmetic", [PlainArithmetic(), load_arithmetic()], ids=["plain", "real"])
def test_a_packet_keeps_its_number_on_the_way(arithmetic: Arithmetic) -> None:
    tracing = TracingArithmetic(arithmetic)
    sphinx = Sphinx(GEOMETRY, tracing)
    packets = [wrap(hops(Deliver(bytes(32))), b"payload", sphinx=sphinx, rng=random.Random(n)) for n in range(3)]
    numbers = [tracing.of_frame(b"\x02" + packet) for packet in packets]
    walks = [[tracing.of_tag(step.replay_tag) for step in walk(sphinx, packet)] for packet in packets]

    assert walks == [[number] * 5 for number in numbers]
    assert len(set(numbers)) == 3


def test_plain_numbers_can_be_read_in_tags_and_frames() -> None:
    packet, _ = make(PLAIN)
    steps = walk(PLAIN, packet)
    numbers = PlainNumbers()

    assert {numbers.of_tag(step.replay_tag) for step in steps} == {numbers.of_frame(b"\x02" + packet)}


def test_content_with_and_without_a_reply_block() -> None:
    packet = wrap(hops(Deliver(bytes(32))), b"x", sphinx=PLAIN, rng=random.Random(1))
    end = walk(PLAIN, packet)[-1]
    assert open_payload(end.payload_key, end.body, sphinx=PLAIN) == Payload(None, b"x")
    surb = Surb(bytes(32), bytes(GEOMETRY.header_bytes), bytes(16))
    with_surb = wrap(hops(Deliver(bytes(32))), b"x", sphinx=PLAIN, rng=random.Random(1), surb=surb)
    end = walk(PLAIN, with_surb)[-1]
    assert open_payload(end.payload_key, end.body, sphinx=PLAIN) == Payload(surb, b"x")
