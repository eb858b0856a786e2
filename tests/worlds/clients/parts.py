"""The parts of one client on a clock that a test moves: frames are kept, and nothing answers but the test."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from client.api import Letter
from client.asking.exchanges import Exchanges
from client.asking.posted import PostedRequests
from client.asking.requests import Requests
from client.core.expectation import Expectations
from client.core.journal import News
from client.core.sealing import PlainSealer
from client.core.settings import ClientSettings
from client.directory.keys import ClientKeys
from client.link.floors import Acceptance
from client.link.network import KnownNetwork
from client.link.session import Account, Session
from client.sending.anonymous import AnonymousPoster
from client.sending.drafts import Drafts
from client.sending.ledger import Ledger
from client.sending.letters import Posted, Writer
from client.sending.outbox import Outbox
from client.sending.payloads import PayloadQueue
from client.sending.posting import Poster
from client.store import ClientStore, contacts
from client.store.contacts import pin_of
from client.streams.loops import Loops
from loopixmix.cards import make_card
from loopixmix.directory import NodeEntry
from loopixmix.errors import StoreError
from loopixmix.net.network import FramesReceived
from loopixmix.seams import Identity
from loopixmix.sphinx import load_arithmetic
from loopixmix.store.access import inline_access
from loopixmix.wire import Frame, FrameFormat
from tests.worlds.clients.world import QUICK, Facts
from tests.worlds.networks.models import NOW_S, model_network

T = TypeVar("T")

BOB = "bob@provider2"


class KeptFrames:
    """The network and the link of a client: what it sends is kept, while a test leaves the link open."""

    def __init__(self) -> None:
        self.open = True
        self.sent: list[tuple[Identity, bytes]] = []
        self.frames: FrameFormat | None = None
        self.connected: list[str] = []
        self.reads: list[bool] = []
        self.received: FramesReceived = lambda peer, frames: None

    def start(self, received: FramesReceived) -> None:
        self.received = received

    def send(self, peer: Identity, frame: bytes) -> bool:
        self.sent.append((peer, frame))
        return True

    def adopt(self, frames: FrameFormat) -> None:
        self.frames = frames

    def connect(self, provider: NodeEntry) -> None:
        self.connected.append(provider.name)

    def let_read(self, provider: Identity, reads: bool) -> None:
        """Note whether the link is to be read."""
        self.reads.append(reads)

    def is_open(self, provider: Identity) -> bool:
        return self.open

    def problem(self, provider: Identity) -> str | None:
        return None if self.open else "connection refused"


class FailingStore(ClientStore):
    """A store whose disk is full while a test says so."""

    failing = False

    def write(self, work: Callable[[Connection], T]) -> T:
        if self.failing:
            raise StoreError("the store cannot be used: database or disk is full")
        return super().write(work)


class Parts:
    """Alice's client at provider1, registered, with Bob as a contact; her parts are made and used one by one."""

    def __init__(self, *, settings: ClientSettings | None = None, seed: int = 1) -> None:
        self.rng = random.Random(seed)
        self.clock = Clock()
        self.clock.advance(NOW_S)
        self.model = model_network(self.rng, params=QUICK)
        self.document = self.model.document
        self.settings = settings or ClientSettings()
        self.keys = ClientKeys.generate(self.rng)
        self.bob = ClientKeys.generate(self.rng)
        self.account = Account("alice", self.model.node("provider1").id, "provider1")
        self.link = KeptFrames()
        self.observer = Facts()
        self.news = News()
        self.told = 0
        self.news.listen(self._count)
        self.store = FailingStore(None)
        self.access = inline_access(self.store)
        self.expectations = Expectations(capacity=100)
        self.known = KnownNetwork(
            identity=self.keys.identity_key.public,
            is_gateway=self.settings.gateway,
            acceptance=Acceptance.ANY,
            arithmetic=load_arithmetic(),
            longest_retry_s=self.settings.longest_retry_s,
        )
        self.session = Session(
            identity=self.keys.identity_key.public,
            known=self.known,
            network=self.link,
            link=self.link,
            clock=self.clock,
            rng=self.rng,
        )
        sealer = PlainSealer(self.keys.sealing.public, rng=self.rng)
        self.writer = Writer(keys=self.keys, sealer=sealer, rng=self.rng, settings=self.settings)
        self.anonymous = AnonymousPoster(self.writer)
        self.poster = Poster(self.writer, self.anonymous)
        self.queue = PayloadQueue(self.access)
        self.loops = Loops(self.session, self.expectations, self.observer)
        self.exchanges = Exchanges(
            session=self.session,
            queue=self.queue,
            expectations=self.expectations,
            loss=self.loops.health,
            rng=self.rng,
        )
        self.posted = PostedRequests(
            session=self.session, exchanges=self.exchanges, access=self.access, news=self.news, rng=self.rng
        )
        self.requests = Requests(session=self.session, exchanges=self.exchanges, clock=self.clock, rng=self.rng)
        self.ledger = Ledger(self.access, self.news)
        self.outbox = Outbox(
            session=self.session,
            queue=self.queue,
            expectations=self.expectations,
            ledger=self.ledger,
            drafts=Drafts(self.writer, self.anonymous, self.access),
        )

    def _count(self) -> None:
        self.told += 1

    @property
    def now_s(self) -> float:
        return self.clock.seconds()

    def renew_document(self) -> None:
        """Adopt a document that holds now: nothing expires while the network does not agree about the time."""
        length_s = self.document.params.epoch_length_s
        self.session.adopt(msgspec.structs.replace(self.document, valid_until_s=int(self.now_s) + 2 * length_s))

    def go_online(self) -> None:
        """Adopt the document and open the account."""
        self.session.adopt(self.document)
        self.session.open_account(self.account)

    def befriend_bob(self) -> None:
        """Pin Bob's card, as if it had been looked up."""
        card = make_card(
            self.bob.identity_key,
            name="bob",
            provider=self.model.node("provider2").id,
            sealing_key=self.bob.sealing.public,
            now_s=self.now_s,
        )
        self.store.write(lambda c: contacts.save(c, pin_of(BOB, card, compared=False)))

    def post(
        self,
        body: bytes,
        *,
        key: str = "1",
        to: str = BOB,
        anonymous: bool = False,
        not_before_s: float | None = None,
        deadline_s: float | None = None,
    ) -> Posted:
        """Store a message, as an application's call would; nothing is sent."""
        registered = self.session.registered()
        letter = Letter(
            to=to,
            kind="text",
            body=body,
            idempotency_key=key,
            anonymous=anonymous,
            not_before_s=not_before_s,
            deadline_s=deadline_s,
        )
        return self.store.write(lambda c: self.poster.post(c, letter, registered, now_s=self.now_s))

    def dispatch(
        self,
        body: bytes,
        *,
        key: str = "1",
        anonymous: bool = False,
        not_before_s: float | None = None,
        deadline_s: float | None = None,
    ) -> str:
        """Store a message and let it take its turns."""
        posted = self.post(body, key=key, anonymous=anonymous, not_before_s=not_before_s, deadline_s=deadline_s)
        assert posted.new is not None
        self.outbox.add(posted.new)
        self.outbox.release()
        return posted.message_id

    def send_next(self) -> bytes | None:
        """Send what is next in the queue, as the stream of payloads does; return its packet."""
        job, maker = self.queue.next(), self.session.maker()
        if job is None or maker is None:
            return None
        packet = job.make(maker, self.now_s)
        if packet is not None:
            job.on_sent(self.now_s)
        return packet

    def sent_frames(self) -> list[Frame]:
        """Return what was sent so far, decoded."""
        assert self.known.packet_format is not None
        return [self.known.packet_format.frames.decode(frame) for _, frame in self.link.sent]

    def close(self) -> None:
        """Close the store; no call may be left."""
        self.store.close()
        assert self.clock.getDelayedCalls() == []


def outcome(deferred: Deferred[T]) -> T | Failure:
    """Return the result or the failure of what is done already."""
    results: list[T | Failure] = []
    deferred.addBoth(results.append)
    [result] = results
    return result


def fragments_in(store: ClientStore) -> Sequence[tuple[int, int]]:
    """Return the fragments in a store, as (message, position)."""
    query = "SELECT message, position FROM fragments ORDER BY message, position"
    return store.write(lambda c: [(row, position) for row, position in c.exec_driver_sql(query)])
