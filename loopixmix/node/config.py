"""The configuration of a node, `node.toml`, and how its directory is made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeVar

import msgspec

from loopixmix.authority.config import parse_advertised, parse_listen
from loopixmix.config import commented_toml, load_config, load_editable, load_trust_root, parse_config
from loopixmix.directory import TrustRoot
from loopixmix.directory.words import Name, Role
from loopixmix.errors import ConfigError
from loopixmix.hop.limits import HopLimits
from loopixmix.keyring.keyring import MAX_TAGS
from loopixmix.keys import IdentityKey
from loopixmix.net.address import PeerAddress
from loopixmix.process.files import create_file, create_identity, load_identity, make_directory
from loopixmix.process.log import LogSettings
from loopixmix.seams import Rng

CONFIG_FILE = "node.toml"
TRUST_ROOT_FILE = "network.toml"
IDENTITY_FILE = "identity.key"
LOCK_FILE = "node.lock"
KEYS_DIRECTORY = "keys"
DOCUMENT_FILE = "document.cache"
EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 (compared with, never listened on)

Positive = Annotated[int, msgspec.Meta(ge=1)]


class WorkSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How packets are unwrapped; 0 lets the start-up self-check choose."""

    engine: Literal["auto", "native", "reference"] = "auto"
    threads: Annotated[int, msgspec.Meta(ge=0, le=256)] = 0
    batch_packets: Annotated[int, msgspec.Meta(ge=0, le=4096)] = 0

    @property
    def engine_name(self) -> str | None:
        """The name of the arithmetic, as `loopixmix.sphinx.load_arithmetic` takes it."""
        return None if self.engine == "auto" else self.engine


class LimitSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much the node may hold and how many it serves; what is beyond is dropped or refused, and counted."""

    waiting_packets: Positive = HopLimits.waiting_packets
    held_packets: Positive = HopLimits.held_packets
    replay_tags: Positive = MAX_TAGS
    links: Positive = 4096
    links_per_address: Positive = 512
    drain_s: Annotated[float, msgspec.Meta(ge=0, le=300)] = 5.0


class MetricsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The Prometheus endpoint; off if `listen` is empty."""

    listen: str = ""

    def __post_init__(self) -> None:
        if self.listen:
            parse_listen(self.listen, key="metrics.listen")

    @property
    def address(self) -> PeerAddress | None:
        """The address to listen at; None if the endpoint is off."""
        return PeerAddress(*parse_listen(self.listen)) if self.listen else None


class NodeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The choices of every node's operator; the comments in `node.toml` explain each key."""

    name: Name
    role: Role = Role.MIX
    listen: str
    advertise: str = ""
    log: LogSettings = LogSettings()
    work: WorkSettings = WorkSettings()
    limits: LimitSettings = LimitSettings()
    metrics: MetricsSettings = MetricsSettings()

    own_role: ClassVar[Role] = Role.MIX

    def __post_init__(self) -> None:
        if self.role is not self.own_role:
            raise _other_role(self.role, own=self.own_role)
        host, _ = parse_listen(self.listen)
        if self.advertise:
            parse_advertised(self.advertise, key="advertise")
        elif host in EVERY_ADDRESS:
            raise ConfigError(
                f'key "listen": {self.listen} is every address: say with "advertise" at which one others find this node'
            )
        else:
            parse_advertised(self.listen, key="listen")

    @property
    def listen_address(self) -> PeerAddress:
        """The address at which the node listens."""
        return PeerAddress(*parse_listen(self.listen))

    @property
    def advertised_address(self) -> PeerAddress:
        """The address at which other nodes and clients find it."""
        return PeerAddress(*parse_listen(self.advertise or self.listen))


def _other_role(role: Role, *, own: Role) -> ConfigError:
    return ConfigError(
        f'key "role": this is the directory of a {role}, which  loopixmix {role} run  runs; a {own} has "{own}"'
    )


C = TypeVar("C", bound=NodeConfig)


