"""A sender wraps, the nodes unwrap, a reply comes back; with either engine, and with each against the other."""

from __future__ import annotations

import random

import pytest
from sphinx_paths import (
    ENGINES,
    FIRST_HOP,
    GEOMETRY,
    LOW_ORDER_POINTS,
    RECIPIENT,
    SURB_ID,
    TWIST_POINT,
    both_engines,
    every_encoding,
    make_journey,
)

from loopixmix.errors import MisuseError
from loopixmix.keys import MixKey
from loopixmix.seams import DropReason
from loopixmix.sphinx import (
    Discard,
    Geometry,
    Hop,
    PacketError,
    Payload,
    Reply,
    SurbKeys,
    engine_name,
    engines,
    make_surb,
    open_payload,
    open_reply,
    unwrap,
    unwrap_many,
    use_surb,
    wrap,
)

unwrapping_engines = pytest.mark.parametrize("unwrapper", ENGINES)


@both_engines
@unwrapping_engines
@pytest.mark.parametrize("length", range(1, GEOMETRY.hops + 1))
def test_a_payload_reaches_the_end_of_its_path(engine: str, unwrapper: str, length: int, rng: random.Random) -> None:
    journey = make_journey(rng, length)
    payload = rng.randbytes(GEOMETRY.payload_bytes)

    packet = wrap(journey.hops, payload, geometry=GEOMETRY, rng=rng, engine=engine)
    assert len(packet) == GEOMETRY.packet_bytes

    arrived = journey.travel(packet, engine=unwrapper)
    assert open_payload(arrived.payload_key, arrived.body, geometry=GEOMETRY) == Payload(None, payload)


@both_engines
@unwrapping_engines
@pytest.mark.parametrize("length", range(1, GEOMETRY.hops + 1))
@pytest.mark.parametrize("reply_bytes", [0, 1, GEOMETRY.payload_bytes])
def test_a_reply_comes_back(engine: str, unwrapper: str, length: int, reply_bytes: int, rng: random.Random) -> None:
    there = make_journey(rng, GEOMETRY.hops)
    back = make_journey(rng, length, Reply(RECIPIENT, SURB_ID))
    surb, keys = make_surb(FIRST_HOP, back.hops, geometry=GEOMETRY, rng=rng, engine=engine)
    packet = wrap(there.hops, b"please answer", geometry=GEOMETRY, rng=rng, surb=surb, engine=engine)

    arrived = there.travel(packet, engine=unwrapper)
    request = open_payload(arrived.payload_key, arrived.body, geometry=GEOMETRY)
    assert request == Payload(surb, b"please answer")

    reply = rng.randbytes(reply_bytes)
    assert request.surb is not None
    answer = use_surb(request.surb, reply, geometry=GEOMETRY, engine=unwrapper)
    assert len(answer) == GEOMETRY.packet_bytes
    body = back.travel(answer, engine=unwrapper).body
    assert open_reply(keys, body, geometry=GEOMETRY, engine=engine) == reply
    assert open_reply(SurbKeys.decode(keys.encode()), body, geometry=GEOMETRY, engine=engine) == reply


@both_engines
@pytest.mark.parametrize("geometry", [Geometry(1, 1), Geometry(3, 1280), Geometry(10, 32_768), Geometry(32, 1)])
def test_every_geometry_works(engine: str, geometry: Geometry, rng: random.Random) -> None:
    journey = make_journey(rng, geometry.hops)
    back = make_journey(rng, geometry.hops, Reply(RECIPIENT, SURB_ID))
    surb, keys = make_surb(FIRST_HOP, back.hops, geometry=geometry, rng=rng, engine=engine)
    payload = rng.randbytes(geometry.payload_bytes)

    packet = wrap(journey.hops, payload, geometry=geometry, rng=rng, surb=surb, engine=engine)
    arrived = journey.travel(packet, engine=engine, geometry=geometry)
    assert open_payload(arrived.payload_key, arrived.body, geometry=geometry) == Payload(surb, payload)

    answer = use_surb(surb, payload, geometry=geometry, engine=engine)
    body = back.travel(answer, engine=engine, geometry=geometry).body
    assert open_reply(keys, body, geometry=geometry, engine=engine) == payload


@both_engines
def test_cover_ends_with_a_discard(engine: str, rng: random.Random) -> None:
    journey = make_journey(rng, GEOMETRY.hops, Discard())
    packet = wrap(journey.hops, b"", geometry=GEOMETRY, rng=rng, engine=engine)

    assert len(journey.travel(packet, engine=engine).packet) == GEOMETRY.packet_bytes


