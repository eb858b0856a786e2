"""The status of a client: its figures, and the one problem that matters most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from client.api import ClientStatus, MailDomain, NetworkView, ProviderView
from client.core.fragments import FragmentSizes
from client.core.health import assured_pool, traffic_problem
from client.link.floors import Acceptance
from client.link.network import KnownNetwork
from client.link.session import Session
from client.sending.forecast import Forecast
from client.sending.outbox import Outbox
from client.streams.loops import Loops
from client.streams.traffic import Traffic
from loopixmix.cards import fingerprint
from loopixmix.directory import NodeEntry

DOCUMENT_WAIT_S = 10.0


class Trouble(Protocol):
    """A part that may be kept from doing its work."""

    @property
    def problem(self) -> str | None:
        """One line for the user, None when all is well."""


class MissingDocument:
    """Why there is no newer network document, as the part that fetches documents tells it."""

    def __init__(self, session: Session, reason: Callable[[], str | None]) -> None:
        """Ask `reason`, which returns None if nothing is known, while `session` has no link."""
        self._session = session
        self._reason = reason

    @property
    def problem(self) -> str | None:
        """One line for the user, None with a link: then it does not matter."""
        return None if self._session.is_linked() else self._reason()


class RefusedDocument:
    """Why the newest network document is not used."""

    def __init__(self, known: KnownNetwork) -> None:
        """Ask `known`, which judges documents."""
        self._known = known

    @property
    def problem(self) -> str | None:
        """One line for the user, None if it is used."""
        return self._known.refusal


class ThinTraffic:
    """Whether there is too little traffic to hide in, even without other users."""

    def __init__(self, known: KnownNetwork) -> None:
        """Judge the network of the newest document in `known`."""
        self._known = known

    @property
    def problem(self) -> str | None:
        """One line for the user, None if there is enough."""
        document = self._known.document
        if document is None:
            return None
        mixes, providers = len(document.mixes()), len(document.providers())
        return traffic_problem(assured_pool(document.params, mixes=mixes, providers=providers))


def _domains(provider: NodeEntry) -> tuple[MailDomain, ...]:
    entries = provider.mail.domains if provider.mail is not None else ()
    return tuple(
        MailDomain(domain=each.domain, gateway=f"{each.account}@{provider.name}" if each.account is not None else "")
        for each in entries
    )


class StatusBoard:
    """The figures of a client."""

    def __init__(
        self,
        *,
        session: Session,
        outbox: Outbox,
        traffic: Traffic,
        loops: Loops,
        forecast: Forecast,
        troubles: Sequence[Trouble],
    ) -> None:
        """Read the figures of these parts; `troubles`: the parts that may have a problem, the most important first."""
        self._forecast = forecast
        self._session = session
        self._outbox = outbox
        self._traffic = traffic
        self._loops = loops
        self._troubles = troubles

    def status(self, *, unread: int) -> ClientStatus:
        """Return what the client is doing now; `unread`: how many messages nobody was shown."""
        account, document, health = self._session.account, self._session.known.document, self._loops.health
        return ClientStatus(
            address=account.address if account is not None else "",
            registered=account is not None,
            connected=self._session.is_linked(),
            epoch=document.epoch if document is not None else 0,
            # The one place where "no problem" turns into an empty line: applications have always read it so.
            problem=next((trouble.problem for trouble in self._troubles if trouble.problem is not None), ""),
            queued_messages=self._outbox.queued_messages,
            queued_fragments=self._outbox.queued_fragments,
            unread=unread,
            payload=self._traffic.payload_status,
            loop=self._traffic.loop_status,
            drop=self._traffic.drop_status,
            real_sent=self._traffic.real_sent,
            loops_returned=health.returned,
            loops_lost=health.lost,
            loop_round_trip_mean_s=health.round_trip_mean_s,
            expected_delivery_s=self._expected_delivery_s(),
            provider=account.provider_name if account is not None else "",
            guest=account is not None and account.is_guest,
            fingerprint=fingerprint(self._session.identity),
            test_network=self._session.known.acceptance is Acceptance.TEST,
            time_agreed=self._session.is_time_agreed,
        )

    async def network(self) -> NetworkView:
        """Return the network, as soon as there is a document; raise `UnavailableError` if there is none in time."""
        document = await self._session.arrival(DOCUMENT_WAIT_S)
        providers = [
            ProviderView(
                name=entry.name,
                identity=entry.id.hex(),
                fingerprint=fingerprint(entry.id),
                services=tuple(sorted(entry.services)),
                mailbox_items=entry.mail.mailbox_items if entry.mail is not None else 0,
                domains=_domains(entry),
            )
            for entry in document.providers()
        ]
        return NetworkView(
            epoch=document.epoch,
            valid_until_s=document.valid_until_s,
            providers=tuple(sorted(providers, key=lambda provider: provider.name)),
            fragment_bytes=FragmentSizes(document.params.payload_bytes).body_data_bytes,
            test_network=self._session.known.acceptance is Acceptance.TEST,
        )

    def _expected_delivery_s(self) -> float:
        """Return how long a short message would take now, 0 while no network is known."""
        return 0.0 if self._session.known.params is None else self._forecast.message(1).mean_s
