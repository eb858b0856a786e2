"""The plan of a test network: values only, kept in `testnet.toml`."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, TypeAlias

import msgspec
import tomli_w

from loopixmix.directory.mail import GatewayBatch, GatewayRate, Items
from loopixmix.directory.words import Name
from loopixmix.errors import ConfigError
from loopixmix.params import NetworkParams

HOST = "127.0.0.1"
SOCKET_FILE = "socket"

FAST_PARAMS = NetworkParams(
    delay_mean_s=0.05,
    payload_rate_per_s=40.0,
    loop_rate_per_s=5.0,
    drop_rate_per_s=5.0,
    node_loop_rate_per_s=3.0,
    pull_rate_per_s=5.0,
    pull_batch=29,
    epoch_length_s=1800,
    grace_s=30,
)
"""Rates for trying things out on one machine: a message arrives within a second."""

Setting: TypeAlias = str | int | float | bool | list[str]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
Number = Annotated[int, msgspec.Meta(ge=1, le=50)]


class _Planned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a plan."""


class PlannedService(_Planned, frozen=True):
    """A service that the provider of this number hosts, with its settings.

    `program`: the name of the planned program that answers for it, on that program's socket; the settings are then in
    the file `NAME.toml` of the program's directory. Without one, the service runs in the provider.
    """

    name: Name
    provider: Number = 1
    settings: dict[str, Setting] = {}
    program: str = ""


class PlannedProgram(_Planned, frozen=True):
    """A program that is started and stopped with the network, and runs in a directory of its own name.

    In the words of `command`, `{python}`, `{network}`, `{trust_root}` and `{directory}` stand for this Python, the
    network's directory, the file that clients need, and the program's own directory. The program is ready when it
    listens on the Unix socket `socket`, or has written the file `status_file`, both paths from its directory; with
    neither, as soon as it runs. If the file is JSON, its `problem` must be null or missing, and its `pid` that of the
    program.
    """

    name: Name
    command: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    socket: str = ""
    status_file: str = ""


def serving_program(service: str) -> PlannedProgram:
    """Return the program that answers for an installed service: `loopixmix provider serve`."""
    command = ("{python}", "-P", "-m", "loopixmix.main", "provider", "serve", service)
    options = {"--directory": "{directory}", "--socket": f"{{directory}}/{SOCKET_FILE}"}
    options["--settings"] = f"{{directory}}/{service}.toml"
    words = [word for option in options.items() for word in option]
    return PlannedProgram(f"{service}-program", (*command, *words), socket=SOCKET_FILE)


class PlannedRates(_Planned, frozen=True, kw_only=True):
    """The rates and the quota of a gateway, as the network document lists them."""

    payload_rate_per_s: GatewayRate = 300.0
    loop_rate_per_s: GatewayRate = 1.0
    drop_rate_per_s: GatewayRate = 1.0
    pull_rate_per_s: GatewayRate = 8.0
    pull_batch: GatewayBatch = 120
    mailbox_items: Items = 1_000_000


class PlannedDomain(_Planned, frozen=True):
    """A mail domain of the provider of this number, which the network's authority allows.

    With `client`, the name of a planned client of that provider, every name of the domain reaches its account.
    """

    domain: str
    provider: Number = 1
    client: str = ""


class PlannedClient(_Planned, frozen=True):
    """A client whose daemon is started and stopped with the network.

    It has the account `name` at the provider of this number; as a `guest` it has none with a name. With `gateway` it
    sends and pulls at those rates.
    """

    name: Name
    provider: Number = 1
    guest: bool = False
    gateway: PlannedRates | None = None


class Additions(_Planned, frozen=True, kw_only=True):
    """The things that an application needs besides a network.

    `mailbox_items`: how many items each mailbox must hold at least; 0 for what is usual.
    """

    services: tuple[PlannedService, ...] = ()
    programs: tuple[PlannedProgram, ...] = ()
    clients: tuple[PlannedClient, ...] = ()
    domains: tuple[PlannedDomain, ...] = ()
    mailbox_items: Items = 0


