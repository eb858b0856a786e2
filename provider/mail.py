"""What a provider's operator offers to mail: mail domains, and accounts that are gateways, as `node.toml` has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from loopixmix.directory import DomainEntry, GatewayEntry, MailOffer
from loopixmix.directory.mail import (
    MAX_DOMAIN_CHARACTERS,
    MAX_DOMAINS,
    MAX_GATEWAYS,
    MAX_MAILBOX_ITEMS,
    AccountName,
    GatewayBatch,
    GatewayRate,
    domain_is_valid,
    mail_faults,
)
from loopixmix.directory.trust import HexKey
from loopixmix.errors import ConfigError
from loopixmix.params import PULL_MARGIN, NetworkParams


class DomainSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[[domains]]`: a mail domain; with `account`, every name of it reaches that account's mailbox."""

    domain: str
    account: AccountName | None = None

    def __post_init__(self) -> None:
        if not domain_is_valid(self.domain):
            raise ConfigError(
                f'[[domains]]: "{self.domain}" is no mail domain: it has labels of a-z, 0-9 and hyphens, with dots '
                f"between them and at most {MAX_DOMAIN_CHARACTERS} characters, and does not end in .invalid"
            )


class GatewaySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[[gateways]]`: an account whose client is a gateway, with its key in hexadecimal, its rates and its quota."""

    account: AccountName
    identity: HexKey
    mailbox_items: Annotated[int, msgspec.Meta(ge=1, le=MAX_MAILBOX_ITEMS)] = 1_000_000
    payload_rate_per_s: GatewayRate = 100.0
    loop_rate_per_s: GatewayRate = 1.0
    drop_rate_per_s: GatewayRate = 1.0
    pull_rate_per_s: GatewayRate = 4.0
    pull_batch: GatewayBatch = 80

    def __post_init__(self) -> None:
        own = self.entry.within(NetworkParams())
        if not own.pulls_suffice:
            raise ConfigError(
                f'[[gateways]]: the pulls of "{self.account}" fetch {own.pulled_per_s:g} items a second '
                f"(pull_rate_per_s x pull_batch). Answers to its own packets and as many from others need "
                f"{PULL_MARGIN} times as many as they are, at least {own.least_pulled_per_s:g}"
            )

    @property
    def entry(self) -> GatewayEntry:
        """The same, as the network document has it."""
        return GatewayEntry(
            account=self.account,
            identity=bytes.fromhex(self.identity),
            mailbox_items=self.mailbox_items,
            payload_rate_per_s=self.payload_rate_per_s,
            loop_rate_per_s=self.loop_rate_per_s,
            drop_rate_per_s=self.drop_rate_per_s,
            pull_rate_per_s=self.pull_rate_per_s,
            pull_batch=self.pull_batch,
        )


def offer_of(mailbox_items: int, domains: Sequence[DomainSettings], gateways: Sequence[GatewaySettings]) -> MailOffer:
    """Return what the network document is to say; raise `ConfigError` if that contradicts itself or is too much."""
    if len(domains) > MAX_DOMAINS or len(gateways) > MAX_GATEWAYS:
        raise ConfigError(f"a provider has at most {MAX_DOMAINS} [[domains]] and {MAX_GATEWAYS} [[gateways]]")
    offer = MailOffer(
        mailbox_items=mailbox_items,
        domains=tuple(
            DomainEntry(domain=each.domain, account=each.account)
            for each in sorted(domains, key=lambda each: each.domain)
        ),
        gateways=tuple(each.entry for each in sorted(gateways, key=lambda each: each.account)),
    )
    for fault in mail_faults(offer):
        raise ConfigError(f"[[domains]] or [[gateways]]: {fault}")
    return offer
