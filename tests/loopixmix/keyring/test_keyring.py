"""Keys are made ahead, count around their epoch and are gone after it; restarts and wrong clocks change nothing."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from loopixmix.drops import DropReason
from loopixmix.errors import DiskFullError, disk_full
from loopixmix.keyring.keyring import EPOCHS_AHEAD, MixKeyring
from loopixmix.keyring.keystore import KeyFiles, KeyStore, MemoryKeyStore
from loopixmix.keys import MixKey

LENGTH_S, GRACE_S = 100, 10
E = 50
START_S = float(E * LENGTH_S)
TAGS = [bytes([number]) * 16 for number in range(5)]
REPLAY = DropReason.REPLAY


def make_keyring(store: KeyStore, now_s: float = START_S + 20, max_tags: int = 1000) -> MixKeyring:
    return MixKeyring(
        store,
        rng=random.Random(1),
        epoch_length_s=LENGTH_S,
        grace_s=GRACE_S,
        max_tags=max_tags,
    ).open(now_s)


@pytest.fixture
def logged() -> Iterator[list[LogEvent]]:
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)


def epochs_at(keyring: MixKeyring, now_s: float) -> list[int]:
    return [epoch for epoch, _ in keyring.unwrap_keys(now_s)]


def test_keys_are_made_ahead_and_published() -> None:
    store = MemoryKeyStore()
    keyring = make_keyring(store)
    assert list(store.keys) == [E, E + 1, E + 2] == list(range(E, E + EPOCHS_AHEAD + 1))
    assert keyring.public_keys(START_S + 20) == {epoch: key.public for epoch, key in store.keys.items()}
    assert len({key.public for key in store.keys.values()}) == 3


def test_at_most_four_keys_live_at_any_time() -> None:
    """The present one, the two after it, and in its grace the one before: as docs/attacks.md says."""
    store = MemoryKeyStore()
    keyring = make_keyring(store)
    lived = set()
    for step in range(4 * LENGTH_S):
        now_s = START_S + 20 + step
        keyring.advance(now_s)
        lived.add(len(keyring._live))
        assert set(keyring._live) == set(store.keys)
    assert lived == {3, 4}


def test_an_erased_key_is_overwritten_in_memory() -> None:
    store = MemoryKeyStore()
    keyring = make_keyring(store)
    key, next_key = store.keys[E], store.keys[E + 1]
    keyring.advance(START_S + LENGTH_S + GRACE_S + 1)
    assert key.private == bytes(32)
    assert next_key.private != bytes(32)


@pytest.mark.parametrize(
    ("offset_s", "epochs"),
    [
        (20, [E]),
        (89.9, [E]),
        (90, [E, E + 1]),
        (99.9, [E, E + 1]),
        (100, [E + 1, E]),
        (109.9, [E + 1, E]),
        (110, [E + 1]),
    ],
)
def test_at_an_edge_both_keys_count_the_present_one_first(offset_s: float, epochs: list[int]) -> None:
    assert epochs_at(make_keyring(MemoryKeyStore()), START_S + offset_s) == epochs


def test_a_key_is_erased_when_its_grace_is_over() -> None:
    store = MemoryKeyStore()
    keyring = make_keyring(store)
    assert keyring.next_change_s(START_S + 20) == START_S + 100
    assert keyring.advance(START_S + 100)
    assert keyring.next_change_s(START_S + 100) == START_S + 110
    assert not keyring.advance(START_S + 109.9)
    assert E in store.keys
    keyring.advance(START_S + 110)
    assert sorted(store.keys) == [E + 1, E + 2, E + 3]
    assert keyring.judge_many(E, TAGS[:1]) == [DropReason.NO_EPOCH_KEY]


def test_no_erased_key_stays_in_memory_even_if_no_packet_comes() -> None:
    keyring = make_keyring(MemoryKeyStore())
    [(_, private)] = keyring.unwrap_keys(START_S + 20)
    keyring.advance(START_S + 110)
    not_kept_elsewhere = bytes(bytearray(32))
    assert sys.getrefcount(private) == sys.getrefcount(not_kept_elsewhere)


def test_replays_are_told_for_each_key_alone() -> None:
    keyring = make_keyring(MemoryKeyStore())
    assert keyring.judge_many(E, TAGS[:2]) == [None, None]
    assert keyring.judge_many(E, TAGS[1:3]) == [REPLAY, None]
    assert keyring.judge_many(E + 1, TAGS[:1]) == [None]


def test_a_full_key_refuses_and_does_not_forget() -> None:
    keyring = make_keyring(MemoryKeyStore(), max_tags=2)
    assert keyring.judge_many(E, TAGS[:3]) == [None, None, DropReason.OVERLOADED]
    assert keyring.judge_many(E, TAGS[:1]) == [REPLAY]


def test_a_restart_in_the_middle_of_an_epoch_keeps_keys_and_tags(tmp_path: Path) -> None:
    first = make_keyring(KeyFiles(tmp_path / "keys"))
    first.judge_many(E, TAGS[:2])
    first.judge_many(E + 1, TAGS[2:3])
    # Not closed: the process was killed.
    second = make_keyring(KeyFiles(tmp_path / "keys"), now_s=START_S + 50)
    assert second.public_keys(START_S + 50) == first.public_keys(START_S + 50)
    assert second.judge_many(E, TAGS[:3]) == [REPLAY, REPLAY, None]
    assert second.judge_many(E + 1, TAGS[2:]) == [REPLAY, None, None]
    first.close()
    second.close()


def test_no_file_is_left_of_an_erased_key(tmp_path: Path) -> None:
    keyring = make_keyring(KeyFiles(tmp_path))
    keyring.judge_many(E, TAGS)
    keyring.advance(START_S + 110)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {f"{epoch}.{kind}" for epoch in (E + 1, E + 2, E + 3) for kind in ("key", "replay")}
    keyring.close()


def test_a_node_that_was_off_for_long_erases_before_it_starts(tmp_path: Path) -> None:
    first = make_keyring(KeyFiles(tmp_path))
    first.close()
    (tmp_path / f"{E}.replay").write_bytes(b"damaged, but over anyway")
    second = make_keyring(KeyFiles(tmp_path), now_s=START_S + 10_000)
    assert epochs_at(second, START_S + 10_000) == [E + 100]
    assert sorted(path.name for path in tmp_path.glob("*.key")) == [
        f"{E + 100}.key",
        f"{E + 101}.key",
        f"{E + 102}.key",
    ]
    second.close()


def test_a_clock_set_back_never_brings_an_old_key_back(tmp_path: Path) -> None:
    keyring = make_keyring(KeyFiles(tmp_path))
    old = keyring.public_keys(START_S + 20)
    keyring.advance(START_S + 250)
    kept = keyring.public_keys(START_S + 250)
    keyring.advance(START_S + 20)
    again = keyring.public_keys(START_S + 20)
    assert list(again) == [E, E + 1, E + 2]
    assert again[E] != old[E]
    assert again[E + 2] == kept[E + 2] == old[E + 2]
    keyring.close()
    # A restart with either clock takes up what is there.
    for now_s in (START_S + 20, START_S + 250):
        make_keyring(KeyFiles(tmp_path), now_s=now_s).close()


def test_a_clock_that_jumped_ahead_loses_only_keys(tmp_path: Path) -> None:
    keyring = make_keyring(KeyFiles(tmp_path))
    keyring.advance(START_S + 1e6)
    keyring.advance(START_S + 30)
    assert epochs_at(keyring, START_S + 30) == [E]
    assert keyring.judge_many(E, TAGS[:1]) == [None]
    keyring.close()


def test_a_store_that_fails_lets_no_packet_pass(tmp_path: Path) -> None:
    keyring = make_keyring(FullDisk())
    assert keyring.judge_many(E, TAGS[:2]) == [DropReason.STORE_FAILED, DropReason.STORE_FAILED]


def test_a_full_disk_is_told_once_until_packets_are_taken_again(logged: list[LogEvent]) -> None:
    disk = FullDisk()
    keyring = make_keyring(disk)
    for tag in TAGS[:3]:
        assert keyring.judge(E, tag) is DropReason.STORE_FAILED
    assert keyring.problem == "the disk is full: 1.replay cannot be written"
    disk.log.is_full = False
    assert keyring.judge(E, TAGS[3]) is None
    assert keyring.problem is None
    said = [formatEvent(event) for event in logged]
    assert said == ["packets are refused: the disk is full: 1.replay cannot be written", "packets are taken again"]


class NoRoom(MemoryKeyStore):
    """A disk that keeps what it has, and takes no new key."""

    def save(self, epoch: int, key: MixKey) -> None:
        raise disk_full("5.key cannot be written")


def test_a_node_begins_on_a_full_disk_with_the_keys_that_are_there_and_erases_what_is_over() -> None:
    before = MemoryKeyStore()
    make_keyring(before)
    kept = NoRoom()
    kept.keys = dict(before.keys)
    keyring = make_keyring(kept, START_S + LENGTH_S)
    assert sorted(keyring.public_keys(START_S + LENGTH_S)) == [E + 1, E + 2]
    with pytest.raises(DiskFullError):
        keyring.advance(START_S + 2 * LENGTH_S + GRACE_S)
    assert sorted(kept.keys) == [E + 2]


class Stubborn(MemoryKeyStore):
    """A disk that cannot overwrite some keys."""

    def __init__(self, *epochs: int) -> None:
        super().__init__()
        self.kept = set(epochs)

    def erase(self, epoch: int) -> None:
        if epoch in self.kept:
            raise disk_full(f"{epoch}.key cannot be erased")
        super().erase(epoch)


def test_a_key_that_cannot_be_erased_is_told_and_tried_again_and_keeps_no_other() -> None:
    store = Stubborn(E)
    keyring = make_keyring(store)
    for _ in range(2):
        with pytest.raises(DiskFullError):
            keyring.advance(START_S + 2 * LENGTH_S + GRACE_S)
        assert sorted(store.keys) == [E, E + 2, E + 3, E + 4]
        assert sorted(keyring.public_keys(START_S + 2 * LENGTH_S)) == [E + 2, E + 3, E + 4]
    store.kept.clear()
    keyring.advance(START_S + 2 * LENGTH_S + GRACE_S)
    assert sorted(store.keys) == [E + 2, E + 3, E + 4]


def test_a_key_that_was_made_anew_is_not_erased_for_an_old_one_that_stayed() -> None:
    store = Stubborn(E)
    keyring = make_keyring(store)
    with pytest.raises(DiskFullError):
        keyring.advance(START_S + 2 * LENGTH_S)
    store.kept.clear()
    keyring.advance(START_S, erases=False)
    keyring.advance(START_S)
    assert E in store.keys
    assert E in keyring.public_keys(START_S)


class FullLog:
    is_full = True

    def restore(self) -> list[list[bytes]]:
        return []

    def append(self, tags: list[bytes]) -> None:
        if self.is_full:
            raise disk_full("1.replay cannot be written")

    def close(self) -> None: ...


class FullDisk(MemoryKeyStore):
    def __init__(self) -> None:
        super().__init__()
        self.log = FullLog()

    def open_log(self, epoch: int, key: MixKey, *, new: bool) -> FullLog:
        return self.log
