"""From the network into Incoming Boxes: with 409 and 507, errors for some users or for all, keys that come later."""

from __future__ import annotations

import random
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from client.testing import wait_for
from leap_plugin.leap.gateway import deliveries, users
from leap_plugin.leap.gateway.arriving import GatewayLimits
from leap_plugin.leap.gateway.delivering import FIRST_DOWN_S, LONGEST_DOWN_S, LONGEST_RETRY_S, LOOK_S, TIDY_S
from leap_plugin.mail.envelope import EnclosedMail
from leap_plugin.mail.splitting import PIECE_BYTES, bodies_of, decode_body
from loopixmix.store.sqlite import sqlite_url
from tests.worlds.leap import SECRET, GatewayParts, KeyPair, LeapTown

DAY_S = 86_400.0
MAIL = b"From: alice@provider-2.mix.invalid\r\nMessage-ID: <one@x.example>\r\nSubject: hi\r\n\r\n8-bit \xe4 body\r\n"


class RunningGateway(GatewayParts):
    """The parts of a gateway that runs on a town's clock."""

    def __init__(self, town: LeapTown, *, token: str = SECRET, limits: GatewayLimits | None = None) -> None:
        super().__init__(
            town.gateway, town.access, town.http, domain=town.DOMAIN, clock=town.clock, token=token, limits=limits
        )
        self.town = town

    def stop(self) -> None:
        wait_for(self.end(), self.town.clock)


@pytest.fixture
def town() -> Iterator[LeapTown]:
    made = LeapTown()
    yield made
    made.stop()
    assert not made.clock.getDelayedCalls()


@pytest.fixture
def gateway(town: LeapTown) -> Iterator[RunningGateway]:
    made = RunningGateway(town)
    yield made
    made.stop()


def pass_time(town: LeapTown, seconds: float, *, step_s: float = 1.0) -> None:
    for _ in range(int(seconds / step_s) + 1):
        town.clock.advance(step_s)


def backlog(town: LeapTown) -> list[tuple[str, int, int, str]]:
    found = wait_for(town.access.read(deliveries.backlogs), town.clock)
    return [(one.address, one.waiting, one.aside, one.problem) for one in found]


def inbox_of(town: LeapTown) -> int:
    return len(wait_for(town.gateway.inbox(), town.clock))


def reports_to_sender(town: LeapTown) -> list[bytes]:
    found = [decode_body(message.body) for message in wait_for(town.sender.inbox(), town.clock)]
    return [one.mail for one in found if isinstance(one, EnclosedMail)]


def test_a_mail_is_put_into_the_users_box_and_forgotten(town: LeapTown, gateway: RunningGateway) -> None:
    bob = town.add_user("bob")
    town.send(bob, MAIL, key="1")
    pass_time(town, 10)
    assert town.received("uuid-of-bob", town.keys[bob]) == [MAIL]
    assert inbox_of(town) == 0
    assert backlog(town) == []
    assert gateway.deliverer.delivered == 1


def test_forged_claims_are_taken_out(town: LeapTown, gateway: RunningGateway) -> None:
    bob = town.add_user("bob")
    town.send(bob, b"X-Leap-Signature: valid; pubkey=00\r\nX-Leap-Encryption: decrypted\r\n" + MAIL, key="1")
    pass_time(town, 10)
    assert town.received("uuid-of-bob", town.keys[bob]) == [MAIL]


def test_only_the_user_can_read_what_the_gateway_keeps(town: LeapTown, gateway: RunningGateway) -> None:
    bob = town.add_user("bob")
    town.soledad.full.add("uuid-of-bob")
    town.send(bob, MAIL, key="1")
    pass_time(town, 10)
    assert inbox_of(town) == 0
    [kept] = wait_for(town.access.read(lambda c: deliveries.too_old(c, town.now_s, limit=9)), town.clock)
    assert kept.content is not None
    assert b"body" not in kept.content
    assert town.keys[bob].read_incoming(kept.content) == MAIL


def test_what_was_delivered_is_gone_from_the_log_of_changes_too(tmp_path: Path) -> None:
    town = LeapTown(store_url=sqlite_url(tmp_path / "leap.sqlite3"))
    gateway = RunningGateway(town)
    bob = town.add_user("bob")
    town.send(bob, MAIL, key="1")
    pass_time(town, 10)
    assert town.received("uuid-of-bob", town.keys[bob]) == [MAIL]
    assert b"<one@x.example>" in (tmp_path / "leap.sqlite3-wal").read_bytes()
    pass_time(town, TIDY_S)
    assert b"<one@x.example>" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    gateway.stop()
    wait_for(town.access.stop(), town.clock)
    town.stop()


