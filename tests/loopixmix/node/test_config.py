"""The configuration of a node: what an operator may write, and how a directory is made."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from loopixmix.authority.config import trust_root_toml
from loopixmix.config import parse_config
from loopixmix.errors import ConfigError
from loopixmix.keys import IdentityKey
from loopixmix.net.address import PeerAddress
from loopixmix.node.config import NodeConfig, create_node, load_node, node_toml
from tests.worlds.networks.models import trust_root_of

MINIMAL = 'name = "mix1"\nlisten = "127.0.0.1:30001"\n'


def parse(text: str) -> NodeConfig:
    return parse_config(text, NodeConfig, source="node.toml")


def test_the_template_says_what_the_defaults_are() -> None:
    text = node_toml(name="mix1", listen="127.0.0.1:30001", advertise="")
    assert parse(text) == parse(MINIMAL)
    advertised = parse(node_toml(name="mix1", listen="[::]:30001", advertise="mix1.example:443"))
    assert advertised.listen_address == PeerAddress("::", 30001)
    assert advertised.advertised_address == PeerAddress("mix1.example", 443)


def test_without_another_address_a_node_is_found_where_it_listens() -> None:
    assert parse(MINIMAL).advertised_address == PeerAddress("127.0.0.1", 30001)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('listen = "30001"', 'key "listen"'),
        ('listen = "0.0.0.0:30001"', 'say with "advertise"'),
        ('advertise = "nowhere"', 'node.toml: key "advertise"'),
        ('advertise = "0.0.0.0:1"', "node.toml: key \"advertise\": '0.0.0.0:1': others cannot find a node"),
        ('advertise = "a_b.example:1"', "node.toml: key \"advertise\": 'a_b.example:1': others cannot find a node"),
        ('listen = "a_b.example:1"', "node.toml: key \"listen\": 'a_b.example:1'"),
        ('listen = "[fe80::1%eth0]:1"', "node.toml: key \"listen\": '[fe80::1%eth0]:1': others cannot find a node"),
        ('[metrics]\nlisten = "here"', 'node.toml: key "metrics.listen"'),
        ("[limits]\nlinks = 0", 'key "limits.links"'),
        (
            '[work]\nengine = "fast"',
            "key \"work.engine\": invalid enum value 'fast' (allowed: auto, native, reference)",
        ),
        ('role = "provider"', 'key "role": this is the directory of a provider, which  loopixmix provider run  runs'),
        ('role = "spy"', "key \"role\": invalid enum value 'spy' (allowed: mix, provider)"),
        ('name = "Mix 1"', 'key "name": expected a name of 1 to 63 letters a-z, digits'),
        ("[work]\nthread = 1", "did you mean"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(line: str, fault: str) -> None:
    text = "".join(own for own in MINIMAL.splitlines(keepends=True) if own.split()[0] != line.split()[0])
    with pytest.raises(ConfigError) as raised:
        parse(text + line)
    assert fault in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_address_for_one_machine_only_is_listened_on_if_others_are_told_another() -> None:
    config = parse('name = "mix1"\nlisten = "[fe80::1%eth0]:1"\nadvertise = "mix1.example:1"')
    assert config.listen_address == PeerAddress("fe80::1%eth0", 1)


def test_metrics_are_off_unless_there_is_an_address() -> None:
    assert parse(MINIMAL).metrics.address is None
    assert parse(MINIMAL + '[metrics]\nlisten = "127.0.0.1:9100"').metrics.address == PeerAddress("127.0.0.1", 9100)


def test_the_engine_is_chosen_here_unless_it_is_named() -> None:
    assert parse(MINIMAL).work.engine_name is None
    assert parse(MINIMAL + '[work]\nengine = "reference"').work.engine_name == "reference"


def test_a_directory_is_made_whole_or_not_at_all(tmp_path: Path) -> None:
    network = tmp_path / "network.toml"
    network.write_text(trust_root_toml(trust_root_of(IdentityKey(bytes(32)))))
    directory = tmp_path / "mix1"
    with pytest.raises(ConfigError):
        create_node(directory, config_text="name = 3", config_type=NodeConfig, network=network, rng=random.Random(1))
    assert not directory.exists()
    made = create_node(directory, config_text=MINIMAL, config_type=NodeConfig, network=network, rng=random.Random(1))
    config, trust_root, identity_key = load_node(directory, NodeConfig)
    assert (config, trust_root) == (parse(MINIMAL), trust_root_of(IdentityKey(bytes(32))))
    assert identity_key.public == made.public
    with pytest.raises(ConfigError, match="exists already"):
        create_node(directory, config_text=MINIMAL, config_type=NodeConfig, network=network, rng=random.Random(2))
    with pytest.raises(ConfigError, match="there is no such directory"):
        load_node(tmp_path / "gone", NodeConfig)


def test_the_directory_of_a_provider_is_named_before_the_keys_that_a_mix_has_not(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text('name = "p1"\nrole = "provider"\nlisten = "127.0.0.1:1"\nservices = []\n')
    with pytest.raises(ConfigError, match=r"node\.toml: key .role.: this is the directory of a provider"):
        load_node(tmp_path, NodeConfig)
    (tmp_path / "node.toml").write_text('name = "m1"\nrole = "mix"\nlisten = "127.0.0.1:1"\nservices = []\n')
    with pytest.raises(ConfigError, match=r'node\.toml: unknown key "services"'):
        load_node(tmp_path, NodeConfig)
