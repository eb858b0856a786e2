from __future__ import annotations

import random
from pathlib import Path

import pytest

from loopixmix.errors import ConfigError
from tests.worlds.voters import Voters
from votes.board.running.directory import BoardConfig, BoardDirectory

ADMINISTRATOR = Voters().world.keys.administrator.identity.hex()


def made(path: Path) -> BoardDirectory:
    return BoardDirectory.create(path / "board", BoardConfig(administrator=ADMINISTRATOR), random.Random(1))


def test_a_new_board_is_private_and_made_once(tmp_path: Path) -> None:
    directory = made(tmp_path)
    assert directory.administrator.hex() == ADMINISTRATOR
    assert all(path.stat().st_mode & 0o077 == 0 for path in directory.path.iterdir())
    assert directory.store_url.endswith("board.sqlite3")
    assert BoardDirectory(directory.path).party_key().identity == directory.party_key().identity
    with pytest.raises(ConfigError, match="never overwritten"):
        made(tmp_path)


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        (f'administrator = "{ADMINISTRATOR}"', 'administrator = "no"', "administrator is no identity"),
        (f'administrator = "{ADMINISTRATOR}"', f'administrator = "{"00" * 32}"', "administrator is no identity"),
        ('host = "127.0.0.1"', 'host = "0.0.0.0"', "without a certificate, host has to be 127.0.0.1"),
        ('key = ""', 'key = "key.pem"', "certificate and key go together"),
        ("port = 8420", "port = 65536", "port is 65536; allowed is 0 to 65535"),
        ("port = 8420", "post = 8420", "post"),
    ],
)
def test_a_wrong_configuration_is_refused(tmp_path: Path, before: str, after: str, problem: str) -> None:
    path = made(tmp_path).path / "board.toml"
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))
    with pytest.raises(ConfigError, match=problem):
        BoardDirectory(path.parent)


def test_the_list_of_credentials_is_kept_for_everybody(tmp_path: Path) -> None:
    directory, credentials = made(tmp_path), Voters().credentials
    assert directory.credentials(32) is None
    directory.put_credentials(b"".join(credentials))
    listed = directory.credentials(32)
    assert listed is not None
    assert [listed[index] for index in range(len(listed))] == credentials
    assert (directory.path / "credentials").stat().st_mode & 0o777 == 0o644
    directory.put_credentials(b"".join(reversed(credentials)))
    with pytest.raises(ConfigError, match="out of order"):
        directory.credentials(32)
