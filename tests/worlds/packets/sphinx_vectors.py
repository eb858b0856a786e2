"""Make tests/vectors/sphinx.json and the example in docs/protocol/packet.md.

Run it as `python -m tests.worlds.packets.sphinx_vectors`.

Packets come from the reference arithmetic, that is from sphinxmix; `derived` values, where a case has them, from the
second implementation. Every random value is in the file, so that nobody needs our generator to repeat it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeAlias

from loopixmix.sphinx import (
    Command,
    Deliver,
    Discard,
    Geometry,
    PacketError,
    Payload,
    Reply,
    Surb,
    encode_command,
    make_surb,
    open_payload,
    open_reply,
    unwrap,
    use_surb,
    wrap,
)
from loopixmix.sphinx.payload import seal_body
from loopixmix.sphinx.reference import Params, X25519Group, create_header_with
from tests.worlds.packets import sphinx_by_the_page as page
from tests.worlds.packets.sphinx_paths import (
    FIRST_HOP,
    RECIPIENT,
    SURB_ID,
    Journey,
    ScriptedRng,
    every_encoding,
    make_journey,
    sphinx_of,
)

PATH = Path(__file__).parents[2] / "vectors" / "sphinx.json"
PAGE = Path(__file__).parents[3] / "docs" / "protocol" / "packet.md"
SMALL = Geometry(hops=3, payload_bytes=16)

Json: TypeAlias = "str | int | list[Json] | dict[str, Json] | None"


def make_vectors() -> dict[str, Json]:
    rng = random.Random(2009)
    return {
        "description": "Sphinx packets as in docs/protocol/packet.md. Byte strings are in hexadecimal. Made by "
        "tests/worlds/packets/sphinx_vectors.py with sphinxmix 0.0.7.",
        "forward": [
            _forward("worked example: two of three hops", SMALL, 2, Deliver(RECIPIENT), b"hello", rng, derived=True),
            _forward("full path, largest payload", Geometry(), 5, Deliver(RECIPIENT), rng.randbytes(2048), rng),
            _forward("cover", SMALL, 3, Discard(), b"", rng),
            _forward("with a reply block", SMALL, 3, Deliver(RECIPIENT), b"question", rng, surb_hops=3),
        ],
        "reply": [
            _reply("full path", Geometry(), 5, rng.randbytes(2048), rng),
            _reply("one hop, empty", SMALL, 1, b"", rng),
        ],
        "refused_packets": _refused_packets(rng),
        "refused_bodies": _refused_bodies(rng),
    }


def _geometry(geometry: Geometry) -> Json:
    return {
        "hops": geometry.hops,
        "payload_bytes": geometry.payload_bytes,
        "beta_bytes": geometry.beta_bytes,
        "body_bytes": geometry.body_bytes,
    }


def _path(journey: Journey) -> Json:
    return [
        {
            "private_key": key.private.hex(),
            "public_key": key.public.hex(),
            "command": encode_command(hop.command).hex(),
        }
        for key, hop in zip(journey.keys, journey.hops, strict=True)
    ]


def _steps(journey: Journey, packet: bytes, geometry: Geometry) -> tuple[Json, bytes, bytes]:
    """What each hop finds; then the last one's payload key and body."""
    steps: list[Json] = []
    payload_key = body = b""
    for key in journey.keys:
        found = unwrap([key.private], packet, sphinx=sphinx_of("reference", geometry))
        steps.append(
            {
                "replay_tag": found.replay_tag.hex(),
                "payload_key": found.payload_key.hex(),
                "next_packet": found.packet.hex(),
            }
        )
        packet, payload_key, body = found.packet, found.payload_key, found.body
    return steps, payload_key, body


