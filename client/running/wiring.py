"""The object graph of a client, as a table: each part is made of those above it, and nothing is assigned afterwards."""

from __future__ import annotations

from collections.abc import Callable

from client.asking.account import AccountOpening
from client.asking.contacts import ContactBook
from client.asking.desk import Desk
from client.asking.exchanges import Exchanges
from client.asking.guests import GuestOpening
from client.asking.posted import PostedRequests
from client.asking.requests import Requests
from client.asking.services import Services
from client.asking.tokens import TokenWallet
from client.core.expectation import Expectations
from client.core.journal import News
from client.core.sealing import Sealer
from client.core.settings import ClientSettings
from client.directory.keys import ClientKeys
from client.feeds.failures import CallbackFailures
from client.link.floors import Acceptance
from client.link.network import KnownNetwork
from client.link.pulls import PullBook
from client.link.registration import Registration
from client.link.session import ProviderLink, Session
from client.link.watch import LinkWatch
from client.receiving.arrivals import Arrivals
from client.receiving.callbacks import Callbacks
from client.receiving.impostors import Impostors
from client.receiving.inbox import Inbox
from client.receiving.journal import Journal
from client.receiving.letterbox import Letterbox
from client.receiving.offering import Offering
from client.receiving.receiver import Receiver
from client.receiving.room import InboxRoom
from client.receiving.shelf import StoredMessages
from client.receiving.unread import UnreadCount
from client.running.board import MissingDocument, RefusedDocument, StatusBoard, ThinTraffic
from client.running.life import Life
from client.running.recovery import Recovery
from client.running.rounds import Rounds
from client.running.service import ClientService
from client.sending.anonymous import AnonymousPoster
from client.sending.dispatch import Dispatch
from client.sending.drafts import Drafts
from client.sending.forecast import Forecast
from client.sending.ledger import Ledger
from client.sending.letters import Writer
from client.sending.outbox import Outbox
from client.sending.payloads import PayloadQueue
from client.sending.posting import Poster
from client.streams.loops import Loops
from client.streams.pulling import Pulling
from client.streams.traffic import Traffic
from loopixmix.net.network import ReceivingNetwork
from loopixmix.seams import Clock, Observer, Rng
from loopixmix.sphinx import Arithmetic
from loopixmix.store.access import StoreAccess

MAX_EXPECTED = 16_384
"""Reply blocks that may still come back: more than a client at the default rates gives out in two hours."""
GATEWAY_EXPECTED = 131_072
"""The same for a gateway: more than one gives out in six minutes at three hundred a second."""


