"""The configuration of a provider: a node's, and the choices that only a provider's operator has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec

from loopixmix.config import commented_toml
from loopixmix.directory import MailOffer
from loopixmix.directory.words import MAX_SERVICES, NAME_PATTERN, Role
from loopixmix.errors import ConfigError, FormatError
from loopixmix.node.config import NODE_COMMENTS, LimitSettings, NodeConfig, node_head, node_values
from loopixmix.requests.names import check_name
from loopixmix.seams import Identity
from loopixmix.tokens.exchange import ISSUER_SERVICE
from provider.accounts import GuestMode, RegistrationMode, RegistrationRules
from provider.api import Setting
from provider.clients.allowance import ClientRules
from provider.hosting.asking.limits import HostingRules, ServiceLimits
from provider.hosting.loading.factories import ALWAYS, find_factories
from provider.hosting.loading.loader import SERVICES_DIRECTORY
from provider.mail import DomainSettings, GatewaySettings, offer_of
from provider.mailbox import MailboxRules
from provider.serving.sockets import SocketPlace
from provider.store import MEMORY_URL, sqlite_url
from provider.tokens.keys import PUBLIC_FILE

PROVIDER_LIMITS = LimitSettings(links=200_000)
"""Every user is to stay linked, and a provider may have 200,000 of them."""
STORE_FILE = "mail.sqlite3"
DEFAULT_SERVICES = ("echo", "keys", "loop")


class ProviderRules(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's choices for mailboxes, registration, clients and hosted services."""

    mailbox: MailboxRules = MailboxRules()
    registration: RegistrationRules = RegistrationRules()
    clients: ClientRules = ClientRules()
    hosting: HostingRules = HostingRules()


