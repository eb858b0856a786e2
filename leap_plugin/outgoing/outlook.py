"""What is known of the network and of this client's place in it, kept up to date so that nobody waits for it."""

from __future__ import annotations

from collections.abc import Mapping

from client.api import MAX_BODY_BYTES, Client, ClientStatus, Contact, LoopixmixError, NetworkView, ProviderView
from leap_plugin.mail.envelope import MAX_MAIL_BYTES
from leap_plugin.mail.submitting import Announcement
from leap_plugin.outgoing.planning import fragments_in, longest_mail_bytes

SHORT_BYTES, LONG_BYTES = 10_000, 1_000_000
"""The mails of which is told beforehand how long they would take."""
ESTIMATED_EACH = 10
"""Estimates cost the client some work: they are asked for at each so many refreshments only."""


class Outlook:
    """The last answers of the client; without any, nothing is known and nothing is refused for it."""

    def __init__(self, client: Client) -> None:
        """`client`: asked by `refresh`."""
        self._client = client
        self.network: NetworkView | None = None
        self.status: ClientStatus | None = None
        self.contacts: Mapping[str, Contact] = {}
        self._waits_s: Mapping[int, float] = {}
        self._refreshed = 0

    @property
    def is_online(self) -> bool:
        """Whether the client is linked to its provider."""
        return self.status is not None and self.status.connected

    @property
    def is_time_agreed(self) -> bool:
        """Whether the network agrees about the time: until then nothing is given up."""
        return self.status is not None and self.status.time_agreed

    @property
    def is_registered(self) -> bool:
        """Whether the client has an account; also as long as that is not known."""
        return self.status is None or self.status.registered

    @property
    def domains(self) -> frozenset[str]:
        """The mail domains of the network."""
        return frozenset(one.domain for provider in self._providers for one in provider.domains)

    @property
    def fragment_bytes(self) -> int:
        """How many bytes one fragment carries; 0 if that is not known."""
        return 0 if self.network is None else self.network.fragment_bytes

    @property
    def longest_mail_bytes(self) -> int:
        """The longest mail that leaves within a day at the present rate."""
        rate_per_s = 0.0 if self.status is None else self.status.payload.rate_per_s
        # Without a rate nothing is sent yet: the client has no account or no network document, and will have.
        if not rate_per_s or not self.fragment_bytes:
            return MAX_MAIL_BYTES
        return longest_mail_bytes(rate_per_s, self.fragment_bytes, most_bytes=MAX_MAIL_BYTES)

    def provider_of(self, address: str) -> ProviderView | None:
        """Return the provider where an address of the network has its mailbox; None if there is none."""
        place = address.partition("@")[2]
        for provider in self._providers:
            if provider.name == place or any(one.domain == place for one in provider.domains):
                return provider
        return None

    def is_gateways(self, address: str) -> bool:
        """Tell whether an address is one of many that reach the account of a gateway."""
        place = address.partition("@")[2]
        return any(one.domain == place and one.gateway for provider in self._providers for one in provider.domains)

    def most_fragments(self, address: str) -> int | None:
        """Return the longest mail that the mailbox of an address takes: half of its quota; None if there is none."""
        provider = self.provider_of(address)
        return provider.mailbox_items // 2 if provider is not None and provider.mailbox_items else None

    def announcement(self) -> Announcement:
        """Return what a submission server tells before a mail comes."""
        is_test = self.status is not None and self.status.test_network
        text = f"mail over {'a test network of LoopixMix, which hides nobody' if is_test else 'the LoopixMix network'}"
        if not self.is_registered:
            return Announcement(size_bytes=self.longest_mail_bytes, text=f"{text}; this account is not registered yet")
        if not self.is_online:
            return Announcement(size_bytes=self.longest_mail_bytes, text=f"{text}; it cannot be reached just now")
        waits = ", ".join(f"{told_size(size)} take about {told_time(wait_s)}" for size, wait_s in self._waits_s.items())
        return Announcement(size_bytes=self.longest_mail_bytes, text=f"{text}; now {waits}" if waits else text)

    async def refresh(self) -> None:
        """Ask the client again; what it does not answer stays as it was, but for being online."""
        try:
            self.status = await self._client.status()
            self.network = await self._client.network()
            self.contacts = {contact.address: contact for contact in await self._client.contacts()}
            if self._refreshed % ESTIMATED_EACH == 0:
                self._waits_s = {size: await self.wait_s(size) for size in (SHORT_BYTES, LONG_BYTES)}
            self._refreshed += 1
        except LoopixmixError:
            # Why is no secret, but nothing to do about it here either: `is_online` tells.
            if self.status is not None and not await self._answers():
                self.status = None

    async def refresh_contacts(self) -> None:
        """Ask the client for its contacts; they stay as they were if it does not answer."""
        try:
            self.contacts = {contact.address: contact for contact in await self._client.contacts()}
        except LoopixmixError:
            return

    async def wait_s(self, length_bytes: int, to: str = "") -> float:
        """Return how long a mail of that length would take now, to `to` or anybody; raises as `Client.estimate`."""
        someone = to or next((one for one, known in self.contacts.items() if not known.changed_fingerprint), "")
        if someone:
            # Of a mail in several messages, which leave one after the other, each takes as long.
            body_bytes = min(length_bytes, MAX_BODY_BYTES)
            estimate = await self._client.estimate(body_bytes, someone)
            return estimate.mean_s * max(1.0, length_bytes / MAX_BODY_BYTES)
        if self.status is None:
            return 0.0
        rate_per_s = max(self.status.payload.rate_per_s, 1e-9)
        return fragments_in(length_bytes, self.fragment_bytes) / rate_per_s + self.status.expected_delivery_s

    @property
    def _providers(self) -> tuple[ProviderView, ...]:
        return () if self.network is None else self.network.providers

    async def _answers(self) -> bool:
        try:
            self.status = await self._client.status()
        except LoopixmixError:
            return False
        return True


def told_time(seconds: float) -> str:
    """Return a time as people say it: in seconds, minutes, hours or days."""
    for unit, length_s in (("days", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{max(seconds, 1.0):.0f} s"


def told_size(size_bytes: int) -> str:
    """Return a number of bytes as people say it."""
    return f"{size_bytes / 1e6:.0f} MB" if size_bytes >= 1_000_000 else f"{max(size_bytes / 1e3, 1.0):.0f} KB"
