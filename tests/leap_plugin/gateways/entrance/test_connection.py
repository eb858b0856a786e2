"""SMTP as another mail server speaks it, and as an attacker does."""

from __future__ import annotations

import email
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from client.api import Client, NotRunningError, ReceivedMessage
from client.testing import FakeClient, wait_for
from leap_plugin.gateways.entrance.connection import LONGEST_LIFE_S, STALLED_S
from leap_plugin.gateways.store.schema import arrived
from leap_plugin.mail.envelope import decode_envelope
from leap_plugin.mail.splitting import Piece, decode_body, put_together
from tests.worlds.gateways import DOMAIN, GatewayTown, Peer, canonical_mail
from tests.worlds.mails import crlf, in_base64

MAIL = crlf("From: Carol <carol@outside.example>\nTo: alice@gate.example\nSubject: Cake\n\nCome for cake.\n.dotted\n")
LONG = in_base64(Random(1).randbytes(60_000)).replace("\n", "\r\n").encode() + b"\r\n"
ALICE = f"alice@{DOMAIN}"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[GatewayTown]:
    town = GatewayTown(tmp_path)
    yield town
    town.stop()
    town.network.stop()
    assert town.clock.getDelayedCalls() == []


def mails_of(town: GatewayTown, client: FakeClient) -> list[bytes]:
    town.pass_s(5)
    found = wait_for(client.inbox(), town.clock)
    return [decode_envelope(message.body).mail for message in found if message.kind == "mail"]


def said_at(peer: Peer, line: str) -> str:
    return peer.say(line)[-1]


def test_a_mail_comes_to_its_user_with_every_byte(town: GatewayTown) -> None:
    peer = town.peer()
    assert peer.greeting == [f"220 {DOMAIN} ESMTP"]
    assert peer.hand_over(MAIL, ALICE).startswith("250 2.6.0")
    [mail] = mails_of(town, town.alice)
    assert mail.endswith(MAIL)
    own = email.message_from_bytes(mail.removesuffix(MAIL), policy=default)
    assert isinstance(own, EmailMessage)
    assert own["Return-Path"] == "<carol@outside.example>"
    assert f"by {DOMAIN}" in own["Received"]
    assert "192.0.2.7" in own["Received"]
    assert own["Authentication-Results"].startswith(f"{DOMAIN}; spf=none")
    assert mails_of(town, town.bob) == []
    [received] = wait_for(town.alice.inbox(), town.clock)
    assert received.sender == "gate@away"


def test_a_mail_does_not_say_of_itself_what_was_found(town: GatewayTown) -> None:
    forged = f"Authentication-Results: {DOMAIN}; spf=pass smtp.mailfrom=outside.example\r\n".encode()
    assert town.peer().hand_over(forged + MAIL, ALICE).startswith("250")
    [mail] = mails_of(town, town.alice)
    assert b"spf=none" in mail
    assert b"spf=pass" not in mail


def test_nothing_is_kept_in_clear_at_the_gateway(town: GatewayTown) -> None:
    town.peer().hand_over(MAIL, ALICE)
    town.pass_s(60)
    assert b"cake" not in (town.path / "gateway.db").read_bytes()


def test_several_recipients_get_one_each(town: GatewayTown) -> None:
    peer = town.peer()
    answer = peer.hand_over(MAIL, ALICE, f"BOB@{DOMAIN.upper()}", f"alice+cake@{DOMAIN}", f"bob@{DOMAIN}")
    assert answer.startswith("250")
    assert len(mails_of(town, town.alice)) == len(mails_of(town, town.bob)) == 1


