"""Delivery status notifications: read back by the standard library, and never the start of a loop."""

from __future__ import annotations

import email
from dataclasses import replace
from email.policy import default
from random import Random

import pytest

from leap_plugin.mail.reports import Notice, Submission, is_wanted, may_be_reported, notification, one_line
from leap_plugin.mail.states import DsnAction
from loopixmix.errors import MisuseError
from tests.worlds.mails import SAMPLES

NOW_S = 1_764_417_789.0
SUBMISSION = Submission(SAMPLES["plain"], "alice@provider-1.mix.invalid", NOW_S - 3600)
FAILED = Notice("bob@provider-2.mix.invalid", DsnAction.FAILED, "5.2.2", "the mailbox is full")
EACH = (
    FAILED,
    Notice("c@provider-2.mix.invalid", DsnAction.DELAYED, "4.4.7", "no acknowledgement", NOW_S + 432_000),
    Notice("d@provider-2.mix.invalid", DsnAction.RELAYED, "2.0.0", original_recipient="rfc822;d@example.org"),
    Notice("e@provider-2.mix.invalid", DsnAction.DELIVERED, "2.0.0"),
)


def made(submission: Submission = SUBMISSION, *notices: Notice) -> bytes | None:
    return notification(submission, notices or (FAILED,), reporter="provider-1.mix.invalid", now_s=NOW_S, rng=Random(1))


@pytest.mark.parametrize("name", SAMPLES)
def test_any_mail_can_be_reported_in_parts_that_parse(name: str) -> None:
    raw = made(replace(SUBMISSION, mail=SAMPLES[name]))
    assert raw is not None
    assert b"\n" not in raw.replace(b"\r\n", b"")
    report = email.message_from_bytes(raw, policy=default)
    assert [part.defects for part in report.walk()] == [[] for _ in report.walk()]
    assert report.get_content_type() == "multipart/report"
    assert report["Content-Type"].params["report-type"] == "delivery-status"
    parts = [part.get_content_type() for part in report.iter_parts()]  # type: ignore[attr-defined]
    assert parts == ["text/plain", "message/delivery-status", "text/rfc822-headers"]
    head = list(report.iter_parts())[2].get_payload(decode=True)  # type: ignore[attr-defined]
    assert SAMPLES[name].startswith(head)
    assert b"Hello Bob." not in head or b"\n\n" not in SAMPLES[name].replace(b"\r\n", b"\n")


def test_each_action_is_said_to_people_and_to_programs() -> None:
    raw = made(replace(SUBMISSION, envelope_id="QQ314159"), *EACH)
    assert raw is not None
    report = email.message_from_bytes(raw, policy=default)
    assert report["To"] == "alice@provider-1.mix.invalid"
    assert report["Subject"] == "Not delivered; Delayed; Stored; Delivered: your mail"
    assert report["Auto-Submitted"] == "auto-replied"
    text, status, _ = report.iter_parts()  # type: ignore[attr-defined]
    assert "The reason: the mailbox is full." in text.get_content()
    assert "is tried until Thu, 04 Dec 2025 12:03:09" in text.get_content()
    blocks = [dict(block.items()) for block in status.get_payload()]
    assert blocks == [
        {
            "Original-Envelope-Id": "QQ314159",
            "Reporting-MTA": "dns; provider-1.mix.invalid",
            "Arrival-Date": "Sat, 29 Nov 2025 11:03:09 -0000",
        },
        {
            "Final-Recipient": "rfc822; bob@provider-2.mix.invalid",
            "Action": "failed",
            "Status": "5.2.2",
            "Diagnostic-Code": "X-LoopixMix; the mailbox is full",
        },
        {
            "Final-Recipient": "rfc822; c@provider-2.mix.invalid",
            "Action": "delayed",
            "Status": "4.4.7",
            "Diagnostic-Code": "X-LoopixMix; no acknowledgement",
            "Will-Retry-Until": "Thu, 04 Dec 2025 12:03:09 -0000",
        },
        {
            "Original-Recipient": "rfc822;d@example.org",
            "Final-Recipient": "rfc822; d@provider-2.mix.invalid",
            "Action": "relayed",
            "Status": "2.0.0",
        },
        {"Final-Recipient": "rfc822; e@provider-2.mix.invalid", "Action": "delivered", "Status": "2.0.0"},
    ]


