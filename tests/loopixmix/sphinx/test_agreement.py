"""The arithmetics agree with each other and with sphinxmix called directly, byte for byte."""

from __future__ import annotations

import hmac
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sphinxmix.SphinxClient import create_header, package_surb, receive_surb
from sphinxmix.SphinxNode import sphinx_process
from sphinxmix.SphinxParams import SphinxParams

from loopixmix.drops import DropReason
from loopixmix.sphinx import (
    Geometry,
    Reply,
    encode_command,
    make_surb,
    open_reply,
    unwrap,
    unwrap_many,
    use_surb,
    wrap,
)
from loopixmix.sphinx.reference import Mac, Params, X25519Group
from tests.worlds.packets.sphinx_paths import (
    FIRST_HOP,
    GEOMETRY,
    NATIVE,
    RECIPIENT,
    SURB_ID,
    ScriptedRng,
    both_arithmetics,
    make_journey,
    sphinx_of,
)

native_against_reference = pytest.mark.parametrize("arithmetic", [NATIVE])


def stock_params(secret: bytes = b"") -> SphinxParams:
    """sphinxmix's own parameters, of which we give no more than the group."""
    return SphinxParams(
        group=X25519Group(secret), header_len=32 + GEOMETRY.beta_bytes, body_len=GEOMETRY.body_bytes, k=16
    )


@native_against_reference
@given(
    seed=st.integers(0, 2**64),
    hops=st.integers(1, 6),
    length=st.integers(1, 6),
    payload_bytes=st.integers(1, 3000),
    used=st.floats(0, 1),
    with_surb=st.booleans(),
)
def test_the_same_randomness_gives_the_same_bytes(
    arithmetic: str, seed: int, hops: int, length: int, payload_bytes: int, used: float, with_surb: bool
) -> None:
    geometry, length = Geometry(hops, payload_bytes), min(length, hops)
    rng = random.Random(seed)
    journey, back = make_journey(rng, length), make_journey(rng, length, Reply(RECIPIENT, SURB_ID))
    payload = rng.randbytes(round(used * payload_bytes))
    results = []
    for name in (arithmetic, "reference"):
        same_rng = random.Random(seed)
        surb, keys = make_surb(FIRST_HOP, back.hops, sphinx=sphinx_of(name, geometry), rng=same_rng)
        packet = wrap(
            journey.hops, payload, sphinx=sphinx_of(name, geometry), rng=same_rng, surb=surb if with_surb else None
        )
        answer = use_surb(surb, payload, sphinx=sphinx_of(name, geometry))
        unwrapped = unwrap_many(
            [back.keys[0].private, journey.keys[0].private], [packet, answer], sphinx=sphinx_of(name, geometry)
        )
        body = back.travel(answer, arithmetic=name, geometry=geometry).body
        results.append(
            (surb, keys, packet, answer, unwrapped, open_reply(keys, body, sphinx=sphinx_of(name, geometry)))
        )

    assert results[0] == results[1]
    assert results[0][-1] == payload


@native_against_reference
@given(seed=st.integers(0, 2**64), position=st.integers(0, GEOMETRY.packet_bytes - 1), mask=st.integers(1, 255))
def test_the_engines_refuse_alike(arithmetic: str, seed: int, position: int, mask: int) -> None:
    rng = random.Random(seed)
    journey = make_journey(rng, 2)
    packet = bytearray(wrap(journey.hops, b"payload", sphinx=sphinx_of(), rng=rng))
    packet[position] ^= mask

    native, reference = (
        unwrap_many([journey.keys[0].private], [bytes(packet)], sphinx=sphinx_of(name))
        for name in (arithmetic, "reference")
    )
    assert native == reference
    assert isinstance(native[0], DropReason) == (position < GEOMETRY.header_bytes)


@both_arithmetics
def test_a_full_header_is_that_of_sphinxmix_itself(arithmetic: str, rng: random.Random) -> None:
    """A full path has no padding, so that sphinxmix's `create_header`, untouched, has nothing of its own to draw."""
    back = make_journey(rng, GEOMETRY.hops, Reply(RECIPIENT, SURB_ID))
    secret = rng.randbytes(32)
    commands = [encode_command(hop.command) for hop in back.hops]
    params = stock_params(secret)
    header, secrets = create_header(params, [b"", *commands[:-1]], [key.public for key in back.keys], commands[-1])

    script = ScriptedRng(secret, b"", b"k" * 16)
    surb, keys = make_surb(FIRST_HOP, back.hops, sphinx=sphinx_of(arithmetic), rng=script)
    assert surb.header == b"".join(header)
    assert keys.payload_keys == tuple(params.hpi(aes) for aes in secrets)