@pytest.mark.parametrize("role", [f"postmaster@{DOMAIN}", f"abuse@{DOMAIN}", "Postmaster"])
def test_the_postmaster_is_known(role: str, town: GatewayTown) -> None:
    if "@" in role:
        assert town.peer().hand_over(MAIL, role).startswith("250")
        assert len(mails_of(town, town.bob)) == 1


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ("dave@elsewhere.example", "550 5.7.1"),
        (f"eve@{DOMAIN}", "550 5.1.1"),
        (f"anonymous@{DOMAIN}", "550 5.1.1"),
        (f"reply-{'a' * 20}@{DOMAIN}", "550 5.1.1"),
        (f"dave%elsewhere.example@{DOMAIN}", "550 5.1.1"),
        (f"dave@elsewhere.example@{DOMAIN}", "553 5.1.3"),
        (f'"dave@elsewhere.example"@{DOMAIN}', "553 5.1.3"),
        ("elsewhere.example!dave", "553 5.1.3"),
        (f"@{DOMAIN}:dave@elsewhere.example", "553 5.1.3"),
        ("", "501 5.1.3"),
    ],
)
def test_it_is_no_open_relay(address: str, answer: str, town: GatewayTown) -> None:
    peer = town.peer()
    peer.say("EHLO mx", "MAIL FROM:<carol@outside.example>")
    assert said_at(peer, f"RCPT TO:<{address}>").startswith(answer)
    assert said_at(peer, "DATA").startswith("503")


def test_a_mail_cannot_smuggle_another_one_in(town: GatewayTown) -> None:
    peer = town.peer()
    peer.say("EHLO mx", "MAIL FROM:<carol@outside.example>", f"RCPT TO:<{ALICE}>", "DATA")
    for end in (b"\n.\r\n", b"\n.\n", b"\r.\r\n", b"\r\n.\n"):
        peer.give(b"Subject: x\r\n\r\nhello" + end + b"MAIL FROM:<boss@bank.example>\r\n")
        assert peer.said() == []
    peer.give(b"\r\n.\r\n")
    assert [line[:9] for line in peer.said()] == ["550 5.6.0"]
    assert mails_of(town, town.alice) == []


def test_pipelined_bytes_may_come_one_by_one(town: GatewayTown) -> None:
    peer = town.peer()
    stream = f"EHLO mx\r\nMAIL FROM:<>\r\nRCPT TO:<{ALICE}>\r\nDATA\r\n".encode() + MAIL.replace(b"\r\n.", b"\r\n..")
    for byte in stream + b".\r\nQUIT\r\n":
        peer.give(bytes([byte]))
    codes = [line[:3] for line in peer.said() if line[3] == " "]
    assert codes == ["250", "250", "250", "354", "250", "221"]
    [mail] = mails_of(town, town.alice)
    assert mail.endswith(MAIL)
    assert peer.transport.disconnecting


def test_too_long_is_told_before_and_after(tmp_path: Path) -> None:
    town = GatewayTown(
        tmp_path, change=lambda text: text.replace("max_mail_bytes = 10000000", "max_mail_bytes = 20000")
    )
    peer = town.peer()
    assert any("SIZE 20000" in line for line in peer.say("EHLO mx"))
    assert said_at(peer, "MAIL FROM:<carol@outside.example> SIZE=20001").startswith("552 5.3.4")
    assert peer.hand_over(MAIL + b"x" * 20_000 + b"\r\n", ALICE).startswith("552 5.3.4")
    assert peer.hand_over(MAIL, ALICE).startswith("250")
    assert len(mails_of(town, town.alice)) == 1
    town.stop()
    town.network.stop()


def test_endless_lines_and_searches_end_the_connection(town: GatewayTown) -> None:
    peer = town.peer()
    peer.give(b"A" * 3000)
    assert peer.said() == ["500 5.5.2 that line is too long"]
    assert peer.transport.disconnecting
    searcher = town.peer()
    searcher.say("EHLO mx", "MAIL FROM:<carol@outside.example>")
    answers = searcher.say(*(f"RCPT TO:<name{number}@{DOMAIN}>" for number in range(30)))
    assert answers[-1].startswith("421")
    assert len(answers) == 21


@pytest.mark.parametrize(
    "line",
    [
        b"MAIL FROM:carol@outside.example",
        b"MAIL FROM:<carol@outside.example> X=1",
        b"MAIL FROM:<carol@outside.example> SIZE=1 SIZE=2",
        b"MAIL FROM:<carol@outside.example>SIZE=1",
        b"MAIL FROM:<carol@outside.example\n>",
        b"MAIL FROM:<a b@outside.example>",
        "MAIL FROM:<ü@outside.example>".encode(),
        b"MAIL FROM:<\xff@outside.example>",
        b"MAIL TO:<carol@outside.example>",
        b"AUTH PLAIN AAA",
        b"STARTTLS",
        b"XFORWARD ADDR=203.0.113.9",
        b"EHLO",
        b"",
        b"\x00",
    ],
)
def test_commands_of_a_wrong_form_are_refused_and_change_nothing(line: bytes, town: GatewayTown) -> None:
    peer = town.peer()
    peer.say("EHLO mx")
    [answer] = peer.say(line)
    assert answer[0] == "5"
    assert peer.hand_over(MAIL, ALICE).startswith("250")


