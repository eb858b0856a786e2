"""Mail addresses and addresses of the network: the same persons, written for mail programs and for the client.

`name@provider` of the network is `name@provider.mix.invalid` in a mail program: `.invalid` (RFC 2606) never leads
anywhere outside, so that a mail that leaves by mistake reaches nobody. A mail domain that the network document lists
needs no such ending: `name@example.org` is the same in both.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from typing import TypeAlias

from loopixmix.errors import MisuseError

SUFFIX = ".mix.invalid"
MAX_ADDRESS_LENGTH = 254
"""RFC 5321, 4.5.3.1.3, as corrected: a path of 256 octets has the two angle brackets too."""
MAX_LOCAL_LENGTH = 64

REPLY_LETTERS = "abcdefghjkmnpqrstvwxyz"
REPLY_LENGTH = 16
_REPLY = re.compile(rf"reply-([{REPLY_LETTERS}]{{{REPLY_LENGTH}}})@mix\.invalid", re.ASCII | re.IGNORECASE)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
# RFC 5321 Dot-string; characters beyond ASCII as RFC 6531 allows them. Quoted strings are refused: no network name
# needs them, and programs read them differently.
_ATOM = r"(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]|[^\x00-\x9f\s\ud800-\udfff])+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")


class AddressError(MisuseError):
    """This is no mail address."""


@dataclass(frozen=True)
class InsideAddress:
    """An address of the network, as `client.api.Client.send` takes it."""

    address: str


@dataclass(frozen=True)
class OutsideAddress:
    """An address that only a gateway reaches."""

    address: str


MailAddress: TypeAlias = InsideAddress | OutsideAddress


def read_address(text: str, domains: Set[str]) -> MailAddress:
    """Return whom a bare mail address, `name@domain`, belongs to; raises `AddressError`.

    `domains`: the mail domains of the network document, in lower case. Addresses of the network are not sensitive to
    case, and come back in lower case; of others only the domain does.
    """
    local, at, domain = text.rpartition("@")
    if not at or len(text.encode("utf-8", "replace")) > MAX_ADDRESS_LENGTH:
        raise AddressError(
            f"{_shown(text)} is no mail address: it is name@domain, of at most {MAX_ADDRESS_LENGTH} bytes"
        )
    if not _LOCAL.fullmatch(local) or len(local.encode()) > MAX_LOCAL_LENGTH:
        raise AddressError(f"{_shown(text)} is no mail address: what is before the @ has characters that none may have")
    folded = domain.lower() if domain.isascii() else domain
    if folded.endswith(SUFFIX):
        provider = folded.removesuffix(SUFFIX)
        if not _NAME.fullmatch(provider):
            raise AddressError(f"{_shown(provider)} is no name of a provider: a-z 0-9 . _ - are allowed, 63 at most")
        return InsideAddress(f"{_network_name(local)}@{provider}")
    if folded == SUFFIX[1:] or folded.endswith(".invalid") or folded == "invalid":
        raise AddressError(f"{_shown(text)} leads nowhere: addresses of the network end in @PROVIDER{SUFFIX}")
    _check_domain(folded, text)
    return (
        InsideAddress(f"{_network_name(local)}@{folded}") if folded in domains else OutsideAddress(f"{local}@{folded}")
    )


def mail_address_of(address: str, domains: Set[str]) -> str:
    """Return how a mail program writes an address of the network; raises `AddressError` if it is none."""
    name, at, place = address.partition("@")
    if not at or not _NAME.fullmatch(name) or not _NAME.fullmatch(place):
        raise AddressError(f"{_shown(address)} is no address of the network: it is name@provider")
    return address if place in domains else f"{address}{SUFFIX}"


def reply_address(word: str) -> str:
    """Return the address by which a mail program answers an anonymous mail; `word`: that of its way back."""
    return f"reply-{word}@{SUFFIX[1:]}"


def reply_word(text: str) -> str | None:
    """Return the word in an address that `reply_address` made; None for every other one.

    No provider can have such addresses: theirs end in `@PROVIDER.mix.invalid`.
    """
    found = _REPLY.fullmatch(text)
    return None if found is None else found[1].lower()


def _network_name(local: str) -> str:
    # Not `lower()` of anything: it turns the Kelvin sign into a k, and one name would have two writings.
    name = local.lower() if local.isascii() else local
    if not _NAME.fullmatch(name):
        raise AddressError(f"{_shown(local)} is no name of the network: a-z 0-9 . _ - are allowed, 63 at most")
    return name


def _check_domain(domain: str, text: str) -> None:
    labels = domain.split(".")
    for label in labels:
        # Beyond ASCII only letters and digits, as in the names that registries give (RFC 5892).
        beyond = not label.isascii() and all(char.isalnum() or char == "-" for char in label)
        if not beyond and not _LABEL.fullmatch(label):
            raise AddressError(f"{_shown(text)} is no mail address: {_shown(domain)} is no domain")
    if len(labels) < 2:
        # It may be an address as the commands of the network write it.
        where = f"addresses of the network end in @PROVIDER{SUFFIX}"
        raise AddressError(f"{_shown(text)} is no mail address: {_shown(domain)} has no dot; {where}")


def _shown(text: str) -> str:
    return ascii(text[:80])
