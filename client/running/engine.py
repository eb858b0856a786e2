"""What runs inside a client: the parts, wired once, and what arrives passed on to the one it is for."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from sqlalchemy import Connection
from twisted.logger import Logger
from twisted.python.failure import Failure

from client.api import NotRunningError
from client.asking.account import Enrolment, KeptEnrolment, read_enrolment
from client.asking.contacts import ContactBook
from client.asking.requests import Requests
from client.core.health import assured_pool, traffic_problem
from client.core.packets import PacketMaker
from client.core.retry import round_trip_policy
from client.core.sealing import Sealer
from client.core.settings import ClientSettings
from client.directory.keys import ClientKeys
from client.link.session import ProviderLink, Session
from client.receiving.arrivals import Arrivals
from client.receiving.callbacks import Callbacks
from client.receiving.receiver import Receiver
from client.running.gate import Gate
from client.running.intake import Intake
from client.sending.anonymous import AnonymousPoster
from client.sending.ledger import Ledger
from client.sending.letters import Writer
from client.sending.outbox import Outbox
from client.sending.payloads import PayloadQueue
from client.sending.posting import Poster
from client.store import contacts, outgoing
from client.store.access import StoreAccess
from client.store.outgoing import UnfinishedMessage
from client.streams.loops import Loops
from client.streams.traffic import Traffic
from loopixmix.directory import Document
from loopixmix.net.network import ReceivingNetwork
from loopixmix.params import NetworkParams
from loopixmix.routing.packets import PacketFormat
from loopixmix.seams import Clock, DelayedCall, Observer, Rng
from loopixmix.sphinx import Arithmetic

log = Logger()

TIDY_S = 60.0
UNANSWERED_PULLS = 5
PARAMS_FACT = "params"
EPOCH_FACT = "newest epoch"


class Kept(msgspec.Struct, frozen=True):
    """What the store has kept from the last run."""

    enrolment: KeptEnrolment
    params: NetworkParams | None
    newest_epoch: int
    unfinished: list[UnfinishedMessage]


class Engine:
    """The parts of one client."""

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
        """Wire the parts."""
        self.params: NetworkParams | None = None
        """The newest figures of the network, also while there is no valid document."""
        self.packet_format: PacketFormat | None = None
        """The packets of that network."""
        self.gate = Gate()
        self.listeners: list[Callable[[], None]] = []
        writer = Writer(keys=keys, sealer=sealer, rng=rng, settings=settings)
        anonymous = AnonymousPoster(writer)
        self.poster = Poster(writer, anonymous)
        self.session = Session(identity=keys.identity.public, network=network, link=link, clock=clock, rng=rng)
        self.loops = Loops(clock=clock, observer=observer)
        queue = PayloadQueue()
        self.requests = Requests(queue=queue, session=self.session, clock=clock, rng=rng)
        self.ledger = Ledger(access, changed=self.tell)
        self.outbox = Outbox(queue=queue, ledger=self.ledger, anonymous=anonymous, access=access, clock=clock, rng=rng)
        queue.connect(self.outbox, self.requests)
        self.callbacks = Callbacks(access, clock=clock, changed=self.tell)
        self.enrolment = Enrolment(
            keys=keys,
            session=self.session,
            requests=self.requests,
            access=access,
            clock=clock,
            patience_s=settings.patience_s,
        )
        self.contacts = ContactBook(
            session=self.session,
            requests=self.requests,
            access=access,
            patience_s=settings.patience_s,
        )
        self.traffic = Traffic(
            session=self.session, queue=queue, loops=self.loops, clock=clock, rng=rng, on_pull=self._on_pull
        )
        self.intake = Intake(
            session=self.session,
            enrolment=self.enrolment,
            outbox=self.outbox,
            loops=self.loops,
            requests=self.requests,
            ledger=self.ledger,
            callbacks=self.callbacks,
            receiver=Receiver(Arrivals(self.poster, writer), writer),
            access=access,
            clock=clock,
            pulls=lambda: self.traffic.pulls,
            changed=self.tell,
        )
        self._arithmetic = arithmetic
        self._settings = settings
        self.access = access
        self._network = network
        self._clock = clock
        self._newest_epoch = -1
        self._trouble = ""
        self._was_linked = False
        self._tidy_call: DelayedCall | None = None
        self._stopped = False

    def start(self) -> None:
        """Read the store, then begin to send and receive."""
        self._network.start(self.intake.received)
        self.access.read(_read_kept).addCallbacks(self._begin, self._cannot_begin)

    async def stop(self) -> None:
        """Stop everything and finish writing."""
        self._stopped = True
        self.gate.shut(NotRunningError("the client is stopping"))
        if self._tidy_call is not None and self._tidy_call.active():
            self._tidy_call.cancel()
        self.traffic.stop()
        self.enrolment.stop()
        self.requests.stop()
        self.session.stop()
        self.callbacks.stop()
        self.ledger.flush_soon()
        await self.access.stop()

    def adopt(self, document: Document) -> None:
        """Go on with a new network document; one that is older than the newest seen is not used."""
        if document.epoch < self._newest_epoch:
            self._trouble = "the network document is older than one seen before: it is not used"
            return
        self._trouble = ""
        if document.epoch > self._newest_epoch or document.params != self.params:
            self._write_soon(lambda connection: _save_network(connection, document))
        self._newest_epoch = document.epoch
        self.session.adopt(document, self._take_params(document.params))
        policy = round_trip_policy(document.params, longest_s=self._settings.longest_retry_s)
        self.outbox.policy = self.requests.policy = self.loops.policy = policy
        self.run_traffic()
        self.tell()

    def run_traffic(self) -> None:
        """Send at the rates of the document, once there is one and an account."""
        if not self.gate.is_open or self.session.account is None or self.session.document is None:
            return
        self.traffic.run(self.session.document.params)
        self.release()

    def release(self) -> None:
        """Let what is queued take its turns."""
        maker = self._maker()
        if maker is not None:
            self.outbox.release(maker)

    def tell(self) -> None:
        """Tell the listeners that there is news."""
        for listener in tuple(self.listeners):
            listener()

    @property
    def problem(self) -> str:
        """One line that says what keeps the client from doing its work, empty when all is well."""
        return (
            self.ledger.problem
            or self.session.problem(self._clock.seconds())
            or self._provider_problem()
            or self._trouble
            or self.loops.health.problem
            or self.intake.suspicion
            or self._traffic_problem()
        )

    def _begin(self, kept: Kept) -> None:
        if self._stopped:
            return
        self.enrolment.restore(kept.enrolment)
        if kept.enrolment.account is not None:
            self.session.open_account(kept.enrolment.account)
        if self.params is None and kept.params is not None:
            self._take_params(kept.params)
        self._newest_epoch = max(self._newest_epoch, kept.newest_epoch)
        for message in kept.unfinished:
            self.outbox.add(message)
        self.gate.open()
        self.run_traffic()
        self._tidy_call = self._clock.callLater(TIDY_S, self._tidy)
        self.tell()

    def _take_params(self, params: NetworkParams) -> PacketFormat:
        self.params = params
        self.packet_format = PacketFormat.for_network(params, arithmetic=self._arithmetic)
        return self.packet_format

    def _cannot_begin(self, failure: Failure) -> None:
        if self._stopped:
            return
        self._trouble = failure.getErrorMessage()
        log.error("the client cannot begin: {reason}", reason=self._trouble)
        self.gate.shut(failure.value if isinstance(failure.value, Exception) else NotRunningError(self._trouble))

    def _maker(self) -> PacketMaker | None:
        return self.session.maker(self._clock.seconds())

    def _on_pull(self) -> None:
        """Once every pull: what is overdue is sent again, what waited is let go."""
        linked = self.session.is_linked()
        if linked != self._was_linked:
            self._was_linked = linked
            self.tell()
            if linked:
                for part in (self.outbox, self.loops, self.requests):
                    part.postpone()
        if linked:
            self.loops.count_lost()
            self.outbox.send_again()
            self.requests.send_again()
            self.enrolment.publish()
        self.release()
        self.ledger.flush_soon()

    def _tidy(self) -> None:
        self._tidy_call = self._clock.callLater(TIDY_S, self._tidy)
        self.outbox.give_up()
        self.ledger.flush_soon()
        self.intake.tidy()

    def _write_soon(self, work: Callable[[Connection], None]) -> None:
        self.access.write(work).addErrback(_log_failure)

    def _provider_problem(self) -> str:
        account, pulls = self.session.account, self.traffic.pulls
        if account is None:
            return ""
        if self.enrolment.forgotten:
            return f"the provider {account.provider_name} says that it has no account for this client: register again"
        if pulls is not None and pulls.unanswered > UNANSWERED_PULLS:
            return f"the provider {account.provider_name} does not answer; messages wait"
        return ""

    def _traffic_problem(self) -> str:
        document = self.session.document
        if document is None:
            return ""
        mixes, providers = len(document.mixes()), len(document.providers())
        return traffic_problem(assured_pool(document.params, mixes=mixes, providers=providers))


def _read_kept(connection: Connection) -> Kept:
    params = contacts.fact(connection, PARAMS_FACT)
    epoch = contacts.fact(connection, EPOCH_FACT)
    return Kept(
        enrolment=read_enrolment(connection),
        params=None if params is None else msgspec.msgpack.decode(params, type=NetworkParams),
        newest_epoch=-1 if epoch is None else int.from_bytes(epoch),
        unfinished=outgoing.unfinished(connection),
    )


def _save_network(connection: Connection, document: Document) -> None:
    contacts.save_fact(connection, PARAMS_FACT, msgspec.msgpack.encode(document.params))
    contacts.save_fact(connection, EPOCH_FACT, document.epoch.to_bytes(8))


def _log_failure(failure: Failure) -> None:
    log.error("the store cannot be used: {reason}", reason=failure.getErrorMessage())
