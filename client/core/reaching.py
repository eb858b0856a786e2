"""Whether an address still reaches the account that was pinned for it: mail domains come, go and move."""

from __future__ import annotations

import hmac

from client.api import KeyChangedError, UnknownContactError
from client.core.arguments import no_such_place
from loopixmix.directory import Document
from loopixmix.seams import Identity


def check_reach(
    address: str, document: Document | None, *, account: str, provider: Identity, identity: Identity
) -> None:
    """Raise if `address` reaches another account by now than the one that was pinned for it, or none.

    `document`: the network's, None if it is not known: then the pin holds. `account`, `provider`, `identity`: what was
    pinned, the account's name, its provider's key and its own.
    Raises `UnknownContactError` if there is no such mail domain any more, `KeyChangedError` if it has moved.
    """
    if document is None:
        return
    name, _, place = address.partition("@")
    reach = document.reach(name, place)
    if reach is None:
        # With a provider that is away for a while its domains are, too: what is for it waits, as always.
        if document.node(provider) is not None:
            raise UnknownContactError(f"nothing is sent to {address} any more: {no_such_place(address)}")
        return
    listed = reach.gateway.identity if reach.gateway is not None else identity
    if (reach.account, reach.provider.id) != (account, provider) or not hmac.compare_digest(listed, identity):
        raise KeyChangedError(
            f"{place} belongs to another account now: add the contact {address} again, compare its fingerprint and "
            "accept it first"
        )


def is_shared(address: str, document: Document, *, account: str) -> bool:
    """Tell whether other addresses reach the same account: every name of its mail domain does.

    `account`: the name of the account that was pinned.
    """
    name, _, place = address.partition("@")
    reach = document.reach(name, place)
    if reach is None or reach.by_domain is None:
        return name != account
    return reach.by_domain.account is not None
