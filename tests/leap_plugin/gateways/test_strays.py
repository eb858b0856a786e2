"""Mail to the gateway itself: answered once, never in a circle, and forgotten."""

from __future__ import annotations

from pathlib import Path

from client.testing import wait_for
from leap_plugin.mail.envelope import encode_envelope
from tests.worlds.gateways import DOMAIN, GatewayTown, written_mail


def test_mail_to_the_gateway_is_answered_unless_a_program_sent_it(tmp_path: Path) -> None:
    town = GatewayTown(tmp_path)
    mails = (written_mail(), written_mail(extra="Auto-Submitted: auto-replied\n"), b"")
    for number, mail in enumerate(mails):
        body = encode_envelope(mail) if mail else b"no envelope"
        town.wait(town.alice.send("gate@away", body, kind="mail", idempotency_key=str(number), anonymous=number == 0))
    town.pass_s(20)
    [report] = town.reports_to(town.alice)
    assert "nobody reads mail at the gateway" in report.as_string()
    assert f"Final-Recipient: rfc822; gateway@{DOMAIN}" in report.as_string()
    town.pass_s(300)
    assert wait_for(town.client.inbox(), town.clock) == []
    assert town.exit.orders.accepted == 0
    town.stop()
    town.network.stop()


def test_the_answer_names_the_address_that_was_written_to(tmp_path: Path) -> None:
    town = GatewayTown(tmp_path)
    for to in ("carol@gate.example", "caröl@gate.example"):
        town.wait(town.alice.send("gate@away", encode_envelope(written_mail(), to=to), kind="mail", idempotency_key=to))
    town.pass_s(20)
    told = [report.as_string() for report in town.reports_to(town.alice)]
    assert ["Your mail to carol@gate.example:" in one for one in told] == [True, False]
    assert ["Your mail to car\\x{F6}l@gate.example:" in one for one in told] == [False, True]
    town.stop()
    town.network.stop()
