"""What the packet tests share: keys and paths, a scripted generator, a packet's way through all of its hops."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from loopixmix.keys import MixKey
from loopixmix.sphinx import (
    Command,
    Deliver,
    Geometry,
    Hop,
    Relay,
    Sphinx,
    Unwrapped,
    arithmetic_names,
    decode_command,
    load_arithmetic,
    unwrap,
)

GEOMETRY = Geometry()
FIRST_HOP = b"F" * 32
RECIPIENT = b"R" * 32
SURB_ID = b"surb-id8"

NATIVE = pytest.param(
    "native",
    marks=pytest.mark.skipif("native" not in arithmetic_names(), reason="it is not built here"),
)
ARITHMETICS = ("reference", NATIVE)
both_arithmetics = pytest.mark.parametrize("arithmetic", ARITHMETICS)


def sphinx_of(arithmetic: str | None = None, geometry: Geometry = GEOMETRY) -> Sphinx:
    """Return Sphinx by the arithmetic of that name, or the default one."""
    return Sphinx(geometry, load_arithmetic(arithmetic))


SPHINX = sphinx_of()
FIELD_PRIME = 2**255 - 19
LOW_ORDER_U = (
    0,
    1,
    FIELD_PRIME - 1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
)
"""The u-coordinates of order 1, 2, 4 and 8, on Curve25519 and its twist (https://cr.yp.to/ecdh.html#validate)."""


def encode_u(u: int) -> bytes:
    return u.to_bytes(32, "little")


def every_encoding(u: int) -> list[bytes]:
    """All 32-byte strings that X25519 reads as `u`: also unreduced, and with the unused top bit set."""
    reduced = [value for value in (u, u + FIELD_PRIME) if value < 2**255]
    return [encode_u(value + top) for value in reduced for top in (0, 2**255)]


LOW_ORDER_POINTS = [point for u in LOW_ORDER_U for point in every_encoding(u)]
TWIST_POINT = encode_u(2)
"""Not on the curve: 2**3 + 486662 * 2**2 + 2 is no square."""


class ScriptedRng(random.Random):
    """Hands out the given strings, in order, and notes where other lengths were asked for."""

    def __init__(self, *values: bytes) -> None:
        super().__init__(0)
        self._values = list(values)

    def randbytes(self, n: int) -> bytes:
        value = self._values.pop(0)
        assert len(value) == n
        return value


@dataclass(frozen=True)
class Journey:
    """A path whose private keys we know."""

    keys: tuple[MixKey, ...]
    hops: tuple[Hop, ...]

    def ending_with(self, command: Command) -> Journey:
        return replace(self, hops=(*self.hops[:-1], Hop(self.hops[-1].public_key, command)))

    def travel(self, packet: bytes, *, arithmetic: str, geometry: Geometry = GEOMETRY) -> Unwrapped:
        """Unwrap at each hop, check what it is told, return what the last one has."""
        unwrapped = None
        for key, hop in zip(self.keys, self.hops, strict=True):
            unwrapped = unwrap([key.private], packet, sphinx=sphinx_of(arithmetic, geometry))
            assert decode_command(unwrapped.command) == hop.command
            assert len(unwrapped.packet) == len(packet)
            packet = unwrapped.packet
        assert unwrapped is not None
        return unwrapped


def make_journey(rng: random.Random, length: int, final: Command | None = None) -> Journey:
    """Return a path of `length` fresh nodes; relays with random delays, and `final` (a delivery) at the end."""
    keys = tuple(MixKey.generate(rng) for _ in range(length))
    commands: Sequence[Command] = (
        *(Relay(rng.randbytes(32), rng.getrandbits(40)) for _ in range(length - 1)),
        Deliver(RECIPIENT) if final is None else final,
    )
    return Journey(keys, tuple(Hop(key.public, command) for key, command in zip(keys, commands, strict=True)))
