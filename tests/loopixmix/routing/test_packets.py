"""One value for all that a part needs to know of packets."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from loopixmix.params import NetworkParams
from loopixmix.routing.packets import PacketFormat
from loopixmix.sphinx import Geometry, Sphinx, load_arithmetic

PARAMS = NetworkParams(payload_bytes=1536)


def packet_format(params: NetworkParams = PARAMS, arithmetic: str | None = None) -> PacketFormat:
    return PacketFormat.for_network(params, arithmetic=load_arithmetic(arithmetic))


def test_lengths_and_frames_follow_from_the_parameters() -> None:
    made = packet_format()
    assert made.geometry == Geometry(hops=PARAMS.hops, payload_bytes=1536)
    assert made.sphinx == Sphinx(made.geometry, load_arithmetic())
    assert made.frames.packet_bytes == made.geometry.packet_bytes
    assert made.frames.body_bytes == made.geometry.body_bytes


def test_the_same_lengths_and_arithmetic_are_the_same_format() -> None:
    assert packet_format() == packet_format()
    assert packet_format() == packet_format(msgspec.structs.replace(PARAMS, delay_mean_s=PARAMS.delay_mean_s * 2))


def test_other_lengths_or_another_arithmetic_are_another_format() -> None:
    assert packet_format() != packet_format(NetworkParams(payload_bytes=2048))
    other = Sphinx(packet_format().geometry, AnotherArithmetic())  # type: ignore[arg-type]
    assert packet_format() != PacketFormat(other)


def test_it_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        packet_format().sphinx = Sphinx(Geometry(), load_arithmetic())  # type: ignore[misc]


class AnotherArithmetic:
    """Equal to itself only."""

    name = "another"
