"""`mail.toml`: which accounts a bridge serves, and where mail programs reach it."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from leap_plugin.directory.sending import SendingSettings
from leap_plugin.mail.addresses import mail_address_of
from loopixmix.config import commented_toml, load_config, load_editable
from loopixmix.errors import ConfigError, MisuseError
from loopixmix.process.files import PRIVATE_FILE, create_file, make_directory, write_atomically
from loopixmix.process.log import LogSettings

CONFIG_FILE = "mail.toml"
LOCK_FILE = "mail.lock"
STORE_FILE = "mail.db"
PORTS_FILE = "ports.json"
"""Where a running bridge listens: its process and its ports."""
SMTP_PORT, IMAP_PORT = 2587, 2143
PRIVATE_SMTP_PORT, PRIVATE_IMAP_PORT = 2465, 2993
LOOPBACK = "127.0.0.1"
MOST_ACCOUNTS = 50
_SHARED = ipaddress.ip_network("100.64.0.0/10")
"""RFC 6598; networks of one's own between machines use it, too."""

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]


class LocalDoor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[local]`: what mail programs on this machine connect to."""

    smtp_port: Port = SMTP_PORT
    imap_port: Port = IMAP_PORT
    security: Literal["plain", "starttls", "tls"] = "plain"


class PrivateDoor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[private]`: what other devices connect to, always with TLS; nothing while `address` is empty."""

    address: str = ""
    smtp_port: Port = PRIVATE_SMTP_PORT
    imap_port: Port = PRIVATE_IMAP_PORT

    def __post_init__(self) -> None:
        if self.address:
            check_private(self.address)


class LeapDoor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[leap]`: Bitmask's local API and nicknym at 127.0.0.1, if `serve` says so."""

    serve: bool = False
    port: Port = 7070


class MailAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One of `[[accounts]]`. `client`: a path from the bridge's directory; `address`: `name@provider`.

    `mail_address`: as mail programs write it, if the provider has a mail domain.
    """

    client: str
    address: Annotated[str, msgspec.Meta(max_length=254)]
    mail_address: Annotated[str, msgspec.Meta(max_length=254)] = ""

    def __post_init__(self) -> None:
        mail_address_of(self.address, frozenset())
        if self.mail_address and not re.fullmatch(r"[a-z0-9._-]+@[a-z0-9.-]+", self.mail_address, re.ASCII):
            raise ConfigError(f'"{self.mail_address}" is no mail address of the network: a-z 0-9 . _ - are allowed')

    @property
    def login(self) -> str:
        """The mail address, which is the user name in mail programs as well."""
        return self.mail_address or mail_address_of(self.address, frozenset())


class MailConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`mail.toml`. `start_clients`: whether the daemons of clients are started if they do not run."""

    start_clients: bool = True
    local: LocalDoor = LocalDoor()
    private: PrivateDoor = PrivateDoor()
    outgoing: SendingSettings = SendingSettings()
    leap: LeapDoor = LeapDoor()
    log: LogSettings = LogSettings()
    accounts: Annotated[tuple[MailAccount, ...], msgspec.Meta(max_length=MOST_ACCOUNTS)] = ()

    def __post_init__(self) -> None:
        for what in ([account.client for account in self.accounts], [account.login for account in self.accounts]):
            twice = [name for name, count in Counter(what).items() if count > 1]
            if twice:
                raise ConfigError(f'accounts: "{twice[0]}" stands there twice')
        local = [self.local.smtp_port, self.local.imap_port]
        private = [self.private.smtp_port, self.private.imap_port]
        for ports in (local, private):
            if ports[0] == ports[1] != 0:
                raise ConfigError(f"SMTP and IMAP cannot both have the port {ports[0]}")


@dataclass(frozen=True)
class MailDirectory:
    """The directory of a bridge, as it was read."""

    path: Path
    config: MailConfig

    def client_of(self, account: MailAccount) -> Path:
        """Return the client's directory of an account."""
        return (self.path / account.client).resolve()