@both_engines
def test_the_operating_systems_randomness_will_do(engine: str) -> None:
    rng = random.SystemRandom()
    journey = make_journey(rng, 2)
    packets = {wrap(journey.hops, b"", geometry=GEOMETRY, rng=rng, engine=engine) for _ in range(3)}

    assert len(packets) == 3
    for packet in packets:
        journey.travel(packet, engine=engine)


@both_engines
def test_the_keys_are_tried_in_turn(engine: str, rng: random.Random) -> None:
    journey = make_journey(rng, 1)
    packet = wrap(journey.hops, b"", geometry=GEOMETRY, rng=rng, engine=engine)
    right, others = journey.keys[0].private, [MixKey.generate(rng).private for _ in range(2)]

    found = [
        unwrap(keys, packet, geometry=GEOMETRY, engine=engine)
        for keys in ([right, *others], [others[0], right, others[1]], [*others, right])
    ]
    assert [unwrapped.key_index for unwrapped in found] == [0, 1, 2]
    assert len({unwrapped.replay_tag for unwrapped in found}) == 1
    assert len({unwrapped.packet for unwrapped in found}) == 1
    assert unwrap_many(others, [packet], geometry=GEOMETRY, engine=engine) == [DropReason.BAD_MAC]


@both_engines
@pytest.mark.parametrize("threads", [1, 2, 7])
def test_a_bad_packet_in_a_batch_disturbs_no_other(engine: str, threads: int, rng: random.Random) -> None:
    journey = make_journey(rng, GEOMETRY.hops)
    packets = [wrap(journey.hops, b"", geometry=GEOMETRY, rng=rng, engine=engine) for _ in range(24)]
    bad = {
        3: (b"", DropReason.WRONG_LENGTH),
        5: (bytes(GEOMETRY.packet_bytes), DropReason.BAD_POINT),
        11: (bytes([9]) + bytes(GEOMETRY.packet_bytes - 1), DropReason.BAD_MAC),
    }
    mixed = [bad[i][0] if i in bad else packet for i, packet in enumerate(packets)]

    results = unwrap_many([journey.keys[0].private], mixed, geometry=GEOMETRY, threads=threads, engine=engine)
    for i, (packet, result) in enumerate(zip(packets, results, strict=True)):
        alone = unwrap([journey.keys[0].private], packet, geometry=GEOMETRY, engine=engine)
        assert result == (bad[i][1] if i in bad else alone)
    assert unwrap_many([journey.keys[0].private], [], geometry=GEOMETRY, engine=engine) == []


@both_engines
def test_a_replay_has_the_same_tag_even_with_another_body(engine: str, rng: random.Random) -> None:
    journey = make_journey(rng, GEOMETRY.hops)
    private = [journey.keys[0].private]
    packet = wrap(journey.hops, b"once", geometry=GEOMETRY, rng=rng, engine=engine)
    other = wrap(journey.hops, b"once", geometry=GEOMETRY, rng=rng, engine=engine)
    other_body = packet[: GEOMETRY.header_bytes] + other[GEOMETRY.header_bytes :]

    tags = [
        unwrap(private, sent, geometry=GEOMETRY, engine=engine).replay_tag
        for sent in (packet, packet, other_body, other)
    ]
    assert [len(tag) for tag in tags] == [16] * 4
    assert tags[0] == tags[1] == tags[2] != tags[3]


@both_engines
def test_a_reply_block_used_twice_is_a_replay(engine: str, rng: random.Random) -> None:
    back = make_journey(rng, GEOMETRY.hops, Reply(RECIPIENT, SURB_ID))
    surb, _ = make_surb(FIRST_HOP, back.hops, geometry=GEOMETRY, rng=rng, engine=engine)

    first, second = (
        unwrap([back.keys[0].private], use_surb(surb, reply, geometry=GEOMETRY, engine=engine), geometry=GEOMETRY)
        for reply in (b"one", b"two")
    )
    assert first.replay_tag == second.replay_tag
    assert first.body != second.body


@both_engines
@pytest.mark.parametrize("length", range(1, GEOMETRY.hops))
def test_the_last_hop_finds_random_bytes_behind_its_command(engine: str, length: int, rng: random.Random) -> None:
    """Zeros there would tell it how long the path was (Kuhn, Beck, Strufe, arXiv 1910.13772).

    The padding is what the last hop decrypts: the first bytes of the next gamma and beta. Null hypothesis: uniform
    bytes. 16 packets: that any of 232 columns never varies has probability 232 * 256**-15; that the mean of 928 bytes
    or more is off by 15 (six standard deviations), 1e-9. Seeded.
    """
    journey = make_journey(rng, length)
    padding_bytes = (GEOMETRY.hops - length) * 58
    seen = []
    for _ in range(16):
        packet = wrap(journey.hops, b"", geometry=GEOMETRY, rng=rng, engine=engine)
        arrived = journey.travel(packet, engine=engine)
        beta, gamma = arrived.packet[32:306], arrived.packet[306:322]
        seen.append((gamma + beta)[:padding_bytes])

    assert all(len(set(column)) > 1 for column in zip(*seen, strict=True))
    assert sum(map(sum, seen)) / (16 * padding_bytes) == pytest.approx(127.5, abs=15)


