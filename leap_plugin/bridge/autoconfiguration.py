"""What a mail program has to know, as text for people, and as files that mail programs read.

The files say where the servers are. They hold no password: mail programs ask for it, and the files may be copied.
"""

from __future__ import annotations

import plistlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import msgspec

Security = Literal["plain", "starttls", "tls"]
NAMED: dict[Security, str] = {"plain": "none", "starttls": "STARTTLS", "tls": "SSL/TLS"}
_SOCKETS: dict[Security, str] = {"plain": "plain", "starttls": "STARTTLS", "tls": "SSL"}


class MailServer(msgspec.Struct, frozen=True, kw_only=True):
    """One server, as a mail program is told of it."""

    host: str
    port: int
    security: Security


class MailServers(msgspec.Struct, frozen=True, kw_only=True):
    """Where an account receives and sends."""

    imap: MailServer
    smtp: MailServer


class AccountSettings(msgspec.Struct, frozen=True, kw_only=True):
    """All that is typed into a mail program. `password`: for this machine; other devices have their own."""

    address: str
    user: str
    password: str
    here: MailServers
    elsewhere: MailServers | None = None

    def __repr__(self) -> str:
        return f"AccountSettings(address={self.address!r})"


@dataclass(frozen=True)
class ConfigurationFile:
    """A file to be written."""

    name: str
    content: bytes


def servers(
    host: str, smtp_port: int, imap_port: int, *, smtp_security: Security, imap_security: Security
) -> MailServers:
    """Return where an account receives and sends."""
    return MailServers(
        imap=MailServer(host=host, port=imap_port, security=imap_security),
        smtp=MailServer(host=host, port=smtp_port, security=smtp_security),
    )


def settings_lines(account: AccountSettings) -> Sequence[str]:
    """Return what to type into a mail program, as lines for people."""
    lines = [
        f"e-mail address   {account.address}",
        f"user name        {account.user}",
        f"password         {account.password}",
        *_server_lines(account.here),
    ]
    if account.elsewhere is not None:
        lines += ["", "on another device, with a password of its own (loopixmix mail devices add DIR NAME):"]
        lines += _server_lines(account.elsewhere)
    return lines


def _server_lines(where: MailServers) -> list[str]:
    return [
        f"{label}  {server.host}  port {server.port}  security {NAMED[server.security]}  authentication by password"
        for label, server in (("receiving, IMAP", where.imap), ("sending, SMTP  ", where.smtp))
    ]


def thunderbird_file(account: AccountSettings, where: MailServers) -> ConfigurationFile:
    """Return the file `config-v1.1` that Thunderbird, and mail programs after its manner, look for by the domain."""
    domain = account.address.rpartition("@")[2]
    root = Element("clientConfig", version="1.1")
    provider = SubElement(root, "emailProvider", id=domain)
    SubElement(provider, "domain").text = domain
    SubElement(provider, "displayName").text = "LoopixMix mail bridge"
    SubElement(provider, "displayShortName").text = "LoopixMix"
    for tag, kind, server in (("incomingServer", "imap", where.imap), ("outgoingServer", "smtp", where.smtp)):
        element = SubElement(provider, tag, type=kind)
        SubElement(element, "hostname").text = server.host
        SubElement(element, "port").text = str(server.port)
        SubElement(element, "socketType").text = _SOCKETS[server.security]
        SubElement(element, "authentication").text = "password-cleartext"
        SubElement(element, "username").text = "%EMAILADDRESS%"
    indent(root)
    return ConfigurationFile(f"{domain}.xml", tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")


def apple_file(account: AccountSettings, where: MailServers) -> ConfigurationFile:
    """Return the profile that Apple's Mail on a Mac or a phone opens."""
    # By the address, so that the same account made again takes the place of the old one.
    identifier = uuid.uuid5(uuid.NAMESPACE_URL, f"loopixmix:{account.address}")
    mail: dict[str, object] = {
        "PayloadType": "com.apple.mail.managed",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"loopixmix.mail.{identifier}",
        "PayloadUUID": str(identifier).upper(),
        "PayloadDisplayName": account.address,
        "EmailAccountType": "EmailTypeIMAP",
        "EmailAddress": account.address,
        "OutgoingPasswordSameAsIncomingPassword": True,
    }
    for side, server in (("Incoming", where.imap), ("Outgoing", where.smtp)):
        mail[f"{side}MailServerHostName"] = server.host
        mail[f"{side}MailServerPortNumber"] = server.port
        mail[f"{side}MailServerUseSSL"] = server.security != "plain"
        mail[f"{side}MailServerUsername"] = account.user
        mail[f"{side}MailServerAuthentication"] = "EmailAuthPassword"
    profile = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"loopixmix.{identifier}",
        "PayloadUUID": str(uuid.uuid5(identifier, "profile")).upper(),
        "PayloadDisplayName": f"LoopixMix mail: {account.address}",
        "PayloadContent": [mail],
    }
    return ConfigurationFile(f"{account.address}.mobileconfig", plistlib.dumps(profile))