def check_private(address: str) -> None:
    """Raise `ConfigError` unless `address` is a numeric address of this machine that the internet does not reach."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        raise ConfigError(f'"{address}" is no numeric address such as 192.168.1.5') from None
    shared = parsed.version == 4 and parsed in _SHARED
    # Such as ::ffff:0.0.0.0, which is an IPv4 address, and perhaps a public one or all of them, in disguise.
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        raise ConfigError(f"{address} is an IPv4 address in disguise: write it as {parsed.ipv4_mapped}")
    if parsed.is_unspecified or not (parsed.is_private or parsed.is_link_local or shared):
        raise ConfigError(f"{address} is not a private address: the bridge is not for the internet")


def is_bridge(path: Path) -> bool:
    """Tell whether `path` is the directory of a bridge."""
    return (path / CONFIG_FILE).is_file()


def load_mail(path: Path) -> MailDirectory:
    """Read the configuration of a bridge; raise `ConfigError` in one clear line if it is not complete and right."""
    if not is_bridge(path):
        raise ConfigError(f"{path} is no directory of a mail bridge: make one with  loopixmix mail setup {path}")
    found = MailDirectory(path, load_config(path / CONFIG_FILE, MailConfig))
    clients = Counter(found.client_of(account) for account in found.config.accounts)
    for client, count in clients.items():
        if count > 1:
            raise ConfigError(f"{path / CONFIG_FILE}: two accounts have the client {client}")
    return found


def create_mail(path: Path, config: MailConfig) -> MailDirectory:
    """Write the `mail.toml` of a new bridge; raise `ConfigError` if there is one, which is never overwritten."""
    make_directory(path)
    create_file(path / CONFIG_FILE, config_text(config).encode(), mode=PRIVATE_FILE)
    return MailDirectory(path, config)


def add_account(directory: MailDirectory, account: MailAccount) -> MailDirectory:
    """Add an account to `mail.toml`, where all else stays as it was written; return what it says then."""
    if len(directory.config.accounts) >= MOST_ACCOUNTS:
        raise MisuseError(f"there are {MOST_ACCOUNTS} accounts already, as many as a bridge may have")
    return _change(directory, accounts=(*directory.config.accounts, account))


def remove_account(directory: MailDirectory, login: str) -> MailDirectory:
    """Take an account out of `mail.toml`; raise `MisuseError` if there is none of this mail address."""
    left = tuple(account for account in directory.config.accounts if account.login != login)
    if len(left) == len(directory.config.accounts):
        known = ", ".join(account.login for account in directory.config.accounts) or "none"
        raise MisuseError(f"there is no account {login} here (there are: {known})")
    return _change(directory, accounts=left)


def set_private_address(directory: MailDirectory, address: str) -> MailDirectory:
    """Change where other devices connect to; raise `ConfigError` if the address is not a private one."""
    check_private(address)
    # In one way of writing, that of the certificate: another one would have a new certificate made for nothing.
    address = str(ipaddress.ip_address(address))
    return _change(directory, private=msgspec.structs.replace(directory.config.private, address=address))


def _change(directory: MailDirectory, **changes: object) -> MailDirectory:
    """Write changes of the configuration into the text that is there, with its comments."""
    import tomlkit

    config = msgspec.structs.replace(directory.config, **changes)
    config.__post_init__()
    path = directory.path / CONFIG_FILE
    text = load_editable(path)
    if config.private != directory.config.private:
        section = text.setdefault("private", tomlkit.table())
        section["address"] = config.private.address
    if config.accounts != directory.config.accounts:
        tables = tomlkit.aot()
        for account in config.accounts:
            given = {name: value for name, value in msgspec.to_builtins(account).items() if value}
            tables.append(tomlkit.item(given))
        text.pop("accounts", None)
        text.append("accounts", tables)
    write_atomically(path, tomlkit.dumps(text).encode())
    return MailDirectory(directory.path, config)


COMMENTS = {
    "start_clients": "Start the daemon of a client that does not run; it goes on when the bridge ends.",
    "local": "Mail programs on this machine, at 127.0.0.1; 0 takes any free port.",
    "local.security": """\
plain: without TLS, which no other machine can overhear. starttls: mail programs begin without TLS and change to it,
before they log in. tls: with TLS from the beginning. With TLS, they ask once about the bridge's certificate.""",
    "private": "Other devices, always with TLS, each with a password of its own: loopixmix mail devices add DIR NAME",
    "private.address": """\
The address of this machine in its own network, such as "192.168.1.5"; empty: no other device gets in. Change it with
loopixmix mail setup DIR --listen ADDRESS, which makes a certificate that names it.""",
    "outgoing.queue_when_offline": """\
Take mail also to people who are not known yet while the network cannot be reached, and look them up later.""",
    "outgoing.exit_gateway": """\
The gateway that hands mail to the outside world, "name@provider", and the purpose of the tokens that it asks for; both
empty: addresses outside are refused.""",
    "outgoing.give_up_s": "A mail is tried for so long, in seconds.",
    "outgoing.delayed_after_s": """\
You are told of a delay after so long, or after twice the time that was expected if that is longer.""",
    "outgoing.standing_after_s": "Mails that take longer show in the message about the states of mails.",
    "outgoing.keep_ended_s": "For so long is remembered what became of a mail.",
    "leap": "Bitmask's local API and nicknym at 127.0.0.1, for people with an account at a LEAP provider: docs/leap.md",
    "log.format": "text or json; and the least that is logged: debug, info, warn or error.",
    "accounts": """\
The mail accounts, one [[accounts]] table each. client: the directory of its client, a path from here. address:
name@provider in the network. mail_address: as mail programs write it, if the provider has a mail domain; otherwise
name@provider.mix.invalid.""",
}
"""The comment above each key of `mail.toml`."""


def config_text(config: MailConfig) -> str:
    """Return the first content of `mail.toml`: every key, with what it does."""
    head = """\
A mail bridge. Changes count from its next start. Accounts are added by  loopixmix mail setup DIR"""
    values = msgspec.to_builtins(config)
    values["accounts"] = [{name: value for name, value in each.items() if value} for each in values["accounts"]]
    return commented_toml(values, head=head, comments=COMMENTS)