def test_a_box_that_has_the_mail_already_is_a_success(town: LeapTown, gateway: RunningGateway) -> None:
    bob = town.add_user("bob")
    # The answer to the first attempt is lost, although Soledad has stored it.
    town.soledad.answers = [502] * 100
    town.send(bob, MAIL, key="1")
    pass_time(town, 2)
    town.soledad.answers = []
    [kept] = wait_for(town.access.read(lambda c: deliveries.too_old(c, town.now_s + 1, limit=9)), town.clock)
    town.soledad.boxes["uuid-of-bob"] = {kept.blob_id: kept.content or b""}
    pass_time(town, LONGEST_DOWN_S)
    assert town.soledad.puts == [("uuid-of-bob", kept.blob_id)]
    assert backlog(town) == []


def test_a_full_box_waits_and_holds_up_nobody(town: LeapTown, gateway: RunningGateway) -> None:
    bob, carol = town.add_user("bob"), town.add_user("carol")
    town.soledad.full.add("uuid-of-bob")
    for number in range(20):
        town.send(bob, MAIL, key=f"bob-{number}")
    town.send(carol, MAIL, key="carol")
    pass_time(town, 20)
    assert town.received("uuid-of-carol", town.keys[carol]) == [MAIL]
    assert backlog(town) == [(bob, 20, 0, "the user's quota is used up")]
    assert gateway.deliverer.problem is None
    puts = len(town.soledad.puts)
    pass_time(town, 7200, step_s=300)
    # Not one attempt for each mail, but one for the box, again and again.
    assert 2 <= len(town.soledad.puts) - puts <= 20
    town.soledad.full.clear()
    pass_time(town, LONGEST_RETRY_S + 60, step_s=20)
    assert town.received("uuid-of-bob", town.keys[bob]) == [MAIL] * 20
    assert backlog(town) == []


def test_mails_of_one_user_keep_their_order(town: LeapTown, gateway: RunningGateway) -> None:
    bob = town.add_user("bob")
    mails = [b"Subject: %d\r\n\r\n" % number for number in range(5)]
    for number, mail in enumerate(mails):
        town.send(bob, mail, key=str(number))
        pass_time(town, 2, step_s=1)
    pass_time(town, 20)
    assert town.received("uuid-of-bob", town.keys[bob]) == mails


def test_while_soledad_is_down_nothing_is_lost_and_the_operator_is_told(
    town: LeapTown, gateway: RunningGateway
) -> None:
    bob = town.add_user("bob")
    town.soledad.answers = [503] * 5
    town.send(bob, MAIL, key="1")
    pass_time(town, 3)
    assert gateway.deliverer.problem == "Soledad answers 503"
    pass_time(town, 6 * LONGEST_DOWN_S, step_s=5)
    assert town.received("uuid-of-bob", town.keys[bob]) == [MAIL]
    assert gateway.deliverer.problem is None


def test_a_wrong_token_is_told_and_blames_no_mail(town: LeapTown) -> None:
    gateway = RunningGateway(town, token="incoming:another-secret")
    bob = town.add_user("bob")
    town.send(bob, MAIL, key="1")
    pass_time(town, 10)
    assert "refuses the token" in (gateway.deliverer.problem or "")
    assert backlog(town) == [(bob, 1, 0, "")]
    gateway.stop()


def test_one_user_whose_database_is_broken_holds_up_nobody(town: LeapTown, gateway: RunningGateway) -> None:
    bob, carol = town.add_user("bob"), town.add_user("carol")
    town.soledad.broken.add("uuid-of-bob")
    town.send(bob, MAIL, key="bob")
    town.send(carol, MAIL, key="carol")
    pass_time(town, 20)
    assert backlog(town) == [(bob, 1, 0, "Soledad answers 500 for this user")]
    assert town.received("uuid-of-carol", town.keys[carol]) == [MAIL]