def load_node(directory: Path, config_type: type[C]) -> tuple[C, TrustRoot, IdentityKey]:
    """Return configuration, trust root and identity of a node directory; raise `ConfigError` if one is wrong."""
    if not directory.is_dir():
        raise ConfigError(f"{directory}: there is no such directory")
    try:
        config = load_config(directory / CONFIG_FILE, config_type)
    except ConfigError:
        _check_role(directory / CONFIG_FILE, own=config_type.own_role)
        raise
    trust_root = load_trust_root(directory / TRUST_ROOT_FILE)
    return config, trust_root, load_identity(directory / IDENTITY_FILE)


def _check_role(path: Path, *, own: Role) -> None:
    """Raise `ConfigError` if the file at `path` says that it is that of a node of another role.

    A key that only the other role has is unknown here. To be told that first leads to a wrong mending.
    """
    role = str(load_editable(path).get("role", own))
    if role in {*Role} - {own}:
        raise ConfigError(f"{path}: {_other_role(Role(role), own=own)}")


def create_node(directory: Path, *, config_text: str, config_type: type[C], network: Path, rng: Rng) -> IdentityKey:
    """Make a node directory: configuration, a copy of the trust root `network`, a new identity.

    Everything is checked before anything is made, and nothing is ever overwritten; raises `ConfigError`.
    """
    parse_config(config_text, config_type, source=CONFIG_FILE)
    load_trust_root(network)
    # All before anything is made, so that a mistake leaves no half-made directory behind.
    for name in (IDENTITY_FILE, CONFIG_FILE):
        if (directory / name).exists():
            raise ConfigError(f"{directory / name}: exists already and is never overwritten")
    make_directory(directory)
    own_network = directory / TRUST_ROOT_FILE
    if not (own_network.exists() and own_network.samefile(network)):
        create_file(own_network, network.read_bytes(), mode=0o644)
    create_file(directory / CONFIG_FILE, config_text.encode())
    return create_identity(directory / IDENTITY_FILE, rng)


NODE_COMMENTS = {
    "name": "How others see the node in the network document.",
    "role": "What the node is: mix or provider.",
    "listen": "The address and port to listen on; [::]:30001 listens on every address.",
    "advertise": "Where others find the node, if that is another address; empty: where it listens.",
    "log.format": "text or json, one event a line on stderr (SIGHUP).",
    "log.level": "debug, info, warn or error (SIGHUP).",
    "work.engine": "auto takes the native Sphinx engine if it is installed, otherwise the reference engine.",
    "work.threads": "Processors that unwrap packets; 0: all of this machine.",
    "work.batch_packets": "Packets unwrapped together; 0: as many as take about 4 ms.",
    "limits.waiting_packets": """\
Packets that may wait to be unwrapped and for their delay, about 3 kB each; more are dropped as "overloaded".""",
    "limits.replay_tags": """\
Packets one key may take, 20 to 40 bytes of memory each; more are dropped as "overloaded" until its epoch ends.""",
    "limits.links": "Incoming links, in all and from one address.",
    "limits.drain_s": "How long SIGTERM lets packets that wait for their delay still leave, in seconds (SIGHUP).",
    "metrics.listen": """\
Address of a Prometheus endpoint; empty: none. Whoever reads it learns about traffic: see docs/operating.md first.""",
}
"""The comment above each key of `node.toml`, whatever the role."""


def node_values(*, name: str, role: Role, listen: str, advertise: str) -> dict[str, object]:
    """Return the values of a new `node.toml`: what every role of node has, and its own name and addresses."""
    # Checked when the text is parsed, in the words that an operator gets for a mistake in the file.
    any_node = NodeConfig(name="node", listen="127.0.0.1:30001")
    own = {"name": name, "role": str(role), "listen": listen, "advertise": advertise}
    return {**msgspec.to_builtins(any_node), **own}


def node_head(what: str) -> str:
    """Return the first lines of a `node.toml`; `what` the node is."""
    return f"""\
{what} of a LoopixMix network. Unknown keys are refused; `--check-config` checks this file.
Keys marked (SIGHUP) take effect when the process gets that signal, the others when it is restarted."""


def node_toml(*, name: str, listen: str, advertise: str) -> str:
    """Return the commented `node.toml` of a new mix."""
    values = node_values(name=name, role=Role.MIX, listen=listen, advertise=advertise)
    return commented_toml(values, head=node_head("A mix"), comments=NODE_COMMENTS)
