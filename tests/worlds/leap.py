"""LEAP as its programs and servers show themselves over HTTP and to a sender, written from documented facts.

Facts, with their sources: the Incoming Box (leapcode/soledad: docs/reference/incoming_box.rst; server/_incoming.py: the
path has user and blob; server/auth.py: the header; server/_blobs/resource.py: 409 and 507); what its content is, and
what reads it (leapcode/leap_mx: mail_receiver.py; leapcode/bitmask-dev: mail/incoming/service.py, mail/utils.py); the
senders of outgoing mail (bitmask-dev: mail/outgoing). Nothing of their code is here.
"""

from __future__ import annotations

import functools
import random
import re
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

import pysequoia
from pysequoia import Cert, Profile, Tsk
from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.mail import smtp
from twisted.web.resource import Resource
from twisted.web.server import Request

from client.api import Client, ReceivedMessage
from client.testing import FakeNetwork, wait_for
from leap_plugin.leap.gateway.arriving import MAIL_KIND, READER, GatewayLimits, MailArrivals
from leap_plugin.leap.gateway.delivering import Deliverer
from leap_plugin.leap.gateway.reporting import FailureReports
from leap_plugin.leap.gateway.schema import LEAP_STORE
from leap_plugin.leap.gateway.sealing import SealingPlace
from leap_plugin.leap.gateway.soledad import SoledadIncoming
from leap_plugin.leap.gateway.users import make_owner, put_owner
from leap_plugin.mail.splitting import bodies_of
from leap_plugin.mail.submitting import Announcement, SubmissionRefusedError, SubmittedMail
from loopixmix.seams import Clock as AnyClock
from loopixmix.store.access import StoreAccess, inline_access
from loopixmix.store.sqlite import MEMORY_URL
from loopixmix.store.transactions import Store
from loopixmix.web.calls import client_of

if TYPE_CHECKING:
    from treq.client import HTTPClient
    from twisted.web.iweb import IAgent

SECRET = "incoming:a-secret-of-both-services"
_PATH_PART = re.compile(rb"[A-Za-z0-9_-]+")
_BEGIN, _END = b'{"incoming": true, "content": "', b'"}'
_ESCAPE = re.compile(rb"\\(u00[0-9a-f]{2}|.)", re.DOTALL)
_MEANT = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b'"': b'"', b"\\": b"\\"}


class KeyPair:
    """The OpenPGP key of a user: the certificate that everybody may have, and what only Bitmask has."""

    def __init__(self, address: str, *, validity_s: int | None = None) -> None:
        self.address = address
        self.secret = Tsk.generate(
            user_id=f"Somebody <{address}>", profile=Profile.RFC4880, validity_seconds=validity_s
        )
        # Read anew: what pysequoia extracts has the secret keys still.
        self.certificate = Cert.from_bytes(bytes(self.secret.extract_certificate()))

    @property
    def armored(self) -> str:
        return str(self.certificate)

    def read_incoming(self, content: bytes) -> bytes:
        """Return the mail in what an Incoming Box holds, as Bitmask takes it apart."""
        document = pysequoia.decrypt(content, decryptor=self.secret.decryptor()).bytes
        assert document is not None
        return read_document(document)


def read_document(document: bytes) -> bytes:
    """Return the mail in the JSON object, read as bytes: that is how Bitmask reads it."""
    assert document.startswith(_BEGIN)
    assert document.endswith(_END)
    content = document[len(_BEGIN) : -len(_END)]
    assert b'"' not in _ESCAPE.sub(b"", content), "the text ends too early"
    return _ESCAPE.sub(lambda escape: _meant(escape[1]), content)


def _meant(escape: bytes) -> bytes:
    return bytes((int(escape[1:], 16),)) if escape.startswith(b"u") else _MEANT[escape]


