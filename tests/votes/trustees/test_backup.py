from __future__ import annotations

import random

import pytest

from loopixmix.errors import FormatError, MisuseError
from votes.trustees.backup import HEADER, TrusteeSecrets, open_backup, seal_backup

SECRETS = TrusteeSecrets(
    number=2,
    draft=b"d" * 32,
    identity_seed=b"MARK-identity-seed".ljust(32),
    decryption_key=b"MARK-decryption-key".ljust(32),
    share=b"MARK-share".ljust(32),
    commitments=b"C" * 64,
)
PASSPHRASE = "correct horse battery"


@pytest.fixture(scope="module")
def file() -> bytes:
    return seal_backup(SECRETS, PASSPHRASE, random.Random(1))


def test_a_backup_opens_with_its_passphrase(file: bytes) -> None:
    assert open_backup(file, PASSPHRASE) == SECRETS
    assert b"MARK" not in file


def test_a_wrong_passphrase_is_told(file: bytes) -> None:
    with pytest.raises(MisuseError, match="passphrase is wrong"):
        open_backup(file, PASSPHRASE + "s")


def test_an_altered_backup_is_told(file: bytes) -> None:
    with pytest.raises(MisuseError, match="altered"):
        open_backup(file[:-1] + bytes([file[-1] ^ 1]), PASSPHRASE)


def test_what_is_no_backup_is_told(file: bytes) -> None:
    for other in (b"", b"key", b"x" + file, HEADER + bytes(100_000)):
        with pytest.raises(FormatError, match="no backup"):
            open_backup(other, PASSPHRASE)
    with pytest.raises(FormatError, match="cut short"):
        open_backup(file[: len(HEADER) + 45], PASSPHRASE)


def test_a_short_passphrase_is_refused() -> None:
    with pytest.raises(MisuseError, match="at least 12 characters, not 5"):
        seal_backup(SECRETS, "short", random.Random(1))


def test_secrets_are_in_no_representation() -> None:
    assert "MARK" not in repr(SECRETS)
