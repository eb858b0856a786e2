"""Every way a packet can be wrong, and the reason it is dropped for; with both arithmetics."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from sphinxmix.SphinxClient import create_header

from loopixmix.drops import DropReason
from loopixmix.keys import MixKey
from loopixmix.sphinx import (
    PacketError,
    Reply,
    SurbKeys,
    decode_command,
    make_surb,
    open_payload,
    open_reply,
    unwrap,
    unwrap_many,
    use_surb,
    wrap,
)
from loopixmix.sphinx.reference import Params, X25519Group
from tests.worlds.packets.sphinx_paths import (
    FIRST_HOP,
    GEOMETRY,
    LOW_ORDER_POINTS,
    RECIPIENT,
    SURB_ID,
    Journey,
    both_arithmetics,
    every_encoding,
    make_journey,
    sphinx_of,
)

ALPHA = range(32)
BETA_AND_GAMMA = range(32, GEOMETRY.header_bytes)
TAGGED_POSITIONS = [0, 15, 16, 17, 1000, GEOMETRY.body_bytes - 1]


def changed(packet: bytes, position: int, mask: int) -> bytes:
    copy = bytearray(packet)
    copy[position] ^= mask
    return bytes(copy)


def reasons(journey: Journey, packets: Sequence[bytes], arithmetic: str, hop: int = 0) -> set[DropReason]:
    """Why each of `packets` is refused at `hop`; an error if one is not."""
    results = unwrap_many([journey.keys[hop].private], packets, sphinx=sphinx_of(arithmetic))
    assert results
    assert all(isinstance(result, DropReason) for result in results)
    return {result for result in results if isinstance(result, DropReason)}


@both_arithmetics
def test_every_flipped_bit_of_the_header_is_refused(arithmetic: str, rng: random.Random) -> None:
    """The top bit of alpha, which X25519 ignores, included."""
    journey = make_journey(rng, GEOMETRY.hops)
    packet = wrap(journey.hops, b"", sphinx=sphinx_of(arithmetic), rng=rng)

    beta_and_gamma = [changed(packet, position, 1 << bit) for position in BETA_AND_GAMMA for bit in range(8)]
    assert reasons(journey, beta_and_gamma, arithmetic) == {DropReason.BAD_MAC}
    alpha = [changed(packet, position, 1 << bit) for position in ALPHA for bit in range(8)]
    assert reasons(journey, alpha[:-1], arithmetic) == {DropReason.BAD_MAC}
    assert reasons(journey, alpha[-1:], arithmetic) == {DropReason.BAD_POINT}


@both_arithmetics
def test_every_flipped_byte_of_the_header_is_refused_at_every_hop(arithmetic: str, rng: random.Random) -> None:
    journey = make_journey(rng, GEOMETRY.hops)
    packet = wrap(journey.hops, b"", sphinx=sphinx_of(arithmetic), rng=rng)

    for hop, key in enumerate(journey.keys):
        flipped = [changed(packet, position, 0x01) for position in range(GEOMETRY.header_bytes)]
        assert reasons(journey, flipped, arithmetic, hop) == {DropReason.BAD_MAC}
        packet = unwrap([key.private], packet, sphinx=sphinx_of(arithmetic)).packet


@both_arithmetics
def test_a_short_paths_random_padding_is_authenticated(arithmetic: str, rng: random.Random) -> None:
    journey = make_journey(rng, 1)
    packet = wrap(journey.hops, b"", sphinx=sphinx_of(arithmetic), rng=rng)

    flipped = [changed(packet, position, 0x80) for position in BETA_AND_GAMMA]
    assert reasons(journey, flipped, arithmetic) == {DropReason.BAD_MAC}


@both_arithmetics
def test_another_nodes_packet_is_refused(arithmetic: str, rng: random.Random) -> None:
    journey, other = make_journey(rng, GEOMETRY.hops), make_journey(rng, 1)
    packet = wrap(journey.hops, b"", sphinx=sphinx_of(arithmetic), rng=rng)

    assert reasons(other, [packet], arithmetic) == {DropReason.BAD_MAC}
    assert reasons(journey, [packet], arithmetic, hop=1) == {DropReason.BAD_MAC}


@both_arithmetics
def test_parts_of_two_packets_make_none(arithmetic: str, rng: random.Random) -> None:
    journey = make_journey(rng, GEOMETRY.hops)
    one, two = (wrap(journey.hops, b"", sphinx=sphinx_of(arithmetic), rng=rng) for _ in range(2))

    mixed = [one[:32] + two[32:], one[:306] + two[306:322] + one[322:], one[:32] + two[32:306] + one[306:]]
    assert reasons(journey, mixed, arithmetic) == {DropReason.BAD_MAC}


@both_arithmetics
def test_another_length_is_refused(arithmetic: str, rng: random.Random) -> None:
    journey = make_journey(rng, GEOMETRY.hops)
    packet = wrap(journey.hops, b"", sphinx=sphinx_of(arithmetic), rng=rng)

    wrong = [b"", packet[:1], packet[:32], packet[:322], packet[:-1], packet + b"\x00", packet * 2, packet[1:]]
    assert reasons(journey, wrong, arithmetic) == {DropReason.WRONG_LENGTH}


@both_arithmetics
@pytest.mark.parametrize("alpha", LOW_ORDER_POINTS, ids=bytes.hex)
def test_low_order_points_are_refused(arithmetic: str, alpha: bytes, rng: random.Random) -> None:
    journey = make_journey(rng, GEOMETRY.hops)
    packet = wrap(journey.hops, b"", sphinx=sphinx_of(arithmetic), rng=rng)
    two_keys = [MixKey.generate(rng).private, journey.keys[0].private]

    assert reasons(journey, [alpha + packet[32:]], arithmetic) == {DropReason.BAD_POINT}
    assert unwrap_many(two_keys, [alpha + packet[32:]], sphinx=sphinx_of(arithmetic)) == [DropReason.BAD_POINT]


@both_arithmetics
def test_a_low_order_point_is_refused_even_with_the_mac_of_an_all_zero_secret(
    arithmetic: str, rng: random.Random
) -> None:
    """Without the refusal anybody could make packets that every node accepts."""
    params = Params(GEOMETRY, X25519Group(b""))
    beta = rng.randbytes(GEOMETRY.beta_bytes)
    gamma = bytes(params.mu(params.hmu(params.get_aes_key(bytes(32))), beta))
    body = rng.randbytes(GEOMETRY.body_bytes)

    forged = [point + beta + gamma + body for point in LOW_ORDER_POINTS]
    assert reasons(make_journey(rng, 1), forged, arithmetic) == {DropReason.BAD_POINT}


@both_arithmetics
def test_points_in_another_encoding_are_refused(arithmetic: str, rng: random.Random) -> None:
    """A packet whose first alpha is the base point or another u below 19, which has a second encoding."""
    journey = make_journey(rng, 1)
    packet = wrap(journey.hops, b"", sphinx=sphinx_of(arithmetic), rng=rng)

    others = [point + packet[32:] for u in (3, 9, 18) for point in every_encoding(u)[1:]]
    assert reasons(journey, others, arithmetic) == {DropReason.BAD_POINT}


@both_arithmetics
@pytest.mark.parametrize("size", [0, 1, 40, 42, 83, 127])
@pytest.mark.parametrize("hop", [0, 1])
def test_a_command_of_another_length_is_unknown(arithmetic: str, size: int, hop: int, rng: random.Random) -> None:
    """The header is sphinxmix's own, whose commands may have any length; the MACs are right."""
    journey = make_journey(rng, 2)
    commands = [bytes(41), bytes(41)]
    commands[hop] = rng.randbytes(size)
    params = Params(GEOMETRY, X25519Group(rng.randbytes(32)))
    public_keys = [key.public for key in journey.keys]
    header, _ = create_header(params, [b"", commands[0]], public_keys, commands[1])
    packet = b"".join(header) + bytes(GEOMETRY.body_bytes)

    for key in journey.keys[:hop]:
        packet = unwrap([key.private], packet, sphinx=sphinx_of(arithmetic)).packet
    assert reasons(journey, [packet], arithmetic, hop) == {DropReason.UNKNOWN_COMMAND}