class RemoteService(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A service that is a program of its own: where it listens, and the user whose program it must be."""

    socket: str
    user: str = ""

    @property
    def place(self) -> SocketPlace:
        """Where the program listens, and as whom."""
        return SocketPlace(Path(self.socket), self.user)


class ProviderConfig(NodeConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The choices of a provider's operator; the comments in `node.toml` explain each key."""

    own_role: ClassVar[Role] = Role.PROVIDER
    role: Role = Role.PROVIDER
    limits: LimitSettings = PROVIDER_LIMITS
    services: Annotated[tuple[str, ...], msgspec.Meta(max_length=32)] = DEFAULT_SERVICES
    store: str = ""
    registration: RegistrationRules = RegistrationRules()
    mailbox: MailboxRules = MailboxRules()
    clients: ClientRules = ClientRules()
    hosting: HostingRules = HostingRules()
    service: dict[str, dict[str, Setting]] = msgspec.field(default_factory=dict)
    service_limits: dict[str, ServiceLimits] = msgspec.field(default_factory=dict)
    remote: dict[str, RemoteService] = msgspec.field(default_factory=dict)
    domains: tuple[DomainSettings, ...] = ()
    gateways: tuple[GatewaySettings, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.mail_offer
        for name in self.remote:
            _check_remote_name(name, self.services)
            if name in self.service:
                raise ConfigError(f'the service "{name}" is outside of the provider: its program takes its settings')
        _check_listed(self.service_names)
        # That address is for tests and simulations. A provider on it would acknowledge mail and lose it at a restart.
        if self.store == MEMORY_URL:
            raise ConfigError(f'key "store": {MEMORY_URL} forgets all mail when the provider stops')

    @property
    def service_names(self) -> tuple[str, ...]:
        """The names of the hosted services, as the network document lists them."""
        return tuple(sorted({*ALWAYS, *self.services, *self.remote}))

    @property
    def rules(self) -> ProviderRules:
        """The part of it that the provider's service is wired with."""
        return ProviderRules(
            mailbox=self.mailbox, registration=self.registration, clients=self.clients, hosting=self.hosting
        )

    @property
    def mail_offer(self) -> MailOffer:
        """What the network document says of its mailboxes, mail domains and gateways."""
        return offer_of(self.mailbox.quota_items, self.domains, self.gateways)

    @property
    def gateway_items(self) -> dict[Identity, int]:
        """The quotas of gateways' mailboxes, by their keys."""
        return {gateway.identity: gateway.mailbox_items for gateway in self.mail_offer.gateways}

    def store_url(self, directory: Path) -> str:
        """Return the address of the store of the provider in `directory`."""
        return self.store or sqlite_url(directory / STORE_FILE)

    def guest_keys_file(self, directory: Path) -> Path:
        """Return the file with the keys whose tokens guests of the provider in `directory` pay with."""
        own = directory / SERVICES_DIRECTORY / ISSUER_SERVICE / PUBLIC_FILE
        return directory / self.registration.guest_keys if self.registration.guest_keys else own

    def has_store(self, directory: Path) -> bool:
        """Tell whether the store was ever opened."""
        return bool(self.store) or (directory / STORE_FILE).exists()

    def check_services(self) -> None:
        """Raise `ConfigError` if a service is not installed, or if there are settings for one that is not hosted."""
        find_factories(self.services, self.service, set(self.service_limits) - set(self.remote))
        for remote in self.remote.values():
            _ = remote.place.user_id


def _check_remote_name(name: str, services: Iterable[str]) -> None:
    try:
        check_name(name)
    except FormatError as error:
        raise ConfigError(f'remote: "{name}" is no name of a service: {error}') from error
    if name in (*ALWAYS, *services):
        raise ConfigError(f'the service "{name}" is in services and in [remote.{name}]: it can be in one of them')


def _check_listed(names: Sequence[str]) -> None:
    """Refuse what no network document lists: the provider would never be enrolled."""
    for name in names:
        if re.fullmatch(NAME_PATTERN, name) is None:
            raise ConfigError(
                f'key "services" or "remote": the network document cannot list "{name}": a name begins with a-z or 0-9 '
                "and has at most 63 characters of a-z 0-9 . _ -"
            )
    if len(names) > MAX_SERVICES:
        raise ConfigError(
            f'key "services": the network document lists at most {MAX_SERVICES} services of a provider, loop and those '
            f"under [remote] included, not {len(names)}"
        )


PROVIDER_COMMENTS = NODE_COMMENTS | {
    "services": """\
Services that clients may ask anonymously, by the names under which packages offer them (loop is always there).
The settings of a service go into a section [service.NAME]. Limits in a section [service_limits.NAME] take the place
of those that the service declares: at_once, queue, timeout_s, threads, kept_bytes, assembly_bytes, assemblies.
A service that is a program of its own is not named here, but has a section [remote.NAME]: socket is the path of its
Unix socket, user the user that it runs as (by default, the provider's own).""",
    "store": f"""\
Where mail is kept: empty for {STORE_FILE} in this directory, or a PostgreSQL database, such as postgresql:///mail""",
    "registration.mode": """\
Who may open an account: open (everybody), invitation (holders of a code from loopixmix provider invite), closed
(nobody).""",
    "registration.link_rate_per_s": """\
Attempts to open an account: per second on average and at once, of one link and of all links together.""",
    "registration.guests": """\
Who may open an account without a name, as a guest: open (everybody), token (whoever spends a blind token), closed
(nobody).""",
    "registration.guest_days": "Days without use until a guest's account ends, with all that waits for it.",
    "registration.guest_keys": """\
The key set of the issuer whose tokens guests pay with, a file; empty for the issuer among this provider's services.""",
    "registration.guest_rate_per_s": "Attempts of guests, all together: per second on average and at once.",
    "mailbox.quota_items": """\
At most so many messages, of about 2 kB each, wait in one mailbox. More are not acknowledged, so that their senders
try again later.""",
    "mailbox.expiry_days": "Days until a message that nobody fetched is deleted.",
    "mailbox.lease_pulls": "Pulls until a message that was given and not acknowledged is given again.",
    "clients.margin": """\
A client may send at the network's rates times margin on average, and burst_s seconds' worth of that at once.""",
    "clients.answer_s": """\
Seconds from a pull to its answer, the same whatever the mailbox holds. It should be longer than a read of the disk.""",
    "clients.max_known": "Clients held in memory, about 1 kB each: those that sent something in the last ten minutes.",
    "hosting.assembly_bytes": """\
Memory of all hosted services together, for parts of requests that are not complete and for answers that are being
sent.""",
    "domains": """\
Mail domains, one [[domains]] table each: then name@domain reaches the account NAME here, for all users of the network.
With account, every name of the domain reaches that one account: a gateway's, whose owner can read all of it. The
network's authority must allow each domain; `loopixmix provider status` tells which it leaves out.

[[domains]]
domain = "example.org"
account = "gate\"""",
    "gateways": """\
Accounts of gateways, one [[gateways]] table each, with rates in place of the network's. Everybody sees them in the
network document: a gateway does not hide, its users do. identity is the key that `loopixmix provider accounts list`
shows; the gateway's client also says gateway = true in its client.toml. The figures here are the defaults.

[[gateways]]
account = "gate"
identity = "0000000000000000000000000000000000000000000000000000000000000000"
mailbox_items = 1000000
payload_rate_per_s = 100.0
loop_rate_per_s = 1.0
drop_rate_per_s = 1.0
pull_rate_per_s = 4.0
pull_batch = 80""",
}
"""The comment above each key of a provider's `node.toml`."""


def provider_toml(
    *,
    name: str,
    listen: str,
    advertise: str,
    registration: RegistrationMode,
    guests: GuestMode = GuestMode.CLOSED,
    services: Sequence[str] = (),
    mailbox_items: int = MailboxRules().quota_items,
) -> str:
    """Return the commented `node.toml` of a new provider, which hosts `services` beside the usual ones.

    `mailbox_items`: how many items wait in one mailbox at most.
    """
    hosted = tuple(dict.fromkeys((*DEFAULT_SERVICES, *services)))
    any_provider = ProviderConfig(name="node", listen="127.0.0.1:30001", services=hosted)
    values = msgspec.to_builtins(any_provider) | node_values(
        name=name, role=Role.PROVIDER, listen=listen, advertise=advertise
    )
    values["limits"] = msgspec.to_builtins(PROVIDER_LIMITS)
    values["mailbox"] |= {"quota_items": mailbox_items}
    values["registration"] |= {"mode": str(registration), "guests": str(guests)}
    # Their sections are named by whoever offers services, and most providers have none.
    for tables in ("service", "service_limits", "remote"):
        del values[tables]
    return commented_toml(values, head=node_head("A provider"), comments=PROVIDER_COMMENTS)
