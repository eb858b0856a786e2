"""Mail on its way into INBOX: once, whatever happens, with the bridge's own lines before it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from client.api import MAX_BODY_BYTES, Client, Verified
from client.testing import FakeClient, FakeNetwork, wait_for
from leap_plugin.incoming.receiving import IncomingMail, MailShelves
from leap_plugin.mail.addresses import reply_word
from leap_plugin.mail.splitting import bodies_of
from leap_plugin.mail.trace import Origin, ProvenOrigin, check_mark, make_trace_key
from leap_plugin.store.bell import MailBell
from leap_plugin.store.folders import message_in, uids_in
from leap_plugin.store.incoming import ANSWERABLE_S, Loss, ReplyWay, find_way
from leap_plugin.store.pieces import PATIENCE_S
from loopixmix.errors import StoreError
from loopixmix.store.access import StoreAccess, inline_access
from tests.worlds.mail_stores import MailStoreOnDisk
from tests.worlds.mails import PLAIN

RNG = Random(7)
TRACE_KEY = make_trace_key(RNG)
LONG = RNG.randbytes(MAX_BODY_BYTES + 1000)


class FullDisk(StoreAccess):
    """A store that cannot be written as often as is said."""

    def __init__(self, whole: StoreAccess) -> None:
        self._whole = whole
        self.failures = 0

    def write(self, work, *, committed=None):  # type: ignore[no-untyped-def]
        if self.failures:
            self.failures -= 1
            failed: Deferred[object] = Deferred()
            failed.errback(StoreError("the disk is full"))
            return failed
        return self._whole.write(work, committed=committed)

    def read(self, work):  # type: ignore[no-untyped-def]
        return self._whole.read(work)


class Bridge:
    """Bob's bridge, and Alice who writes to him."""

    def __init__(self, directory: Path) -> None:
        self.clock = Clock()
        self.clock.advance(1_800_000_000)
        self.network = FakeNetwork(clock=self.clock, rng=Random(1))
        self.alice = self.network.client("alice@one")
        self.bob = self.network.client("bob@two")
        self.store = MailStoreOnDisk(directory)
        self.account = self.store.account("bob@two")
        self.access = FullDisk(inline_access(self.store.opened))
        self.bell = MailBell()
        self.rings = 0
        self.bell.listen(self.account, self._rung)
        self.incoming = self.made()
        wait_for(self.alice.add_contact("bob@two"), self.clock)

    def made(self) -> IncomingMail:
        shelves = MailShelves(self.access, self.bell)
        client: Client = self.bob
        return IncomingMail("bob@two", client, shelves, trace_key=TRACE_KEY, clock=self.clock, rng=Random(2))

    def send(self, body: bytes, *, sender: FakeClient | None = None, anonymous: bool = False) -> None:
        key = f"{RNG.random()}"
        writer = sender or self.alice
        wait_for(writer.send("bob@two", body, kind="mail", idempotency_key=key, anonymous=anonymous), self.clock)
        self.wait(3.0)

    def wait(self, seconds: float) -> None:
        for _ in range(int(4 * seconds)):
            self.clock.advance(0.25)

    def mails(self) -> list[bytes]:
        def read(connection):  # type: ignore[no-untyped-def]
            uids = uids_in(connection, self.account, "INBOX")
            return [message_in(connection, self.account, "INBOX", uid) for uid in uids]

        return self.store.opened.read(read)  # type: ignore[no-any-return]

    def proven(self) -> list[tuple[Origin, bytes]]:
        checked = [check_mark(mail, TRACE_KEY) for mail in self.mails()]
        return [(one.origin, one.mail) for one in checked if isinstance(one, ProvenOrigin)]

    def at_client(self) -> int:
        return len(wait_for(self.bob.inbox(), self.clock))

    def losses(self) -> dict[Loss, int]:
        state = wait_for(self.incoming.state(), self.clock)
        return {loss: count for loss, (count, _) in state.losses.items()}

    def way(self, word: str) -> ReplyWay | None:
        return self.store.opened.read(lambda connection: find_way(connection, self.account, word))

    def _rung(self) -> None:
        self.rings += 1


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Bridge]:
    made = Bridge(tmp_path)
    made.incoming.start()
    yield made
    made.incoming.stop()
    made.store.close()


def body_of(mail: bytes) -> bytes:
    (body,) = bodies_of(mail, RNG)
    return body


def test_a_mail_is_in_the_inbox_once_and_no_more_at_the_client(bridge: Bridge) -> None:
    bridge.send(body_of(PLAIN))
    assert bridge.proven() == [(Origin("alice@one", Verified.UNKNOWN), PLAIN)]
    assert (bridge.at_client(), bridge.rings) == (0, 1)


@pytest.mark.parametrize(("compared", "verified"), [(False, Verified.PINNED), (True, Verified.COMPARED)])
def test_the_lines_tell_how_sure_the_key_is(bridge: Bridge, compared: bool, verified: Verified) -> None:
    contact = wait_for(bridge.bob.add_contact("alice@one"), bridge.clock)
    if compared:
        wait_for(bridge.bob.accept_key("alice@one", contact.fingerprint), bridge.clock)
    bridge.send(body_of(PLAIN))
    assert bridge.proven() == [(Origin("alice@one", verified), PLAIN)]


def test_who_claims_the_address_of_a_contact_is_shown_by_the_key(bridge: Bridge) -> None:
    wait_for(bridge.bob.add_contact("alice@one"), bridge.clock)
    bridge.alice.identity = bytes(32)
    bridge.send(body_of(PLAIN))
    ((origin, mail),) = bridge.proven()
    assert (origin.verified, mail) == (Verified.UNKNOWN, PLAIN)
    assert origin.sender is not None
    assert origin.sender.startswith("key:")


