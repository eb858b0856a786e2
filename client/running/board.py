"""What the client says of itself: its figures, and the one problem that matters most."""

from __future__ import annotations

from collections.abc import Callable

from client.api import ClientStatus
from client.core.health import assured_pool, traffic_problem
from client.link.pulls import PullBook
from client.link.registration import Registration
from client.link.session import Session
from client.receiving.inbox import Inbox
from client.sending.ledger import Ledger
from client.sending.outbox import Outbox
from client.streams.loops import Loops
from client.streams.traffic import Traffic

UNANSWERED_PULLS = 5


class Complaints:
    """What keeps the client from doing its work."""

    def __init__(
        self,
        *,
        session: Session,
        registration: Registration,
        pulls: PullBook,
        ledger: Ledger,
        loops: Loops,
        inbox: Inbox,
    ) -> None:
        """Ask these parts: the link and the network, the provider's word and its answers, the disk, whether packets get
        through, and whether a sender lies.
        """
        self._session = session
        self._registration = registration
        self._pulls = pulls
        self._ledger = ledger
        self._loops = loops
        self._inbox = inbox

    @property
    def first(self) -> str:
        """One line about what matters most, empty when all is well."""
        return (
            self._ledger.problem
            or self._session.problem()
            or self._provider_problem()
            or self._session.known.trouble
            or self._loops.health.problem
            or self._inbox.suspicion
            or self._traffic_problem()
        )

    def _provider_problem(self) -> str:
        account = self._session.account
        if account is None:
            return ""
        if self._registration.forgotten:
            return f"the provider {account.provider_name} says that it has no account for this client: register again"
        if self._pulls.unanswered > UNANSWERED_PULLS:
            return f"the provider {account.provider_name} does not answer; messages wait"
        return ""

    def _traffic_problem(self) -> str:
        document = self._session.known.document
        if document is None:
            return ""
        mixes, providers = len(document.mixes()), len(document.providers())
        return traffic_problem(assured_pool(document.params, mixes=mixes, providers=providers))


class StatusBoard:
    """The figures of a client."""

    def __init__(
        self,
        *,
        session: Session,
        outbox: Outbox,
        traffic: Traffic,
        loops: Loops,
        complaints: Complaints,
        document_problem: Callable[[], str | None],
    ) -> None:
        """Read the figures of these parts.

        `complaints` has the problem, if there is one; `document_problem` says why there is no newer network document,
        None if nothing is known about that.
        """
        self._session = session
        self._outbox = outbox
        self._traffic = traffic
        self._loops = loops
        self._complaints = complaints
        self._document_problem = document_problem

    def status(self, *, unread: int) -> ClientStatus:
        """Return what the client is doing now; `unread`: how many messages no callback has handled."""
        account, document, health = self._session.account, self._session.known.document, self._loops.health
        return ClientStatus(
            address=account.address if account is not None else "",
            registered=account is not None,
            connected=self._session.is_linked(),
            epoch=document.epoch if document is not None else 0,
            problem=self._problem(),
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
        )

    def _problem(self) -> str:
        # Whoever fetches documents knows best why there is no link; with a link it does not matter.
        reason = None if self._session.is_linked() else self._document_problem()
        return self._complaints.first if reason is None else reason

    def _expected_delivery_s(self) -> float:
        """Return how long a short message would take now: its turn, the delays, half a pull."""
        params = self._session.known.params
        if params is None:
            return 0.0
        turn_s = (self._outbox.queued_messages + 1) / params.payload_rate_per_s
        return turn_s + (params.layers + 1) * params.delay_mean_s + 0.5 / params.pull_rate_per_s
