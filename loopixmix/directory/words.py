"""The words that descriptors and documents are made of, and the rules that hold for each word alone."""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, ip_address
from typing import Annotated, TypeAlias

import msgspec
from nacl.bindings import crypto_core_ed25519_is_valid_point

from loopixmix.directory.mail import MailOffer, mail_faults
from loopixmix.errors import FormatError
from loopixmix.tokens.keys import MAX_ENCODED_BYTES, decode_token_key, key_faults

NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,62}\Z"
MAX_HOST_CHARACTERS = 253
MAX_KEYS = 8
MAX_SERVICES = 16
MAX_TOKEN_KEYS = 8
NETWORK_ID_BYTES = 16
CLOCK_TOLERANCE_S = 5
"""How far the clocks of nodes, clients and authorities may differ without anybody noticing."""

NAME_RULE = "a name of 1 to 63 letters a-z, digits, dots, hyphens and underscores, the first a letter or digit"
Name: TypeAlias = Annotated[str, msgspec.Meta(pattern=NAME_PATTERN, description=NAME_RULE)]
Host: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_HOST_CHARACTERS)]
Port: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=65_535)]
Key: TypeAlias = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Signature: TypeAlias = Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]
NetworkId: TypeAlias = Annotated[bytes, msgspec.Meta(min_length=NETWORK_ID_BYTES, max_length=NETWORK_ID_BYTES)]
Epoch: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=1 << 40)]
Seconds: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=1 << 60)]
EpochKeys: TypeAlias = Annotated[dict[Epoch, Key], msgspec.Meta(min_length=1, max_length=MAX_KEYS)]
Services: TypeAlias = Annotated[tuple[Name, ...], msgspec.Meta(max_length=MAX_SERVICES)]
EncodedTokenKey: TypeAlias = Annotated[bytes, msgspec.Meta(min_length=1, max_length=MAX_ENCODED_BYTES)]
TokenKeys: TypeAlias = Annotated[tuple[EncodedTokenKey, ...], msgspec.Meta(max_length=MAX_TOKEN_KEYS)]

BROADCAST = IPv4Address(2**32 - 1)
_FIELD = 2**255 - 19
_HOST_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)


class Role(enum.StrEnum):
    """The part that a node plays in the network."""

    MIX = "mix"
    PROVIDER = "provider"


def host_is_valid(host: str) -> bool:
    """Tell whether `host` is an IPv4 or IPv6 address or a DNS name (RFC 1123, section 2.1), as a node may write it."""
    if len(host) > MAX_HOST_CHARACTERS:
        return False
    try:
        return "%" not in host and bool(ip_address(host))
    except ValueError:
        labels = host.split(".")
        return all(_HOST_LABEL.fullmatch(label) for label in labels) and not labels[-1].isdigit()


def host_can_be_found(host: str) -> bool:
    """Tell whether others may find a node at `host`: it is valid, and no address that stands for all or for many."""
    if not host_is_valid(host):
        return False
    try:
        address = ip_address(host)
    except ValueError:
        return True
    address = getattr(address, "ipv4_mapped", None) or address
    return not (address.is_unspecified or address.is_multicast or address == BROADCAST)


@functools.lru_cache(maxsize=8192)
def mix_key_is_valid(public: bytes) -> bool:
    """Tell whether `public` is a canonical point of prime order on Curve25519, as every X25519 public key is.

    Others are on the twist or have a part of low order: senders refuse to wrap for them (`loopixmix.sphinx.points`), so
    that one such key in a document would fail every packet through its node. RFC 7748, 4.1 maps u to the Edwards form,
    whose y libsodium checks.
    """
    u = int.from_bytes(public, "little")
    if u >= _FIELD - 1:  # -1 has no y; it is on the twist
        return False
    y = (u - 1) * pow(u + 1, -1, _FIELD) % _FIELD
    return bool(crypto_core_ed25519_is_valid_point(y.to_bytes(32, "little")))


def node_faults(
    *,
    host: str,
    role: Role,
    services: Sequence[str],
    mix_keys: Mapping[int, bytes],
    token_keys: Sequence[bytes],
    mail: MailOffer | None,
) -> Iterator[str]:
    """Yield what is wrong with the words that a descriptor and a document's entry share."""
    if not host_can_be_found(host):
        yield f"{host!r} is neither an IP address nor a host name at which others could find it"
    if role is not Role.PROVIDER and services:
        yield "only a provider offers services"
    if list(services) != sorted(set(services)):
        yield "the services are not in ascending order, each once"
    if list(mix_keys) != sorted(mix_keys):
        yield "the mix keys are not in ascending order of epochs"
    if len(set(mix_keys.values())) != len(mix_keys):
        yield "one mix key is used for several epochs"
    for epoch, public in mix_keys.items():
        if not mix_key_is_valid(public):
            yield f"the mix key for epoch {epoch} is not a point of prime order on Curve25519"
    if role is not Role.PROVIDER and token_keys:
        yield "only a provider issues tokens"
    try:
        yield from key_faults([decode_token_key(key) for key in token_keys])
    except FormatError as error:
        yield f"a token key is none: {error}"
    if mail is not None:
        if role is not Role.PROVIDER:
            yield "only a provider has mailboxes"
        yield from mail_faults(mail)