@both_arithmetics
def test_a_command_of_unknown_type_arrives_and_is_refused_by_its_decoder(arithmetic: str, rng: random.Random) -> None:
    journey = make_journey(rng, 1)
    params = Params(GEOMETRY, X25519Group(rng.randbytes(32)))
    for command in (b"\x00" + bytes(40), b"\x05" + bytes(40), b"\x02" + bytes(39) + b"\x01"):
        header, _ = create_header(params, [b""], [journey.keys[0].public], command)
        packet = b"".join(header) + bytes(GEOMETRY.body_bytes)

        unwrapped = unwrap([journey.keys[0].private], packet, sphinx=sphinx_of(arithmetic))
        assert unwrapped.command == command
        with pytest.raises(PacketError) as caught:
            decode_command(unwrapped.command)
        assert caught.value.reason is DropReason.UNKNOWN_COMMAND


@both_arithmetics
@pytest.mark.parametrize("hop", range(GEOMETRY.hops))
def test_a_payload_tagged_before_any_hop_is_seen_at_the_end(arithmetic: str, hop: int, rng: random.Random) -> None:
    """And only there: on its way the packet is as good as any other, which is why the end must not answer."""
    journey = make_journey(rng, GEOMETRY.hops)
    for position in TAGGED_POSITIONS:
        packet = wrap(journey.hops, b"payload", sphinx=sphinx_of(arithmetic), rng=rng)
        for key in journey.keys[:hop]:
            packet = unwrap([key.private], packet, sphinx=sphinx_of(arithmetic)).packet
        packet = changed(packet, GEOMETRY.header_bytes + position, 0x01)
        rest = Journey(journey.keys[hop:], journey.hops[hop:])
        arrived = rest.travel(packet, arithmetic=arithmetic)

        with pytest.raises(PacketError) as caught:
            open_payload(arrived.payload_key, arrived.body, sphinx=sphinx_of(arithmetic))
        assert caught.value.reason is DropReason.TAGGED_PAYLOAD
        assert b"payload" not in arrived.body