def test_the_null_sender_reaches_one_at_a_time(town: GatewayTown) -> None:
    peer = town.peer()
    peer.say("EHLO mx", "MAIL FROM:<>", f"RCPT TO:<{ALICE}>")
    assert said_at(peer, f"RCPT TO:<bob@{DOMAIN}>").startswith("452")


def test_a_loop_is_broken(town: GatewayTown) -> None:
    circling = b"".join(b"Received: from a by b; Sun, 29 Nov 2026 14:03:09 +0200\r\n" for _ in range(51)) + MAIL
    assert town.peer().hand_over(circling, ALICE).startswith("554 5.4.6")
    assert mails_of(town, town.alice) == []


def test_one_peer_is_limited_and_others_are_not(tmp_path: Path) -> None:
    town = GatewayTown(tmp_path, change=lambda text: text.replace("per_peer_per_hour = 3600", "per_peer_per_hour = 20"))
    answers = [town.peer().hand_over(MAIL + str(n).encode() + b"\r\n", ALICE) for n in range(3)]
    assert [answer[:3] for answer in answers] == ["250", "250", "450"]
    assert town.peer("192.0.2.8").hand_over(MAIL, ALICE).startswith("250")
    town.stop()
    town.network.stop()


def test_connections_of_one_peer_are_limited(town: GatewayTown) -> None:
    peers = [town.peer() for _ in range(21)]
    assert [peer.is_turned_away for peer in peers] == [False] * 20 + [True]
    assert not town.peer("192.0.2.8").is_turned_away
    assert not town.peer("127.0.0.1").is_turned_away


def test_a_silent_peer_is_told_to_go(town: GatewayTown) -> None:
    peer = town.peer()
    town.pass_s(400)
    assert peer.said() == ["421 4.4.2 nothing came for too long"]


def test_a_mail_server_in_front_says_from_whom_it_has_a_mail(town: GatewayTown) -> None:
    peer = town.peer("127.0.0.1")
    assert any(line.startswith("250-XFORWARD") or line.startswith("250 XFORWARD") for line in peer.say("EHLO front"))
    assert said_at(peer, "XFORWARD NAME=mx.far.example ADDR=203.0.113.9 HELO=mx.far.example") == "250 2.0.0 noted"
    peer.say("MAIL FROM:<carol@outside.example>", f"RCPT TO:<{ALICE}>", "DATA")
    peer.give(MAIL + b".\r\n")
    [mail] = mails_of(town, town.alice)
    assert b"from mx.far.example ([203.0.113.9])" in mail


def test_the_same_mail_again_is_taken_once(town: GatewayTown) -> None:
    for _ in range(2):
        assert town.peer().hand_over(MAIL, ALICE).startswith("250")
        town.clock.advance(1)
    assert len(mails_of(town, town.alice)) == 1


def test_a_peer_that_tries_again_an_hour_later_does_not_double_a_mail(town: GatewayTown) -> None:
    assert town.peer().hand_over(MAIL, ALICE).startswith("250")
    town.pass_s(3600)
    assert town.peer().hand_over(MAIL, ALICE).startswith("250")
    assert town.peer().hand_over(MAIL, ALICE, sender="dora@outside.example").startswith("250")
    assert len(mails_of(town, town.alice)) == 2
    town.pass_s(200_000)
    assert town.store.read(lambda c: list(c.execute(select(arrived)))) == []


def test_no_connection_lasts_for_ever(town: GatewayTown) -> None:
    peer = town.peer()
    peer.say("EHLO mx.outside.example")
    for _ in range(14):
        assert peer.said() == []
        peer.say("NOOP")
        town.pass_s(LONGEST_LIFE_S / 14)
    town.pass_s(5)
    assert peer.said() == ["421 4.4.2 this connection has lasted long enough"]