def test_a_gateway_is_never_called_end_to_end(bridge: Bridge) -> None:
    gateway = bridge.network.client("gateway@one")
    bridge.network.add_domain("example.org", "one", gateway="gateway")
    wait_for(gateway.add_contact("bob@two"), bridge.clock)
    bridge.send(body_of(PLAIN), sender=gateway)
    assert [origin.gateway for origin, _ in bridge.proven()] == ["example.org"]


def test_pieces_wait_for_each_other_in_the_store(bridge: Bridge) -> None:
    first, second = bodies_of(LONG, RNG)
    bridge.send(second)
    assert (bridge.mails(), bridge.at_client()) == ([], 0)
    assert wait_for(bridge.incoming.state(), bridge.clock).lines() == (
        "1 mails wait for pieces that are still missing",
    )
    bridge.incoming.stop()
    bridge.incoming = bridge.made()
    bridge.incoming.start()
    bridge.send(first)
    assert [mail for _, mail in bridge.proven()] == [LONG]


def test_pieces_that_wait_too_long_are_given_up_with_a_line(bridge: Bridge) -> None:
    bridge.send(bodies_of(LONG, RNG)[0])
    bridge.clock.advance(PATIENCE_S + 1)
    bridge.clock.advance(3600)
    assert bridge.losses() == {Loss.GIVEN_UP: 1}
    (line,) = wait_for(bridge.incoming.state(), bridge.clock).lines()
    assert line.startswith("1 mails were given up")


@pytest.mark.parametrize("body", [b"", b"no mail", b"\x97\xa5piece", bytes(100_000)], ids=len)
def test_what_is_no_mail_is_put_aside_and_counted(bridge: Bridge, body: bytes) -> None:
    bridge.send(body)
    bridge.send(body_of(PLAIN))
    bridge.wait(600)
    assert [mail for _, mail in bridge.proven()] == [PLAIN]
    assert (bridge.losses(), bridge.at_client()) == ({Loss.MALFORMED: 1}, 1)


def test_what_is_no_mail_stays_at_the_client_when_it_is_offered_again(bridge: Bridge) -> None:
    bridge.send(b"no mail")
    (message,) = wait_for(bridge.bob.inbox(), bridge.clock)
    wait_for(bridge.incoming._receive(message), bridge.clock)
    assert (bridge.losses(), bridge.at_client()) == ({Loss.MALFORMED: 1}, 1)


def test_while_the_disk_is_full_the_mail_stays_at_the_client(bridge: Bridge) -> None:
    bridge.access.failures = 3
    bridge.send(body_of(PLAIN))
    assert (bridge.mails(), bridge.at_client()) == ([], 1)
    bridge.wait(60)
    assert ([mail for _, mail in bridge.proven()], bridge.at_client()) == ([PLAIN], 0)


def test_a_message_that_is_offered_again_is_not_stored_again(bridge: Bridge) -> None:
    bridge.incoming.stop()
    bridge.send(body_of(PLAIN))
    # As after a kill between the store and the client: done here, still open there.
    wait_for(bridge.incoming._receive(wait_for(bridge.bob.inbox(), bridge.clock)[0]), bridge.clock)
    assert bridge.at_client() == 0
    bridge.send(body_of(PLAIN))
    (message,) = wait_for(bridge.bob.inbox(), bridge.clock)
    for _ in range(3):
        wait_for(bridge.incoming._receive(message), bridge.clock)
    assert [mail for _, mail in bridge.proven()] == [PLAIN, PLAIN]
    assert bridge.at_client() == 0


def test_an_anonymous_mail_can_be_answered_for_a_while(bridge: Bridge) -> None:
    bridge.send(body_of(PLAIN), anonymous=True)
    ((origin, mail),) = bridge.proven()
    assert (origin.sender, mail) == (None, PLAIN)
    word = reply_word(origin.reply or "")
    assert word is not None
    way = bridge.way(word)
    assert way is not None
    # The client keeps the message: with it, it would forget how to answer.
    assert bridge.at_client() == 1
    got: list[bytes] = []
    bridge.alice.on_received("mail", lambda message: got.append(message.body))
    wait_for(bridge.bob.send(way.reply_to, b"answer", kind="mail", idempotency_key="1"), bridge.clock)
    bridge.wait(3)
    assert got == [b"answer"]
    bridge.clock.advance(ANSWERABLE_S + 1)
    bridge.wait(1)
    bridge.clock.advance(3600)
    assert (bridge.way(word), bridge.at_client()) == (None, 0)


def test_an_anonymous_mail_that_is_offered_again_stays_answerable(bridge: Bridge) -> None:
    bridge.send(body_of(PLAIN), anonymous=True)
    (message,) = wait_for(bridge.bob.inbox(), bridge.clock)
    wait_for(bridge.incoming._receive(message), bridge.clock)
    assert (len(bridge.mails()), bridge.at_client()) == (1, 1)


def test_another_message_of_the_same_number_is_not_deleted(bridge: Bridge) -> None:
    bridge.send(body_of(PLAIN), anonymous=True)
    # As in a client that was restored from a copy: its numbers begin anew.
    (message,) = wait_for(bridge.bob.inbox(), bridge.clock)
    wait_for(bridge.bob.delete(message.number), bridge.clock)
    bridge.incoming.stop()
    bridge.bob._inbox.newest = message.number - 1
    bridge.send(body_of(PLAIN))
    assert bridge.at_client() == 1
    bridge.clock.advance(ANSWERABLE_S + 1)
    wait_for(bridge.incoming._do_tidy(), bridge.clock)
    assert bridge.at_client() == 1