def _forward(
    name: str,
    geometry: Geometry,
    length: int,
    final: Command,
    payload: bytes,
    rng: random.Random,
    *,
    surb_hops: int = 0,
    derived: bool = False,
) -> Json:
    journey = make_journey(rng, length, final)
    surb: Surb | None = None
    if surb_hops:
        back = make_journey(rng, surb_hops, Reply(RECIPIENT, SURB_ID))
        surb, _ = make_surb(FIRST_HOP, back.hops, sphinx=sphinx_of("reference", geometry), rng=rng)
    secret, padding = rng.randbytes(32), rng.randbytes(geometry.path_padding_bytes(length))
    packet = wrap(
        journey.hops,
        payload,
        sphinx=sphinx_of("reference", geometry),
        rng=ScriptedRng(secret, padding),
        surb=surb,
    )
    steps, payload_key, body = _steps(journey, packet, geometry)
    if open_payload(payload_key, body, sphinx=sphinx_of(None, geometry)) != Payload(surb, payload):
        raise AssertionError("the packet did not arrive")
    case: dict[str, Json] = {
        "name": name,
        "geometry": _geometry(geometry),
        "path": _path(journey),
        "secret": secret.hex(),
        "padding": padding.hex(),
        "surb": surb.encode().hex() if surb else None,
        "payload": payload.hex(),
        "packet": packet.hex(),
        "steps": steps,
    }
    if derived:
        case |= _derived([key.public for key in journey.keys], secret, geometry)
    return case


def _derived(public_keys: Sequence[bytes], secret: bytes, geometry: Geometry) -> dict[str, Json]:
    keys = page.path_keys(public_keys, secret)
    return {
        "derived": [{name: value.hex() for name, value in asdict(hop).items()} for hop in keys],
        "filler": page.make_filler(keys, geometry.beta_bytes).hex(),
    }


def _reply(name: str, geometry: Geometry, length: int, payload: bytes, rng: random.Random) -> Json:
    back = make_journey(rng, length, Reply(RECIPIENT, SURB_ID))
    secret, padding = rng.randbytes(32), rng.randbytes(geometry.path_padding_bytes(length))
    reply_key = rng.randbytes(16)
    surb, keys = make_surb(
        FIRST_HOP, back.hops, sphinx=sphinx_of("reference", geometry), rng=ScriptedRng(secret, padding, reply_key)
    )
    packet = use_surb(surb, payload, sphinx=sphinx_of("reference", geometry))
    steps, _, body = _steps(back, packet, geometry)
    if open_reply(keys, body, sphinx=sphinx_of("reference", geometry)) != payload:
        raise AssertionError("the reply did not arrive")
    return {
        "name": name,
        "geometry": _geometry(geometry),
        "first_hop": FIRST_HOP.hex(),
        "path": _path(back),
        "secret": secret.hex(),
        "padding": padding.hex(),
        "reply_key": reply_key.hex(),
        "surb": surb.encode().hex(),
        "surb_keys": keys.encode().hex(),
        "payload": payload.hex(),
        "packet": packet.hex(),
        "steps": steps,
        "body": body.hex(),
    }


def _refused_packets(rng: random.Random) -> Json:
    journey = make_journey(rng, 2)
    good = wrap(journey.hops, b"", sphinx=sphinx_of("reference", SMALL), rng=rng)
    params = Params(SMALL, X25519Group(rng.randbytes(32)))
    # A packet sphinxmix makes for a command of 40 bytes; the MAC is right.
    create_header = create_header_with(rng.randbytes)
    odd = b"".join(create_header(params, [b"", bytes(40)], [key.public for key in journey.keys], bytes(41))[0])
    beta_end = 32 + SMALL.beta_bytes
    cases = {
        "one byte short": good[:-1],
        "one byte long": good + b"\x00",
        "alpha zero": bytes(32) + good[32:],
        "alpha of order 8": bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")
        + good[32:],
        "alpha one, unreduced": every_encoding(1)[2] + good[32:],
        "alpha's top bit set": good[:31] + bytes([good[31] | 0x80]) + good[32:],
        "alpha flipped": bytes([good[0] ^ 1]) + good[1:],
        "beta flipped": good[:32] + bytes([good[32] ^ 1]) + good[33:],
        "gamma flipped": good[:beta_end] + bytes([good[beta_end] ^ 1]) + good[beta_end + 1 :],
        "a command of 40 bytes": odd + bytes(SMALL.body_bytes),
    }
    return [
        {
            "name": name,
            "geometry": _geometry(SMALL),
            "private_key": journey.keys[0].private.hex(),
            "packet": packet.hex(),
            "reason": _unwrap_reason(journey.keys[0].private, packet),
        }
        for name, packet in cases.items()
    ]


