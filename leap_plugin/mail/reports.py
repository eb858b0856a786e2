"""Delivery status notifications (RFC 3464): a mail to the author about what became of a mail.

None is ever made for a mail without a return address, or for one that a program sent by itself (RFC 3834, 2): two
programs would answer each other for ever.
"""

from __future__ import annotations

import re
from base64 import encodebytes
from collections.abc import Set
from dataclasses import dataclass
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import SMTP
from email.utils import formatdate
from random import Random

from leap_plugin.mail.states import DsnAction
from loopixmix.errors import MisuseError

MAX_HEADER_BYTES = 64 * 1024
"""So much of the head of the original is returned at most; the rest is left out."""
MAX_REASON_LENGTH = 500

_STATUS = {DsnAction.DELAYED: "4", DsnAction.FAILED: "5", DsnAction.DELIVERED: "2", DsnAction.RELAYED: "2"}
_STATUS_FORM = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}", re.ASCII)
_ONE_LINE = re.compile(r"[\x20-\x7e]+")
_AUTOMATIC = re.compile(rb"^auto-submitted[ \t]*:(?![ \t]*no[ \t]*(?:[;(]|$))", re.IGNORECASE | re.MULTILINE)
_TOLD = {
    DsnAction.DELAYED: ("Delayed", "It could not be delivered yet. It is tried again; you need not send it again."),
    DsnAction.FAILED: ("Not delivered", "It could not be delivered, and is not tried again."),
    DsnAction.RELAYED: ("Stored", "The recipient's provider has stored it. Whether the recipient has it is not known."),
    DsnAction.DELIVERED: ("Delivered", "The recipient's own receipt says that it is there."),
}


@dataclass(frozen=True)
class Notice:
    """What is told of one recipient. `status`: RFC 3463, such as `5.2.2`; its class must fit the action.

    `until_s`: for how long a delayed one is tried, in seconds since the Unix epoch. `original_recipient`: the ORCPT of
    the submission (RFC 3461), such as `rfc822;bob@example.org`.
    """

    recipient: str
    action: DsnAction
    status: str
    reason: str = ""
    until_s: float | None = None
    original_recipient: str = ""


@dataclass(frozen=True)
class Submission:
    """What the notification must know of the mail. `sender`: the MAIL FROM, empty for the null sender.

    `arrived_s`: when it was taken, in seconds since the Unix epoch; `envelope_id`: the ENVID (RFC 3461), if it had one;
    `returns_all`: whether a notification of a failure returns the whole mail (RET=FULL of RFC 3461) or only its head.
    """

    mail: bytes
    sender: str
    arrived_s: float
    envelope_id: str = ""
    returns_all: bool = False


def one_line(text: str) -> str:
    """Return a text of others so that it can stand in a notification: on one line, in ASCII, and not too long.

    Characters beyond ASCII are written as in the addresses of RFC 6533, such as `\\x{FC}`.
    """
    line = "".join(char if char.isascii() else f"\\x{{{ord(char):X}}}" for char in " ".join(text.split()))
    return "".join(char if char.isprintable() else "?" for char in line)[:MAX_REASON_LENGTH]


def is_wanted(action: DsnAction, notify: Set[str]) -> bool:
    """Tell whether the NOTIFY of a recipient (RFC 3461, 4.1) asks for this; without one failures and delays are told.

    A mail that was relayed counts as a success (RFC 3461, 5.2.2).
    """
    if not notify:
        return action in (DsnAction.FAILED, DsnAction.DELAYED)
    asked = {DsnAction.FAILED: "FAILURE", DsnAction.DELAYED: "DELAY"}.get(action, "SUCCESS")
    return asked in notify


def may_be_reported(submission: Submission) -> bool:
    """Tell whether a notification may be made at all: not to the null sender, and not about automatic mail."""
    head = _head(submission.mail)
    return submission.sender not in ("", "<>") and not _AUTOMATIC.search(head.replace(b"\r\n", b"\n"))


