"""Replay filters: no packet passes twice under one key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from loopixmix.drops import DropReason

TAG_BYTES = 16


class TagSet(Protocol):
    """An exact set of replay tags."""

    def add(self, tag: bytes, /) -> bool:
        """Add one tag; true if it was not there yet."""

    def add_many(self, tags: Sequence[bytes], /) -> list[bool]:
        """Add tags in order; for each, true if it was not there yet."""

    def __contains__(self, tag: bytes, /) -> bool: ...
    def __len__(self) -> int: ...


class PlainTagSet:
    """A set of tags in plain Python, about 130 bytes each; it serves if there is no native module."""

    def __init__(self) -> None:
        """Begin empty."""
        self._tags: set[bytes] = set()

    def add(self, tag: bytes, /) -> bool:
        """Add one tag; true if it was not there yet."""
        before = len(self._tags)
        self._tags.add(tag)
        return len(self._tags) > before

    def add_many(self, tags: Sequence[bytes], /) -> list[bool]:
        """Add tags in order; for each, true if it was not there yet."""
        return [self.add(tag) for tag in tags]

    def __contains__(self, tag: bytes, /) -> bool:
        return tag in self._tags

    def __len__(self) -> int:
        return len(self._tags)


def new_tag_set() -> TagSet:
    """Return an empty set: the native one, about 20 to 40 bytes a tag, if this installation has it."""
    try:
        from loopixmix._native import TagSet as NativeTagSet
    except ImportError:
        return PlainTagSet()
    return NativeTagSet()


class ReplayFilter:
    """The tags of every packet that was believed under one key.

    It is exact, never forgets and never grows beyond `max_tags`: from then on packets that are not replays are
    refused as `OVERLOADED`.
    """

    def __init__(self, tags: TagSet, *, max_tags: int) -> None:
        """`tags`: where tags are kept. `max_tags`: how many there may be, 1 or more."""
        self._tags = tags
        self._max_tags = max_tags

    def __len__(self) -> int:
        return len(self._tags)

    def restore(self, tags: Iterable[Sequence[bytes]]) -> None:
        """Add tags that were believed before, in batches."""
        for batch in tags:
            self._tags.add_many(batch)

    def judge(self, tag: bytes) -> DropReason | None:
        """Add one tag; return why its packet must go no further, or None for a packet that is new."""
        tags = self._tags
        if len(tags) >= self._max_tags:
            return self._judge_when_nearly_full(tag)
        return None if tags.add(tag) else DropReason.REPLAY

    def judge_many(self, tags: Sequence[bytes]) -> list[DropReason | None]:
        """Add tags in order; for each, why its packet must go no further, or None for a packet that is new."""
        if len(self._tags) + len(tags) > self._max_tags:
            return [self._judge_when_nearly_full(tag) for tag in tags]
        return [None if is_new else DropReason.REPLAY for is_new in self._tags.add_many(tags)]

    def _judge_when_nearly_full(self, tag: bytes) -> DropReason | None:
        if tag in self._tags:
            return DropReason.REPLAY
        if len(self._tags) >= self._max_tags:
            return DropReason.OVERLOADED
        self._tags.add(tag)
        return None