def build_client(
    *,
    keys: ClientKeys,
    settings: ClientSettings,
    acceptance: Acceptance,
    access: StoreAccess,
    sealer: Sealer,
    network: ReceivingNetwork,
    link: ProviderLink,
    clock: Clock,
    monotonic: Callable[[], float],
    rng: Rng,
    arithmetic: Arithmetic,
    observer: Observer,
    document_problem: Callable[[], str | None] = lambda: None,
) -> ClientService:
    """Return a client that does not run yet.

    `keys`, `settings`: whose it is, and what its user has set; `acceptance`: which networks it takes part in;
    `access`: its store, which the client does not close; `sealer`: opens what is sealed to it; `network`, `link`: carry
    its frames, and tell of its one link; `clock`, `monotonic`: the time, and seconds that nobody sets; `rng`,
    `arithmetic`: the randomness and what packets are computed with; `observer`: hears of loops; `document_problem`:
    says why there is no network document, if anything is known about that.
    """
    # What several parts know.
    news = News()
    expectations = Expectations(capacity=GATEWAY_EXPECTED if settings.gateway else MAX_EXPECTED)
    pulls = PullBook()
    failures = CallbackFailures()
    impostors = Impostors()
    # The link.
    identity = keys.identity_key.public
    known = KnownNetwork(
        identity=identity,
        is_gateway=settings.gateway,
        acceptance=acceptance,
        arithmetic=arithmetic,
        longest_retry_s=settings.longest_retry_s,
    )
    session = Session(identity=identity, known=known, network=network, link=link, clock=clock, rng=rng)
    registration = Registration(session, clock=clock, patience_s=settings.patience_s, document_problem=document_problem)
    loops = Loops(session, expectations, observer)
    watch = LinkWatch(session, expectations, news, loops.health, rng)
    # Sending.
    writer = Writer(keys=keys, sealer=sealer, rng=rng, settings=settings)
    anonymous = AnonymousPoster(writer)
    poster = Poster(writer, anonymous)
    queue = PayloadQueue(access)
    ledger = Ledger(access, news)
    drafts = Drafts(writer, anonymous, access)
    outbox = Outbox(session=session, queue=queue, expectations=expectations, ledger=ledger, drafts=drafts)
    forecast = Forecast(session=session, queue=queue, outbox=outbox, health=loops.health)
    dispatch = Dispatch(session=session, poster=poster, access=access, outbox=outbox, forecast=forecast, news=news)
    # Asking.
    exchanges = Exchanges(session=session, queue=queue, expectations=expectations, loss=loops.health, rng=rng)
    requests = Requests(session=session, exchanges=exchanges, clock=clock, rng=rng)
    posted = PostedRequests(session=session, exchanges=exchanges, access=access, news=news, rng=rng)
    services = Services(posted, forecast, session, clock, failures)
    contacts = ContactBook(
        session=session, requests=requests, access=access, warnings=impostors, patience_s=settings.patience_s
    )
    wallet = TokenWallet(session=session, requests=requests, access=access, waits=settings.tokens, clock=clock, rng=rng)
    guests = GuestOpening(session=session, registration=registration, purse=wallet, rng=rng)
    enrolment = AccountOpening(
        keys=keys, session=session, registration=registration, guests=guests, requests=requests, access=access
    )
    # Receiving.
    offering = Offering(StoredMessages(access, news, clock=clock), clock=clock)
    callbacks = Callbacks(offering, clock=clock, failures=failures)
    receiver = Receiver(Arrivals(poster, writer), writer)
    room = InboxRoom(most_bytes=settings.keep_received_bytes)
    inbox = Inbox(
        receiver=receiver,
        access=access,
        outbox=outbox,
        offering=offering,
        news=news,
        impostors=impostors,
        room=room,
    )
    letterbox = Letterbox(
        session=session,
        registration=registration,
        pulls=pulls,
        expectations=expectations,
        inbox=inbox,
        clock=clock,
    )
    unread = UnreadCount(access, clock=clock)
    journal = Journal(access, news, outbox, unread, clock=clock, failures=failures)
    # Streams.
    rounds = Rounds(
        watch=watch,
        outbox=outbox,
        posted=posted,
        exchanges=exchanges,
        enrolment=enrolment,
        each_minute=(letterbox.tidy, posted.tidy, wallet.work, access.give_back, access.empty_log),
        news=news,
        clock=clock,
    )
    pulling = Pulling(session=session, pulls=pulls, chores=rounds, clock=clock, rng=rng, monotonic=monotonic)
    traffic = Traffic(
        session=session, queue=queue, loops=loops, pulling=pulling, clock=clock, rng=rng, monotonic=monotonic
    )
    # Running.
    recovery = Recovery(access=access, session=session, enrolment=enrolment, outbox=outbox, posted=posted)
    board = StatusBoard(
        session=session,
        outbox=outbox,
        traffic=traffic,
        loops=loops,
        forecast=forecast,
        # The first one that has a problem is heard: without a document or a disk the others cannot be well either.
        troubles=(
            unread,
            access,
            RefusedDocument(known),
            ledger,
            MissingDocument(session, document_problem),
            session,
            registration,
            pulling,
            rounds,
            traffic,
            known,
            loops.health,
            room,
            impostors,
            wallet,
            ThinTraffic(known),
        ),
    )
    life = Life(
        session=session,
        letterbox=letterbox,
        recovery=recovery,
        traffic=traffic,
        rounds=rounds,
        news=news,
        access=access,
        # The ledger comes last: what the others break off may still leave notes.
        parts=(letterbox, registration, enrolment, wallet, posted, requests, session, callbacks, journal, ledger),
    )
    return ClientService(
        life=life,
        dispatch=dispatch,
        desk=Desk(requests=requests, contacts=contacts, enrolment=enrolment, wallet=wallet),
        services=services,
        callbacks=callbacks,
        journal=journal,
        board=board,
        failures=failures,
    )
