"""Descriptors: what a node says of itself to the authorities, signed by its identity."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from loopixmix.directory.codec import Codec
from loopixmix.directory.errors import (
    DescriptorExpired,
    DescriptorForged,
    DescriptorFromFuture,
    DescriptorInconsistent,
    DescriptorOfOtherNetwork,
    DescriptorReplayed,
    DescriptorTooLarge,
)
from loopixmix.directory.mail import MailOffer
from loopixmix.directory.words import (
    CLOCK_TOLERANCE_S,
    EpochKeys,
    Host,
    Key,
    Name,
    NetworkId,
    Port,
    Role,
    Services,
    Signature,
    TokenKeys,
    node_faults,
)
from loopixmix.epoch import epoch_at
from loopixmix.errors import MisuseError, SignatureError
from loopixmix.keys import IdentityKey, verify

MAX_DESCRIPTOR_BYTES = 24_576
"""More than any descriptor whose fields are in range can have."""

_DOMAIN = b"loopixmix/descriptor/v1"


class Descriptor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A node's own words: where it is, what it does and its mix keys for this and the next epochs.

    `token_keys`: those under which a provider issues tokens, each as `loopixmix.tokens` encodes it. `mail`: what a
    provider offers to mail. `issued_at_ms` (Unix milliseconds) orders the descriptors of one node: only a later one
    replaces another. A `withdrawn` node asks to be left out of the next document.
    """

    version: Literal[3] = 3
    network_id: NetworkId
    node_id: Key
    issued_at_ms: Annotated[int, msgspec.Meta(ge=0, lt=1 << 60)]
    name: Name
    role: Role
    host: Host
    port: Port
    mix_keys: EpochKeys
    services: Services = ()
    token_keys: TokenKeys = ()
    mail: MailOffer | None = None
    software: Annotated[str, msgspec.Meta(max_length=64)] = ""
    withdrawn: bool = False


class _SignedDescriptor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    descriptor: Annotated[bytes, msgspec.Meta(max_length=MAX_DESCRIPTOR_BYTES)]
    signature: Signature


_codec = Codec(Descriptor, "descriptor")
_signed_codec = Codec(_SignedDescriptor, "signed descriptor")


def sign_descriptor(descriptor: Descriptor, identity_key: IdentityKey) -> bytes:
    """Return the signed bytes of `descriptor`; raise `MisuseError` if an authority would refuse them."""
    if descriptor.node_id != identity_key.public:
        raise MisuseError("a descriptor is signed by the node that it describes")
    for fault in _faults(descriptor):
        raise MisuseError(fault)
    data = _codec.encode(descriptor)
    return _signed_codec.encode(_SignedDescriptor(descriptor=data, signature=identity_key.sign(_DOMAIN, data)))


def decode_descriptor(
    data: bytes, *, network_id: bytes, epoch_length_s: int, now_s: float, newest_seen_ms: int | None = None
) -> Descriptor:
    """Return the descriptor in `data` if all of these rules hold, otherwise raise a `DescriptorError` or `FormatError`.

    1. It has at most `MAX_DESCRIPTOR_BYTES` (`DescriptorTooLarge`) and is the canonical encoding of a known version
       whose every field is in range (`FormatError`).
    2. It was signed by the identity that it names (`DescriptorForged`), for this network
       (`DescriptorOfOtherNetwork`).
    3. It does not contradict itself (`DescriptorInconsistent`): the host is an address or a host name, services are
       offered by providers only and in ascending order, mix keys ascend by epoch, differ, and are canonical
       points of prime order on Curve25519. Token keys are a provider's only, ascend by purpose and period, differ, and
       the periods of one purpose do not overlap. An offer to mail is a provider's only, and has no fault of its own
       (`loopixmix.directory.mail.mail_faults`).
    4. It was issued no more than `CLOCK_TOLERANCE_S` after `now_s` (`DescriptorFromFuture`), and later than the newest
       known of that node, `newest_seen_ms` (`DescriptorReplayed`).
    5. It has a mix key for the epoch at `now_s` or a later one (`DescriptorExpired`).

    Whether the node may take part at all, and whether its keys suffice for the next document, the authority decides.
    """
    descriptor = read_descriptor(data, network_id=network_id)
    check_times(descriptor, epoch_length_s=epoch_length_s, now_s=now_s, newest_seen_ms=newest_seen_ms)
    return descriptor


def check_times(descriptor: Descriptor, *, epoch_length_s: int, now_s: float, newest_seen_ms: int | None) -> None:
    """Check rules 4 and 5 of `decode_descriptor`: those that depend on when it is read; raise a `DescriptorError`."""
    if descriptor.issued_at_ms > (now_s + CLOCK_TOLERANCE_S) * 1000:
        raise DescriptorFromFuture(
            f"the descriptor was {issued(descriptor, now_s)}: the node's clock is ahead, or the authority's behind"
        )
    if newest_seen_ms is not None and descriptor.issued_at_ms <= newest_seen_ms:
        raise DescriptorReplayed(
            f"the descriptor was {issued(descriptor, now_s)}, and is not newer than the one already known"
        )
    if max(descriptor.mix_keys) < epoch_at(now_s, epoch_length_s):
        raise DescriptorExpired(
            f"the descriptor was {issued(descriptor, now_s)}, and all of its mix keys are of past epochs"
        )


def issued(descriptor: Descriptor, now_s: float) -> str:
    """Return when a descriptor was issued, in words that show a wrong clock."""
    ahead_s = descriptor.issued_at_ms / 1000 - now_s
    return f"issued {abs(ahead_s):.0f} s {'in the future' if ahead_s > 0 else 'ago'} by the authority's clock"


def read_descriptor(data: bytes, *, network_id: bytes) -> Descriptor:
    """Return the descriptor in `data` if rules 1 to 3 of `decode_descriptor` hold: those that no time can change."""
    if len(data) > MAX_DESCRIPTOR_BYTES:
        raise DescriptorTooLarge(f"the descriptor has {len(data)} bytes; {MAX_DESCRIPTOR_BYTES} are allowed")
    signed = _signed_codec.decode(data)
    descriptor = _codec.decode(signed.descriptor)
    try:
        verify(descriptor.node_id, signed.signature, _DOMAIN, signed.descriptor)
    except SignatureError as error:
        raise DescriptorForged("the descriptor is not signed by the identity that it names") from error
    if descriptor.network_id != network_id:
        raise DescriptorOfOtherNetwork("the descriptor belongs to another network")
    for fault in _faults(descriptor):
        raise DescriptorInconsistent(f"descriptor of {descriptor.name}: {fault}")
    return descriptor


def _faults(descriptor: Descriptor) -> list[str]:
    return list(
        node_faults(
            host=descriptor.host,
            role=descriptor.role,
            services=descriptor.services,
            mix_keys=descriptor.mix_keys,
            token_keys=descriptor.token_keys,
            mail=descriptor.mail,
        )
    )
