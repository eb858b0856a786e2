from __future__ import annotations

import random
from pathlib import Path

import pytest

from loopixmix.errors import ConfigError, FormatError, MisuseError
from loopixmix.group.group import Scalars
from loopixmix.group.ristretto import ristretto255
from votes.trustees.directory import DECRYPTION, IDENTITY, PART, SHARE, TrusteeDirectory
from votes.trustees.generation import Ceremony, JointKey, KeyShare
from votes.trustees.making import MadeKey

CEREMONY = Ceremony(ristretto255(), b"d" * 32, trustees=3, threshold=2)
OTHER = Ceremony(ristretto255(), b"e" * 32, trustees=3, threshold=2)


def made(secret: Scalars) -> MadeKey:
    """Return a key of which trustee 2 has this share."""
    group = CEREMONY.group
    commitments = group.generator.times(group.scalars_of([3, 4]))
    return MadeKey(JointKey(group, commitments), KeyShare(2, secret))


@pytest.fixture
def trustee(tmp_path: Path, rng: random.Random) -> TrusteeDirectory:
    return TrusteeDirectory.create(tmp_path / "trustee", rng)


def test_the_keys_are_kept_and_private(trustee: TrusteeDirectory) -> None:
    again = TrusteeDirectory(trustee.path)
    assert again.signing_key.identity == trustee.signing_key.identity
    assert again.encryption_key == trustee.encryption_key
    for name in (IDENTITY, DECRYPTION):
        assert (trustee.path / name).stat().st_mode & 0o777 == 0o600


def test_a_part_is_the_same_after_a_restart(trustee: TrusteeDirectory, rng: random.Random) -> None:
    part = trustee.part(CEREMONY, 2, rng)
    again = TrusteeDirectory(trustee.path).part(CEREMONY, 2, random.Random("another"))
    assert again.opening == part.opening
    assert again.share_for(1) == part.share_for(1)


def test_a_part_is_never_replaced_by_one_for_another_election(trustee: TrusteeDirectory, rng: random.Random) -> None:
    trustee.part(CEREMONY, 2, rng)
    for ceremony, number in ((OTHER, 2), (CEREMONY, 3)):
        with pytest.raises(MisuseError, match="another election"):
            trustee.part(ceremony, number, rng)


def test_the_part_is_gone_once_the_share_is_kept(trustee: TrusteeDirectory, rng: random.Random) -> None:
    part = trustee.part(CEREMONY, 2, rng)
    trustee.keep(CEREMONY, made(part.share_for(2)))
    assert not (trustee.path / PART).exists()
    assert (trustee.path / SHARE).stat().st_mode & 0o777 == 0o600
    share = TrusteeDirectory(trustee.path).share(CEREMONY)
    assert (share.number, share.secret) == (2, part.share_for(2))
    with pytest.raises(MisuseError, match="another election"):
        trustee.share(OTHER)
    with pytest.raises(MisuseError, match="the key is made already"):
        trustee.part(CEREMONY, 2, rng)


def test_a_backup_brings_all_back(trustee: TrusteeDirectory, tmp_path: Path, rng: random.Random) -> None:
    with pytest.raises(MisuseError, match="not made yet"):
        trustee.secrets()
    trustee.keep(CEREMONY, made(CEREMONY.group.scalars_of([5])))
    restored = TrusteeDirectory.restore(tmp_path / "new disk", trustee.secrets())
    assert restored.signing_key.identity == trustee.signing_key.identity
    assert restored.share(CEREMONY).secret.numbers() == [5]
    with pytest.raises(MisuseError, match="already"):
        TrusteeDirectory.restore(tmp_path / "new disk", trustee.secrets())


def test_a_second_trustee_in_one_directory_is_refused(trustee: TrusteeDirectory, rng: random.Random) -> None:
    with pytest.raises(MisuseError, match="already"):
        TrusteeDirectory.create(trustee.path, rng)


def test_damaged_files_are_named(trustee: TrusteeDirectory, rng: random.Random, tmp_path: Path) -> None:
    with pytest.raises(MisuseError, match="no trustee here"):
        TrusteeDirectory(tmp_path / "nobody")
    (trustee.path / SHARE).write_bytes(b"x")
    with pytest.raises(FormatError, match=r"share\.key"):
        trustee.share(CEREMONY)
    (trustee.path / IDENTITY).write_bytes(b"x")
    with pytest.raises(ConfigError, match=r"identity\.key: is not a key of a trustee of 64 hexadecimal digits"):
        TrusteeDirectory(trustee.path)


def test_a_part_that_does_not_fit_its_commitments_is_refused(trustee: TrusteeDirectory, rng: random.Random) -> None:
    part = trustee.part(CEREMONY, 2, rng)
    path = trustee.path / PART
    coefficients = part.polynomial.coefficients.encode()
    path.write_bytes(path.read_bytes().replace(coefficients[:32], CEREMONY.group.scalars_of([1]).encode()))
    with pytest.raises(Exception, match="does not fit its own commitments"):
        trustee.part(CEREMONY, 2, rng)


@pytest.mark.parametrize("name", [IDENTITY, DECRYPTION])
def test_a_key_that_others_may_read_is_refused(trustee: TrusteeDirectory, name: str) -> None:
    (trustee.path / name).chmod(0o640)
    with pytest.raises(ConfigError, match="others may read this private key"):
        TrusteeDirectory(trustee.path)


def test_a_directory_that_a_crash_left_half_made_is_made_anew(tmp_path: Path, rng: random.Random) -> None:
    (tmp_path / DECRYPTION).write_bytes(b"half")
    made = TrusteeDirectory.create(tmp_path, rng)
    assert len(made.decryption_key) == 32
