"""The post office of `client.testing`: a directory and a clock, with failures on demand."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from client._fake.member import Member
from client._fake.services import FakeService
from client.api import (
    BadRequestError,
    MailDomain,
    NetworkView,
    ProviderView,
    RegistrationRefusedError,
    TooLongError,
    UnknownContactError,
    UnknownServiceError,
)
from client.core.arguments import REPLY_PREFIX, check_address, check_issuer, no_such_provider, no_such_service
from client.core.fragments import FragmentSizes
from loopixmix.cards import fingerprint
from loopixmix.keys import KEY_BYTES
from loopixmix.params import NetworkParams
from loopixmix.seams import Clock, DelayedCall, Identity, Rng
from loopixmix.tokens import TokenKey
from loopixmix.tokens.signing import Signer

MAILBOX_ITEMS = 20_000
"""What a provider says unless a test wants otherwise."""
REPLY_BLOCKS = 8
"""How many reply blocks an anonymous message carries."""


@dataclass
class FakeProvider:
    """One provider: who has an account, what it hosts, and what a new account needs.

    `invitation`: that of an account with a name. `guests`: whether it takes guests. `guest_token`: what they pay with.
    `mailbox_items`: how many fragments it says that a mailbox holds.
    """

    name: str
    invitation: str = ""
    guests: bool = True
    guest_token: bytes = b""
    identity: Identity = bytes(KEY_BYTES)
    mailbox_items: int = MAILBOX_ITEMS
    accounts: dict[str, Member] = field(default_factory=dict)
    services: dict[str, FakeService] = field(default_factory=dict)


@dataclass(frozen=True)
class FakeDomain:
    """A mail domain: its provider, and the account that all its names reach, if there is one."""

    provider: str
    gateway: str


@dataclass
class FakeReplyBlocks:
    """How to answer an anonymous message: each fragment of an answer uses a block up.

    `is_forgotten`: with its message; then an answer that was queued before still arrives.
    """

    owner: Member
    left: int = REPLY_BLOCKS
    is_forgotten: bool = False


@dataclass(frozen=True)
class FakeIssuer:
    """Issues tokens for one purpose."""

    key: TokenKey
    signer: Signer


class PostOffice:
    """Carries everything between fake clients; nothing happens but by the clock."""

    def __init__(self, *, clock: Clock, rng: Rng, delay_s: float = 1.0, receipts: bool = False) -> None:
        """Carry each message in `delay_s` seconds; with `receipts`, recipients say that they received it."""
        self.clock = clock
        self.rng = rng
        self.delay_s = delay_s
        self.receipts = receipts
        self.params = NetworkParams()
        self.started_at_s = clock.seconds()
        self.problem: str | None = None
        self.is_time_agreed = True
        """Whether the network agrees with the clients about the time; a test may change it."""
        self._providers: dict[str, FakeProvider] = {}
        self._domains: dict[str, FakeDomain] = {}
        self._clients: list[Member] = []
        self._calls: list[DelayedCall] = []
        self._to_lose = 0
        self._to_fail = 0
        self._reply_blocks: dict[str, FakeReplyBlocks] = {}
        self._decoys: dict[str, str] = {}
        self._issuers: dict[tuple[str, str], list[FakeIssuer]] = {}

    def add_provider(
        self,
        name: str,
        *,
        invitation: str = "",
        guests: bool = True,
        guest_token: bytes = b"",
        mailbox_items: int = MAILBOX_ITEMS,
    ) -> None:
        """Add a provider if it is not there yet; with `invitation`, only those who know it may register.

        `guests`: whether it takes guests; with `guest_token`, only those who bring it. `mailbox_items`: how many
        fragments it says that a mailbox holds; nothing is refused for it here.
        """
        if name not in self._providers:
            identity = hashlib.sha256(name.encode()).digest()
            self._providers[name] = FakeProvider(name, invitation, guests, guest_token, identity, mailbox_items)

    def add_domain(self, domain: str, provider: str, gateway: str = "") -> None:
        """Give `provider`, which is added if it is not there yet, a mail domain, or take it there from another one.

        `gateway`: the name of the account there that every name of the domain reaches; without one each name of the
        domain is that of an account.
        """
        self.add_provider(provider)
        self._domains[domain] = FakeDomain(provider, gateway)

    def remove_domain(self, domain: str) -> None:
        """Take a mail domain out of the network."""
        del self._domains[domain]

    def add_service(self, service: FakeService, *, provider: str) -> None:
        """Host `service` at `provider`, which is added if it is not there yet."""
        self.add_provider(provider)
        self._providers[provider].services[service.name] = service

    def issue_tokens(self, provider: str, key: TokenKey, signer: Signer) -> None:
        """Let `provider` issue tokens under `key`, whose private half `signer` has, for every credential.

        `provider`: as for `fetch_tokens`, also `SERVICE@PROVIDER`. Each further key for a purpose is the newest one;
        the others are still there for those who pin them.
        """
        self.add_provider(check_issuer(provider)[1])
        self._issuers.setdefault((provider, key.purpose), []).append(FakeIssuer(key, signer))

    def lose_next(self, count: int = 1) -> None:
        """Lose the next `count` messages or requests on their way; messages are sent again after a while."""
        self._to_lose += count

    def fail_next(self, count: int = 1) -> None:
        """Make the next `count` messages fail for good."""
        self._to_fail += count

    def cut(self, problem: str = "the provider cannot be reached") -> None:
        """Let nothing through until `mend`; clients keep queueing and say so."""
        self.problem = problem
        self.tell_all()

    def mend(self) -> None:
        """End a `cut`: what was queued leaves now."""
        self.problem = None
        for client in self._clients:
            client.leave_all()
        self.tell_all()

    def change_key(self, address: str) -> None:
        """Give an account a new key, as when its owner lost the old one - or somebody took the name."""
        name, provider = address.split("@")
        self._providers[provider].accounts[name].identity = self.rng.randbytes(KEY_BYTES)

    def stop(self) -> None:
        """Forget all that is still to come; no delayed call is left."""
        for call in self._calls:
            if call.active():
                call.cancel()
        self._calls.clear()
        for client in self._clients:
            client.stop()

    # The methods below are for FakeClient.

    def issuer(self, provider: str, purpose: str, pinned: TokenKey | None = None) -> FakeIssuer | None:
        """Return who issues tokens for a purpose at a provider, under the newest key or a pinned one."""
        found = self._issuers.get((provider, purpose), [])
        return next((each for each in reversed(found) if pinned in (None, each.key)), None)

    def has_issuer(self, issuer: str) -> bool:
        """Tell whether the network has this issuer: any provider may have one, a service must have been added."""
        return issuer in self._providers or any(issuer == known for known, _ in self._issuers)

    def later(self, delay_s: float, callback: Callable[[], None]) -> DelayedCall:
        """Call `callback` after `delay_s`, unless the network stops before."""
        self._calls = [call for call in self._calls if call.active()]
        call = self.clock.callLater(delay_s, callback)
        self._calls.append(call)
        return call

    def open_account(self, client: Member, name: str, provider_name: str, invitation: str) -> None:
        """Register `client`; raise as `Client.register` does."""
        provider = self._providers.get(provider_name)
        if provider is None:
            raise BadRequestError(no_such_provider(provider_name))
        if provider.invitation != invitation:
            raise RegistrationRefusedError(f"{provider_name} asks for a valid invitation")
        if provider.accounts.setdefault(name, client) is not client:
            raise RegistrationRefusedError(f"the name {name} is taken at {provider_name}")
        client.address = f"{name}@{provider_name}"

    def admit_guest(self, provider_name: str, token: bytes) -> str:
        """Open an account without a name and return its provider; raise as `Client.register_guest` does."""
        if provider_name and provider_name not in self._providers:
            raise BadRequestError(no_such_provider(provider_name))
        wanted = [p for p in self._providers.values() if provider_name in ("", p.name)]
        willing = [p for p in wanted if p.guests and p.guest_token in (b"", token)]
        if not willing:
            raise RegistrationRefusedError(f"{provider_name or 'every provider'} refused: it takes no such guests")
        return self.rng.choice(willing).name

    def view(self) -> NetworkView:
        """Return the network as its document would describe it."""
        length_s = self.params.epoch_length_s
        epoch = int(self.clock.seconds()) // length_s
        providers = [
            ProviderView(
                name=provider.name,
                identity=provider.identity.hex(),
                fingerprint=fingerprint(provider.identity),
                services=tuple(sorted(provider.services)),
                mailbox_items=provider.mailbox_items,
                domains=self._domains_of(provider.name),
            )
            for _, provider in sorted(self._providers.items())
        ]
        return NetworkView(
            epoch=epoch,
            valid_until_s=float((epoch + 1) * length_s),
            providers=tuple(providers),
            fragment_bytes=FragmentSizes(self.params.payload_bytes).body_data_bytes,
        )

    def account_of(self, address: str) -> tuple[str, str] | None:
        """Return name and provider of the account that an address reaches; None if the network has no such place."""
        name, place = check_address(address)
        if place in self._providers:
            return name, place
        domain = self._domains.get(place)
        return None if domain is None else (domain.gateway or name, domain.provider)

    def is_gateways(self, address: str) -> bool:
        """Tell whether an address is one of many that reach one account."""
        domain = self._domains.get(address.partition("@")[2])
        return domain is not None and bool(domain.gateway)

    def look_up(self, name: str, provider_name: str) -> str:
        """Return the fingerprint published for a name; for an unknown one a decoy that stays the same."""
        accounts = self._providers[provider_name].accounts
        if name in accounts:
            return fingerprint(accounts[name].identity)
        address = f"{name}@{provider_name}"
        return self._decoys.setdefault(address, fingerprint(self.rng.randbytes(KEY_BYTES)))

    def owner_of(self, address: str) -> Member | None:
        """Return the client behind an address or reply block."""
        if address in self._reply_blocks:
            return self._reply_blocks[address].owner
        account = self.account_of(address)
        return self._providers[account[1]].accounts.get(account[0]) if account else None

    def hand_out_reply_blocks(self, client: Member) -> str:
        """Return a way to answer `client` without knowing who it is, good for a few fragments."""
        reply_to = f"{REPLY_PREFIX}{self.rng.randbytes(16).hex()}"
        self._reply_blocks[reply_to] = FakeReplyBlocks(client)
        return reply_to

    def forget_reply_blocks(self, reply_to: str) -> None:
        """Forget a way to answer, with the message that brought it."""
        if reply_to in self._reply_blocks:
            self._reply_blocks[reply_to].is_forgotten = True

    def use_reply_blocks(self, to: str, count: int) -> None:
        """Use up reply blocks, if `to` is a way to answer."""
        if to in self._reply_blocks:
            self._reply_blocks[to].left -= count

    def check_reply_blocks(self, reply_to: str, count: int) -> None:
        """Raise `UnknownContactError` or `TooLongError` if there are not so many reply blocks."""
        blocks = self._reply_blocks.get(reply_to)
        if blocks is None or blocks.is_forgotten:
            raise UnknownContactError("that way to reply is not known, or has expired")
        if count > blocks.left:
            raise TooLongError(f"this reply needs {count} reply blocks; {blocks.left} are left that still work")

    def fingerprint_of(self, client: Member) -> str:
        """Return the fingerprint of a client's present key."""
        return fingerprint(client.identity)

    def service(self, service: str) -> FakeService:
        """Return the service `name` or `name@provider`; raise `UnknownServiceError`."""
        name, _, at = service.partition("@")
        hosts = [p for p in self._providers.values() if name in p.services and at in ("", p.name)]
        if not hosts:
            raise UnknownServiceError(no_such_service(service))
        return self.rng.choice(hosts).services[name]

    def takes_loss(self) -> bool:
        """Tell whether what is under way now is to be lost, and count it."""
        self._to_lose, lost = max(0, self._to_lose - 1), self._to_lose > 0
        return lost

    def takes_failure(self) -> bool:
        """Tell whether what is under way now is to fail for good, and count it."""
        self._to_fail, failed = max(0, self._to_fail - 1), self._to_fail > 0
        return failed

    def _domains_of(self, provider: str) -> tuple[MailDomain, ...]:
        return tuple(
            MailDomain(domain=name, gateway=domain.gateway and f"{domain.gateway}@{provider}")
            for name, domain in sorted(self._domains.items())
            if domain.provider == provider
        )

    def tell_all(self) -> None:
        """Tell every client's listeners that there is news."""
        for client in self._clients:
            client.tell()
