"""A sender wraps, the nodes unwrap, a reply comes back; with either arithmetic, and with each against the other."""

from __future__ import annotations

import random

import pytest

from loopixmix.drops import DropReason
from loopixmix.errors import MisuseError
from loopixmix.keys import MixKey
from loopixmix.sphinx import (
    Discard,
    Geometry,
    Hop,
    PacketError,
    Payload,
    Reply,
    SurbKeys,
    arithmetic_names,
    load_arithmetic,
    make_surb,
    open_payload,
    open_reply,
    unwrap,
    unwrap_many,
    use_surb,
    wrap,
)
from tests.worlds.packets.sphinx_paths import (
    ARITHMETICS,
    FIRST_HOP,
    GEOMETRY,
    LOW_ORDER_POINTS,
    RECIPIENT,
    SURB_ID,
    TWIST_POINT,
    both_arithmetics,
    every_encoding,
    make_journey,
    sphinx_of,
)

unwrapping_arithmetics = pytest.mark.parametrize("unwrapper", ARITHMETICS)


@both_arithmetics
@unwrapping_arithmetics
@pytest.mark.parametrize("length", range(1, GEOMETRY.hops + 1))
def test_a_payload_reaches_the_end_of_its_path(
    arithmetic: str, unwrapper: str, length: int, rng: random.Random
) -> None:
    journey = make_journey(rng, length)
    payload = rng.randbytes(GEOMETRY.payload_bytes)

    packet = wrap(journey.hops, payload, sphinx=sphinx_of(arithmetic), rng=rng)
    assert len(packet) == GEOMETRY.packet_bytes

    arrived = journey.travel(packet, arithmetic=unwrapper)
    assert open_payload(arrived.payload_key, arrived.body, sphinx=sphinx_of(arithmetic)) == Payload(None, payload)


@both_arithmetics
@unwrapping_arithmetics
@pytest.mark.parametrize("length", range(1, GEOMETRY.hops + 1))
@pytest.mark.parametrize("reply_bytes", [0, 1, GEOMETRY.payload_bytes])
def test_a_reply_comes_back(arithmetic: str, unwrapper: str, length: int, reply_bytes: int, rng: random.Random) -> None:
    there = make_journey(rng, GEOMETRY.hops)
    back = make_journey(rng, length, Reply(RECIPIENT, SURB_ID))
    surb, keys = make_surb(FIRST_HOP, back.hops, sphinx=sphinx_of(arithmetic), rng=rng)
    packet = wrap(there.hops, b"please answer", sphinx=sphinx_of(arithmetic), rng=rng, surb=surb)

    arrived = there.travel(packet, arithmetic=unwrapper)
    request = open_payload(arrived.payload_key, arrived.body, sphinx=sphinx_of(arithmetic))
    assert request == Payload(surb, b"please answer")

    reply = rng.randbytes(reply_bytes)
    assert request.surb is not None
    answer = use_surb(request.surb, reply, sphinx=sphinx_of(unwrapper))
    assert len(answer) == GEOMETRY.packet_bytes
    body = back.travel(answer, arithmetic=unwrapper).body
    assert open_reply(keys, body, sphinx=sphinx_of(arithmetic)) == reply
    assert open_reply(SurbKeys.decode(keys.encode()), body, sphinx=sphinx_of(arithmetic)) == reply


@both_arithmetics
@pytest.mark.parametrize("geometry", [Geometry(1, 1), Geometry(3, 1280), Geometry(10, 32_768), Geometry(32, 1)])
def test_every_geometry_works(arithmetic: str, geometry: Geometry, rng: random.Random) -> None:
    journey = make_journey(rng, geometry.hops)
    back = make_journey(rng, geometry.hops, Reply(RECIPIENT, SURB_ID))
    surb, keys = make_surb(FIRST_HOP, back.hops, sphinx=sphinx_of(arithmetic, geometry), rng=rng)
    payload = rng.randbytes(geometry.payload_bytes)

    packet = wrap(journey.hops, payload, sphinx=sphinx_of(arithmetic, geometry), rng=rng, surb=surb)
    arrived = journey.travel(packet, arithmetic=arithmetic, geometry=geometry)
    assert open_payload(arrived.payload_key, arrived.body, sphinx=sphinx_of(None, geometry)) == Payload(surb, payload)

    answer = use_surb(surb, payload, sphinx=sphinx_of(arithmetic, geometry))
    body = back.travel(answer, arithmetic=arithmetic, geometry=geometry).body
    assert open_reply(keys, body, sphinx=sphinx_of(arithmetic, geometry)) == payload


@both_arithmetics
def test_cover_ends_with_a_discard(arithmetic: str, rng: random.Random) -> None:
    journey = make_journey(rng, GEOMETRY.hops, Discard())
    packet = wrap(journey.hops, b"", sphinx=sphinx_of(arithmetic), rng=rng)

    assert len(journey.travel(packet, arithmetic=arithmetic).packet) == GEOMETRY.packet_bytes


