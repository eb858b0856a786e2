"""A client's directory: made, read, refused."""

from __future__ import annotations

import random
import stat
import sys
from pathlib import Path

import pytest

from client.core.settings import ClientSettings, TokenWaits
from client.directory.configuration import ApiConfig, ClientConfig, create_client, load_client, set_sealed
from loopixmix.authority.config import trust_root_toml
from loopixmix.errors import ConfigError, StoreError
from loopixmix.keys import IdentityKey
from tests.worlds.networks.models import trust_root_of

ROOT = trust_root_of(IdentityKey(bytes(32)))


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "network.toml"
    path.write_text(trust_root_toml(ROOT))
    return path


def create(directory: Path, network: Path) -> None:
    assert create_client(directory, network=network, api_port=7078, rng=random.Random(1)) == ROOT


def test_what_was_made_is_read_again(tmp_path: Path, network: Path) -> None:
    create(tmp_path / "alice", network)
    loaded = load_client(tmp_path / "alice")
    assert loaded.config == ClientConfig(api=ApiConfig(port=7078))
    assert loaded.trust_root == ROOT
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "alice").iterdir()}
    assert set(modes) == {"client.toml", "network.toml", "identity.key", "sealing.key"}
    assert set(modes.values()) == {0o600}


def test_a_client_of_a_test_network_waits_less_for_tokens(tmp_path: Path, network: Path) -> None:
    waits = TokenWaits(fetch_mean_s=1.0, rest_mean_s=2.5)
    create_client(tmp_path / "alice", network=network, api_port=0, rng=random.Random(1), token_waits=waits)
    assert load_client(tmp_path / "alice").config.client == ClientSettings(tokens=waits)
    text = (tmp_path / "alice" / "client.toml").read_text()
    assert "shorten them on a test network only" in text
    create(tmp_path / "bob", network)
    assert load_client(tmp_path / "bob").config.client.tokens == TokenWaits(fetch_mean_s=900.0, rest_mean_s=1800.0)


def test_a_client_may_live_beside_its_trust_root(tmp_path: Path, network: Path) -> None:
    create(tmp_path, network)
    assert load_client(tmp_path).trust_root == ROOT


def test_a_client_is_never_overwritten(tmp_path: Path, network: Path) -> None:
    create(tmp_path / "alice", network)
    before = {path.name: path.read_bytes() for path in (tmp_path / "alice").iterdir()}
    with pytest.raises(ConfigError, match=r"client\.toml: exists already"):
        create(tmp_path / "alice", network)
    assert {path.name: path.read_bytes() for path in (tmp_path / "alice").iterdir()} == before


def test_a_wrong_trust_root_makes_nothing(tmp_path: Path) -> None:
    (tmp_path / "network.toml").write_text("name = 3")
    with pytest.raises(ConfigError, match=r"network\.toml"):
        create(tmp_path / "alice", tmp_path / "network.toml")
    assert not (tmp_path / "alice").exists()


def test_any_other_directory_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="make one with  loopixmix client init DIR"):
        load_client(tmp_path)


def test_a_client_may_have_its_store_sealed(tmp_path: Path, network: Path) -> None:
    create_client(tmp_path / "alice", network=network, api_port=0, rng=random.Random(1), sealed=True)
    loaded = load_client(tmp_path / "alice")
    assert loaded.store_key == loaded.keys.store_key
    create(tmp_path / "bob", network)
    assert load_client(tmp_path / "bob").store_key is None


def test_it_may_be_sealed_later_and_the_rest_of_the_file_stays(tmp_path: Path, network: Path) -> None:
    create(tmp_path / "alice", network)
    file = tmp_path / "alice" / "client.toml"
    before = file.read_text()
    set_sealed(tmp_path / "alice")
    assert load_client(tmp_path / "alice").config.sealed_store
    assert file.read_text() == before.replace("sealed_store = false", "sealed_store = true")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_of_before_gets_the_key_in_its_place(tmp_path: Path, network: Path) -> None:
    create(tmp_path / "alice", network)
    file = tmp_path / "alice" / "client.toml"
    file.write_text(file.read_text().replace("sealed_store = false\n", ""))
    assert load_client(tmp_path / "alice").store_key is None
    set_sealed(tmp_path / "alice")
    assert load_client(tmp_path / "alice").config == ClientConfig(sealed_store=True, api=ApiConfig(port=7078))


def test_without_sqlcipher_nothing_is_made_or_started(
    tmp_path: Path, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(tmp_path / "alice", network)
    set_sealed(tmp_path / "alice")
    monkeypatch.setitem(sys.modules, "sqlcipher3.dbapi2", None)
    with pytest.raises(StoreError, match=r"not installed .*the extra `sealed` has it"):
        load_client(tmp_path / "alice")
    with pytest.raises(StoreError, match="the extra `sealed` has it"):
        create_client(tmp_path / "bob", network=network, api_port=0, rng=random.Random(1), sealed=True)
    assert not (tmp_path / "bob").exists()