def test_after_five_days_a_mail_is_put_aside_and_its_sender_is_told(town: LeapTown, gateway: RunningGateway) -> None:
    bob = town.add_user("bob")
    town.soledad.full.add("uuid-of-bob")
    town.send(bob, MAIL, key="1")
    pass_time(town, 10)
    # Not by a clock that only says so.
    town.network.is_time_agreed = False
    pass_time(town, 4.9 * DAY_S, step_s=4 * 3600)
    pass_time(town, 0.2 * DAY_S, step_s=1200)
    assert reports_to_sender(town) == []
    town.network.is_time_agreed = True
    pass_time(town, 3600, step_s=1200)
    pass_time(town, 10)
    [report] = reports_to_sender(town)
    assert b"Status: 5.4.7" in report
    assert b"quota is used up" in report
    assert b64encode(b"Message-ID: <one@x.example>")[:-4] in report
    assert b"8-bit" not in report
    assert [one[1:3] for one in backlog(town)] == [(0, 1)]
    # The operator has found room, and has it tried again.
    town.soledad.full.clear()
    wait_for(town.access.write(lambda c: deliveries.retry(c, town.now_s)), town.clock)
    pass_time(town, 2 * LOOK_S)
    assert town.received("uuid-of-bob", town.keys[bob]) == [MAIL]
    assert backlog(town) == []


def test_what_was_put_aside_is_forgotten_after_a_month(town: LeapTown, gateway: RunningGateway) -> None:
    bob = town.add_user("bob")
    town.soledad.full.add("uuid-of-bob")
    town.send(bob, MAIL, key="1")
    pass_time(town, 10)
    pass_time(town, 36 * DAY_S, step_s=DAY_S / 2)
    assert backlog(town) == []
    pass_time(town, 8 * DAY_S, step_s=DAY_S / 2)
    assert wait_for(town.access.read(deliveries.count_by_state), town.clock) == {}


def test_mail_for_nobody_is_sent_back_at_once(town: LeapTown, gateway: RunningGateway) -> None:
    town.send("nobody@leap.example", MAIL, key="1")
    pass_time(town, 10)
    [report] = reports_to_sender(town)
    assert b"Status: 5.1.1" in report
    assert b"nobody@leap.example" in report
    assert inbox_of(town) == 0
    assert wait_for(town.gateway.contacts(), town.clock) == []


def test_an_anonymous_sender_is_told_by_its_reply_blocks(town: LeapTown, gateway: RunningGateway) -> None:
    town.send("nobody@leap.example", MAIL, key="1", anonymous=True)
    pass_time(town, 10)
    [report] = reports_to_sender(town)
    assert b"Status: 5.1.1" in report


def test_no_report_is_made_about_a_report(town: LeapTown, gateway: RunningGateway) -> None:
    town.send("nobody@leap.example", b"Auto-Submitted: auto-replied\r\n" + MAIL, key="1")
    pass_time(town, 10)
    assert reports_to_sender(town) == []
    assert inbox_of(town) == 0


def test_a_sender_who_claims_anothers_address_cannot_flood_it(town: LeapTown, gateway: RunningGateway) -> None:
    for number in range(20):
        town.send("nobody@leap.example", MAIL, key=str(number))
    pass_time(town, 30)
    assert len(reports_to_sender(town)) == 5


def test_mail_waits_in_the_client_until_its_user_has_a_key(town: LeapTown, gateway: RunningGateway) -> None:
    bob = town.add_user("bob", with_key=False)
    town.send(bob, MAIL, key="1")
    pass_time(town, 1300, step_s=20)
    assert backlog(town) == [(bob, 1, 0, "the user has no key")]
    assert inbox_of(town) == 1
    # As after a crash before the client had noted that it was taken: there is no other copy.
    (message,) = wait_for(town.gateway.inbox(), town.clock)
    wait_for(gateway.arrivals.take(message), town.clock)
    assert inbox_of(town) == 1
    town.add_user("bob")
    pass_time(town, 700, step_s=20)
    assert town.received("uuid-of-bob", town.keys[bob]) == [MAIL]
    assert inbox_of(town) == 0


def test_a_key_that_expires_makes_mail_wait(town: LeapTown, gateway: RunningGateway) -> None:
    town.keys["short@leap.example"] = KeyPair("short@leap.example", validity_s=3600)
    short = town.add_user("short")
    pass_time(town, 3600, step_s=60)
    town.send(short, MAIL, key="1")
    pass_time(town, 10)
    assert backlog(town) == [(short, 1, 0, "the certificate has expired")]