class Soledad(Resource):
    """A Soledad's Incoming Box: `PUT /incoming/{uuid}/{blob id}`."""

    isLeaf = True  # noqa: N815 (Twisted's name)

    def __init__(self, *, quota_bytes: int = 10**9) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.quota_bytes = quota_bytes
        self.boxes: dict[str, dict[str, bytes]] = {}
        self.full: set[str] = set()
        """Users whose quota is used up."""
        self.broken: set[str] = set()
        """Users whose database answers with an error."""
        self.puts: list[tuple[str, str]] = []
        self.answers: list[int] = []
        """Given once each, whatever is asked, before anything else is looked at."""

    def render_PUT(self, request: Request) -> bytes:
        status = self._put(request)
        request.setResponseCode(status)
        return b'{"success": true}' if status == 200 else b"no"

    def _put(self, request: Request) -> int:
        if self.answers:
            return self.answers.pop(0)
        expected = b"Token " + b64encode(SECRET.encode())
        if request.getHeader(b"Authorization") != expected:
            return 401
        parts = request.path.split(b"/")[1:]
        if len(parts) != 3 or parts[0] != b"incoming" or not all(map(_PATH_PART.fullmatch, parts)):
            return 500
        uuid, blob_id = parts[1].decode(), parts[2].decode()
        self.puts.append((uuid, blob_id))
        box = self.boxes.setdefault(uuid, {})
        if uuid in self.broken:
            return 500
        if blob_id in box:
            return 409
        content = request.content.read() if request.content is not None else b""
        if uuid in self.full or sum(map(len, box.values())) + len(content) > self.quota_bytes:
            return 507
        box[blob_id] = content
        return 200


class BitmaskSender(Protocol):
    """What outgoing mail asks of a sender."""

    def can_send(self, recipient: str, /) -> bool: ...

    def send(self, recipient: smtp.User, message: str, /) -> Deferred[str]: ...


class DirectSender:
    """Bitmask's own sender, which says yes to every address; here it only notes what would have left directly."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def can_send(self, recipient: str) -> bool:
        return "@" in recipient

    def send(self, recipient: smtp.User, message: str) -> Deferred[str]:
        address = recipient.dest.addrstr.decode()
        self.sent.append(address)
        done: Deferred[str] = Deferred()
        done.callback(address)
        return done


@dataclass
class OutgoingPipeline:
    """Bitmask's outgoing mail: encrypted and signed for each recipient, and given to the first sender that takes it.

    There is no second attempt, and no other sender if the first one fails.
    """

    encrypt_and_sign: Callable[[str, smtp.User], str]
    senders: list[BitmaskSender] = field(default_factory=list)
    bounced: list[str] = field(default_factory=list)

    def add_sender(self, sender: BitmaskSender) -> None:
        self.senders.append(sender)

    def send_message(self, raw: str, recipient: smtp.User) -> Deferred[str | None]:
        message = self.encrypt_and_sign(raw, recipient)
        address = recipient.dest.addrstr.decode()
        sender = next(one for one in self.senders if one.can_send(address))
        sending: Deferred[str | None] = sender.send(recipient, message)  # type: ignore[assignment]
        return sending.addErrback(lambda failure: self.bounced.append(failure.getErrorMessage()))


def smtp_user(address: str) -> smtp.User:
    """Return a recipient, as Twisted's SMTP server hands it to a delivery."""
    return smtp.User(address, None, None, None)  # type: ignore[no-untyped-call]


class SmtpData:
    """The end of DATA at Bitmask's SMTP server: answered when all sends have ended."""

    def __init__(self, pipeline: OutgoingPipeline, recipients: Sequence[str], raw: str) -> None:
        self.open = len(recipients)
        for address in recipients:
            pipeline.send_message(raw, smtp_user(address)).addBoth(self._ended)

    @property
    def is_answered(self) -> bool:
        return self.open == 0

    def _ended(self, _: object) -> None:
        self.open -= 1


class AtOnce:
    """Does what is meant for a thread at once."""

    async def __call__(self, work: Callable[[], object]) -> object:
        return work()


def advance(clock: Clock, seconds: float, *, step_s: float = 1.0) -> None:
    """Move a clock on in steps, so that what waits for one thing after the other gets on."""
    for _ in range(int(seconds / step_s)):
        clock.advance(step_s)


