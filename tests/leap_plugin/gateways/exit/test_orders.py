"""Orders for an exit: what leaves, what is refused, and that a token pays once."""

from __future__ import annotations

import base64
import email
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from random import Random

import msgspec
import pytest

from client.testing import wait_for
from leap_plugin.gateways.abuse.optout import OptOutMarks, opt_out
from leap_plugin.mail.splitting import PIECE_BYTES, bodies_of
from tests.worlds.gateways import DOMAIN, URL, GatewayTown, canonical_mail, written_mail
from tests.worlds.mails import SAMPLES, crlf


@pytest.fixture
def world(tmp_path: Path) -> Iterator[GatewayTown]:
    world = GatewayTown(tmp_path)
    yield world
    world.stop()
    world.network.stop()
    assert world.clock.getDelayedCalls() == []


def parsed(message: bytes) -> EmailMessage:
    found = email.message_from_bytes(message, policy=default)
    assert isinstance(found, EmailMessage)
    return found


def test_an_order_leaves_as_the_gateway_writes_it(world: GatewayTown) -> None:
    mail = canonical_mail()
    world.order(mail)
    [outside] = world.relay.mails
    leaving = parsed(outside.message)
    assert leaving["From"] == f"anonymous@{DOMAIN}"
    assert leaving["To"] == "carol@outside.example"
    assert leaving["Subject"] == "Tea"
    assert leaving["Message-ID"] == parsed(mail)["Message-ID"]
    assert leaving["Reply-To"].startswith("reply-")
    assert leaving["Reply-To"].endswith(f"@{DOMAIN}")
    assert outside.mail_from == leaving["Reply-To"]
    assert outside.recipient == "carol@outside.example"
    assert leaving["List-Unsubscribe"].startswith(f"<{URL}/")
    assert leaving["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text = leaving.get_content().replace("\r\n", "\n")
    assert text.startswith("Hello Carol.\n")
    assert leaving["List-Unsubscribe"].strip("<>") in text
    assert "The gateway does not know\nwho wrote it." in text
    assert "DKIM-Signature" not in leaving
    assert world.refused() == {}


@pytest.mark.parametrize("name", ["plain", "nested", "pgp_mime", "flowed", "smtputf8"])
def test_what_leaves_keeps_text_and_attachments(name: str, world: GatewayTown) -> None:
    mail = canonical_mail(SAMPLES[name])
    world.order(mail)
    [outside] = world.relay.mails
    before, after = parsed(mail), parsed(outside.message)
    assert after.get_content_type() == before.get_content_type()
    for old, new in zip(before.walk(), after.walk(), strict=True):
        if not old.is_multipart():
            assert bytes(new.get_payload(decode=True)).startswith(bytes(old.get_payload(decode=True)))
    assert outside.needs_smtputf8 == (name == "smtputf8")


def test_a_token_pays_one_mail_also_after_a_restart(world: GatewayTown) -> None:
    token = world.token()
    world.order(canonical_mail(seed=1), token=token)
    world.order(canonical_mail(seed=2), token=token)
    assert (len(world.relay.mails), world.refused()) == (1, {"5.7.0": 1})
    world.stop()
    world.start()
    world.order(canonical_mail(seed=3), token=token, sender=world.bob)
    assert (len(world.relay.mails), world.refused()) == (1, {"5.7.0": 1})


@pytest.mark.parametrize("token", [b"", b"x" * 300])
def test_without_a_good_token_nothing_leaves(token: bytes, world: GatewayTown) -> None:
    world.order(canonical_mail(), token=token)
    assert (world.relay.mails, world.refused()) == ([], {"5.7.0": 1})
    [report] = world.reports_to(world.alice)
    assert report.get_content_type() == "multipart/report"
    assert "the token does not count" in report.as_string()


def test_header_lines_that_the_form_does_not_know_are_refused(world: GatewayTown) -> None:
    mail = canonical_mail()
    bad = [
        mail.replace(b"Subject: Tea\r\n", b"Subject: Tea\r\nBcc: victim@outside.example\r\n"),
        mail.replace(b"Subject: Tea\r\n", b"Subject: Tea\nReply-To: eve@outside.example\r\n"),
        mail.replace(b"Subject: Tea\r\n", b"Subject: Tea\rX: y\r\n"),
        mail.replace(b"From: anonymous@mix.invalid", b"From: boss@bank.example, anonymous@mix.invalid"),
        mail.replace(b"To: carol", b"To: Carol <carol"),
        mail.replace(b"Message-ID: <", b"Message-ID: <0"),
        mail.replace(b"\r\n\r\n", b"\r\n\r\n\r\n.\r\nMAIL FROM:<x@y.example>\r\n"),
        mail + b"\r\n.\r\n",
        mail.replace(b"Date: ", b"Date: 1 Jan 2020 99999999999999999999:00:00 +0000, "),
        mail.replace(b"charset=utf-8", b"charset=punycode"),
        mail.replace(b"\r\n", b"\n"),
        written_mail(),
        b"",
    ]
    for one in bad:
        world.order(one)
    assert world.relay.mails == []
    assert world.refused() == {"5.6.0": len(bad)}


def test_a_from_of_the_senders_choice_never_leaves(world: GatewayTown) -> None:
    world.order(canonical_mail(sender="boss@bank.example"))
    [outside] = world.relay.mails
    assert parsed(outside.message)["From"] == f"anonymous@{DOMAIN}"
    assert b"bank.example" not in outside.message


@pytest.mark.parametrize(
    ("to", "status"),
    [
        ("", "5.1.3"),
        (f"anybody@{DOMAIN}", "5.1.2"),
        ("bob@home.mix.invalid", "5.1.2"),
        ("carol@stopped.example", "5.7.1"),
        ("carol+tag@outside.example", "5.7.1"),
        ("x@deep.under.example", "5.7.1"),
    ],
)
def test_recipients_that_are_refused(to: str, status: str, world: GatewayTown) -> None:
    (world.path / "stop.txt").write_text("stopped.example\ncarol@outside.example # asked us\n.under.example\n")
    world.order(canonical_mail(), to)
    assert (world.relay.mails, world.refused()) == ([], {status: 1})


def test_who_opted_out_gets_nothing_more_and_the_token_is_spent(world: GatewayTown) -> None:
    world.order(canonical_mail())
    link = parsed(world.relay.mails[0].message)["List-Unsubscribe"].strip("<>")
    marks = OptOutMarks(world.directory.opt_out_key, URL)
    mark = marks.read(link.rpartition("/")[2])
    assert mark is not None
    world.store.write(lambda c: opt_out(c, mark, 0.0))
    token = world.token()
    world.order(canonical_mail(), "CAROL+more@outside.example", token=token)
    world.order(canonical_mail(), "dave@outside.example", token=token)
    assert [mail.recipient for mail in world.relay.mails] == ["carol@outside.example"]
    assert world.refused() == {"5.7.1": 1, "5.7.0": 1}


def test_one_recipient_is_not_flooded(world: GatewayTown) -> None:
    for seed in range(4):
        world.order(canonical_mail(seed=seed))
    assert len(world.relay.mails) == 2
    assert world.refused() == {"4.7.28": 2}
    world.order(canonical_mail(), "dave@outside.example")
    assert len(world.relay.mails) == 3


def test_orders_that_pay_nothing_use_up_no_limit(world: GatewayTown) -> None:
    token = world.token()
    for seed in range(5):
        world.order(canonical_mail(seed=seed), token=token)
    world.order(canonical_mail(seed=9))
    assert len(world.relay.mails) == 2


def test_an_order_in_pieces_is_put_together_also_over_a_restart(tmp_path: Path) -> None:
    world = GatewayTown(
        tmp_path, change=lambda text: text.replace("max_mail_bytes = 10000000", "max_mail_bytes = 30000000")
    )
    content = Random(1).randbytes(PIECE_BYTES)
    first, second = bodies_of(long_mail(), world.rng, to="carol@outside.example", token=world.token())
    for number, body in enumerate((second, first)):
        sending = world.alice.send(
            "gate@away", body, kind="mail/exit", idempotency_key=f"piece-{number}", anonymous=True
        )
        world.wait(sending)
        world.pass_s(10)
        assert len(world.relay.mails) == number
        world.stop()
        world.start()
        world.pass_s(10)
    [outside] = world.relay.mails
    [*_, last] = parsed(outside.message).walk()
    assert last.get_payload(decode=True) == content
    world.stop()
    world.network.stop()


def long_mail() -> bytes:
    """Return a mail of two pieces."""
    attached = base64.encodebytes(Random(1).randbytes(PIECE_BYTES)).decode()
    mail = crlf(
        "To: carol@outside.example\nSubject: Big\nMIME-Version: 1.0\n"
        'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\nHere.\n--b\n'
        'Content-Type: application/pdf\nContent-Disposition: attachment; filename="a.pdf"\n'
        f"Content-Transfer-Encoding: base64\n\n{attached}--b--\n"
    )
    return canonical_mail(mail)


def test_pieces_that_pay_nothing_displace_no_order_that_is_paid(tmp_path: Path) -> None:
    world = GatewayTown(
        tmp_path, change=lambda text: text.replace("max_mail_bytes = 10000000", "max_mail_bytes = 30000000")
    )
    token = world.token()
    first, second = bodies_of(long_mail(), world.rng, to="carol@outside.example", token=token)

    def send(body: bytes) -> None:
        key = world.rng.randbytes(8).hex()
        world.wait(world.alice.send("gate@away", body, kind="mail/exit", idempotency_key=key, anonymous=True))
        world.pass_s(10)

    send(first)
    for number in range(20):
        send(msgspec.msgpack.encode(["piece", 1, bytes([number] * 16), 1, 2, bytes(32), b"x"]))
    # Spent with the first piece: it pays nothing else meanwhile.
    world.order(canonical_mail(), token=token)
    assert world.refused() == {"5.7.0": 1}
    world.stop()
    world.start()
    send(second)
    [outside] = world.relay.mails
    assert parsed(outside.message)["Subject"] == "Big"
    world.stop()
    world.network.stop()


def test_the_named_address_of_a_user_of_the_domain_is_the_from(world: GatewayTown) -> None:
    mail = canonical_mail(sender="alice@home.mix.invalid")
    world.order(mail, anonymous=False)
    [outside] = world.relay.mails
    assert world.refused() == {}
    assert outside.mail_from == f"alice@{DOMAIN}"
    leaving = parsed(outside.message)
    assert (leaving["From"], leaving["Reply-To"]) == (f"alice@{DOMAIN}", None)
    # It says who wrote it: the text under it does not deny that.
    text = leaving.get_content()
    assert URL in text
    assert "does not know" not in text


def test_an_order_waits_for_its_sender_to_be_found_and_costs_one_token(world: GatewayTown) -> None:
    token, mail = world.token(), canonical_mail(sender="alice@home.mix.invalid")
    world.looking_up.fails = True
    world.order(mail, token=token, anonymous=False)
    world.pass_s(3600)
    assert (world.relay.mails, world.refused()) == ([], {})
    world.looking_up.fails = False
    world.pass_s(400)
    [outside] = world.relay.mails
    assert outside.mail_from == f"alice@{DOMAIN}"


def test_an_order_whose_sender_is_never_found_is_refused_and_costs_no_token(world: GatewayTown) -> None:
    token, mail = world.token(), canonical_mail(sender="alice@home.mix.invalid")
    world.looking_up.fails = True
    world.order(mail, token=token, anonymous=False)
    world.pass_s(90_000)
    assert (world.relay.mails, world.refused()) == ([], {"4.7.5": 1})
    world.order(canonical_mail(), token=token)
    assert len(world.relay.mails) == 1


def test_another_key_under_an_address_of_the_domain_is_refused(world: GatewayTown) -> None:
    world.looking_up.other_key = True
    world.order(canonical_mail(sender="alice@home.mix.invalid"), anonymous=False)
    assert (world.relay.mails, world.refused()) == ([], {"5.7.1": 1})


def test_an_account_elsewhere_is_answered_through_the_network(world: GatewayTown) -> None:
    throwaway = world.network.client("x7f3@away")
    world.wait(throwaway.add_contact("gate@away"))
    world.order(canonical_mail(), sender=throwaway, anonymous=False)
    [outside] = world.relay.mails
    assert parsed(outside.message)["From"] == f"anonymous@{DOMAIN}"
    assert outside.mail_from.startswith("reply-")
    assert b"x7f3" not in outside.message


def test_what_was_carried_out_is_forgotten(world: GatewayTown) -> None:
    world.order(canonical_mail())
    assert any(m.kind == "mail/exit" for m in world_inbox(world))
    world.pass_s(4 * 3600)
    assert world_inbox(world) == []
    raw = (world.path / "gateway.db").read_bytes()
    assert b"carol" not in raw
    assert b"outside.example" not in raw


def world_inbox(world: GatewayTown) -> list[object]:
    return list(wait_for(world.client.inbox(), world.clock))
