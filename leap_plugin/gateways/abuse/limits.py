"""How often at most, without knowing who asks: limits by recipient, by recipient's domain, by peer, and in all."""

from __future__ import annotations

import ipaddress
from collections.abc import Hashable
from typing import Annotated

import msgspec

from leap_plugin.gateways.abuse.optout import plain_address
from loopixmix.bounds import BucketsByKey, TokenBucket

HOUR_S = 3600.0
KEYS_REMEMBERED = 100_000

Rate = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]


class ExitLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many mails leave at most in an hour: to one address, to one domain, in all."""

    per_recipient_per_hour: Rate = 20
    per_domain_per_hour: Rate = 2_000
    all_per_hour: Rate = 100_000


class EntranceLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many mails come in at most in an hour: from one peer's network, for one recipient, in all."""

    per_peer_per_hour: Rate = 3_600
    per_recipient_per_hour: Rate = 600
    all_per_hour: Rate = 100_000


class HourlyLimits:
    """Several limits that each event must keep, each with a key of its own; a tenth of an hour's worth at once."""

    def __init__(self, all_per_hour: int, *per_hour: int, now_s: float) -> None:
        """`all_per_hour`: for everything. `per_hour`: for each of the keys that `take` is given, in their order."""
        self._all = TokenBucket(all_per_hour / HOUR_S, max(1.0, all_per_hour / 10), now_s)
        self._by_key: list[BucketsByKey[Hashable]] = [
            BucketsByKey(one / HOUR_S, max(1.0, one / 10), capacity=KEYS_REMEMBERED) for one in per_hour
        ]

    def take(self, *keys: Hashable, now_s: float) -> bool:
        """Count one more; false if one of the limits is reached."""
        # The narrow ones first: a flood to one recipient must not use up what is for all.
        narrow = all(buckets.take(key, now_s) for buckets, key in zip(self._by_key, keys, strict=True))
        return narrow and self._all.take(now_s)

    def take_all(self, now_s: float) -> bool:
        """Count one more that has no keys; false if the limit for all is reached."""
        return self._all.take(now_s)


def recipient_keys(address: str) -> tuple[str, str]:
    """Return the keys of an address and of its domain."""
    plain = plain_address(address)
    return plain, plain.rpartition("@")[2]


def peer_key(address: str) -> str:
    """Return the network that counts as one peer: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if found.version == 6 and found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))
