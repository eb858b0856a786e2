"""What providers offer to mail, as values."""

from __future__ import annotations

import msgspec

from loopixmix.directory import Document, DomainEntry, GatewayEntry, MailOffer
from loopixmix.seams import Identity

GATE = bytes(range(32))
"""The key of a gateway that never runs."""


def gateway_entry(account: str = "gate", identity: Identity = GATE, **changes: float) -> GatewayEntry:
    """Return a gateway that is ten times as fast as a usual client."""
    entry = GatewayEntry(
        account=account,
        identity=identity,
        mailbox_items=100_000,
        payload_rate_per_s=20.0,
        loop_rate_per_s=1.0,
        drop_rate_per_s=1.0,
        pull_rate_per_s=4.0,
        pull_batch=20,
    )
    return msgspec.structs.replace(entry, **changes)


def mail_offer(
    domains: dict[str, str | None] | None = None, *gateways: GatewayEntry, mailbox_items: int = 20_000
) -> MailOffer:
    """Return an offer; `domains`: the mail domains in this order, each with the account of all its names, or None."""
    entries = tuple(DomainEntry(domain=domain, account=account) for domain, account in (domains or {}).items())
    return MailOffer(mailbox_items=mailbox_items, domains=entries, gateways=gateways)


def with_offer(document: Document, provider: str, offer: MailOffer | None) -> Document:
    """Return a document in which the node of this name makes an offer."""
    nodes = tuple(
        msgspec.structs.replace(node, mail=offer) if node.name == provider else node for node in document.nodes
    )
    return msgspec.structs.replace(document, nodes=nodes)
