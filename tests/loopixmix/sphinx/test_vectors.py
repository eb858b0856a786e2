"""The committed vectors hold for both arithmetics, for the second implementation, and for the page that shows one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

import msgspec
import pytest

from loopixmix.keys import MixKey
from loopixmix.sphinx import (
    Geometry,
    Hop,
    PacketError,
    Payload,
    SurbKeys,
    decode_command,
    decode_surb,
    make_surb,
    open_payload,
    open_reply,
    unwrap,
    use_surb,
    wrap,
)
from tests.worlds.packets import sphinx_by_the_page as page
from tests.worlds.packets.sphinx_paths import ScriptedRng, both_arithmetics, sphinx_of
from tests.worlds.packets.sphinx_vectors import PAGE, PATH, make_vectors, put_example, render, render_example

Hex = Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{2})*$")]


class Sizes(msgspec.Struct, frozen=True):
    hops: int
    payload_bytes: int
    beta_bytes: int
    body_bytes: int

    def geometry(self) -> Geometry:
        return Geometry(self.hops, self.payload_bytes)


class PathHop(msgspec.Struct, frozen=True):
    private_key: Hex
    public_key: Hex
    command: Hex


class Step(msgspec.Struct, frozen=True):
    replay_tag: Hex
    payload_key: Hex
    next_packet: Hex


class Forward(msgspec.Struct, frozen=True):
    name: str
    geometry: Sizes
    path: list[PathHop]
    secret: Hex
    padding: Hex
    surb: Hex | None
    payload: Hex
    packet: Hex
    steps: list[Step]
    derived: list[dict[str, Hex]] | None = None
    filler: Hex | None = None

    def content(self) -> bytes:
        return b"\x00" + _bytes(self.payload) if self.surb is None else b"\x01" + _bytes(self.surb + self.payload)


class ReplyCase(msgspec.Struct, frozen=True):
    name: str
    geometry: Sizes
    first_hop: Hex
    path: list[PathHop]
    secret: Hex
    padding: Hex
    reply_key: Hex
    surb: Hex
    surb_keys: Hex
    payload: Hex
    packet: Hex
    steps: list[Step]
    body: Hex


class RefusedPacket(msgspec.Struct, frozen=True):
    name: str
    geometry: Sizes
    private_key: Hex
    packet: Hex
    reason: str


class RefusedBody(msgspec.Struct, frozen=True):
    name: str
    geometry: Sizes
    payload_key: Hex
    body: Hex
    reason: str


class Vectors(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    description: str
    forward: list[Forward]
    reply: list[ReplyCase]
    refused_packets: list[RefusedPacket]
    refused_bodies: list[RefusedBody]


VECTORS = msgspec.json.decode(PATH.read_bytes(), type=Vectors)


def _name(case: Forward | ReplyCase | RefusedPacket | RefusedBody) -> str:
    return case.name


each_forward = pytest.mark.parametrize("case", VECTORS.forward, ids=_name)
each_reply = pytest.mark.parametrize("case", VECTORS.reply, ids=_name)
each_refused_packet = pytest.mark.parametrize("case", VECTORS.refused_packets, ids=_name)
each_refused_body = pytest.mark.parametrize("case", VECTORS.refused_bodies, ids=_name)


def test_the_file_is_what_its_generator_makes() -> None:
    assert PATH.read_text(encoding="utf-8") == render(make_vectors())


@both_arithmetics
@each_forward
def test_forward_packets(arithmetic: str, case: Forward) -> None:
    geometry = case.geometry.geometry()
    surb = decode_surb(_bytes(case.surb), geometry) if case.surb is not None else None
    script = ScriptedRng(_bytes(case.secret), _bytes(case.padding))

    packet = wrap(_hops(case.path), _bytes(case.payload), sphinx=sphinx_of(arithmetic, geometry), rng=script, surb=surb)
    assert packet.hex() == case.packet
    body, payload_key = _travel(case.path, case.steps, packet, geometry, arithmetic)
    assert open_payload(payload_key, body, sphinx=sphinx_of(None, geometry)) == Payload(surb, _bytes(case.payload))


@both_arithmetics
@each_reply
def test_replies(arithmetic: str, case: ReplyCase) -> None:
    geometry = case.geometry.geometry()
    script = ScriptedRng(_bytes(case.secret), _bytes(case.padding), _bytes(case.reply_key))

    surb, keys = make_surb(_bytes(case.first_hop), _hops(case.path), sphinx=sphinx_of(arithmetic, geometry), rng=script)
    assert surb.encode().hex() == case.surb
    assert keys.encode().hex() == case.surb_keys
    packet = use_surb(surb, _bytes(case.payload), sphinx=sphinx_of(arithmetic, geometry))
    assert packet.hex() == case.packet
    body, _ = _travel(case.path, case.steps, packet, geometry, arithmetic)
    assert body.hex() == case.body
    opened = open_reply(SurbKeys.decode(_bytes(case.surb_keys)), body, sphinx=sphinx_of(arithmetic, geometry))
    assert opened.hex() == case.payload


@both_arithmetics
@each_refused_packet
def test_refused_packets(arithmetic: str, case: RefusedPacket) -> None:
    with pytest.raises(PacketError) as caught:
        unwrap([_bytes(case.private_key)], _bytes(case.packet), sphinx=sphinx_of(arithmetic, case.geometry.geometry()))
    assert caught.value.reason.value == case.reason


@each_refused_body
def test_refused_bodies(case: RefusedBody) -> None:
    with pytest.raises(PacketError) as caught:
        open_payload(_bytes(case.payload_key), _bytes(case.body), sphinx=sphinx_of(None, case.geometry.geometry()))
    assert caught.value.reason.value == case.reason


@each_forward
def test_the_second_implementation_makes_the_same_forward_packets(case: Forward) -> None:
    sizes = case.geometry
    keys = page.path_keys([_bytes(hop.public_key) for hop in case.path], _bytes(case.secret))
    header = page.make_header(keys, [_bytes(hop.command) for hop in case.path], _bytes(case.padding), sizes.beta_bytes)
    packet = page.wrap(keys, header, case.content(), sizes.body_bytes)
    assert packet.hex() == case.packet

    for hop, step in zip(case.path, case.steps, strict=True):
        found, command, packet = page.unwrap(_bytes(hop.private_key), packet, sizes.beta_bytes, sizes.body_bytes)
        assert (found.replay_tag.hex(), found.payload_key.hex()) == (step.replay_tag, step.payload_key)
        assert (command.hex(), packet.hex()) == (hop.command, step.next_packet)
    assert page.open_body(keys[-1].payload_key, packet[-sizes.body_bytes :]) == case.content()


@each_reply
def test_the_second_implementation_makes_the_same_replies(case: ReplyCase) -> None:
    sizes = case.geometry
    keys = page.path_keys([_bytes(hop.public_key) for hop in case.path], _bytes(case.secret))
    header = page.make_header(keys, [_bytes(hop.command) for hop in case.path], _bytes(case.padding), sizes.beta_bytes)
    assert case.first_hop + header.hex() + case.reply_key == case.surb
    payload_keys = [hop.payload_key for hop in keys]
    assert case.reply_key + b"".join(payload_keys).hex() == case.surb_keys

    packet = page.use_surb(header, _bytes(case.reply_key), _bytes(case.payload), sizes.body_bytes)
    assert packet.hex() == case.packet
    for hop in case.path:
        _, _, packet = page.unwrap(_bytes(hop.private_key), packet, sizes.beta_bytes, sizes.body_bytes)
    assert packet[-sizes.body_bytes :].hex() == case.body
    assert page.open_reply(_bytes(case.reply_key), payload_keys, _bytes(case.body)).hex() == case.payload


@each_refused_packet
def test_the_second_implementation_refuses_the_same_packets(case: RefusedPacket) -> None:
    sizes = case.geometry
    with pytest.raises(page.RefusedError, match=f"^{case.reason}$"):
        page.unwrap(_bytes(case.private_key), _bytes(case.packet), sizes.beta_bytes, sizes.body_bytes)


def test_the_page_shows_the_first_vector_as_it_is() -> None:
    example = VECTORS.forward[0]
    shown = "".join(render_example().split())
    text = PAGE.read_text(encoding="utf-8")

    assert put_example(text) == text
    assert example.secret in shown
    assert all(value in shown for hop in example.derived or [] for value in hop.values())
    parts = re.findall(r"packet(?:alpha|beta|gamma|delta)[012]([0-9a-f]+)", shown)
    assert "".join(parts) == example.packet + "".join(step.next_packet for step in example.steps)


def test_public_keys_in_the_vectors_belong_to_their_private_keys() -> None:
    paths = [case.path for case in VECTORS.forward] + [case.path for case in VECTORS.reply]
    for hop in (hop for path in paths for hop in path):
        assert MixKey(_bytes(hop.private_key)).public.hex() == hop.public_key


def _bytes(value: str) -> bytes:
    return bytes.fromhex(value)


def _hops(path: Sequence[PathHop]) -> list[Hop]:
    return [Hop(_bytes(hop.public_key), decode_command(_bytes(hop.command))) for hop in path]


def _travel(
    path: Sequence[PathHop], steps: Sequence[Step], packet: bytes, geometry: Geometry, arithmetic: str
) -> tuple[bytes, bytes]:
    """Check each hop against the vector; the last body and payload key."""
    body = payload_key = b""
    for hop, step in zip(path, steps, strict=True):
        found = unwrap([_bytes(hop.private_key)], packet, sphinx=sphinx_of(arithmetic, geometry))
        assert found.command.hex() == hop.command
        assert found.replay_tag.hex() == step.replay_tag
        assert found.payload_key.hex() == step.payload_key
        assert found.packet.hex() == step.next_packet
        packet, body, payload_key = found.packet, found.body, found.payload_key
    return body, payload_key
