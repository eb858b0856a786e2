"""All that asks hosted services for the client's user."""

from __future__ import annotations

from dataclasses import dataclass

from client.asking.account import AccountOpening
from client.asking.contacts import ContactBook
from client.asking.requests import Requests
from client.asking.tokens import TokenWallet


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Requests of applications, the contacts, the account, and tokens."""

    requests: Requests
    contacts: ContactBook
    enrolment: AccountOpening
    wallet: TokenWallet
