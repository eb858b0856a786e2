"""The configuration of a provider: a node's, and what only a provider's operator decides."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from loopixmix.errors import ConfigError
from loopixmix.node.config import NodeConfig, node_toml
from provider.accounts import RegistrationMode, RegistrationRules
from provider.api import Setting
from provider.clients.allowance import ClientRules
from provider.hosting.host import HostingRules
from provider.hosting.loader import ALWAYS, find_factory
from provider.mailbox import MailboxRules
from provider.store import MEMORY_URL, sqlite_url

STORE_FILE = "mail.sqlite3"
DEFAULT_SERVICES = ("echo", "keys", "loop")


class ProviderRules(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator decides for mailboxes, registration, clients and hosted services."""

    mailbox: MailboxRules = MailboxRules()
    registration: RegistrationRules = RegistrationRules()
    clients: ClientRules = ClientRules()
    hosting: HostingRules = HostingRules()


class ProviderConfig(NodeConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a provider's operator decides; the comments in `node.toml` explain each key."""

    services: Annotated[tuple[str, ...], msgspec.Meta(max_length=32)] = DEFAULT_SERVICES
    store: str = ""
    registration: RegistrationRules = RegistrationRules()
    mailbox: MailboxRules = MailboxRules()
    clients: ClientRules = ClientRules()
    hosting: HostingRules = HostingRules()
    service: dict[str, dict[str, Setting]] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.store == MEMORY_URL:
            raise ConfigError(f'key "store": {MEMORY_URL} forgets all mail when the provider stops')

    @property
    def service_names(self) -> tuple[str, ...]:
        """The names of the hosted services, as the network document lists them."""
        return tuple(sorted({*ALWAYS, *self.services}))

    @property
    def rules(self) -> ProviderRules:
        """The part of it that the provider's service is wired with."""
        return ProviderRules(
            mailbox=self.mailbox, registration=self.registration, clients=self.clients, hosting=self.hosting
        )

    def store_url(self, directory: Path) -> str:
        """Return the address of the store of the provider in `directory`."""
        return self.store or sqlite_url(directory / STORE_FILE)

    def has_store(self, directory: Path) -> bool:
        """Tell whether the store was ever opened."""
        return bool(self.store) or (directory / STORE_FILE).exists()

    def check_services(self) -> None:
        """Raise `ConfigError` where a service is not installed, or there are settings for one that is not hosted."""
        for name in self.service_names:
            find_factory(name)
        for name in self.service:
            if name not in self.service_names:
                raise ConfigError(f'there are settings for the service "{name}", which is not in services')


def provider_toml(*, name: str, listen: str, advertise: str, registration: RegistrationMode) -> str:
    """Return the commented `node.toml` of a new provider."""
    node = node_toml(name=name, listen=listen, advertise=advertise, what="A provider")
    rules, mailbox, clients, hosting = RegistrationRules(), MailboxRules(), ClientRules(), HostingRules()
    head, first_section, sections = node.partition("[log]")
    services = ", ".join(f'"{each}"' for each in DEFAULT_SERVICES)
    return f"""{head}\
# Services that clients may ask anonymously, by the names under which packages offer them (loop is always there).
# What a service wants to be told goes into a section [service.NAME].
services = [{services}]

# Where mail is kept: empty for {STORE_FILE} in this directory, or an SQLAlchemy address such as postgresql+psycopg://...
store = ""

{first_section}{sections}
[registration]
# Who may open an account: open (everybody), invitation (who has a code: loopixmix provider invite), closed (nobody).
mode = "{registration}"
max_accounts = {rules.max_accounts}
# Attempts per second and at once, of one link and of all together.
link_rate_per_s = {rules.link_rate_per_s}
link_burst = {rules.link_burst}
rate_per_s = {rules.rate_per_s}
burst = {rules.burst}

[mailbox]
# Messages of about 2 kB that wait in one mailbox at most; more are not acknowledged, so that senders try again later.
quota_items = {mailbox.quota_items}
# Days until a message that nobody fetched is deleted.
expiry_days = {mailbox.expiry_days}
# Pulls until a message that was given and not acknowledged is given again.
lease_pulls = {mailbox.lease_pulls}

[clients]
# What one client may send: the network's rates times margin, and so many seconds' worth at once.
margin = {clients.margin}
burst_s = {clients.burst_s}
# Seconds from a pull to its answer, the same whatever the mailbox holds. Longer than the disk takes to read.
answer_s = {clients.answer_s}

[hosting]
# Requests at one time for each hosted service, and seconds for each.
max_requests = {hosting.max_requests}
timeout_s = {hosting.timeout_s}
"""