def test_a_user_who_is_moved_gets_what_waits_in_the_new_place(town: LeapTown, gateway: RunningGateway) -> None:
    bob = town.add_user("bob")
    town.soledad.full.add("uuid-of-bob")
    town.send(bob, MAIL, key="1")
    pass_time(town, 10)
    wait_for(town.access.write(lambda c: users.move_owner(c, bob, "new-uuid")), town.clock)
    wait_for(town.access.write(lambda c: deliveries.retry(c, town.now_s, address=bob)), town.clock)
    pass_time(town, 2 * LOOK_S)
    assert town.received("new-uuid", town.keys[bob]) == [MAIL]
    assert town.received("uuid-of-bob", town.keys[bob]) == []


def test_mail_of_a_user_who_is_removed_is_sent_back(town: LeapTown, gateway: RunningGateway) -> None:
    bob = town.add_user("bob")
    town.soledad.full.add("uuid-of-bob")
    town.send(bob, MAIL, key="1")
    pass_time(town, 10)
    wait_for(town.access.write(lambda c: users.remove_owner(c, bob)), town.clock)
    wait_for(town.access.write(lambda c: deliveries.retry(c, town.now_s, address=bob)), town.clock)
    pass_time(town, 2 * LOOK_S)
    [report] = reports_to_sender(town)
    assert b"Status: 5.1.1" in report


def test_what_is_discarded_is_gone_from_the_client_too(town: LeapTown, gateway: RunningGateway) -> None:
    bob = town.add_user("bob", with_key=False)
    town.send(bob, MAIL, key="1")
    pass_time(town, 10)
    assert wait_for(town.access.write(lambda c: deliveries.discard(c, now_s=town.now_s, address=bob)), town.clock) == 1
    pass_time(town, 700, step_s=20)
    assert inbox_of(town) == 0
    assert backlog(town) == []
    assert reports_to_sender(town) == []


def test_a_user_with_too_much_is_bounded_and_the_sender_is_told(town: LeapTown) -> None:
    gateway = RunningGateway(town, limits=GatewayLimits(mails_per_user=2))
    bob, carol = town.add_user("bob"), town.add_user("carol")
    town.soledad.full.add("uuid-of-bob")
    for number in range(3):
        town.send(bob, MAIL, key=str(number))
    pass_time(town, 10)
    [report] = reports_to_sender(town)
    assert b"Status: 5.2.2" in report
    town.send(carol, MAIL, key="carol")
    pass_time(town, 10)
    assert len(town.received("uuid-of-carol", town.keys[carol])) == 1
    gateway.stop()


def test_a_gateway_that_is_full_leaves_mail_where_it_is(town: LeapTown) -> None:
    gateway = RunningGateway(town, limits=GatewayLimits(bytes=200))
    bob = town.add_user("bob")
    town.soledad.full.add("uuid-of-bob")
    for number in range(3):
        town.send(bob, MAIL, key=str(number))
    pass_time(town, 10)
    assert 1 <= inbox_of(town) <= 2
    town.soledad.full.clear()
    pass_time(town, LONGEST_RETRY_S + 1200, step_s=20)
    assert town.received("uuid-of-bob", town.keys[bob]) == [MAIL] * 3
    gateway.stop()


def test_a_mail_leaves_the_client_only_when_it_is_in_the_store(town: LeapTown, gateway: RunningGateway) -> None:
    bob = town.add_user("bob")
    full = "create trigger full before insert on deliveries begin select raise(abort, 'the disk is full'); end"
    wait_for(town.access.write(lambda connection: connection.exec_driver_sql(full) and None), town.clock)
    town.send(bob, MAIL, key="1")
    pass_time(town, 60)
    assert (inbox_of(town), town.received("uuid-of-bob", town.keys[bob])) == (1, [])
    wait_for(town.access.write(lambda connection: connection.exec_driver_sql("drop trigger full") and None), town.clock)
    pass_time(town, 1200, step_s=20)
    assert (inbox_of(town), town.received("uuid-of-bob", town.keys[bob])) == (0, [MAIL])


