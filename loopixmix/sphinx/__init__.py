"""Sphinx packets: wrap, unwrap and reply blocks, by two arithmetics that agree byte for byte."""

from __future__ import annotations

from loopixmix.sphinx.arithmetic import Arithmetic, Route, Sphinx
from loopixmix.sphinx.choice import arithmetic_names, load_arithmetic
from loopixmix.sphinx.commands import (
    Command,
    Deliver,
    Discard,
    Relay,
    Reply,
    decode_command,
    encode_command,
    read_relay,
)
from loopixmix.sphinx.errors import PacketError
from loopixmix.sphinx.geometry import Geometry
from loopixmix.sphinx.packet import Hop, Payload, Surb, SurbKeys, Unwrapped, decode_surb
from loopixmix.sphinx.unwrapping import open_payload, unwrap, unwrap_many
from loopixmix.sphinx.wrapping import make_surb, open_reply, use_surb, wrap

__all__ = [
    "Arithmetic",
    "Command",
    "Deliver",
    "Discard",
    "Geometry",
    "Hop",
    "PacketError",
    "Payload",
    "Relay",
    "Reply",
    "Route",
    "Sphinx",
    "Surb",
    "SurbKeys",
    "Unwrapped",
    "arithmetic_names",
    "decode_command",
    "decode_surb",
    "encode_command",
    "load_arithmetic",
    "make_surb",
    "open_payload",
    "open_reply",
    "read_relay",
    "unwrap",
    "unwrap_many",
    "use_surb",
    "wrap",
]
