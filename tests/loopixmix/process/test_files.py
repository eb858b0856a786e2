"""Private files, atomic writes and the lock of a directory."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import resource
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from loopixmix.errors import ConfigError, DiskFullError, StoreError
from loopixmix.process.files import (
    DirectoryLock,
    LockedError,
    create_file,
    create_identity,
    create_secret,
    erase_file,
    file_error,
    has_room,
    load_identity,
    load_secret,
    lock_holder,
    make_directory,
    write_atomically,
    write_new_token,
    write_together,
)

RNG = random.Random(1)


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_written_file_is_private_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert permissions(path) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_an_unfinished_write_of_a_crash_does_not_hinder_the_next(tmp_path: Path) -> None:
    (tmp_path / ".file.unfinished").write_bytes(b"much longer than what follows")
    write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_what_a_crash_left_does_not_lend_its_mode_to_a_private_file(tmp_path: Path) -> None:
    unfinished = tmp_path / ".file.unfinished"
    unfinished.touch()
    unfinished.chmod(0o644)
    write_atomically(tmp_path / "file", b"private")
    assert permissions(tmp_path / "file") == 0o600


def test_a_write_that_fails_leaves_nothing_half_done(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        write_atomically(in_the_way, b"new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_by_the_same_words_as_in_a_database(number: int) -> None:
    error = file_error(OSError(number, os.strerror(number)), "/x/status.json: cannot be written")
    assert type(error) is DiskFullError
    assert str(error) == "the disk is full: /x/status.json: cannot be written"


def test_on_a_full_disk_a_lock_is_given_back_and_a_new_file_leaves_no_half(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to("/dev/full")
    for _ in range(2):
        with pytest.raises(DiskFullError, match="lock: cannot be written"):
            DirectoryLock(tmp_path / "lock").acquire()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, limit[1]))
    try:
        with pytest.raises(StoreError, match="cannot be written"):
            create_file(tmp_path / "key", b"sixteen letters.")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert not (tmp_path / "key").exists()


def test_room_is_told_by_trying(tmp_path: Path) -> None:
    assert has_room(tmp_path)


def test_where_nothing_can_be_written_one_line_says_so(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file, not a directory")
    with pytest.raises(StoreError, match="cannot be written: Not a directory"):
        write_atomically(blocked / "file", b"")
    with pytest.raises(StoreError, match="cannot be written: Not a directory"):
        create_file(blocked / "file", b"")
    with pytest.raises(StoreError, match="cannot be made"):
        make_directory(blocked / "directory")
    with pytest.raises(StoreError, match="cannot be written"):
        DirectoryLock(blocked / "lock").acquire()


def test_a_second_user_of_a_directory_is_told_who_has_it(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path / "node.lock")
    lock.acquire()
    with pytest.raises(LockedError, match=f"is in use by process {os.getpid()}"):
        DirectoryLock(tmp_path / "node.lock").acquire()
    lock.release()
    DirectoryLock(tmp_path / "node.lock").acquire()


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from loopixmix.process.files import DirectoryLock;"
        "DirectoryLock(Path(sys.argv[1])).acquire(); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path / "node.lock")], timeout=30, check=False)
    assert killed.returncode == -9
    DirectoryLock(tmp_path / "node.lock").acquire()


def test_files_that_are_written_together_change_all_or_none(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a", "b", "c")]
    write_together(dict.fromkeys(paths, b"old"))
    (tmp_path / ".c.unfinished").mkdir()  # as a full disk does, this hinders the last one
    with pytest.raises(StoreError, match="/c: cannot be written: Is a directory"):
        write_together(dict.fromkeys(paths, b"new"))
    assert [path.read_bytes() for path in paths] == [b"old"] * 3
    (tmp_path / ".c.unfinished").rmdir()
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b", "c"}
    write_together(dict.fromkeys(paths, b"new"))
    assert [path.read_bytes() for path in paths] == [b"new"] * 3


def test_the_lock_tells_who_holds_it_and_a_copy_of_it_does_not(tmp_path: Path) -> None:
    path, copy = tmp_path / "node.lock", tmp_path / "copy.lock"
    assert lock_holder(path) is None
    with DirectoryLock(path):
        copy.write_bytes(path.read_bytes())
        assert lock_holder(path) == os.getpid()
        assert lock_holder(copy) is None
    # The number stays in the file; the lock is free.
    assert path.read_text() == f"{os.getpid()}\n"
    assert lock_holder(path) is None


def test_a_lock_that_names_nobody_is_no_free_one(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path / "node.lock"):
        (tmp_path / "node.lock").write_bytes(b"")
        with pytest.raises(StoreError, match="held by a process that it does not name"):
            lock_holder(tmp_path / "node.lock")


def test_asking_for_the_holder_keeps_nobody_out(tmp_path: Path) -> None:
    path = tmp_path / "node.lock"
    path.touch()
    descriptor = os.open(path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)  # as somebody does who is just asking
    release = threading.Timer(0.03, os.close, [descriptor])
    release.start()
    with DirectoryLock(path):
        assert lock_holder(path) == os.getpid()
    release.join()


def test_directories_made_on_the_way_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_directory(tmp_path / "services" / "poll")
    finally:
        os.umask(before)
    assert permissions(tmp_path / "services") == permissions(tmp_path / "services" / "poll") == 0o700


def test_an_erased_file_is_overwritten_first(tmp_path: Path) -> None:
    path, same = tmp_path / "file", tmp_path / "same"
    path.write_bytes(b"secret" * 1000)
    os.link(path, same)  # a second name of the same file shows what became of its content
    assert erase_file(path) == 6000
    assert not path.exists()
    assert same.read_bytes() == bytes(6000)
    assert erase_file(path) is None


def test_a_link_is_not_followed_to_what_is_erased(tmp_path: Path) -> None:
    (tmp_path / "of others").write_bytes(b"theirs")
    (tmp_path / "link").symlink_to(tmp_path / "of others")
    assert erase_file(tmp_path / "link") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["of others"]
    assert (tmp_path / "of others").read_bytes() == b"theirs"


def test_an_identity_is_kept_privately_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    identity_key = create_identity(path, random.Random(1))
    assert permissions(path) == 0o600
    assert load_identity(path).public == identity_key.public
    with pytest.raises(ConfigError, match="exists already and is never overwritten"):
        create_identity(path, random.Random(2))
    assert load_identity(path).public == identity_key.public


@pytest.mark.parametrize("content", [b"", b"12", b"zz" * 32, b"00" * 33, b"\xff" * 64])
def test_a_damaged_identity_is_refused_without_showing_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "identity.key"
    write_atomically(path, content)
    with pytest.raises(ConfigError, match="is not an identity key") as caught:
        load_identity(path)
    assert caught.value.__cause__ is None


def test_an_identity_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    create_identity(path, random.Random(1))
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_identity(path)
    with pytest.raises(ConfigError, match="no such file"):
        load_identity(tmp_path / "none.key")


def test_a_secret_has_its_length_and_its_name_in_errors(tmp_path: Path) -> None:
    path = tmp_path / "store.key"
    create_secret(path, b"x" * 32)
    assert permissions(path) == 0o600
    assert load_secret(path, 32, called="the key of a store") == b"x" * 32
    with pytest.raises(ConfigError, match="is not a long key of 192 hexadecimal digits") as caught:
        load_secret(path, 96, called="a long key")
    assert b"x".hex() * 4 not in str(caught.value)
    with pytest.raises(ConfigError, match="never overwritten"):
        create_secret(path, b"y" * 32)


def test_a_token_is_new_each_time_and_private(tmp_path: Path) -> None:
    path = tmp_path / "api.token"
    path.write_text("ab" * 32 + "\n")
    path.chmod(0o644)
    first, second = write_new_token(path, rng=RNG), write_new_token(path, rng=RNG)
    assert len({"ab" * 32, first, second}) == 3
    assert len(bytes.fromhex(second)) == 32
    assert path.read_text() == second + "\n"
    assert permissions(path) == 0o600


def test_a_token_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"api\.token"):
        write_new_token(tmp_path / "missing" / "api.token", rng=RNG)
    (tmp_path / "api.token").mkdir()
    with pytest.raises(StoreError, match=r"api\.token"):
        write_new_token(tmp_path / "api.token", rng=RNG)