@both_arithmetics
@pytest.mark.parametrize("length", range(1, GEOMETRY.hops))
def test_a_short_header_is_that_of_sphinxmix_given_its_padding(
    arithmetic: str, length: int, rng: random.Random
) -> None:
    """sphinxmix draws the padding itself here; the last hop sees it, and we wrap again with what it saw."""
    journey = make_journey(rng, length)
    secret, padding_bytes = rng.randbytes(32), (GEOMETRY.hops - length) * 58
    commands = [encode_command(hop.command) for hop in journey.hops]
    public_keys = [key.public for key in journey.keys]
    header, _ = create_header(stock_params(secret), [b"", *commands[:-1]], public_keys, commands[-1])
    _, _, beta, gamma = process_all(header, bytes(GEOMETRY.body_bytes), [key.private for key in journey.keys])

    script = ScriptedRng(secret, (gamma + beta)[:padding_bytes])
    packet = wrap(journey.hops, b"", sphinx=sphinx_of(arithmetic), rng=script)
    assert packet[: GEOMETRY.header_bytes] == b"".join(header)


@both_arithmetics
def test_sphinxmix_unwraps_what_we_wrap_to_the_same_bytes(arithmetic: str, rng: random.Random) -> None:
    journey = make_journey(rng, GEOMETRY.hops)
    packet = wrap(journey.hops, b"payload", sphinx=sphinx_of(arithmetic), rng=rng)

    for key in journey.keys:
        ours = unwrap([key.private], packet, sphinx=sphinx_of(arithmetic))
        header = packet[:32], packet[32:306], packet[306:322]
        tag, command, (next_header, body), mac_key = sphinx_process(stock_params(), key.private, header, packet[322:])
        assert (ours.replay_tag, ours.command, ours.payload_key) == (tag, command, mac_key)
        assert ours.packet == b"".join(next_header) + body
        assert ours.body == body
        packet = ours.packet


@both_arithmetics
def test_reply_blocks_are_those_of_sphinxmix(arithmetic: str, rng: random.Random) -> None:
    """Its `package_surb` makes the packet `use_surb` makes, its `receive_surb` opens what we make and we what it."""
    back = make_journey(rng, GEOMETRY.hops, Reply(RECIPIENT, SURB_ID))
    surb, keys = make_surb(FIRST_HOP, back.hops, sphinx=sphinx_of(arithmetic), rng=rng)

    header, sealed = package_surb(stock_params(), (surb.first_hop, surb.header, surb.reply_key), b"reply")
    packet = use_surb(surb, b"reply", sphinx=sphinx_of(arithmetic))
    assert packet == header + sealed

    body = back.travel(packet, arithmetic=arithmetic).body
    assert receive_surb(stock_params(), [keys.reply_key, *keys.payload_keys], body) == b"reply"
    assert open_reply(keys, body, sphinx=sphinx_of(arithmetic)) == b"reply"


def process_all(
    header: tuple[bytes, bytes, bytes], body: bytes, private_keys: Sequence[bytes]
) -> tuple[bytes, bytes, bytes, bytes]:
    """sphinxmix at each hop; the last body, alpha, beta and gamma."""
    for private_key in private_keys:
        _, _, (header, body), _ = sphinx_process(stock_params(), private_key, header, body)
    return (body, *header)


class NotedMac(Mac):
    """Notes each comparison."""

    compared: list[int] = []  # noqa: RUF012 (one list for the one test)

    def __eq__(self, other: object) -> bool:
        self.compared.append(len(self))
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = Mac.__hash__


class NotingParams(Params):
    def mu(self, key: bytes, data: bytes) -> Mac:
        return NotedMac(super().mu(key, data))


def test_sphinxmix_compares_macs_by_our_constant_time_comparison(rng: random.Random) -> None:
    """`gamma != mu(...)` has plain bytes on its left; Python asks the subclass on the right first."""
    journey = make_journey(rng, 1)
    packet = wrap(journey.hops, b"", sphinx=sphinx_of("reference"), rng=rng)
    params = NotingParams(GEOMETRY, X25519Group(b""))

    sphinx_process(params, journey.keys[0].private, (packet[:32], packet[32:306], packet[306:322]), packet[322:])
    assert NotedMac.compared == [16]
    assert isinstance(Params(GEOMETRY, X25519Group(b"")).mu(b"k" * 16, b""), Mac)
    assert "compare_digest" in Mac.__eq__.__code__.co_names
    assert hmac.compare_digest(Mac(b"x"), b"x")
    assert Mac(b"x") == b"x"
    assert Mac(b"x") != b"y"
    assert Mac(b"x") != b"y"
    assert Mac(b"x") != "x"