def test_there_is_none_for_the_null_sender() -> None:
    assert made(replace(SUBMISSION, sender="")) is None
    assert made(replace(SUBMISSION, sender="<>")) is None


def test_there_is_none_about_automatic_mail_and_so_no_loop() -> None:
    report = made()
    assert report is not None
    assert made(replace(SUBMISSION, mail=report)) is None
    for value, reported in (("no", True), ("No ; x=y", True), ("auto-generated", False), ("not-a-word", False)):
        mail = b"Subject: x\r\nAUTO-submitted: " + value.encode() + b"\r\n\r\nAuto-Submitted: in the text\r\n"
        assert may_be_reported(replace(SUBMISSION, mail=mail)) == reported
    assert may_be_reported(replace(SUBMISSION, mail=b"Subject: x\r\n\r\nAuto-Submitted: auto-replied\r\n"))


@pytest.mark.parametrize(
    ("notify", "wanted"),
    [
        (frozenset(), {DsnAction.FAILED, DsnAction.DELAYED}),
        (frozenset({"NEVER"}), set()),
        (frozenset({"FAILURE"}), {DsnAction.FAILED}),
        (frozenset({"SUCCESS", "DELAY"}), {DsnAction.DELAYED, DsnAction.DELIVERED, DsnAction.RELAYED}),
    ],
)
def test_what_was_asked_for_is_told(notify: frozenset[str], wanted: set[DsnAction]) -> None:
    assert {action for action in DsnAction if is_wanted(action, notify)} == wanted


@pytest.mark.parametrize(
    "notice",
    [
        replace(FAILED, status="4.2.2"),
        replace(FAILED, status="5.2"),
        replace(FAILED, reason="full\r\nAction: delivered"),
        replace(FAILED, recipient="b\n@x"),
        replace(FAILED, reason="x" * 501),
        replace(FAILED, original_recipient="a\rb"),
    ],
)
def test_what_does_not_fit_is_refused(notice: Notice) -> None:
    with pytest.raises(MisuseError):
        made(SUBMISSION, notice)


def test_a_report_is_about_somebody() -> None:
    with pytest.raises(MisuseError):
        notification(SUBMISSION, (), reporter="provider-1.mix.invalid", now_s=NOW_S, rng=Random(1))


def test_a_long_head_is_cut() -> None:
    raw = made(replace(SUBMISSION, mail=b"X: " + b"a" * 1_000_000 + b"\r\n\r\ntext"))
    assert raw is not None
    assert len(raw) < 100_000


@pytest.mark.parametrize("name", SAMPLES)
def test_a_failed_mail_comes_back_whole_if_its_author_asked_for_that(name: str) -> None:
    raw = made(replace(SUBMISSION, mail=SAMPLES[name], returns_all=True))
    assert raw is not None
    assert raw.count(SAMPLES[name]) == 1
    report = email.message_from_bytes(raw, policy=default)
    parts = [part.get_content_type() for part in report.iter_parts()]  # type: ignore[attr-defined]
    assert parts == ["text/plain", "message/delivery-status", "message/rfc822"]


def test_only_a_failed_mail_comes_back_whole() -> None:
    raw = made(replace(SUBMISSION, returns_all=True), *EACH[1:])
    assert raw is not None
    assert b"Hello Bob." not in raw


def test_texts_of_others_are_made_fit_for_a_notification() -> None:
    assert one_line("  Grüße\r\nFrom: x\x00 ") == "Gr\\x{FC}\\x{DF}e From: x?"
    raw = made(SUBMISSION, replace(FAILED, recipient=one_line("用户@example.org"), reason=one_line("ü" * 600)))
    assert raw is not None
    assert b"Final-Recipient: rfc822; \\x{7528}\\x{6237}@example.org\r\n" in raw