@both_engines
@pytest.mark.parametrize(
    "public_key",
    [*LOW_ORDER_POINTS, TWIST_POINT, *every_encoding(9)[1:]],
    ids=bytes.hex,
)
@pytest.mark.parametrize("position", [0, 4])
def test_public_keys_that_are_none_are_refused(
    engine: str, public_key: bytes, position: int, rng: random.Random
) -> None:
    hops = list(make_journey(rng, GEOMETRY.hops).hops)
    hops[position] = Hop(public_key, hops[position].command)

    with pytest.raises(MisuseError, match="public key"):
        wrap(hops, b"", geometry=GEOMETRY, rng=rng, engine=engine)
    with pytest.raises(MisuseError, match="public key"):
        make_surb(FIRST_HOP, hops, geometry=GEOMETRY, rng=rng, engine=engine)


@both_engines
def test_what_does_not_fit_is_refused(engine: str, rng: random.Random) -> None:
    hops = make_journey(rng, GEOMETRY.hops + 1).hops
    for path in ((), hops):
        with pytest.raises(MisuseError, match="1 to 5 hops"):
            wrap(path, b"", geometry=GEOMETRY, rng=rng, engine=engine)
        with pytest.raises(MisuseError, match="1 to 5 hops"):
            make_surb(FIRST_HOP, path, geometry=GEOMETRY, rng=rng, engine=engine)
    with pytest.raises(MisuseError, match="2048 bytes, not 2049"):
        wrap(hops[:5], bytes(2049), geometry=GEOMETRY, rng=rng, engine=engine)
    surb, _ = make_surb(FIRST_HOP, hops[:5], geometry=GEOMETRY, rng=rng, engine=engine)
    with pytest.raises(MisuseError, match="2048 bytes, not 2049"):
        use_surb(surb, bytes(2049), geometry=GEOMETRY, engine=engine)
    for other in (Geometry(hops=4), Geometry(hops=6)):
        with pytest.raises(MisuseError, match="another geometry"):
            use_surb(surb, b"", geometry=other, engine=engine)
        with pytest.raises(MisuseError, match="another geometry"):
            wrap(hops[:4], b"", geometry=other, rng=rng, surb=surb, engine=engine)
    with pytest.raises(MisuseError, match="32 bytes"):
        Hop(bytes(31), Discard())


@both_engines
def test_private_keys_and_threads_that_are_none_are_refused(engine: str) -> None:
    for keys in ([], [bytes(31)], [bytes(32), b""]):
        with pytest.raises(MisuseError, match="private keys"):
            unwrap_many(keys, [], geometry=GEOMETRY, engine=engine)
    with pytest.raises(MisuseError, match="thread"):
        unwrap_many([bytes(32)], [], geometry=GEOMETRY, threads=0, engine=engine)


def test_engines_have_names() -> None:
    assert "reference" in engines()
    assert engine_name() == engines()[0] == ("native" if len(engines()) == 2 else "reference")
    assert engine_name("reference") == "reference"
    with pytest.raises(MisuseError, match=r'no Sphinx engine "magic"'):
        unwrap_many([bytes(32)], [], geometry=GEOMETRY, engine="magic")


@both_engines
def test_secrets_are_in_no_repr(engine: str, rng: random.Random) -> None:
    back = make_journey(rng, 1, Reply(RECIPIENT, SURB_ID))
    surb, keys = make_surb(FIRST_HOP, back.hops, geometry=GEOMETRY, rng=rng, engine=engine)
    journey = make_journey(rng, 2)
    packet = wrap(journey.hops, b"MARKED", geometry=GEOMETRY, rng=rng, surb=surb, engine=engine)
    arrived = journey.travel(packet, engine=engine)
    payload = open_payload(arrived.payload_key, arrived.body, geometry=GEOMETRY)
    with pytest.raises(PacketError) as caught:
        open_payload(bytes(16), arrived.body, geometry=GEOMETRY)

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


@both_engines
def test_reply_blocks_have_one_size_whatever_their_path(engine: str, rng: random.Random) -> None:
    sizes = {
        len(make_surb(FIRST_HOP, make_journey(rng, n).hops, geometry=GEOMETRY, rng=rng, engine=engine)[0].encode())
        for n in range(1, GEOMETRY.hops + 1)
    }
    assert sizes == {GEOMETRY.surb_bytes}