@both_arithmetics
@pytest.mark.parametrize("hop", range(GEOMETRY.hops + 1))
def test_a_reply_tagged_before_any_hop_or_by_the_last_is_seen_by_its_reader(
    arithmetic: str, hop: int, rng: random.Random
) -> None:
    back = make_journey(rng, GEOMETRY.hops, Reply(RECIPIENT, SURB_ID))
    for position in TAGGED_POSITIONS:
        surb, keys = make_surb(FIRST_HOP, back.hops, sphinx=sphinx_of(arithmetic), rng=rng)
        packet = use_surb(surb, b"reply", sphinx=sphinx_of(arithmetic))
        for index, key in enumerate(back.keys):
            if index == hop:
                packet = changed(packet, GEOMETRY.header_bytes + position, 0x01)
            packet = unwrap([key.private], packet, sphinx=sphinx_of(arithmetic)).packet
        body = packet[GEOMETRY.header_bytes :]
        if hop == GEOMETRY.hops:
            body = changed(body, position, 0x01)

        assert _reply_reason(keys, body, arithmetic) is DropReason.TAGGED_PAYLOAD


@both_arithmetics
def test_a_reply_opened_with_other_keys_is_refused(arithmetic: str, rng: random.Random) -> None:
    back = make_journey(rng, 2, Reply(RECIPIENT, SURB_ID))
    surb, keys = make_surb(FIRST_HOP, back.hops, sphinx=sphinx_of(arithmetic), rng=rng)
    body = back.travel(use_surb(surb, b"reply", sphinx=sphinx_of(arithmetic)), arithmetic=arithmetic).body

    assert open_reply(keys, body, sphinx=sphinx_of(arithmetic)) == b"reply"
    for wrong in (
        SurbKeys(bytes(16), keys.payload_keys),
        SurbKeys(keys.reply_key, keys.payload_keys[:1]),
        SurbKeys(keys.reply_key, keys.payload_keys[::-1]),
    ):
        assert _reply_reason(wrong, body, arithmetic) is DropReason.TAGGED_PAYLOAD
    for wrong_body in (b"", body[:-1], body + b"\x00"):
        assert _reply_reason(keys, wrong_body, arithmetic) is DropReason.WRONG_LENGTH


@both_arithmetics
@pytest.mark.parametrize("padded", [b"\xff" * 2420, bytes(2420), bytes(2049) + b"\x7f" + b"\xff" * 370])
def test_a_reply_badly_padded_or_too_long_is_a_bad_payload(arithmetic: str, padded: bytes, rng: random.Random) -> None:
    """Sealed with the right key by somebody who does not use our software; sphinxmix's permutation."""
    params = Params(GEOMETRY, X25519Group(b""))
    keys = SurbKeys(rng.randbytes(16), (rng.randbytes(16),))
    sealed = params.pi(keys.reply_key, bytes(params.mu(keys.reply_key, padded)) + padded)
    body = params.pii(keys.payload_keys[0], sealed)

    assert _reply_reason(keys, body, arithmetic) is DropReason.BAD_PAYLOAD


@both_arithmetics
def test_a_reply_is_no_forward_payload(arithmetic: str, rng: random.Random) -> None:
    """A body made with a reply block and sent to a node that was told to deliver: nothing opens."""
    back = make_journey(rng, GEOMETRY.hops)
    surb, _ = make_surb(FIRST_HOP, back.hops, sphinx=sphinx_of(arithmetic), rng=rng)
    arrived = back.travel(use_surb(surb, b"reply", sphinx=sphinx_of(arithmetic)), arithmetic=arithmetic)

    with pytest.raises(PacketError) as caught:
        open_payload(arrived.payload_key, arrived.body, sphinx=sphinx_of(arithmetic))
    assert caught.value.reason is DropReason.TAGGED_PAYLOAD


@both_arithmetics
def test_unwrap_says_why_without_showing_the_packet(arithmetic: str, rng: random.Random) -> None:
    packet = rng.randbytes(GEOMETRY.packet_bytes - 1) + b"\x00"
    with pytest.raises(PacketError, match=r"^the packet is not valid: bad_") as caught:
        unwrap([bytes(32)], packet, sphinx=sphinx_of(arithmetic))

    assert caught.value.reason in (DropReason.BAD_MAC, DropReason.BAD_POINT)
    assert caught.value.__cause__ is None


@both_arithmetics
def test_random_bytes_never_raise_anything_else(arithmetic: str, rng: random.Random) -> None:
    packets = [rng.randbytes(rng.choice([0, 31, 322, GEOMETRY.packet_bytes])) for _ in range(200)]
    results = unwrap_many([rng.randbytes(32), rng.randbytes(32)], packets, sphinx=sphinx_of(arithmetic))

    assert set(results) == {DropReason.WRONG_LENGTH, DropReason.BAD_MAC, DropReason.BAD_POINT}


def _reply_reason(keys: SurbKeys, body: bytes, arithmetic: str) -> DropReason:
    with pytest.raises(PacketError) as caught:
        open_reply(keys, body, sphinx=sphinx_of(arithmetic))
    return caught.value.reason
