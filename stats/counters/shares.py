"""A node's counts, split into shares, and a share as bytes, signed by the node (docs/protocol/stats.md, 7)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from loopixmix.errors import FormatError, MisuseError, SignatureError
from loopixmix.seams import Rng
from stats.counters.plan import MOST_COUNTERS, CounterPlan

VERSION = 1
SHARE_BYTES = 1_000
"""As many as a report has, so that nobody can tell one from the other by its size."""
KEY_BYTES = 32
MODULUS = 2**64
_SIGNATURE_BYTES = 64
_HEAD = struct.Struct(">B32sHHBB")
_DOMAIN = b"loopixmix/stats/share/v1"


@dataclass(frozen=True)
class CounterShare:
    """What one node tells one collector of one period: numbers from 0 to 2**64 - 1, one for each counter."""

    plan_id: bytes
    period: int
    node: int
    """Its number in the plan, from 0."""
    collector: int
    values: tuple[int, ...] = field(repr=False)


def split(values: Sequence[int], collectors: int, rng: Rng) -> list[tuple[int, ...]]:
    """Split whole numbers, modulo 2**64, into as many shares as there are collectors.

    All shares but the last are drawn at random, and so whatever all but one of them say is evenly distributed.
    """
    drawn = [tuple(rng.getrandbits(64) for _ in values) for _ in range(collectors - 1)]
    last = tuple((value - sum(column)) % MODULUS for value, *column in zip(values, *drawn, strict=True))
    return [*drawn, last]


def added(shares: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Return the sums of shares modulo 2**64, counter by counter."""
    return tuple(sum(column) % MODULUS for column in zip(*shares, strict=True))


def signed_number(value: int) -> int:
    """Return the whole number from -2**63 to 2**63 - 1 that is `value` modulo 2**64: noise may make a sum negative."""
    return value - MODULUS if value >= MODULUS // 2 else value


def public_key(private: bytes) -> bytes:
    """Return the public half of a node's key, 32 bytes."""
    return _loaded(private).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def encode_share(share: CounterShare, private: bytes) -> bytes:
    """Return the bytes of a share, always `SHARE_BYTES`, signed by the node's private key; raise `MisuseError`."""
    if not 1 <= len(share.values) <= MOST_COUNTERS or not all(0 <= value < MODULUS for value in share.values):
        raise MisuseError(f"a share has 1 to {MOST_COUNTERS} numbers from 0 to 2**64 - 1")
    signed = _signed_part(share)
    return (signed + _loaded(private).sign(_DOMAIN + signed)).ljust(SHARE_BYTES, b"\0")


def decode_share(data: bytes, plan: CounterPlan) -> CounterShare:
    """Return the share in `data`, one of this plan; raise `FormatError`, or `SignatureError` if it is forged."""
    if len(data) != SHARE_BYTES or data[0] != VERSION:
        raise FormatError(f"a share has version {VERSION} and {SHARE_BYTES} bytes")
    _, plan_id, period, node, collector, count = _HEAD.unpack_from(data)
    if plan_id != plan.plan_id or count != len(plan.counters):
        raise FormatError("the share is one of another plan")
    if period >= plan.periods or node >= len(plan.nodes) or collector >= len(plan.collectors):
        raise FormatError("the share is of a period, node or collector that the plan does not have")
    end = _HEAD.size + 8 * count
    share = CounterShare(plan_id, period, node, collector, struct.unpack_from(f">{count}Q", data, _HEAD.size))
    if any(data[end + _SIGNATURE_BYTES :]):
        raise FormatError("a share ends with zeros")
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(plan.nodes[node].key))
    try:
        key.verify(data[end : end + _SIGNATURE_BYTES], _DOMAIN + data[:end])
    except InvalidSignature:
        raise SignatureError("the share is not signed by the node that it names") from None
    return share


def plan_of(data: bytes) -> bytes:
    """Return the id of the plan that a share names; raise `FormatError` if it is none."""
    if len(data) != SHARE_BYTES:
        raise FormatError(f"a share has {SHARE_BYTES} bytes, not {len(data)}")
    return data[1:33]


def _signed_part(share: CounterShare) -> bytes:
    count = len(share.values)
    head = _HEAD.pack(VERSION, share.plan_id, share.period, share.node, share.collector, count)
    return head + struct.pack(f">{count}Q", *share.values)


def _loaded(private: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(private)
