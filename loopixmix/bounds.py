"""Bounds on what others may cause: how often something happens, and how much is remembered of it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from loopixmix.errors import MisuseError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class TokenBucket:
    """Lets `rate_per_s` events through on average and `burst` at once."""

    # There is one for each client and address: without a dictionary of its own it takes a third of the memory.
    __slots__ = ("_at_s", "_burst", "_rate_per_s", "_tokens")

    def __init__(self, rate_per_s: float, burst: float, now_s: float) -> None:
        """Begin full."""
        if rate_per_s <= 0 or burst < 1:
            raise MisuseError("a token bucket needs a rate over 0 and a burst of 1 or more")
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._tokens = burst
        self._at_s = now_s

    def take(self, now_s: float) -> bool:
        """Take one token; false if there is none."""
        self._refill(now_s)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def is_full(self, now_s: float) -> bool:
        """Tell whether forgetting the bucket would change nothing."""
        self._refill(now_s)
        return self._tokens >= self._burst

    def change_limits(self, rate_per_s: float, burst: float, now_s: float) -> None:
        """Go on with another rate and burst."""
        self._refill(now_s)
        self._rate_per_s, self._burst = rate_per_s, burst
        self._tokens = min(self._tokens, burst)

    def _refill(self, now_s: float) -> None:
        # A clock that was set back gives nothing; it must not take what was there, either.
        elapsed_s = max(0.0, now_s - self._at_s)
        self._tokens = min(self._burst, self._tokens + elapsed_s * self._rate_per_s)
        self._at_s = now_s


class BoundedMap(OrderedDict[K, V]):
    """An ordered map of at most `capacity` entries: a new one pushes the oldest out.

    An entry grows young again by `move_to_end`, not by being looked at or replaced.
    """

    def __init__(self, capacity: int) -> None:
        """Begin empty; `capacity` is 1 or more."""
        if capacity < 1:
            raise MisuseError(f"a bounded map needs a capacity of 1 or more, not {capacity}")
        super().__init__()
        self._capacity = capacity

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        if len(self) > self._capacity:
            self.popitem(last=False)


class BucketsByKey(Generic[K]):
    """A token bucket for each of the keys that were heard of lately."""

    def __init__(self, rate_per_s: float, burst: float, *, capacity: int) -> None:
        """Give each key `rate_per_s` and `burst`; of more than `capacity` keys the idlest is forgotten."""
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._buckets: BoundedMap[K, TokenBucket] = BoundedMap(capacity)

    def __len__(self) -> int:
        """Return how many keys are remembered."""
        return len(self._buckets)

    def take(self, key: K, now_s: float) -> bool:
        """Take one of the tokens of `key`; false if it has none."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(self._rate_per_s, self._burst, now_s)
        self._buckets.move_to_end(key)
        return bucket.take(now_s)
