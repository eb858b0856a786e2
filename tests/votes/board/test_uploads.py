from __future__ import annotations

import hashlib
import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from votes.board.uploads import UploadError, UploadFolder

CONTENT = bytes(range(256)) * 8
DIGEST = hashlib.sha512(CONTENT).digest()


@pytest.fixture
def folder(tmp_path: Path) -> UploadFolder:
    return UploadFolder(tmp_path / "files", rng=random.Random(1), most_bytes=4096)


def test_a_file_comes_in_parts_and_goes_on_after_a_restart(tmp_path: Path, folder: UploadFolder) -> None:
    [missing] = folder.expect([DIGEST, DIGEST])
    assert (missing.digest, missing.have_bytes) == (DIGEST, 0)
    assert folder.take(DIGEST, missing.token, 0, CONTENT[:1000]) == 1000
    again = UploadFolder(tmp_path / "files", rng=random.Random(2))
    [missing] = again.expect([DIGEST])
    assert missing.have_bytes == 1000
    # The answer to the last part was lost: it comes again, and a bit more with it.
    assert again.take(DIGEST, missing.token, 500, CONTENT[500:1500]) == 1500
    assert again.take(DIGEST, missing.token, 0, CONTENT[:10]) == 1500
    assert again.find(DIGEST) is None
    again.take(DIGEST, missing.token, 1500, CONTENT[1500:])
    again.finish(DIGEST, missing.token)
    again.finish(DIGEST, missing.token)
    path = again.find(DIGEST)
    assert path is not None
    assert path.read_bytes() == CONTENT
    assert again.expect([DIGEST]) == []
    assert [each.name for each in (tmp_path / "files").iterdir()] == [DIGEST.hex()]


def test_a_file_with_another_digest_is_thrown_away(folder: UploadFolder) -> None:
    [missing] = folder.expect([DIGEST])
    folder.take(DIGEST, missing.token, 0, CONTENT[:-1])
    with pytest.raises(UploadError, match="send it again from the beginning"):
        folder.finish(DIGEST, missing.token)
    [missing] = folder.expect([DIGEST])
    assert missing.have_bytes == 0
    folder.take(DIGEST, missing.token, 0, CONTENT)
    folder.finish(DIGEST, missing.token)
    assert folder.find(DIGEST) is not None


def test_only_who_announced_a_file_sends_it(folder: UploadFolder) -> None:
    [missing] = folder.expect([DIGEST])
    for token in (b"", bytes(16), missing.token[:-1]):
        with pytest.raises(UploadError, match="token"):
            folder.take(DIGEST, token, 0, CONTENT)
        with pytest.raises(UploadError, match="token"):
            folder.finish(DIGEST, token)
    for other in (bytes(64), b"", b"../../x"):
        with pytest.raises(UploadError, match="no such file was announced"):
            folder.take(other, missing.token, 0, CONTENT)
        assert folder.find(other) is None


def test_parts_have_no_gaps_and_files_are_bounded(folder: UploadFolder) -> None:
    [missing] = folder.expect([DIGEST])
    with pytest.raises(UploadError, match="there are 0 bytes"):
        folder.take(DIGEST, missing.token, 1, CONTENT)
    with pytest.raises(UploadError, match="at most 4096"):
        folder.take(DIGEST, missing.token, 0, bytes(4097))
    assert folder.take(DIGEST, missing.token, 0, bytes(4096)) == 4096
    # So is the sum of its parts.
    with pytest.raises(UploadError, match="at most 4096"):
        folder.take(DIGEST, missing.token, 4096, b"\0")


def test_others_do_not_wait_while_a_long_file_is_hashed(tmp_path: Path, folder: UploadFolder) -> None:
    """The file is a pipe, whose end the test holds: so hashing lasts as long as the test wants."""
    other = hashlib.sha512(b"other").digest()
    [missing] = folder.expect([DIGEST])
    part = tmp_path / "files" / f"{DIGEST.hex()}.part"
    part.unlink()
    os.mkfifo(part)
    with ThreadPoolExecutor(4) as pool:
        ending = pool.submit(folder.finish, DIGEST, missing.token)
        with part.open("wb") as pipe:
            # Opened by the other end: it is being hashed.
            again = pool.submit(folder.finish, DIGEST, missing.token)
            [another] = pool.submit(folder.expect, [other]).result(10)
            assert pool.submit(folder.take, other, another.token, 0, b"other").result(10) == 5
            with pytest.raises(UploadError, match="is being checked"):
                pool.submit(folder.take, DIGEST, missing.token, 0, b"more").result(10)
            assert not ending.done()
            assert not again.done()
            pipe.write(CONTENT)
        ending.result(10)
        again.result(10)
    assert folder.find(DIGEST) is not None
    folder.finish(other, another.token)