def notification(
    submission: Submission, notices: tuple[Notice, ...], *, reporter: str, now_s: float, rng: Random
) -> bytes | None:
    """Return a notification with CRLF line ends, to be sent from the null sender; None if none may be made.

    `reporter`: the host name in `Reporting-MTA` and the domain of its own addresses, such as `provider-1.mix.invalid`.
    Raises `MisuseError` for no notice, or one whose parts do not fit into their lines.
    """
    if not notices:
        raise MisuseError("a notification is about one recipient at least")
    _check(reporter, submission.envelope_id, *(text for one in notices for text in (one.recipient, one.reason)))
    for notice in notices:
        _check(notice.original_recipient)
        if not _STATUS_FORM.fullmatch(notice.status) or notice.status[0] != _STATUS[notice.action]:
            raise MisuseError(f"{notice.status!a} is no status of a mail that is {notice.action}")
    if not may_be_reported(submission):
        return None
    _check(submission.sender)
    report = MIMEMultipart("report", boundary=rng.randbytes(16).hex(), policy=SMTP)
    report.set_param("report-type", "delivery-status")
    report["From"] = f"Mail over the mix network <postmaster@{reporter}>"
    report["To"] = submission.sender
    report["Subject"] = "; ".join(dict.fromkeys(_TOLD[notice.action][0] for notice in notices)) + ": your mail"
    report["Date"] = formatdate(now_s)
    report["Message-ID"] = f"<{rng.randbytes(16).hex()}@{reporter}>"
    report["Auto-Submitted"] = "auto-replied"
    report.attach(MIMEText(_for_people(notices), "plain", "us-ascii", policy=SMTP))
    report.attach(_for_programs(submission, notices, reporter))
    if not submission.returns_all or all(notice.action != DsnAction.FAILED for notice in notices):
        report.attach(_returned_head(submission.mail))
        return report.as_bytes(policy=SMTP.clone(max_line_length=0))
    place = rng.randbytes(16).hex()
    report.attach(_returned_mail(place))
    return report.as_bytes(policy=SMTP.clone(max_line_length=0)).replace(place.encode(), submission.mail)


def _for_people(notices: tuple[Notice, ...]) -> str:
    told = []
    for notice in notices:
        reason = f" The reason: {notice.reason}." if notice.reason else ""
        until = f" It is tried until {formatdate(notice.until_s)}." if notice.until_s is not None else ""
        told.append(f"Your mail to {notice.recipient}:\n{_TOLD[notice.action][1]}{reason}{until}\n")
    return "\n".join(told)


def _for_programs(submission: Submission, notices: tuple[Notice, ...], reporter: str) -> Message:
    of_mail = Message(policy=SMTP)
    if submission.envelope_id:
        of_mail["Original-Envelope-Id"] = submission.envelope_id
    of_mail["Reporting-MTA"] = f"dns; {reporter}"
    of_mail["Arrival-Date"] = formatdate(submission.arrived_s)
    blocks: list[Message | str] = [of_mail]
    for notice in notices:
        block = Message(policy=SMTP)
        if notice.original_recipient:
            block["Original-Recipient"] = notice.original_recipient
        block["Final-Recipient"] = f"rfc822; {notice.recipient}"
        block["Action"] = str(notice.action)
        block["Status"] = notice.status
        if notice.reason:
            block["Diagnostic-Code"] = f"X-LoopixMix; {notice.reason}"
        if notice.until_s is not None:
            block["Will-Retry-Until"] = formatdate(notice.until_s)
        blocks.append(block)
    part = Message(policy=SMTP)
    part["Content-Type"] = "message/delivery-status"
    part.set_payload(blocks)
    return part


def _returned_head(mail: bytes) -> Message:
    # In base64, because the head of a malformed mail may hold any bytes, and must not end the report early.
    part = Message(policy=SMTP)
    part["Content-Type"] = "text/rfc822-headers; charset=utf-8"
    part["Content-Transfer-Encoding"] = "base64"
    part.set_payload(_base64(_head(mail)))
    return part


def _returned_mail(place: str) -> Message:
    # The standard library would write the mail anew, and a malformed one not at all: its bytes are put in afterwards.
    # RFC 2046, 5.2.1, allows no base64 here. The boundary is random, so that no mail can end the report early.
    part = Message(policy=SMTP)
    part["Content-Type"] = "message/rfc822"
    part["Content-Transfer-Encoding"] = "binary"
    part.set_payload(place)
    return part


def _base64(content: bytes) -> str:
    return encodebytes(content).decode().replace("\n", "\r\n")


def _head(mail: bytes) -> bytes:
    ends = [end for end in (mail.find(b"\r\n\r\n"), mail.find(b"\n\n")) if end >= 0]
    return mail[: min([*ends, MAX_HEADER_BYTES])]


def _check(*texts: str) -> None:
    for text in texts:
        if text and (not _ONE_LINE.fullmatch(text) or len(text) > MAX_REASON_LENGTH):
            raise MisuseError(
                f"{text[:80]!a} cannot stand in a notification: it takes {MAX_REASON_LENGTH} ASCII characters"
            )