class TestnetPlan(Additions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many nodes there are, where they listen, the figures they share, and what applications need besides.

    The authority listens on `base_port`, the nodes on the ports that follow. `token_fetch_mean_s`, `token_rest_mean_s`:
    how long the plan's clients wait, on average, before they fetch a token and before they may spend it. Of a network
    that others use both are long: docs/attacks.md, "Blind tokens".
    """

    __test__ = False  # not a test, whatever its name

    width: Number = 2
    providers: Number = 2
    base_port: Annotated[int, msgspec.Meta(ge=1024, le=60_000)] = 30_000
    params: NetworkParams = FAST_PARAMS
    token_fetch_mean_s: Seconds = 1.0
    token_rest_mean_s: Seconds = 2.0

    def __post_init__(self) -> None:
        names = [node.name for node in planned_nodes(self)]
        names += [program.name for program in self.programs] + [client.name for client in self.clients]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ConfigError(f'a test network has each name once, and "{twice[0]}" stands there twice')
        sockets = {program.name for program in self.programs if program.socket}
        for service in self.services:
            if service.program and service.program not in sockets:
                raise ConfigError(f'"{service.name}" needs a program "{service.program}" with a socket')
        settings: dict[tuple[str, int], dict[str, Setting]] = {}
        for service in self.services:
            if settings.setdefault((service.name, service.provider), service.settings) != service.settings:
                raise ConfigError(f'the service "{service.name}" stands twice, with different settings')
        places = [(service.name, service.provider) for service in self.services]
        places += [(client.name, client.provider) for client in self.clients]
        places += [(domain.domain, domain.provider) for domain in self.domains]
        for name, provider in places:
            if provider > self.providers:
                raise ConfigError(f'"{name}" is to be at provider-{provider}, of {self.providers}')
        accounts = {(client.name, client.provider) for client in self.clients if not client.guest}
        for domain in self.domains:
            if domain.client and (domain.client, domain.provider) not in accounts:
                raise ConfigError(
                    f'every name of "{domain.domain}" is to reach the account of a client "{domain.client}" at '
                    f"provider-{domain.provider}, and there is none"
                )

    def with_additions(self, more: Additions) -> TestnetPlan:
        """Return the same network with more in it; raise `ConfigError` if the two do not fit."""
        return msgspec.structs.replace(
            self,
            services=self.services + more.services,
            programs=self.programs + more.programs,
            clients=self.clients + more.clients,
            domains=self.domains + more.domains,
            mailbox_items=max(self.mailbox_items, more.mailbox_items),
        )


class PlannedNode(msgspec.Struct, frozen=True):
    """One node to be: its command (`authority`, `mix` or `provider`), its name and its port."""

    role: str
    name: str
    port: int

    @property
    def listen(self) -> str:
        """The address to listen on, as the command line takes it."""
        return f"{HOST}:{self.port}"


def planned_nodes(plan: TestnetPlan) -> list[PlannedNode]:
    """Return every node of `plan`, the authority first."""
    named = [("authority", "authority")]
    named += [("mix", f"mix-{number}") for number in range(1, plan.params.layers * plan.width + 1)]
    named += [("provider", provider_name(number)) for number in range(1, plan.providers + 1)]
    return [PlannedNode(role, name, plan.base_port + offset) for offset, (role, name) in enumerate(named)]


def provider_name(number: int) -> str:
    """Return the name of the provider of a number, which begins at 1."""
    return f"provider-{number}"


def plan_toml(plan: TestnetPlan) -> str:
    """Return `testnet.toml` for `plan`."""
    head = "# The plan of this test network; its nodes have configurations of their own.\n"
    values = msgspec.to_builtins(plan)
    # TOML has no word for "none".
    for client in values["clients"]:
        if client["gateway"] is None:
            del client["gateway"]
    return head + tomli_w.dumps(values)