def test_an_answer_comes_back_to_an_anonymous_sender(town: GatewayTown) -> None:
    town.order(canonical_mail())
    [outside] = town.relay.mails
    peer = town.peer()
    assert peer.hand_over(MAIL, outside.mail_from).startswith("250")
    [mail] = mails_of(town, town.alice)
    assert mail.endswith(MAIL)
    assert peer.hand_over(MAIL + LONG, outside.mail_from).startswith("552 5.2.3")
    town.pass_s(4 * 3600)
    assert town.peer().hand_over(MAIL, outside.mail_from).startswith("550 5.1.1")


def test_an_answer_comes_back_to_a_throwaway_account(town: GatewayTown) -> None:
    throwaway = town.network.client("x7f3@away")
    town.wait(throwaway.add_contact("gate@away"))
    town.order(canonical_mail(), sender=throwaway, anonymous=False)
    [outside] = town.relay.mails
    big = MAIL + LONG
    assert town.peer().hand_over(big, outside.mail_from).startswith("250")
    assert [mail.endswith(big) for mail in mails_of(town, throwaway)] == [True]


def test_a_mail_is_refused_and_not_bounced_when_it_cannot_be_sealed(town: GatewayTown) -> None:
    town.network.change_key("alice@home")
    peer = town.peer()
    assert peer.hand_over(MAIL, ALICE).startswith("250")
    town.network.change_key("alice@home")
    town.stop()
    town.start()
    assert town.peer().hand_over(MAIL, ALICE).startswith("450 4.7.5")
    assert town.relay.mails == []


class BreaksOff:
    """A client that takes one message, and fails at the next one."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._calls = 0

    async def send(self, *values: Any, **named: Any) -> str:
        self._calls += 1
        if self._calls == 2:
            raise NotRunningError("the daemon was killed")
        return await self._client.send(*values, **named)


def test_a_long_mail_of_which_a_part_was_queued_is_queued_whole_when_it_comes_again(tmp_path: Path) -> None:
    town = GatewayTown(tmp_path, change=lambda text: text.replace("10000000", "20000000"))
    entrance = town.entrance.entrance
    entrance._client = BreaksOff(entrance._client)  # type: ignore[assignment]
    mail = MAIL + in_base64(Random(1).randbytes(11_500_000)).replace("\n", "\r\n").encode() + b"\r\n"
    assert town.peer().hand_over(mail, ALICE).startswith("451")
    assert town.peer().hand_over(mail, ALICE).startswith("250")
    whole: dict[bytes, list[Piece]] = {}

    def note(message: ReceivedMessage) -> None:
        piece = decode_body(message.body)
        assert isinstance(piece, Piece)
        whole.setdefault(piece.mail_id, []).append(piece)

    town.alice.on_received("mail", note)
    town.pass_s(60)
    complete = [sorted(one, key=lambda piece: piece.number) for one in whole.values() if len(one) == one[0].count]
    [pieces] = complete
    assert put_together([piece.content for piece in pieces], pieces[0].digest).mail.endswith(mail)
    town.stop()
    town.network.stop()


def test_a_peer_that_takes_no_answers_fills_no_memory_and_is_cut(town: GatewayTown) -> None:
    peer = town.peer()
    peer.connection.pauseProducing()
    assert peer.say(*["NOOP"] * 200) == []
    assert peer.transport.producerState == "producing"
    peer.give(b"NOOP\r\n" * 60_000)
    assert peer.transport.producerState == "paused"
    assert peer.said() == []
    town.pass_s(310)
    assert peer.transport.disconnecting
    town.pass_s(STALLED_S)
    assert peer.transport.disconnected


def test_a_peer_that_takes_its_answers_again_gets_the_rest(town: GatewayTown) -> None:
    peer = town.peer()
    peer.connection.pauseProducing()
    assert peer.say("NOOP", "NOOP") == []
    peer.connection.resumeProducing()
    assert peer.said() == ["250 2.0.0 yes"] * 2


def test_nobodys_limit_is_used_up_by_naming_them_again_and_again(tmp_path: Path) -> None:
    change = "per_recipient_per_hour = 20"
    town = GatewayTown(tmp_path, change=lambda text: text.replace("per_recipient_per_hour = 600", change))
    assert town.peer().hand_over(MAIL, *[ALICE] * 10).startswith("250")
    assert town.peer().hand_over(MAIL + b"again\r\n", ALICE).startswith("250")
    assert town.peer().hand_over(MAIL + b"once more\r\n", ALICE).startswith("450")
    town.stop()
    town.network.stop()
