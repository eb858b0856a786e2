"""The configuration of an authority: `authority.toml` and the `network.toml` that it hands out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec

from loopixmix.config import commented_toml, load_config, load_trust_root
from loopixmix.directory import Role, TrustRoot
from loopixmix.directory.document import MAX_VALID_EPOCHS
from loopixmix.directory.mail import MAX_DOMAIN_CHARACTERS, domain_is_valid
from loopixmix.directory.trust import HEX_KEY_PATTERN, HEX_KEY_RULE, HexKey
from loopixmix.directory.words import (
    MAX_HOST_CHARACTERS,
    NAME_PATTERN,
    NAME_RULE,
    Name,
    host_can_be_found,
    host_is_valid,
)
from loopixmix.errors import ConfigError
from loopixmix.keys import IdentityKey
from loopixmix.params import LEAST_MIXES_A_LAYER, NetworkParams
from loopixmix.process.log import LogSettings

CONFIG_FILE = "authority.toml"
TRUST_ROOT_FILE = "network.toml"
IDENTITY_FILE = "identity.key"
LOCK_FILE = "authority.lock"
STATE_DIRECTORY = "state"


class AllowedNode(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A node that may take part; if `name` or `role` are given, only under these."""

    id: HexKey
    name: Name | None = None
    role: Role | None = None


