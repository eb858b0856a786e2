"""The client: `client.api.Client` over a real network, as a Twisted service."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from sqlalchemy import Connection
from twisted.application.service import Service
from twisted.internet.defer import Deferred

from client.api import (
    ClientStatus,
    Contact,
    MessageId,
    NotRegisteredError,
    OutgoingMessage,
    ReceivedCallback,
    ReceivedMessage,
    UnknownMessageError,
)
from client.core.arguments import check_message
from client.core.journal import Cursor, NumberedChange
from client.core.sealing import Sealer
from client.core.settings import ClientSettings
from client.directory.keys import ClientKeys
from client.link.session import Account, ProviderLink
from client.running.engine import Engine
from client.sending.letters import Letter, Posted
from client.store import incoming, outgoing
from client.store.access import StoreAccess
from client.store.worker import shielded
from loopixmix.directory import Document
from loopixmix.net.network import ReceivingNetwork
from loopixmix.params import NetworkParams
from loopixmix.seams import Clock, Observer, Rng
from loopixmix.sphinx import Arithmetic, Sphinx


class ClientService(Service):
    """One user's client: implements `client.api.Client` and `client.core.journal.JournalledClient`."""

    def __init__(
        self,
        *,
        keys: ClientKeys,
        settings: ClientSettings,
        access: StoreAccess,
        sealer: Sealer,
        network: ReceivingNetwork,
        link: ProviderLink,
        clock: Clock,
        rng: Rng,
        arithmetic: Arithmetic,
        observer: Observer,
    ) -> None:
        """Take the world. `stopService` stops `access`; whoever opened the store closes it then."""
        self._clock = clock
        self._engine = Engine(
            keys=keys,
            settings=settings,
            access=access,
            sealer=sealer,
            network=network,
            link=link,
            clock=clock,
            rng=rng,
            arithmetic=arithmetic,
            observer=observer,
        )

    def startService(self) -> None:  # noqa: N802 (Twisted's name)
        """Read the store, then begin to send and receive."""
        super().startService()  # type: ignore[no-untyped-call]
        self._engine.start()

    def stopService(self) -> Deferred[None]:  # noqa: N802 (Twisted's name)
        """Stop sending and finish writing; when the result fires no delayed call is left."""
        super().stopService()  # type: ignore[no-untyped-call]
        return Deferred.fromCoroutine(self._engine.stop())

    def adopt(self, document: Document) -> None:
        """Go on with a new network document, which was verified."""
        self._engine.adopt(document)

    async def send(
        self, to: str, body: bytes, *, kind: str, idempotency_key: str, anonymous: bool = False
    ) -> MessageId:
        """Queue `body` for `to` and return once it is durably stored; see `client.api.Client.send`."""
        check_message(body, kind, idempotency_key)
        await self._engine.gate.passing()
        account, params, sphinx = self._registered()
        letter = Letter(to=to, kind=kind, body=body, idempotency_key=idempotency_key, anonymous=anonymous)
        now_s = self._clock.seconds()

        def post(connection: Connection) -> Posted:
            return self._engine.poster.post(
                connection, letter, account=account, params=params, sphinx=sphinx, now_s=now_s
            )

        def posted(result: Posted) -> MessageId:
            if result.new is not None:
                self._engine.outbox.add(result.new)
                self._engine.release()
                self._engine.tell()
            return result.message_id

        # A caller who goes away must not keep a stored message from being sent.
        return await shielded(self._engine.access.write(post).addCallback(posted))

    async def request(self, service: str, body: bytes, *, timeout_s: float) -> bytes:
        """Ask a service anonymously; see `client.api.Client.request`."""
        await self._engine.gate.passing()
        self._registered()
        return await self._engine.requests.ask(service, body, timeout_s=timeout_s)

    def on_received(self, kind: str, callback: ReceivedCallback) -> Callable[[], None]:
        """Offer messages to `callback`; see `client.api.Client.on_received`.

        A message on which `callback` fails is offered again, ever later, and holds up no other one.
        """
        return self._engine.callbacks.subscribe(kind, callback)

    async def message(self, message_id: MessageId) -> OutgoingMessage:
        """Return an outgoing message; see `client.api.Client.message`."""
        await self._engine.gate.passing()
        found = await self._engine.access.read(lambda c: outgoing.outgoing_message(c, message_id))
        if found is None:
            raise UnknownMessageError(f"there is no message {message_id}")
        row, message = found
        delivery = self._engine.outbox.delivery(row)
        if delivery is None:
            return message
        sent, acknowledged = delivery.sent, delivery.acknowledged
        return msgspec.structs.replace(message, fragments_sent=sent, fragments_acknowledged=acknowledged)

    async def inbox(self, *, after: int = 0, limit: int = 100) -> list[ReceivedMessage]:
        """Return received messages; see `client.api.Client.inbox`. Fewer than `limit` come where they are long."""
        await self._engine.gate.passing()
        return await self._engine.access.read(lambda c: incoming.received_after(c, after=after, limit=limit))

    async def contacts(self) -> list[Contact]:
        """Return all contacts; see `client.api.Client.contacts`."""
        await self._engine.gate.passing()
        return await self._engine.contacts.every()

    async def add_contact(self, address: str) -> Contact:
        """Look up and pin a contact; see `client.api.Client.add_contact`."""
        await self._engine.gate.passing()
        self._registered()
        return await self._engine.contacts.add(address)

    async def accept_key(self, address: str, fingerprint: str) -> Contact:
        """Pin a changed key; see `client.api.Client.accept_key`."""
        await self._engine.gate.passing()
        return await self._engine.contacts.accept(address, fingerprint)

    async def remove_contact(self, address: str) -> None:
        """Forget a contact; see `client.api.Client.remove_contact`."""
        await self._engine.gate.passing()
        await self._engine.contacts.remove(address)

    async def register(self, name: str, provider: str, *, invitation: str = "") -> str:
        """Open an account; see `client.api.Client.register`."""
        await self._engine.gate.passing()
        account = await self._engine.enrolment.register(name, provider, invitation)
        self._engine.run_traffic()
        self._engine.enrolment.publish()
        self._engine.tell()
        return account.address

    async def status(self) -> ClientStatus:
        """Return what the client is doing now."""
        await self._engine.gate.passing()
        unread = await self._engine.access.read(incoming.unread)
        engine = self._engine
        account, document, health = engine.session.account, engine.session.document, engine.loops.health
        return ClientStatus(
            address=account.address if account is not None else "",
            registered=account is not None,
            connected=engine.session.is_linked(),
            epoch=document.epoch if document is not None else 0,
            problem=engine.problem,
            queued_messages=engine.outbox.queued_messages,
            queued_fragments=engine.outbox.queued_fragments,
            unread=unread,
            payload=engine.traffic.payload_status,
            loop=engine.traffic.loop_status,
            drop=engine.traffic.drop_status,
            real_sent=engine.traffic.real_sent,
            loops_returned=health.returned,
            loops_lost=health.lost,
            loop_round_trip_mean_s=health.round_trip_mean_s,
            expected_delivery_s=self._expected_delivery_s(),
        )

    async def state_changes(self, *, after: int, limit: int) -> list[NumberedChange]:
        """Return state changes with a number over `after`, oldest first, at most `limit`."""
        await self._engine.gate.passing()
        return await self._engine.access.read(lambda c: outgoing.changes_after(c, after=after, limit=limit))

    async def newest(self) -> Cursor:
        """Return the numbers of the newest received message and state change, 0 where there is none."""
        await self._engine.gate.passing()
        return await self._engine.access.read(lambda c: Cursor(incoming.newest_received(c), outgoing.newest_change(c)))

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback`, which is quick, after there is news; see `JournalledClient.on_change`."""
        listeners = self._engine.listeners
        listeners.append(callback)
        return lambda: listeners.remove(callback) if callback in listeners else None

    def _registered(self) -> tuple[Account, NetworkParams, Sphinx]:
        account, params, packet_format = self._engine.session.account, self._engine.params, self._engine.packet_format
        if account is None or params is None or packet_format is None:
            raise NotRegisteredError("this client has no account yet: register first")
        return account, params, packet_format.sphinx

    def _expected_delivery_s(self) -> float:
        """Return how long a short message would take now: its turn, the delays, half a pull."""
        params = self._engine.params
        if params is None:
            return 0.0
        turn_s = (self._engine.outbox.queued_messages + 1) / params.payload_rate_per_s
        return turn_s + (params.layers + 1) * params.delay_mean_s + 0.5 / params.pull_rate_per_s
