"""Sealed stores: nothing can be read without the key, stores are sealed later, crashes leave a whole one."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, text

from loopixmix.errors import MisuseError, StoreError
from loopixmix.store.faults import StoreUnavailableError
from loopixmix.store.sealing import PAGE_BYTES, StoreKey, is_sealed, seal_store
from loopixmix.store.sqlite import MEMORY_URL, sqlite_url
from loopixmix.store.transactions import Store
from tests.worlds.polls import POLL, cast, choices, votes
from tests.worlds.sealed_files import opened_pages

KEY, OTHER_KEY = StoreKey(bytes(range(32))), StoreKey(bytes(32))
MARK = "a marked wish"
HOLD = """
import sqlite3, sys
store = sqlite3.connect(sys.argv[1], isolation_level=None)
store.execute("BEGIN")
store.execute("SELECT * FROM votes").fetchall()
print("has it", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "poll.sqlite3"


def opened(path: Path, *, key: StoreKey | None = KEY) -> Store:
    return Store(POLL, sqlite_url(path), key=key)


def fill(store: Store, count: int = 5) -> None:
    for number in range(count):
        store.write(lambda c, number=number: cast(c, number.to_bytes(2), f"{MARK}, number {number}"))


def files_of(path: Path) -> dict[str, bytes]:
    return {found.name: found.read_bytes() for found in path.parent.iterdir()}


def test_without_the_key_nothing_can_be_read_in_any_file(path: Path) -> None:
    store = opened(path)
    fill(store, 300)
    files = files_of(path)
    assert set(files) == {
        "poll.sqlite3",
        "poll.sqlite3-wal",
        "poll.sqlite3-shm",
        "poll.sqlite3.mark",
        "poll.sqlite3.reserve",
    }
    assert all(word not in content for content in files.values() for word in (MARK.encode(), b"CREATE", b"votes"))
    assert any(MARK.encode() in page for page in opened_pages(path, KEY))  # the test would find it
    assert is_sealed(path)
    store.close()
    assert not any(MARK.encode() in content for content in files_of(path).values())


def test_it_is_a_store_like_others(path: Path) -> None:
    store = opened(path)
    fill(store)
    settings = ("journal_mode", "synchronous", "foreign_keys", "page_size", "secure_delete", "temp_store")
    found = store.read(lambda c: [str(c.execute(text(f"PRAGMA {name}")).scalar_one()) for name in settings])
    assert found == ["wal", "2", "1", str(PAGE_BYTES), "1", "2"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    store.close()
    again = opened(path)
    assert len(again.read(choices)) == 5
    again.close()


@pytest.mark.parametrize("key", [OTHER_KEY, None])
def test_another_key_or_none_opens_nothing_and_is_told_in_one_line(path: Path, key: StoreKey | None) -> None:
    store = opened(path)
    fill(store)
    store.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="sealed with another key") as caught:
        opened(path, key=key)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before


def test_a_page_that_was_changed_is_refused(path: Path) -> None:
    store = opened(path)
    fill(store, 300)
    store.close()
    data = bytearray(path.read_bytes())
    data[PAGE_BYTES * 2 + 100] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"poll\.sqlite3"):
        opened(path).read(choices)


def test_what_was_deleted_cannot_be_found_with_the_key_either(path: Path) -> None:
    """Not in the file, where it is overwritten, and not in the log of changes, which has the rows of before."""
    store = opened(path)
    fill(store)
    store.write(lambda c: c.execute(delete(votes)))
    assert any(MARK.encode() in page for page in opened_pages(path, KEY))  # in the log of changes
    store.empty_log()
    assert not any(MARK.encode() in page for page in opened_pages(path, KEY))
    fill(store, 1)  # it goes on
    assert len(store.read(choices)) == 1
    store.close()


def test_a_plain_store_forgets_by_an_empty_log_too(path: Path) -> None:
    store = opened(path, key=None)
    fill(store)
    store.write(lambda c: c.execute(delete(votes)))
    assert MARK.encode() in b"".join(files_of(path).values())
    store.empty_log()
    assert MARK.encode() not in b"".join(files_of(path).values())
    store.close()