def test_a_message_that_comes_again_is_delivered_once(town: LeapTown) -> None:
    bob = town.add_user("bob")
    town.send(bob, MAIL, key="1")
    pass_time(town, 5)
    [message] = wait_for(town.gateway.inbox(), town.clock)
    gateway = RunningGateway(town)
    pass_time(town, 10)
    # As after a crash between the commit and the word to the client; the user has fetched the mail meanwhile.
    town.soledad.boxes["uuid-of-bob"].clear()
    wait_for(gateway.arrivals.take(message), town.clock)
    pass_time(town, 10)
    assert town.received("uuid-of-bob", town.keys[bob]) == []
    gateway.stop()


def test_what_a_crash_left_in_the_client_is_forgotten_before_delivery(town: LeapTown) -> None:
    bob = town.add_user("bob")
    town.send(bob, MAIL, key="1")
    pass_time(town, 5)
    [message] = wait_for(town.gateway.inbox(), town.clock)
    taken = RunningGateway(town)
    taken.stop()
    gateway = RunningGateway(town)
    pass_time(town, 10)
    assert inbox_of(town) == 0
    assert len(town.received("uuid-of-bob", town.keys[bob])) == 1
    assert message.number == 1
    gateway.stop()


def test_a_long_mail_in_pieces_is_delivered_once_it_is_whole(town: LeapTown, gateway: RunningGateway) -> None:
    bob = town.add_user("bob")
    # Without bytes that JSON escapes: they are another test's, and slow.
    high = bytes(byte | 0x80 for byte in range(256))
    mail = MAIL + random.Random(5).randbytes(PIECE_BYTES * 6 // 5).translate(high)
    first, second = bodies_of(mail, random.Random(6), to=bob)
    town.send(bob, mail, key="2", body=second)
    pass_time(town, 10)
    assert inbox_of(town) == 1
    assert backlog(town) == []
    town.send(bob, mail, key="1", body=first)
    pass_time(town, 10)
    assert town.received("uuid-of-bob", town.keys[bob]) == [mail]
    assert inbox_of(town) == 0


def test_pieces_without_the_others_are_given_up(town: LeapTown, gateway: RunningGateway) -> None:
    bob = town.add_user("bob")
    mail = random.Random(5).randbytes(PIECE_BYTES + 1000)
    town.send(bob, mail, key="2", body=bodies_of(mail, random.Random(6), to=bob)[1])
    pass_time(town, 10)
    town.clock.advance(5 * DAY_S + 1)
    # Not by a clock that only says so.
    town.network.is_time_agreed = False
    wait_for(gateway.arrivals.tidy(), town.clock)
    assert inbox_of(town) == 1
    town.network.is_time_agreed = True
    wait_for(gateway.arrivals.tidy(), town.clock)
    assert inbox_of(town) == 0


def test_one_sender_cannot_keep_pieces_without_end(town: LeapTown, gateway: RunningGateway) -> None:
    bob = town.add_user("bob")
    for number in range(12):
        piece = ["piece", 1, bytes([number]) * 16, 1, 2, bytes(32), b"the end of a mail"]
        town.send(bob, b"", key=str(number), body=msgspec.msgpack.encode(piece))
    pass_time(town, 20)
    assert inbox_of(town) == 8


@pytest.mark.parametrize("body", [b"", b"no envelope", b"\x97\xa5piece"])
def test_what_is_no_mail_is_thrown_away(town: LeapTown, gateway: RunningGateway, body: bytes) -> None:
    town.send("bob@leap.example", b"", key="1", body=body)
    pass_time(town, 10)
    assert inbox_of(town) == 0
    assert gateway.arrivals.refused == 1


def test_a_mail_for_no_address_is_sent_back(town: LeapTown, gateway: RunningGateway) -> None:
    town.send("bob@leap.example", MAIL, key="1", body=bodies_of(MAIL, random.Random(1))[0])
    pass_time(town, 10)
    [report] = reports_to_sender(town)
    assert b"Status: 5.1.1" in report


def test_a_program_that_was_stopped_goes_on_where_it_was(town: LeapTown) -> None:
    bob = town.add_user("bob")
    first = RunningGateway(town)
    town.soledad.answers = [503]
    town.send(bob, MAIL, key="1")
    pass_time(town, 1, step_s=1)
    first.stop()
    second = RunningGateway(town)
    pass_time(town, FIRST_DOWN_S + LOOK_S)
    assert town.received("uuid-of-bob", town.keys[bob]) == [MAIL]
    second.stop()
