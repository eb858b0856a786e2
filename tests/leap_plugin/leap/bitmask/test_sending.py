"""`MixSender` in an outgoing pipeline of Bitmask's shape, which encrypts, signs and asks sender after sender."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from client.testing import wait_for
from leap_plugin.leap.bitmask.reach import ReachableAddresses
from leap_plugin.leap.bitmask.sending import ISender, MixSender, SendError
from leap_plugin.mail.submitting import SubmissionRefusedError
from tests.worlds.leap import DirectSender, FakeQueue, LeapTown, OutgoingPipeline, SmtpData, smtp_user

RAW = "From: alice@leap.example\nTo: bob@leap.example\nSubject: hello\n\nbody\n"


def encrypt_and_sign(raw: str, recipient: object) -> str:
    return f"Content-Type: multipart/encrypted\n{raw}signed for {recipient}\n"


@pytest.fixture
def town() -> LeapTown:
    return LeapTown()


@pytest.fixture
def queue() -> FakeQueue:
    return FakeQueue()


@pytest.fixture
def sender(town: LeapTown, queue: FakeQueue, tmp_path: Path) -> MixSender:
    reachable = ReachableAddresses(town.sender, file=tmp_path / "reach.json", clock=town.clock, rng=random.Random(1))
    wait_for(reachable.look(), town.clock)
    return MixSender(queue, reachable, "alice@provider-2.mix.invalid")


def pipeline(sender: MixSender) -> tuple[OutgoingPipeline, DirectSender]:
    made, direct = OutgoingPipeline(encrypt_and_sign), DirectSender()
    made.add_sender(sender)
    made.add_sender(direct)
    return made, direct


def result_of(sending: Deferred[str]) -> str:
    results: list[object] = []
    sending.addBoth(results.append)
    [result] = results
    if isinstance(result, str):
        return result
    raise result.value  # type: ignore[attr-defined]


def test_it_is_a_sender(sender: MixSender) -> None:
    assert verifyObject(ISender, sender)


def test_a_mail_that_the_network_reaches_goes_through_the_network_alone(sender: MixSender, queue: FakeQueue) -> None:
    made, direct = pipeline(sender)
    SmtpData(made, ["bob@leap.example", "carol@elsewhere.example"], RAW)
    [mail] = queue.mails
    assert [one.address for one in mail.recipients] == ["bob@leap.example"]
    assert mail.sender == "alice@provider-2.mix.invalid"
    assert b"multipart/encrypted" in mail.mail
    assert direct.sent == ["carol@elsewhere.example"]


def test_each_recipient_is_a_send_of_its_own(sender: MixSender, queue: FakeQueue) -> None:
    made, _ = pipeline(sender)
    SmtpData(made, ["bob@leap.example", "carol@leap.example"], RAW)
    assert [[one.address for one in mail.recipients] for mail in queue.mails] == [
        ["bob@leap.example"],
        ["carol@leap.example"],
    ]


def test_data_is_answered_when_the_mail_is_durable(sender: MixSender, queue: FakeQueue) -> None:
    made, _ = pipeline(sender)
    queue.is_slow = True
    data = SmtpData(made, ["bob@leap.example", "carol@leap.example"], RAW)
    assert not data.is_answered
    queue.flush()
    assert data.is_answered
    assert len(queue.mails) == 2


def test_a_refusal_is_told_and_nothing_goes_directly(sender: MixSender, queue: FakeQueue) -> None:
    made, direct = pipeline(sender)
    queue.refusals["bob@leap.example"] = SubmissionRefusedError(455, "4.7.5", "the key of bob is missing")
    SmtpData(made, ["bob@leap.example"], RAW)
    assert made.bounced == ["the key of bob is missing"]
    assert (queue.mails, direct.sent) == ([], [])


def test_a_send_fires_with_the_address_or_fails_with_a_code(sender: MixSender, queue: FakeQueue) -> None:
    assert result_of(sender.send(smtp_user("bob@leap.example"), RAW)) == "bob@leap.example"
    assert result_of(sender.send("carol@leap.example", RAW)) == "carol@leap.example"
    queue.refusals["dave@leap.example"] = SubmissionRefusedError(552, "5.2.3", "too long")
    with pytest.raises(SendError, match="too long") as caught:
        result_of(sender.send("dave@leap.example", RAW))
    assert (caught.value.code, caught.value.status) == (552, "5.2.3")


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        ("a\nb\n", b"a\r\nb\r\n"),
        ("a\r\nb\n", b"a\r\nb\r\n"),
        (b"a\r\n\r\n", b"a\r\n\r\n"),
        ("\udce4\n", b"\xe4\r\n"),
        ("ä\n", b"\xc3\xa4\r\n"),
    ],
)
def test_lines_end_as_on_the_wire_and_bytes_stay(
    sender: MixSender, queue: FakeQueue, message: str | bytes, sent: bytes
) -> None:
    result_of(sender.send("bob@leap.example", message))
    assert queue.mails[0].mail == sent


@pytest.mark.parametrize(
    ("address", "is_taken"),
    [
        ("bob@leap.example", True),
        ("BOB@LEAP.EXAMPLE", True),
        ("bob@provider-1.mix.invalid", True),
        # Leads nowhere else: it must not go directly either.
        ("bob@gone.mix.invalid", True),
        ("bob@elsewhere.example", False),
        ("bob@leap.example.evil.example", False),
        ("nothing", False),
        ("", False),
        ("@leap.example", False),
        ("a b@leap.example", False),
    ],
)
def test_it_says_at_once_what_it_takes(sender: MixSender, address: str, is_taken: bool) -> None:
    assert sender.can_send(address) is is_taken
    assert sender.can_send(smtp_user("bob@leap.example"))
    assert not sender.can_send(b"\xff@leap.example")