def test_a_reader_is_not_waited_for(path: Path) -> None:
    store = opened(path)
    fill(store)

    def meanwhile(connection: Connection) -> int:
        found = len(connection.execute(votes.select()).all())
        store.empty_log()
        return found

    assert store.read(meanwhile) == 5
    store.close()


def test_a_store_is_sealed_later_with_all_that_it_has(path: Path) -> None:
    plain = opened(path, key=None)
    fill(plain, 300)
    before = plain.read(choices)
    plain.close()
    assert not is_sealed(path)
    assert seal_store(path, KEY) is True
    assert set(files_of(path)) == {"poll.sqlite3", "poll.sqlite3.mark", "poll.sqlite3.reserve"}
    assert MARK.encode() not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    sealed = opened(path)
    assert sealed.read(choices) == before
    sealed.close()
    assert seal_store(path, KEY) is False


def test_what_a_killed_program_left_in_its_log_is_sealed_too(path: Path) -> None:
    plain = opened(path, key=None)
    fill(plain)
    copied = path.with_name("copy.sqlite3")
    for suffix in ("", "-wal"):  # as the files stand while it runs
        copied.with_name(f"copy.sqlite3{suffix}").write_bytes(path.with_name(f"{path.name}{suffix}").read_bytes())
    plain.close()
    assert seal_store(copied, KEY)
    sealed = opened(copied)
    assert len(sealed.read(choices)) == 5
    sealed.close()


def test_there_is_nothing_to_seal_before_there_is_a_store(path: Path) -> None:
    assert seal_store(path, KEY) is False
    path.touch()
    assert seal_store(path, KEY) is False


def test_a_store_that_somebody_has_open_is_not_sealed(path: Path) -> None:
    plain = opened(path, key=None)
    fill(plain)
    plain.close()
    # A process of its own: SQLite's locks do not hold between two of its libraries in one process.
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert other.stdout.readline() == b"has it\n"
    with pytest.raises(StoreUnavailableError, match="another program"):
        seal_store(path, KEY)
    other.communicate()
    assert not is_sealed(path)
    assert seal_store(path, KEY)


def test_a_crash_before_the_exchange_leaves_the_old_store(path: Path) -> None:
    plain = opened(path, key=None)
    fill(plain)
    plain.close()
    path.with_name(".poll.sqlite3.unfinished").write_bytes(b"half of a copy")
    os.link(path, path.with_name(".poll.sqlite3.plain"))
    assert seal_store(path, KEY)
    sealed = opened(path)
    assert len(sealed.read(choices)) == 5
    sealed.close()
    assert set(files_of(path)) == {"poll.sqlite3", "poll.sqlite3.mark", "poll.sqlite3.reserve"}


def test_a_crash_after_the_exchange_leaves_nothing_in_clear(path: Path) -> None:
    plain = opened(path, key=None)
    fill(plain)
    plain.close()
    left = path.read_bytes()
    seal_store(path, KEY)
    path.with_name(".poll.sqlite3.plain").write_bytes(left)
    assert seal_store(path, KEY) is False
    assert set(files_of(path)) == {"poll.sqlite3", "poll.sqlite3.mark", "poll.sqlite3.reserve"}


def test_a_key_is_derived_and_never_shown() -> None:
    """The value of RFC 5869 is computed by `openssl kdf` from the same secret and label."""
    key = StoreKey.derive(bytes(range(96)))
    assert key.value.hex() == "1864d0558cdb5682e2f28de9a8b669dde0675628b4e599f96f4df1f3c06bf951"
    assert key.value.hex() not in repr(key)
    assert StoreKey.derive(bytes(96)) != key
    with pytest.raises(MisuseError, match="32 bytes, not 31"):
        StoreKey(bytes(31))


def test_memory_is_not_sealed() -> None:
    with pytest.raises(StoreError, match="in memory"):
        Store(POLL, MEMORY_URL, key=KEY)
