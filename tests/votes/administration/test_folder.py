from __future__ import annotations

import random
from pathlib import Path

import pytest

from loopixmix.errors import ConfigError, MisuseError
from loopixmix.group.ristretto import ristretto255
from tests.worlds.elections import changed, new_election
from tests.worlds.plans import filled_plan
from votes.administration.folder import KEY, PLAN, RECORD, SIGNED_RECORD, AdministratorFolder
from votes.record.entries import open_record
from votes.record.fingerprint import fingerprint_of

GROUP = ristretto255()


@pytest.fixture
def folder(tmp_path: Path, rng: random.Random) -> AdministratorFolder:
    return AdministratorFolder.create(tmp_path / "admin", rng)


def test_a_new_administrator_has_a_plan_to_write(folder: AdministratorFolder) -> None:
    assert (folder.path / KEY).stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigError, match=r"election\.toml: .*credential_authority\.identity"):
        folder.draft(GROUP, rehearsal=False)
    (folder.path / PLAN).write_text(filled_plan())
    assert folder.draft(GROUP, rehearsal=True).rehearsal


def test_a_plan_that_is_there_is_kept(tmp_path: Path, rng: random.Random) -> None:
    (tmp_path / PLAN).write_text("mine")
    AdministratorFolder.create(tmp_path, rng)
    assert (tmp_path / PLAN).read_text() == "mine"


def test_a_record_is_kept_and_signed(folder: AdministratorFolder) -> None:
    election = new_election(GROUP).election
    fingerprint = folder.keep(election)
    record = (folder.path / RECORD).read_bytes()
    assert fingerprint == fingerprint_of(record)
    assert open_record((folder.path / SIGNED_RECORD).read_bytes(), folder.key.identity) == record
    assert AdministratorFolder(folder.path).election(GROUP) == election


def test_a_second_record_is_refused(folder: AdministratorFolder) -> None:
    election = new_election(GROUP).election
    folder.keep(election)
    folder.keep(election)
    with pytest.raises(MisuseError, match="another record is frozen already"):
        folder.keep(changed(election, title="Autumn"))


def test_misuse_is_told(folder: AdministratorFolder, tmp_path: Path, rng: random.Random) -> None:
    with pytest.raises(MisuseError, match="nothing is frozen yet"):
        folder.election(GROUP)
    with pytest.raises(MisuseError, match="no administrator here"):
        AdministratorFolder(tmp_path)
    with pytest.raises(MisuseError, match="already"):
        AdministratorFolder.create(folder.path, rng)


def test_a_key_that_others_may_read_is_refused(folder: AdministratorFolder) -> None:
    (folder.path / KEY).chmod(0o644)
    with pytest.raises(ConfigError, match="others may read this private key"):
        AdministratorFolder(folder.path)
