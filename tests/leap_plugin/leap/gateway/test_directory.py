"""The configuration of a gateway is checked before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from leap_plugin.leap.gateway.directory import create_leap_directory, load_leap_directory
from loopixmix.errors import ConfigError

TOKEN = "incoming:a-secret-of-both"
URL = "http://127.0.0.1:2525/incoming"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    create_leap_directory(tmp_path, client=tmp_path / "client", domains=("leap.example",), url=URL)
    (tmp_path / "soledad.token").write_text(f"{TOKEN}\n")
    (tmp_path / "soledad.token").chmod(0o600)
    return tmp_path


def test_what_was_made_is_read(directory: Path) -> None:
    found = load_leap_directory(directory)
    assert (found.token, found.domains, found.client) == (TOKEN, frozenset({"leap.example"}), directory / "client")
    assert found.limits.bytes == 20 * 1024**3
    assert TOKEN not in repr(found)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('["leap.example"]', "[]", "domains"),
        ('["leap.example"]', '["LEAP.example"]', "no domain"),
        ('["leap.example"]', '["leap"]', "no domain"),
        (URL, "http://soledad.example:2525/incoming", "only on this machine"),
        (URL, "ftp://127.0.0.1/incoming", "url is like"),
        (URL, "http://user:word@127.0.0.1/incoming", "url is like"),
        ('user_prefix = ""', 'user_prefix = "../"', "user_prefix"),
        ("mails_per_user = 1000", "mails_per_user = 0", "mails_per_user"),
        ("mails_per_user = 1000", "mail_per_user = 1000", "mails_per_user"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(directory: Path, old: str, new: str, told: str) -> None:
    file = directory / "leap.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(ConfigError, match=told) as caught:
        load_leap_directory(directory)
    assert "\n" not in str(caught.value)


def test_https_reaches_a_soledad_elsewhere(directory: Path) -> None:
    file = directory / "leap.toml"
    file.write_text(file.read_text().replace(URL, "https://soledad.example/incoming"))
    assert load_leap_directory(directory).config.soledad.url.startswith("https")


TOKENS = ("", "secret", "incoming:brief", "in coming:a-secret-of-both", "a:b\nc:d")


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_of_another_form_is_refused_and_not_shown(directory: Path, token: str) -> None:
    (directory / "soledad.token").write_text(token)
    with pytest.raises(ConfigError, match="incoming:SECRET") as caught:
        load_leap_directory(directory)
    assert not token or token not in str(caught.value)


def test_a_token_that_others_can_read_is_refused(directory: Path) -> None:
    (directory / "soledad.token").chmod(0o644)
    with pytest.raises(ConfigError, match="others may read it"):
        load_leap_directory(directory)


def test_a_missing_token_or_directory_is_told(directory: Path, tmp_path: Path) -> None:
    (directory / "soledad.token").unlink()
    with pytest.raises(ConfigError, match="incoming:SECRET"):
        load_leap_directory(directory)
    with pytest.raises(ConfigError, match="leap-gateway init"):
        load_leap_directory(tmp_path / "nowhere")
