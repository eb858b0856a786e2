"""The directory of a gateway: its configuration, its keys, its lists, and how a new one is made."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from leap_plugin.gateways.abuse.limits import EntranceLimits, ExitLimits
from leap_plugin.gateways.abuse.optout import KEY_BYTES as OPT_OUT_KEY_BYTES
from leap_plugin.gateways.exit.relay import RelayConfig
from leap_plugin.gateways.store.sealing import KEY_BYTES as STORE_KEY_BYTES
from leap_plugin.mail.addresses import AddressError, OutsideAddress, read_address
from leap_plugin.mail.envelope import MAX_MAIL_BYTES
from loopixmix.config import commented_toml, load_config
from loopixmix.errors import ConfigError
from loopixmix.process.files import create_file, make_directory
from loopixmix.process.log import LogSettings
from loopixmix.seams import Rng

CONFIG_FILE = "gateway.toml"
STORE_FILE = "gateway.db"
LOCK_FILE = "gateway.lock"
STORE_KEY_FILE = "store.key"
OPT_OUT_KEY_FILE = "opt-out.key"
STOP_LIST_FILE = "stop.txt"
USERS_FILE = "users.txt"
KEYS_DIRECTORY = "keys"
DNS_PORT = 53
PURPOSE = "mail-exit"
"""The purpose of the blind tokens that pay an exit."""

Bytes = Annotated[int, msgspec.Meta(ge=10_000, le=MAX_MAIL_BYTES)]
ShortText = Annotated[str, msgspec.Meta(max_length=500)]


class ExitConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[exit]`: mail of the network that goes out."""

    enabled: bool = False
    token_keys: ShortText = "mail-exit.keys"  # noqa: S105 (a file of public keys)
    opt_out_url: ShortText = ""
    opt_out_listen: ShortText = "127.0.0.1:8025"
    footer: bool = True
    encrypt: bool = True
    max_mail_bytes: Bytes = 10_000_000
    relay: RelayConfig = RelayConfig()
    limits: ExitLimits = ExitLimits()


class KnownUsers(enum.StrEnum):
    """Whose mail an entrance takes: of the names in a list, or of every name that an account can have."""

    LISTED = "listed"
    ANY = "any"


class EntranceConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[entrance]`: mail from outside that comes in."""

    enabled: bool = False
    listen: ShortText = "127.0.0.1:2525"
    users: KnownUsers = KnownUsers.LISTED
    postmaster: ShortText = ""
    certificate: ShortText = ""
    trusted_peers: tuple[ShortText, ...] = ("127.0.0.1", "::1")
    resolvers: ShortText = ""
    max_mail_bytes: Bytes = 10_000_000
    limits: EntranceLimits = EntranceLimits()


class GatewayConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`gateway.toml`. `client`: the directory of the gateway's client, a path from the gateway's own."""

    domains: Annotated[tuple[ShortText, ...], msgspec.Meta(min_length=1, max_length=100)]
    provider: ShortText = ""
    client: ShortText = "client"
    exit: ExitConfig = ExitConfig()
    entrance: EntranceConfig = EntranceConfig()
    log: LogSettings = LogSettings()

    def __post_init__(self) -> None:
        for domain in self.domains:
            check_domain(domain)
        if self.exit.enabled and urlsplit(self.exit.opt_out_url).scheme not in ("http", "https"):
            raise ConfigError("opt_out_url: an exit needs the https address of its opt-out page, as others see it")
        listening_place(self.exit.opt_out_listen)
        listening_place(self.entrance.listen)
        for resolver in self.entrance.resolvers.split():
            resolver_place(resolver)
        if self.entrance.enabled and "@" not in self.entrance.postmaster:
            raise ConfigError("postmaster: an entrance needs an address of the network, name@provider, for complaints")


@dataclass(frozen=True)
class GatewayDirectory:
    """A gateway's directory as it was read."""

    path: Path
    config: GatewayConfig
    store_key: bytes
    opt_out_key: bytes

    @property
    def client(self) -> Path:
        """The directory of its client."""
        return self.path / self.config.client


def check_is_on(config: GatewayConfig) -> None:
    """Raise `ConfigError` if a gateway would do nothing."""
    if not (config.exit.enabled or config.entrance.enabled):
        raise ConfigError("both sides of this gateway are off: set enabled of [exit] or [entrance] in gateway.toml")


def check_domain(domain: str) -> None:
    """Raise `ConfigError` if it is no mail domain in lower case."""
    try:
        found = read_address(f"postmaster@{domain}", frozenset())
    except AddressError as error:
        raise ConfigError(f"domains: {error}") from error
    if not isinstance(found, OutsideAddress) or domain != domain.lower() or not domain.isascii():
        raise ConfigError(f"domains: {domain!a} is no mail domain in ASCII and lower case, such as example.org")


def listening_place(text: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT`; raise `ConfigError`."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65_535:
        raise ConfigError(f"{text!a} is no place to listen at: it is HOST:PORT, such as 127.0.0.1:2525")
    return host.strip("[]"), int(port)