def _refused_bodies(rng: random.Random) -> Json:
    key = rng.randbytes(16)
    good = seal_body(key, b"\x00payload", SMALL)
    only_padding = b"\xff" * (SMALL.body_bytes - 16)
    cases = {
        "one byte short": good[:-1],
        "mac flipped": bytes([good[0] ^ 1]) + good[1:],
        "last byte flipped": good[:-1] + bytes([good[-1] ^ 1]),
        "no padding mark": page.mac(key, only_padding) + only_padding,
        "no content": seal_body(key, b"", SMALL),
        "flag 2": seal_body(key, b"\x02payload", SMALL),
        "reply block cut short": seal_body(key, b"\x01" + bytes(SMALL.surb_bytes - 1), SMALL),
        "payload too long": seal_body(key, bytes(1 + SMALL.payload_bytes + 1), SMALL),
    }
    return [
        {
            "name": name,
            "geometry": _geometry(SMALL),
            "payload_key": key.hex(),
            "body": body.hex(),
            "reason": _open_reason(key, body),
        }
        for name, body in cases.items()
    ]


def _unwrap_reason(private_key: bytes, packet: bytes) -> str:
    try:
        unwrap([private_key], packet, sphinx=sphinx_of("reference", SMALL))
    except PacketError as error:
        return error.reason.value
    raise AssertionError("the packet was not refused")


def _open_reason(payload_key: bytes, body: bytes) -> str:
    try:
        open_payload(payload_key, body, sphinx=sphinx_of(None, SMALL))
    except PacketError as error:
        return error.reason.value
    raise AssertionError("the body was not refused")


def render(vectors: dict[str, Json]) -> str:
    return json.dumps(vectors, indent=1) + "\n"


def render_example() -> str:
    """The block that the page shows: the first forward vector, its packets cut into their parts."""
    geometry = SMALL
    rng = random.Random(2009)
    journey = make_journey(rng, 2, Deliver(RECIPIENT))
    secret, padding = rng.randbytes(32), rng.randbytes(geometry.path_padding_bytes(2))
    packet = wrap(journey.hops, b"hello", sphinx=sphinx_of("reference", geometry), rng=ScriptedRng(secret, padding))
    keys = page.path_keys([key.public for key in journey.keys], secret)
    values = {"secret": secret, "padding": padding}
    for number, (key, hop, derived) in enumerate(zip(journey.keys, journey.hops, keys, strict=True)):
        values |= {
            f"private_key {number}": key.private,
            f"public_key {number}": key.public,
            f"command {number}": encode_command(hop.command),
            **{f"{name} {number}": value for name, value in asdict(derived).items()},
        }
    values["filler"] = page.make_filler(keys, geometry.beta_bytes)
    for number, key in enumerate(journey.keys):
        values |= _parts(packet, number, geometry)
        packet = unwrap([key.private], packet, sphinx=sphinx_of("reference", geometry)).packet
    values |= _parts(packet, 2, geometry)
    return "\n".join(_wrapped(name, value.hex()) for name, value in values.items()) + "\n"


def _parts(packet: bytes, number: int, geometry: Geometry) -> dict[str, bytes]:
    header = packet[: geometry.header_bytes]
    return {
        f"packet alpha {number}": header[:32],
        f"packet beta {number}": header[32:-16],
        f"packet gamma {number}": header[-16:],
        f"packet delta {number}": packet[geometry.header_bytes :],
    }


def _wrapped(name: str, value: str, width: int = 80) -> str:
    lines = [value[start : start + width] for start in range(0, len(value), width)]
    return f"{name:<20} " + ("\n" + " " * 21).join(lines)


def put_example(page_text: str) -> str:
    """The page with its example replaced."""
    before, rest = page_text.split("```text example\n", 1)
    return before + "```text example\n" + render_example() + "```" + rest.split("```", 1)[1]


if __name__ == "__main__":
    PATH.write_text(render(make_vectors()), encoding="utf-8")
    PAGE.write_text(put_example(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
