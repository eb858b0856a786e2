"""Key files are private, whole or not there; damage is one clear line without the key in it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from loopixmix.errors import StoreError
from loopixmix.keyring.keystore import KeyFiles
from loopixmix.keys import MixKey

KEY = MixKey(b"\x17" * 32)


def save(directory: Path, epoch: int = 7) -> KeyFiles:
    store = KeyFiles(directory)
    store.open_log(epoch, KEY, new=True).close()
    store.save(epoch, KEY)
    return store


def test_a_saved_key_is_loaded(tmp_path: Path) -> None:
    save(tmp_path / "node" / "keys")
    loaded = KeyFiles(tmp_path / "node" / "keys").load()
    assert {epoch: key.private for epoch, key in loaded.items()} == {7: KEY.private}


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    save(tmp_path / "keys")
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()} == {0o600}


def test_an_erased_key_is_gone_with_its_tags(tmp_path: Path) -> None:
    store = save(tmp_path)
    store.erase(7)
    store.erase(7)
    assert list(tmp_path.iterdir()) == []
    assert store.load() == {}


def test_a_key_is_overwritten_before_it_is_removed(tmp_path: Path) -> None:
    store = save(tmp_path)
    second_name = tmp_path / "hard-link"
    second_name.hardlink_to(tmp_path / "7.key")
    store.erase(7)
    assert set(second_name.read_bytes()) == {0}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "loopixmix-mix-key-v1 7\n",
        f"loopixmix-mix-key-v1 8 {KEY.private.hex()} {KEY.public.hex()}\n",
        f"loopixmix-mix-key-v2 7 {KEY.private.hex()} {KEY.public.hex()}\n",
        f"loopixmix-mix-key-v1 7 {KEY.private.hex()} {KEY.private.hex()}\n",
        f"loopixmix-mix-key-v1 7 {KEY.private.hex()[:-2]} {KEY.public.hex()}\n",
        f"loopixmix-mix-key-v1 7 {KEY.private.hex()} {KEY.public.hex()} more\n",
        "\x80",
    ],
)
def test_a_damaged_key_is_refused_with_what_to_do(tmp_path: Path, content: str) -> None:
    save(tmp_path)
    (tmp_path / "7.key").write_text(content, encoding="latin-1")
    with pytest.raises(StoreError, match=r"7\.key is damaged: delete it together with") as caught:
        KeyFiles(tmp_path).load()
    assert KEY.private.hex() not in str(caught.value)
    assert caught.value.__cause__ is None


def test_what_a_crash_left_behind_is_removed(tmp_path: Path) -> None:
    store = save(tmp_path)
    (tmp_path / ".8.key.unfinished").write_text("half a key")
    (tmp_path / "6.replay").write_bytes(b"tags whose key is erased")
    assert list(store.load()) == [7]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["7.key", "7.replay"]


def test_a_directory_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made: Not a directory"):
        KeyFiles(tmp_path / "file" / "keys")


def test_a_directory_that_is_gone_is_one_clear_line(tmp_path: Path) -> None:
    store = KeyFiles(tmp_path / "keys")
    (tmp_path / "keys").rmdir()
    with pytest.raises(StoreError, match="cannot be opened: No such file"):
        store.open_log(7, KEY, new=True)
    with pytest.raises(StoreError, match="cannot be written: No such file"):
        store.save(7, KEY)


def test_keys_differ_by_epoch(tmp_path: Path) -> None:
    store = KeyFiles(tmp_path)
    rng = random.Random(1)
    keys = {epoch: MixKey.generate(rng) for epoch in (3, 10, 9)}
    for epoch, key in keys.items():
        store.save(epoch, key)
    assert {epoch: key.public for epoch, key in store.load().items()} == {
        epoch: key.public for epoch, key in keys.items()
    }