@both_arithmetics
def test_the_operating_systems_randomness_will_do(arithmetic: str) -> None:
    rng = random.SystemRandom()
    journey = make_journey(rng, 2)
    packets = {wrap(journey.hops, b"", sphinx=sphinx_of(arithmetic), rng=rng) for _ in range(3)}

    assert len(packets) == 3
    for packet in packets:
        journey.travel(packet, arithmetic=arithmetic)


@both_arithmetics
def test_the_keys_are_tried_in_turn(arithmetic: str, rng: random.Random) -> None:
    journey = make_journey(rng, 1)
    packet = wrap(journey.hops, b"", sphinx=sphinx_of(arithmetic), rng=rng)
    right, others = journey.keys[0].private, [MixKey.generate(rng).private for _ in range(2)]

    found = [
        unwrap(keys, packet, sphinx=sphinx_of(arithmetic))
        for keys in ([right, *others], [others[0], right, others[1]], [*others, right])
    ]
    assert [unwrapped.key_index for unwrapped in found] == [0, 1, 2]
    assert len({unwrapped.replay_tag for unwrapped in found}) == 1
    assert len({unwrapped.packet for unwrapped in found}) == 1
    assert unwrap_many(others, [packet], sphinx=sphinx_of(arithmetic)) == [DropReason.BAD_MAC]


@both_arithmetics
@pytest.mark.parametrize("threads", [1, 2, 7])
def test_a_bad_packet_in_a_batch_disturbs_no_other(arithmetic: str, threads: int, rng: random.Random) -> None:
    journey = make_journey(rng, GEOMETRY.hops)
    packets = [wrap(journey.hops, b"", sphinx=sphinx_of(arithmetic), rng=rng) for _ in range(24)]
    bad = {
        3: (b"", DropReason.WRONG_LENGTH),
        5: (bytes(GEOMETRY.packet_bytes), DropReason.BAD_POINT),
        11: (bytes([9]) + bytes(GEOMETRY.packet_bytes - 1), DropReason.BAD_MAC),
    }
    mixed = [bad[i][0] if i in bad else packet for i, packet in enumerate(packets)]

    results = unwrap_many([journey.keys[0].private], mixed, sphinx=sphinx_of(arithmetic), threads=threads)
    for i, (packet, result) in enumerate(zip(packets, results, strict=True)):
        alone = unwrap([journey.keys[0].private], packet, sphinx=sphinx_of(arithmetic))
        assert result == (bad[i][1] if i in bad else alone)
    assert unwrap_many([journey.keys[0].private], [], sphinx=sphinx_of(arithmetic)) == []


@both_arithmetics
def test_a_replay_has_the_same_tag_even_with_another_body(arithmetic: str, rng: random.Random) -> None:
    journey = make_journey(rng, GEOMETRY.hops)
    private = [journey.keys[0].private]
    packet = wrap(journey.hops, b"once", sphinx=sphinx_of(arithmetic), rng=rng)
    other = wrap(journey.hops, b"once", sphinx=sphinx_of(arithmetic), rng=rng)
    other_body = packet[: GEOMETRY.header_bytes] + other[GEOMETRY.header_bytes :]

    tags = [
        unwrap(private, sent, sphinx=sphinx_of(arithmetic)).replay_tag for sent in (packet, packet, other_body, other)
    ]
    assert [len(tag) for tag in tags] == [16] * 4
    assert tags[0] == tags[1] == tags[2] != tags[3]


@both_arithmetics
def test_a_reply_block_used_twice_is_a_replay(arithmetic: str, rng: random.Random) -> None:
    back = make_journey(rng, GEOMETRY.hops, Reply(RECIPIENT, SURB_ID))
    surb, _ = make_surb(FIRST_HOP, back.hops, sphinx=sphinx_of(arithmetic), rng=rng)

    first, second = (
        unwrap(
            [back.keys[0].private], use_surb(surb, reply, sphinx=sphinx_of(arithmetic)), sphinx=sphinx_of(arithmetic)
        )
        for reply in (b"one", b"two")
    )
    assert first.replay_tag == second.replay_tag
    assert first.body != second.body


@both_arithmetics
@pytest.mark.parametrize("length", range(1, GEOMETRY.hops))
def test_the_last_hop_finds_random_bytes_behind_its_command(arithmetic: str, length: int, rng: random.Random) -> None:
    """Zeros there would tell it how long the path was (Kuhn, Beck, Strufe, arXiv 1910.13772).

    The padding is what the last hop decrypts: the first bytes of the next gamma and beta. Null hypothesis: uniform
    bytes. 16 packets: that any of 232 columns never varies has probability 232 * 256**-15; that the mean of 928 bytes
    or more is off by 15 (six standard deviations), 1e-9. Seeded.
    """
    journey = make_journey(rng, length)
    padding_bytes = (GEOMETRY.hops - length) * 58
    seen = []
    for _ in range(16):
        packet = wrap(journey.hops, b"", sphinx=sphinx_of(arithmetic), rng=rng)
        arrived = journey.travel(packet, arithmetic=arithmetic)
        beta, gamma = arrived.packet[32:306], arrived.packet[306:322]
        seen.append((gamma + beta)[:padding_bytes])

    assert all(len(set(column)) > 1 for column in zip(*seen, strict=True))
    assert sum(map(sum, seen)) / (16 * padding_bytes) == pytest.approx(127.5, abs=15)


