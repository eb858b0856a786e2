"""The authority's files: what init writes is what run reads, and mistakes are named."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.authority.config import (
    AllowedDomain,
    AllowedNode,
    AuthorityConfig,
    authority_toml,
    floors_warning,
    load_authority,
    parse_advertised,
    parse_listen,
    trust_root_toml,
)
from loopixmix.config import parse_config
from loopixmix.directory import Role, TrustRoot
from loopixmix.errors import ConfigError
from loopixmix.keys import IdentityKey
from loopixmix.params import NetworkParams
from tests.worlds.networks.models import trust_root_of

IDENTITY = IdentityKey.generate(random.Random(1))
CONFIG = AuthorityConfig(listen="127.0.0.1:9000", params=NetworkParams())


def write(directory: Path, config: AuthorityConfig = CONFIG, trust_root: TrustRoot | None = None) -> None:
    (directory / "authority.toml").write_text(authority_toml(config))
    (directory / "network.toml").write_text(trust_root_toml(trust_root or trust_root_of(IDENTITY)))


@given(
    layers=st.integers(1, 8),
    delay_mean_s=st.floats(0.001, 10),
    open_enrolment=st.booleans(),
    expected_mixes=st.integers(0, 100),
    valid_epochs=st.integers(1, 2),
    names=st.lists(st.sampled_from(["mix1", None]), max_size=3),
)
def test_the_commented_file_says_what_the_configuration_says(
    layers: int,
    delay_mean_s: float,
    open_enrolment: bool,
    expected_mixes: int,
    valid_epochs: int,
    names: list[str | None],
) -> None:
    config = AuthorityConfig(
        listen="[::1]:9000",
        params=NetworkParams(layers=layers, delay_mean_s=delay_mean_s),
        open_enrolment=open_enrolment,
        expected_mixes=expected_mixes,
        valid_epochs=valid_epochs,
        nodes=tuple(
            AllowedNode(id=f"{number:064x}", name=name and f"{name}-{number}", role=Role.MIX if name else None)
            for number, name in enumerate(names)
        ),
        domains=tuple(
            AllowedDomain(domain=f"d{number}.example.org", provider=name or f"{number:064x}")
            for number, name in enumerate(names)
        ),
    )
    assert parse_config(authority_toml(config), AuthorityConfig, source="authority.toml") == config


def test_the_trust_root_file_says_what_the_trust_root_says() -> None:
    root = trust_root_of(IDENTITY, IdentityKey.generate(random.Random(2)), threshold=2, epoch_length_s=60)
    assert parse_config(trust_root_toml(root), TrustRoot, source="network.toml") == root


def test_both_files_are_read_together(tmp_path: Path) -> None:
    write(tmp_path)
    assert load_authority(tmp_path, IDENTITY) == (CONFIG, trust_root_of(IDENTITY))


@pytest.mark.parametrize(
    ("root", "text"),
    [
        (trust_root_of(IdentityKey.generate(random.Random(2))), "does not name the key of this authority"),
        (trust_root_of(IDENTITY, epoch_length_s=60), "must stay what"),
        (
            trust_root_of(IDENTITY, IdentityKey.generate(random.Random(2)), threshold=2),
            r'key "threshold" \(2\): authorities do not exchange signatures yet',
        ),
    ],
)
def test_files_that_do_not_fit_together_are_refused(tmp_path: Path, root: TrustRoot, text: str) -> None:
    write(tmp_path, trust_root=root)
    with pytest.raises(ConfigError, match=text):
        load_authority(tmp_path, IDENTITY)


@pytest.mark.parametrize(
    "listen", ["", "9000", ":9000", "host:", "host:0", "host:65536", "host:http", "host:-1", "h:²"]
)
def test_an_address_to_listen_on_needs_host_and_port(listen: str) -> None:
    with pytest.raises(ConfigError, match='key "listen": '):
        parse_listen(listen)
    with pytest.raises(ConfigError):
        parse_config(f'listen = "{listen}"\n[params]\n', AuthorityConfig, source="authority.toml")


def test_addresses_to_listen_on_are_understood() -> None:
    assert parse_listen("127.0.0.1:9000") == ("127.0.0.1", 9000)
    assert parse_listen("[::]:1") == ("::", 1)
    assert parse_listen("localhost:65535") == ("localhost", 65_535)
    assert parse_listen("[fe80::1%eth0]:9000") == ("fe80::1%eth0", 9000)
    assert parse_advertised("[2001:db8::1]:9000", key="advertise") == ("2001:db8::1", 9000)
    assert parse_advertised("mix-1.example:9000", key="advertise") == ("mix-1.example", 9000)


NO_HOSTS = ["a_b.example", "mix1.example.", "user@mix1.example", "http://mix1.example", "mix 1", "1.2.3.4.5", "-a.b"]
NO_HOSTS += [".".join(["a" * 63] * 4)]  # longer than a descriptor has room for


@pytest.mark.parametrize(
    "host",
    [
        *NO_HOSTS,
        "[fe80::1%eth0]",
        "0.0.0.0",
        "[::]",
        "[::0]",
        "224.0.0.1",
        "[ff02::1]",
        "255.255.255.255",
        "[::ffff:0.0.0.0]",
    ],
)
def test_a_host_that_no_authority_takes_is_refused_where_it_is_written(host: str) -> None:
    with pytest.raises(ConfigError, match=r'^key "advertise": '):
        parse_advertised(f"{host}:9000", key="advertise")


@pytest.mark.parametrize("host", NO_HOSTS)
def test_nobody_listens_at_what_is_no_host(host: str) -> None:
    with pytest.raises(ConfigError, match=r'^key "metrics.listen": '):
        parse_listen(f"{host}:9000", key="metrics.listen")


@pytest.mark.parametrize("address", ["::1:9000", "[1.2.3.4]:9000", "[::1:9000"])
def test_brackets_are_for_ipv6_addresses(address: str) -> None:
    with pytest.raises(ConfigError, match="is not an address like"):
        parse_listen(address)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("valid_epochs = 3", 'key "valid_epochs": expected a whole number <= 2'),
        ("expected_mixes = -1", 'key "expected_mixes": expected a whole number >= 0'),
        ("uploads_per_minute = 0", 'key "uploads_per_minute": expected a whole number >= 1'),
        ("open_enrolement = true", 'unknown key "open_enrolement" (allowed: '),
        ('[[nodes]]\nid = "12"', 'key "nodes[0].id": expected 64 digits 0-9 and a-f'),
        (
            f'[[nodes]]\nid = "{"0" * 64}"\nrole = "spy"',
            "key \"nodes[0].role\": invalid enum value 'spy' (allowed: mix, provider)",
        ),
        (f'[[nodes]]\nid = "{"0" * 64}"\nlayer = 1', 'unknown key "layer" in [nodes[0]] (allowed: id, name, role)'),
        (f'[[nodes]]\nid = "{"0" * 64}"\n' * 2, f"names one id twice: {'0' * 64}"),
        (
            "".join(f'[[nodes]]\nid = "{digit * 64}"\nname = "mix1"\n' for digit in "01"),
            "gives one name to two nodes: mix1",
        ),
        (
            '[[domains]]\ndomain = "a.org"\nprovider = "P"',
            "expected an id of 64 digits 0-9 and a-f, or a name of 1 to 63",
        ),
    ],
)
def test_a_wrong_key_is_named(change: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(f'listen = "h:1"\n{change}\n[params]\n', AuthorityConfig, source="authority.toml")
    assert str(caught.value).startswith("authority.toml: ")
    assert text in str(caught.value)


def test_parameters_with_too_few_pulls_are_refused() -> None:
    least = NetworkParams(pull_rate_per_s=0.825, pull_batch=10)
    assert AuthorityConfig(listen="127.0.0.1:9000", params=least).params.pulled_per_s == 8.25
    with pytest.raises(ConfigError) as caught:
        AuthorityConfig(listen="127.0.0.1:9000", params=NetworkParams(pull_batch=8))
    assert str(caught.value) == (
        'key "params.pull_batch": pulls fetch 8 items a second (pull_rate_per_s x pull_batch), but the streams of '
        "others can bring 3 a second and own packets 2.5 answers: it takes 1.5 times as many, at least 8.25"
    )


@pytest.mark.parametrize(
    ("domains", "text"),
    [
        (['domain = "Example.org"\nprovider = "p"'], '"Example.org" is no mail domain'),
        (['domain = "home.mix.invalid"\nprovider = "p"'], "does not end in .invalid"),
        (['domain = "example.org"\nprovider = "P"'], r'key "domains\[0\].provider"'),
        (['domain = "example.org"\nprovider = ""'], r'key "domains\[0\].provider"'),
        (['domain = "example.org"'], "provider"),
        (['domain = "example.org"\nprovider = "p"'] * 2, "names one mail domain twice"),
    ],
)
def test_mistakes_about_mail_domains_are_named(domains: list[str], text: str) -> None:
    tables = "".join(f"[[domains]]\n{domain}\n" for domain in domains)
    with pytest.raises(ConfigError, match=text):
        parse_config(f'listen = "127.0.0.1:1"\n[params]\n{tables}', AuthorityConfig, source="authority.toml")


def test_parameters_that_clients_refuse_are_named_with_the_least_values() -> None:
    assert floors_warning(CONFIG, test=False) is None
    params = NetworkParams(layers=2, delay_mean_s=0.05, drop_rate_per_s=0.001)
    low = AuthorityConfig(listen="127.0.0.1:9000", params=params, expected_mixes=3)
    warning = floors_warning(low, test=False)
    assert warning is not None
    for told in (
        "params.layers = 2, at least 3",
        "params.delay_mean_s = 0.05, at least 0.1",
        "params.drop_rate_per_s = 0.001, at least 0.01",
        "expected_mixes = 3, at least 4: 2 in each layer",
    ):
        assert told in warning
    assert floors_warning(low, test=True) is None