class FakeQueue:
    """The queue of an account, which takes a mail only when the test says that it is on the disk."""

    def __init__(self) -> None:
        self.mails: list[SubmittedMail] = []
        self.refusals: dict[str, SubmissionRefusedError] = {}
        self.writing: list[Deferred[None]] = []
        self.is_slow = False

    def announcement(self) -> Announcement:
        return Announcement(size_bytes=10**6, text="a network")

    async def check_recipient(self, address: str, size_bytes: int | None) -> None:
        if address in self.refusals:
            raise self.refusals[address]

    async def submit(self, submitted: SubmittedMail) -> str:
        if self.is_slow:
            self.writing.append(Deferred())
            await self.writing[-1]
        self.mails.append(submitted)
        return str(len(self.mails))

    def flush(self) -> None:
        """Let what was handed over be on the disk."""
        for waiting in self.writing:
            waiting.callback(None)
        self.writing.clear()


class LeapTown:
    """A network in memory with a LEAP provider's gateway, its Soledad, and two people who write."""

    DOMAIN = "leap.example"
    GATEWAY = "leap@provider-1"

    def __init__(self, *, store_url: str = MEMORY_URL) -> None:
        self.clock = Clock()
        self.clock.advance(int(time.time()))
        self.network = FakeNetwork(clock=self.clock, rng=random.Random(7))
        self.gateway = self.network.client(self.GATEWAY)
        self.sender = self.network.client("alice@provider-2")
        self.network.add_domain(self.DOMAIN, "provider-1", "leap")
        self.soledad = Soledad()
        self.access = inline_access(Store(LEAP_STORE, store_url, one_connection=True))
        agent = RequestTraversalAgent(self.soledad)  # type: ignore[no-untyped-call]
        self.http = client_of(cast("IAgent", agent))
        self.keys: dict[str, KeyPair] = {}

    def add_user(self, name: str, *, with_key: bool = True, uuid: str = "") -> str:
        address = f"{name}@{self.DOMAIN}"
        self.keys.setdefault(address, _key_of(address))
        certificate = self.keys[address].armored.encode() if with_key else b""
        owner = make_owner(address, uuid or f"uuid-of-{name}", certificate, frozenset({self.DOMAIN}), self.now_s)
        wait_for(self.access.write(lambda connection: put_owner(connection, owner)), self.clock)
        return address

    @property
    def now_s(self) -> float:
        return self.clock.seconds()

    def send(self, to: str, mail: bytes, *, key: str, anonymous: bool = False, body: bytes | None = None) -> None:
        """Send a mail to a user of the provider, as the bridge does."""
        wait_for(self.sender.add_contact(to), self.clock)
        [made] = (body,) if body is not None else bodies_of(mail, random.Random(1), to=to)
        wait_for(self.sender.send(to, made, kind="mail", idempotency_key=key, anonymous=anonymous), self.clock)

    def received(self, uuid: str, key: KeyPair) -> list[bytes]:
        """Return the mails in a user's box, as Bitmask reads them."""
        return [key.read_incoming(content) for content in self.soledad.boxes.get(uuid, {}).values()]

    def stop(self) -> None:
        self.network.stop()


class GatewayParts:
    """What a LEAP gateway's program puts together, on any clock."""

    def __init__(
        self,
        client: Client,
        access: StoreAccess,
        http: HTTPClient,
        *,
        domain: str,
        clock: AnyClock,
        token: str = SECRET,
        limits: GatewayLimits | None = None,
    ) -> None:
        rng = random.Random(3)
        reports = FailureReports(client, domains=frozenset({domain}), clock=clock, rng=rng)
        soledad = SoledadIncoming("http://127.0.0.1:2525/incoming", token, http=http, clock=clock)
        in_thread = cast("SealingPlace", AtOnce())
        self.arrivals = MailArrivals(
            client, access, reports, limits=limits or GatewayLimits(), clock=clock, in_thread=in_thread
        )
        self.deliverer = Deliverer(client, access, soledad, reports, clock=clock, rng=rng, in_thread=in_thread)
        self.deliverer.start()
        self._stop_reading = client.on_received(MAIL_KIND, self._take, reader=READER)

    async def _take(self, message: ReceivedMessage) -> None:
        await self.arrivals.take(message)
        self.deliverer.wake()

    async def end(self) -> None:
        self._stop_reading()
        await self.deliverer.stop()


@functools.cache
def _key_of(address: str) -> KeyPair:
    # Made once for all tests: a key takes some milliseconds.
    return KeyPair(address)