class AllowedDomain(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mail domain, and the provider that may have it, by its id or its name."""

    domain: str
    provider: Annotated[
        str,
        msgspec.Meta(
            pattern=rf"{NAME_PATTERN}|{HEX_KEY_PATTERN}", description=f"an id of {HEX_KEY_RULE}, or {NAME_RULE}"
        ),
    ]

    def __post_init__(self) -> None:
        if not domain_is_valid(self.domain):
            raise ConfigError(
                f'[[domains]]: "{self.domain}" is no mail domain: it has labels of a-z, 0-9 and hyphens, with dots '
                f"between them and at most {MAX_DOMAIN_CHARACTERS} characters, and does not end in .invalid"
            )


class AuthorityConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The choices of an authority's operator; the comments in `authority.toml` explain each key."""

    listen: str
    params: NetworkParams
    open_enrolment: bool = False
    expected_mixes: Annotated[int, msgspec.Meta(ge=0, le=2000)] = 0
    expected_providers: Annotated[int, msgspec.Meta(ge=0, le=2000)] = 0
    valid_epochs: Annotated[int, msgspec.Meta(ge=1, le=MAX_VALID_EPOCHS - 1)] = 2
    uploads_per_minute: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 600
    log: LogSettings = LogSettings()
    nodes: tuple[AllowedNode, ...] = ()
    domains: tuple[AllowedDomain, ...] = ()

    def __post_init__(self) -> None:
        parse_listen(self.listen)
        if len(self.domain_owners) != len(self.domains):
            raise ConfigError("[[domains]] names one mail domain twice")
        if len({node.id for node in self.nodes}) != len(self.nodes):
            raise ConfigError(f"[[nodes]] names one id twice: {_twice(node.id for node in self.nodes)}")
        names = [node.name for node in self.nodes if node.name is not None]
        if len(set(names)) != len(names):
            raise ConfigError(f"[[nodes]] gives one name to two nodes: {_twice(names)}; only one of them could enrol")
        _check_pulls(self.params)

    @property
    def allowed(self) -> dict[bytes, AllowedNode]:
        """The nodes that may take part, by id."""
        return {bytes.fromhex(node.id): node for node in self.nodes}

    @property
    def domain_owners(self) -> dict[str, str]:
        """The providers that may have mail domains, by domain: each by its id or its name."""
        return {allowed.domain: allowed.provider for allowed in self.domains}


def _twice(values: Iterable[str]) -> str:
    return next(value for value, count in Counter(values).items() if count > 1)


def _check_pulls(params: NetworkParams) -> None:
    """Raise `ConfigError` if mailboxes could fill up, or had no free places for the answers to requests."""
    if params.pulls_fault is not None:
        raise ConfigError(f'key "params.pull_batch": {params.pulls_fault}')


def floors_warning(config: AuthorityConfig, *, test: bool) -> str | None:
    """Return that clients will refuse this network, with each key that is below their floors; None if they will not.

    `test`: whether its trust root says that it is a test network, of which clients ask nothing.
    """
    faults = [f"params.{fault}" for fault in config.params.floor_faults]
    least = config.params.layers * LEAST_MIXES_A_LAYER
    if 0 < config.expected_mixes < least:
        faults.append(
            f"expected_mixes = {config.expected_mixes}, at least {least}: {LEAST_MIXES_A_LAYER} in each layer"
        )
    if test or not faults:
        return None
    return (
        f"clients refuse this network, because it is below their floors: {'; '.join(faults)}. Raise these in "
        f"{CONFIG_FILE}, or let {TRUST_ROOT_FILE} say test = true (init --test) if it is there for trying things on"
    )


def parse_listen(listen: str, *, key: str = "listen") -> tuple[str, int]:
    """Return address and port of HOST:PORT, an IPv6 address in brackets; raise `ConfigError` if it is not that.

    `key`: the one that it stands under, for the error. An IPv6 address may have a scope (`fe80::1%eth0`).
    """
    host, port = _split(listen, key)
    if not host_is_valid(host.partition("%")[0] if ":" in host else host):
        raise ConfigError(f'key "{key}": {listen!r}: {host!r} is neither an IP address nor a host name')
    return host, port


def parse_advertised(address: str, *, key: str) -> tuple[str, int]:
    """Return host and port at which others are to find a node: as `parse_listen`, and every authority takes the host.

    An address with a scope means something on one machine only, and one that stands for every address, or for many, is
    nobody's.
    """
    host, port = _split(address, key)
    if not host_can_be_found(host):
        raise ConfigError(
            f'key "{key}": {address!r}: others cannot find a node at {host!r}: give its own IP address, without a '
            f"scope, or a host name of letters, digits, hyphens and dots, with {MAX_HOST_CHARACTERS} characters at most"
        )
    return host, port


def _split(address: str, key: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    if not host or (":" in host) != bracketed or not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65_535:
        raise ConfigError(f'key "{key}": {address!r} is not an address like 127.0.0.1:9000 or [::1]:9000')
    return host, int(port)


def load_authority(directory: Path, identity_key: IdentityKey) -> tuple[AuthorityConfig, TrustRoot]:
    """Return configuration and trust root of `directory`; raise `ConfigError` if they do not fit together."""
    config = load_config(directory / CONFIG_FILE, AuthorityConfig)
    path = directory / TRUST_ROOT_FILE
    trust_root = load_trust_root(path)
    if identity_key.public not in trust_root.authority_keys:
        raise ConfigError(f"{path}: does not name the key of this authority, {identity_key.public.hex()}")
    if trust_root.epoch_length_s != config.params.epoch_length_s:
        raise ConfigError(
            f'{directory / CONFIG_FILE}: key "params.epoch_length_s" ({config.params.epoch_length_s}) must stay what '
            f"{path} says ({trust_root.epoch_length_s}): epochs are numbered by it"
        )
    # A document would never have enough signatures, and the nodes would wait without knowing for what.
    if trust_root.threshold > 1:
        raise ConfigError(
            f'{path}: key "threshold" ({trust_root.threshold}): authorities do not exchange signatures yet, use 1'
        )
    return config, trust_root


AUTHORITY_COMMENTS = {
    "listen": f"""\
The address and port to listen on; [::]:9000 listens on every address. What nodes and clients connect to is the url in
{TRUST_ROOT_FILE}, which may differ.""",
    "open_enrolment": """\
Let every node take part that asks to. For test networks only: one who controls many nodes sees through the network.""",
    "expected_mixes": """\
The first document waits until so many nodes are enrolled (at least one mix a layer and one provider in any case).""",
    "valid_epochs": """\
For how many epochs a document is valid: with 2 the network outlives one epoch without its authority.""",
    "uploads_per_minute": "Uploads of descriptors that are taken from one address.",
    "log": "format: text or json; level: debug, info, warn or error.",
    "params": """\
Traffic and timing of the network: changes take effect with the next document; epoch_length_s can never change.""",
    "nodes": """\
The nodes that may take part, one [[nodes]] table each: the id as `loopixmix mix status` prints it, and, if they are to
be fixed, name and role ("mix" or "provider").

[[nodes]]
id = "0000000000000000000000000000000000000000000000000000000000000000"
name = "mix1"
role = "mix\"""",
    "domains": """\
The mail domains of the network, one [[domains]] table each, and the provider that may have it: its id, or its name.
A provider's other domains are left out of the document. First make sure that the domain is its operator's.

[[domains]]
domain = "example.org"
provider = "0000000000000000000000000000000000000000000000000000000000000000\"""",
}
"""The comment above each key of `authority.toml`."""


def authority_toml(config: AuthorityConfig) -> str:
    """Return a commented `authority.toml` that says what `config` says."""
    values = msgspec.to_builtins(config)
    values["nodes"] = [{key: value for key, value in node.items() if value is not None} for node in values["nodes"]]
    head = """\
An authority of a LoopixMix network. Unknown keys are refused. A running authority reads this file again on SIGHUP."""
    return commented_toml(values, head=head, comments=AUTHORITY_COMMENTS)


def trust_root_toml(trust_root: TrustRoot) -> str:
    """Return the `network.toml` to hand out to nodes and clients."""
    head = f"""\
How to join the network "{trust_root.name}": its authorities and how many of them must agree.
Everything here but the urls makes up the network's identity."""
    comments = {
        "test": """\
Whether the network is there for trying things on. Clients then take part whatever it lacks, and tell their users."""
    }
    return commented_toml(msgspec.to_builtins(trust_root), head=head, comments=comments)
