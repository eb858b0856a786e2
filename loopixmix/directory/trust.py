"""The trust root: which authorities' word counts, and in which network."""

from __future__ import annotations

import hashlib
from typing import Annotated, TypeAlias
from urllib.parse import urlsplit

import msgspec

from loopixmix.directory.words import NETWORK_ID_BYTES, Name
from loopixmix.errors import ConfigError

HEX_KEY_PATTERN = r"^[0-9a-f]{64}\Z"
HEX_KEY_RULE = "64 digits 0-9 and a-f"
HexKey: TypeAlias = Annotated[str, msgspec.Meta(pattern=HEX_KEY_PATTERN, description=HEX_KEY_RULE)]

_NETWORK_DOMAIN = b"loopixmix/network/v1"
_TEST = b"test"


class TrustedAuthority(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One authority: its identity key in lower-case hexadecimal and the address it publishes at."""

    public_key: HexKey
    url: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable or set("?#@ ") & set(self.url) or not self.url.isprintable():
            raise ConfigError(f"{self.url!r} is not an address like http://host:port")

    @property
    def public(self) -> bytes:
        """The identity public key, 32 bytes."""
        return bytes.fromhex(self.public_key)


class TrustRoot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The facts that a node or client has to know beforehand to join a network; the file `network.toml`.

    A document counts when `threshold` of the `authorities` signed it. `epoch_length_s` gives the number of the present
    epoch before any document is there, which is why it can never change in the life of a network. `test`:
    whether the network is there for trying things on; clients ask nothing of it then, and say so to their users.
    """

    name: Name
    authorities: Annotated[tuple[TrustedAuthority, ...], msgspec.Meta(min_length=1, max_length=64)]
    threshold: Annotated[int, msgspec.Meta(ge=1)] = 1
    epoch_length_s: Annotated[int, msgspec.Meta(ge=10, le=604_800)] = 3600
    test: bool = False

    def __post_init__(self) -> None:
        if len({authority.public_key for authority in self.authorities}) != len(self.authorities):
            raise ConfigError("an authority is named twice")
        if self.threshold > len(self.authorities):
            raise ConfigError(f"threshold ({self.threshold}) is more than the authorities ({len(self.authorities)})")

    @property
    def authority_keys(self) -> frozenset[bytes]:
        """The public keys of the authorities."""
        return frozenset(authority.public for authority in self.authorities)

    @property
    def network_id(self) -> bytes:
        """The network's name in bytes: 16 of the SHA-256 over everything here but the addresses."""
        name = self.name.encode("ascii")
        hashed = hashlib.sha256(_NETWORK_DOMAIN + bytes([len(name)]) + name)
        hashed.update(self.epoch_length_s.to_bytes(4, "big") + self.threshold.to_bytes(4, "big"))
        hashed.update(b"".join(sorted(self.authority_keys)))
        # A part of the name: whoever slips the word into the trust root of a true network gives away another network,
        # whose documents and links that one does not have.
        hashed.update(_TEST if self.test else b"")
        return hashed.digest()[:NETWORK_ID_BYTES]