@both_arithmetics
@pytest.mark.parametrize(
    "public_key",
    [*LOW_ORDER_POINTS, TWIST_POINT, *every_encoding(9)[1:]],
    ids=bytes.hex,
)
@pytest.mark.parametrize("position", [0, 4])
def test_public_keys_that_are_none_are_refused(
    arithmetic: str, public_key: bytes, position: int, rng: random.Random
) -> None:
    hops = list(make_journey(rng, GEOMETRY.hops).hops)
    hops[position] = Hop(public_key, hops[position].command)

    with pytest.raises(MisuseError, match="public key"):
        wrap(hops, b"", sphinx=sphinx_of(arithmetic), rng=rng)
    with pytest.raises(MisuseError, match="public key"):
        make_surb(FIRST_HOP, hops, sphinx=sphinx_of(arithmetic), rng=rng)


@both_arithmetics
def test_what_does_not_fit_is_refused(arithmetic: str, rng: random.Random) -> None:
    hops = make_journey(rng, GEOMETRY.hops + 1).hops
    for path in ((), hops):
        with pytest.raises(MisuseError, match="1 to 5 hops"):
            wrap(path, b"", sphinx=sphinx_of(arithmetic), rng=rng)
        with pytest.raises(MisuseError, match="1 to 5 hops"):
            make_surb(FIRST_HOP, path, sphinx=sphinx_of(arithmetic), rng=rng)
    with pytest.raises(MisuseError, match="2048 bytes, not 2049"):
        wrap(hops[:5], bytes(2049), sphinx=sphinx_of(arithmetic), rng=rng)
    surb, _ = make_surb(FIRST_HOP, hops[:5], sphinx=sphinx_of(arithmetic), rng=rng)
    with pytest.raises(MisuseError, match="2048 bytes, not 2049"):
        use_surb(surb, bytes(2049), sphinx=sphinx_of(arithmetic))
    for other in (Geometry(hops=4), Geometry(hops=6)):
        with pytest.raises(MisuseError, match="another geometry"):
            use_surb(surb, b"", sphinx=sphinx_of(arithmetic, other))
        with pytest.raises(MisuseError, match="another geometry"):
            wrap(hops[:4], b"", sphinx=sphinx_of(arithmetic, other), rng=rng, surb=surb)
    with pytest.raises(MisuseError, match="32 bytes"):
        Hop(bytes(31), Discard())


@both_arithmetics
def test_private_keys_and_threads_that_are_none_are_refused(arithmetic: str) -> None:
    for keys in ([], [bytes(31)], [bytes(32), b""]):
        with pytest.raises(MisuseError, match="private keys"):
            unwrap_many(keys, [], sphinx=sphinx_of(arithmetic))
    with pytest.raises(MisuseError, match="thread"):
        unwrap_many([bytes(32)], [], sphinx=sphinx_of(arithmetic), threads=0)


def test_arithmetics_have_names() -> None:
    assert "reference" in arithmetic_names()
    assert (
        load_arithmetic().name == arithmetic_names()[0] == ("native" if len(arithmetic_names()) == 2 else "reference")
    )
    assert load_arithmetic("reference").name == "reference"
    with pytest.raises(MisuseError, match=r'no Sphinx engine "magic"'):
        unwrap_many([bytes(32)], [], sphinx=sphinx_of("magic"))


@both_arithmetics
def test_secrets_are_in_no_repr(arithmetic: str, rng: random.Random) -> None:
    back = make_journey(rng, 1, Reply(RECIPIENT, SURB_ID))
    surb, keys = make_surb(FIRST_HOP, back.hops, sphinx=sphinx_of(arithmetic), rng=rng)
    journey = make_journey(rng, 2)
    packet = wrap(journey.hops, b"MARKED", sphinx=sphinx_of(arithmetic), rng=rng, surb=surb)
    arrived = journey.travel(packet, arithmetic=arithmetic)
    payload = open_payload(arrived.payload_key, arrived.body, sphinx=sphinx_of(arithmetic))
    with pytest.raises(PacketError) as caught:
        open_payload(bytes(16), arrived.body, sphinx=sphinx_of(arithmetic))

    shown = "".join(repr(value) for value in (surb, keys, arrived, payload, caught.value, journey.keys))
    secrets = (
        b"MARKED",
        surb.reply_key,
        *keys.payload_keys,
        arrived.payload_key,
        arrived.replay_tag,
        arrived.command,
        *(key.private for key in journey.keys),
    )
    for secret in secrets:
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown


@both_arithmetics
def test_reply_blocks_have_one_size_whatever_their_path(arithmetic: str, rng: random.Random) -> None:
    sizes = {
        len(make_surb(FIRST_HOP, make_journey(rng, n).hops, sphinx=sphinx_of(arithmetic), rng=rng)[0].encode())
        for n in range(1, GEOMETRY.hops + 1)
    }
    assert sizes == {GEOMETRY.surb_bytes}
