"""What a provider says of its mailboxes: their quota, its mail domains, and accounts that are gateways."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, TypeAlias

import msgspec

from loopixmix.params import NetworkParams

MAX_DOMAINS = 32
MAX_GATEWAYS = 16
MAX_DOMAIN_CHARACTERS = 63
"""An address has a domain in the place of a provider's name, which has no more."""
MAX_GATEWAY_RATE_PER_S = 1000
MAX_GATEWAY_BATCH = 256
"""One pull acknowledges at least so many items, whatever the length of packets."""
MAX_MAILBOX_ITEMS = 10_000_000

Items: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=MAX_MAILBOX_ITEMS)]
Identity: TypeAlias = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Domain: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_DOMAIN_CHARACTERS)]
ACCOUNT_RULE = "a name of 1 to 64 letters a-z, digits, dots, hyphens and underscores"
AccountName: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9._-]{1,64}\Z", description=ACCOUNT_RULE)]
GatewayRate: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=MAX_GATEWAY_RATE_PER_S)]
GatewayBatch: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=MAX_GATEWAY_BATCH)]

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


class DomainEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mail domain of a provider.

    `account`: the one account that every name of the domain reaches; without it, each name is that of an account.
    """

    domain: Domain
    account: AccountName | None = None


class GatewayEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An account of a provider whose client sends and pulls at rates of its own, and is no user.

    `account`, `identity`: its name, and the key that its card must have. `mailbox_items`: the quota of its mailbox. The
    other figures stand in the place of the network's.
    """

    account: AccountName
    identity: Identity
    mailbox_items: Items
    payload_rate_per_s: GatewayRate
    loop_rate_per_s: GatewayRate
    drop_rate_per_s: GatewayRate
    pull_rate_per_s: GatewayRate
    pull_batch: GatewayBatch

    def within(self, params: NetworkParams) -> NetworkParams:
        """Return the figures of a network as they are for this gateway's client."""
        return msgspec.structs.replace(
            params,
            payload_rate_per_s=self.payload_rate_per_s,
            loop_rate_per_s=self.loop_rate_per_s,
            drop_rate_per_s=self.drop_rate_per_s,
            pull_rate_per_s=self.pull_rate_per_s,
            pull_batch=self.pull_batch,
        )


class MailOffer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a provider offers to mail. `mailbox_items`: how many items wait in one mailbox at most."""

    mailbox_items: Items
    domains: Annotated[tuple[DomainEntry, ...], msgspec.Meta(max_length=MAX_DOMAINS)] = ()
    gateways: Annotated[tuple[GatewayEntry, ...], msgspec.Meta(max_length=MAX_GATEWAYS)] = ()

    def gateway_named(self, account: str) -> GatewayEntry | None:
        """Return the gateway that is this account, if there is one."""
        return next((gateway for gateway in self.gateways if gateway.account == account), None)


def domain_is_valid(domain: str) -> bool:
    """Tell whether `domain` is a mail domain as a network has them.

    It has two labels or more, of lower-case letters, digits and inner hyphens. The last one is not a number, and not
    `invalid` (RFC 2606): that ending stands for addresses of the network in mail programs.
    """
    labels = domain.split(".")
    return (
        len(domain) <= MAX_DOMAIN_CHARACTERS
        and len(labels) > 1
        and all(_LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()
        and labels[-1] != "invalid"
    )


def mail_faults(offer: MailOffer) -> Iterator[str]:
    """Yield every way in which a provider's offer contradicts itself; nothing for a good one."""
    domains = [entry.domain for entry in offer.domains]
    yield from (f"{domain!r} is no mail domain" for domain in domains if not domain_is_valid(domain))
    yield from _order_faults("the mail domains", domains)
    yield from _order_faults("the gateways", [gateway.account for gateway in offer.gateways])
    if len({gateway.identity for gateway in offer.gateways}) != len(offer.gateways):
        yield "two gateways have the same key"
    for gateway in offer.gateways:
        rates = (gateway.payload_rate_per_s, gateway.loop_rate_per_s, gateway.drop_rate_per_s, gateway.pull_rate_per_s)
        if not all(map(math.isfinite, rates)):
            yield f"a rate of the gateway {gateway.account} is no finite number"


def _order_faults(what: str, names: Sequence[str]) -> Iterator[str]:
    if list(names) != sorted(set(names)):
        yield f"{what} are not in ascending order, each once"