def resolver_place(text: str) -> tuple[str, int]:
    """Return address and port of a DNS server, `ADDRESS` or `ADDRESS:PORT`; raise `ConfigError`."""
    host, colon, port = text.rpartition(":")
    # An IPv6 address has colons of its own: with a port it stands in brackets.
    has_port = bool(colon) and (":" not in host or host.startswith("["))
    address, number = (host.strip("[]"), port) if has_port else (text.strip("[]"), str(DNS_PORT))
    try:
        ip_address(address)
    except ValueError as error:
        raise ConfigError(f"resolvers: {text!a} is no IP address of a DNS server") from error
    if not number.isdecimal() or not 1 <= int(number) <= 65_535:
        raise ConfigError(f"resolvers: {text!a} has no port of a DNS server")
    return address, int(number)


def load_gateway(path: Path) -> GatewayDirectory:
    """Read the directory of a gateway; raise `ConfigError` in one clear line if it is not complete and right."""
    if not (path / CONFIG_FILE).is_file():
        raise ConfigError(f"{path} is no gateway's directory: make one with  loopixmix mail gateway init DIR")
    config = load_config(path / CONFIG_FILE, GatewayConfig)
    return GatewayDirectory(
        path,
        config,
        _load_key(path / STORE_KEY_FILE, STORE_KEY_BYTES),
        _load_key(path / OPT_OUT_KEY_FILE, OPT_OUT_KEY_BYTES),
    )


def create_gateway(path: Path, *, domain: str, provider: str, client: str, rng: Rng) -> None:
    """Make a new gateway in `path`, with both sides off; raise `ConfigError` if there is one already."""
    check_domain(domain)
    if (path / CONFIG_FILE).exists():
        raise ConfigError(f"{path / CONFIG_FILE}: exists already and is never overwritten")
    make_directory(path)
    make_directory(path / KEYS_DIRECTORY)
    create_file(path / STORE_KEY_FILE, rng.randbytes(STORE_KEY_BYTES))
    create_file(path / OPT_OUT_KEY_FILE, rng.randbytes(OPT_OUT_KEY_BYTES))
    create_file(path / STOP_LIST_FILE, STOP_LIST_HEAD.encode())
    create_file(path / USERS_FILE, USERS_HEAD.encode())
    values = msgspec.to_builtins(GatewayConfig(domains=(domain,), provider=provider, client=client))
    create_file(path / CONFIG_FILE, commented_toml(values, head=HEAD, comments=COMMENTS).encode())


def _load_key(path: Path, length: int) -> bytes:
    try:
        key = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    if len(key) != length:
        raise ConfigError(f"{path}: is no key: it has {length} bytes, not {len(key)}")
    return key


HEAD = """\
A mail gateway of LoopixMix. It can read all mail that passes it (docs/gateways.md). Both of its sides are off.
Changes count from its next start."""
STOP_LIST_HEAD = """\
# Nothing is sent to these, whoever asks: bob@example.org, example.org (all its addresses), or .example.org (also all
# domains under it). One a line; changes count at once.
"""
USERS_HEAD = """\
# The names before the @ for which mail from outside is taken, as the provider knows them. One a line; changes count at
# once.
"""
COMMENTS = {
    "domains": "The mail domains of this gateway. Anonymous mail leaves from the first one.",
    "provider": "The provider whose accounts have addresses at these domains; empty if the network document says it.",
    "client": "The directory of the gateway's client, a path from here. Its account should have gateway rates.",
    "exit": "Mail of the network that goes out.",
    "exit.token_keys": "The public keys of the issuer of tokens for the purpose mail-exit: a copy of its public.keys.",
    "exit.opt_out_url": "The address of the page by which recipients stop mail, as they reach it: https://.../stop",
    "exit.opt_out_listen": "Where the page is served, for the web server with the certificate that stands before it.",
    "exit.footer": "Whether the link stands under each text too, besides its header line.",
    "exit.encrypt": "Whether mail to those whose OpenPGP key is in keys/ADDRESS.asc is encrypted to it.",
    "exit.relay": "The mail server that takes the mail further. tls: none (on this machine only), starttls, implicit.",
    "exit.limits": "How many mails leave at most in an hour.",
    "entrance": "Mail from outside that comes in.",
    "entrance.listen": "Where SMTP is spoken: to a mail server in front of it, or on port 25 to all the world.",
    "entrance.users": 'For whom: "listed" in users.txt, or "any". With "any", mail to a wrong name is lost silently.',
    "entrance.postmaster": "Who gets mail to postmaster@ and abuse@: an address of the network.",
    "entrance.certificate": "A file with certificate and key in PEM, for STARTTLS; empty for none.",
    "entrance.trusted_peers": "Mail servers that may say from whom they have a mail (XFORWARD).",
    "entrance.resolvers": "DNS servers for SPF, DKIM and DMARC: ADDRESS or ADDRESS:PORT; empty for the system's.",
    "entrance.limits": "How many mails come in at most in an hour.",
    "log.format": "text or json; and the least that is logged: debug, info, warn or error.",
}
