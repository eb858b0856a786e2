"""The form in which a mail leaves anonymously, or to the outside: rebuilt, so that it tells only what its author wrote.

Header lines are an allow-list; those kept are written anew. The body is one plain text and attachments, everything in
base64, with a random boundary. Two authors who send the same text to the same recipients at the same day get the same
bytes but for the random ids, whichever program each of them uses.
"""

from __future__ import annotations

import re
import unicodedata
from base64 import b64encode, encodebytes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from random import Random

from leap_plugin.mail.addresses import read_address
from leap_plugin.mail.attachments import Attachment, normalised_name
from leap_plugin.mail.envelope import MAX_MAIL_BYTES, MailTooLongError
from leap_plugin.mail.parsing import MailPart, MalformedMailError, parse_mail
from leap_plugin.mail.plaintext import normalised, unflow
from loopixmix.errors import MisuseError

MESSAGE_ID_DOMAIN = "mix.invalid"
ANONYMOUS = "anonymous@mix.invalid"
"""The From of a mail whose author has no address to answer to."""
DAY_S = 86_400
MOST_REFERENCES = 20
"""The newest that are kept: a thread holds by the last ones."""

_MESSAGE_ID = re.compile(r"<[^<>\s@]{1,500}@[^<>\s@]{1,500}>")
_TEXT_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_ARMOUR = re.compile(
    r"-----BEGIN PGP MESSAGE-----\n(?:[A-Za-z]+: [^\n]*\n)*\n"
    r"((?:[A-Za-z0-9+/]{1,76}={0,2}\n)+)(?:=[A-Za-z0-9+/]{4}\n)?-----END PGP MESSAGE-----\n*"
)
_LONGEST_PLAIN_SUBJECT = 66
_WORD_BYTES = 45


class UnsuitableMailError(MisuseError):
    """Something in the mail cannot leave in the anonymous form."""


@dataclass(frozen=True)
class CanonicalMail:
    """What leaves.

    `message`: all of its bytes, with CRLF. `ids`: the author's Message-ID with the one that left instead, if it had
    one; give it to later calls, so that threads hold. `left_out`: what of the mail does not leave, for the author.
    `needs_smtputf8`: whether an address is beyond ASCII.
    """

    message: bytes
    ids: Mapping[str, str]
    left_out: tuple[str, ...]
    needs_smtputf8: bool


@dataclass
class _Body:
    texts: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def canonicalise(mail: bytes, *, sender: str, ids: Mapping[str, str], now_s: float, rng: Random) -> CanonicalMail:
    """Return the anonymous form of a mail.

    Arguments: `sender`, the bare address that its From shows, such as `ANONYMOUS`; `ids`, which Message-ID stands for
    which: those in References that are neither left nor right in it are left out, because they could tell an address
    of the machine or link two names; `now_s`, of which only the day is told. `rng` draws the Message-ID and boundary.
    Raises `MalformedMailError`, `MailTooLongError`, `UnsuitableMailError`, `AddressError`.
    """
    return canonical_form(parse_mail(mail), sender=sender, ids=ids, now_s=now_s, rng=rng)


def canonical_form(part: MailPart, *, sender: str, ids: Mapping[str, str], now_s: float, rng: Random) -> CanonicalMail:
    """Return the anonymous form of a mail that was taken apart already: as `canonicalise`, which see."""
    _check_sender(sender)
    recipients = {name: _addresses(part, name) for name in ("To", "Cc")}
    own_ids = _MESSAGE_ID.findall(part.header("Message-ID") or "")
    new_id = next((ids[old] for old in own_ids if old in ids), f"<{rng.randbytes(16).hex()}@{MESSAGE_ID_DOMAIN}>")
    boundary = rng.randbytes(16).hex()
    body = _Body()
    if part.content_type == "multipart/encrypted":
        content = _encrypted(part, boundary)
        body.left_out.append("the lines of the OpenPGP armour that may name a program")
    else:
        _collect(part, body, False)
        content = _written(body, boundary)
    head = [
        f"From: {sender}",
        *_recipient_lines(recipients),
        f"Subject: {_encoded(_subject(part))}",
        f"Date: {formatdate(now_s // DAY_S * DAY_S).replace('-0000', '+0000')}",
        f"Message-ID: {new_id}",
        *_thread_lines(part, ids),
        "MIME-Version: 1.0",
    ]
    message = "\r\n".join([*head, content]).encode()
    if len(message) > MAX_MAIL_BYTES:
        raise MailTooLongError(f"the mail would leave with {len(message):,} bytes; {MAX_MAIL_BYTES:,} are allowed")
    beyond_ascii = not all(address.isascii() for addresses in recipients.values() for address in addresses)
    return CanonicalMail(
        message, dict.fromkeys(own_ids[:1], new_id), tuple(body.left_out), beyond_ascii or not sender.isascii()
    )


def _check_sender(sender: str) -> None:
    if sender != ANONYMOUS:
        read_address(sender, frozenset())


def _addresses(part: MailPart, name: str) -> tuple[str, ...]:
    header = part.structured(name)
    found = [] if header is None else [address.addr_spec for address in header.addresses]
    for address in found:
        read_address(address, frozenset())
    return tuple(dict.fromkeys(f"{local}@{domain.lower()}" for local, _, domain in (a.rpartition("@") for a in found)))


def _recipient_lines(recipients: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for name, addresses in recipients.items():
        if addresses:
            yield f"{name}: " + ",\r\n ".join(addresses)
    if not any(recipients.values()):
        yield "To: undisclosed-recipients:;"


def _subject(part: MailPart) -> str:
    subject = part.structured("Subject")
    return "" if subject is None else " ".join(unicodedata.normalize("NFC", str(subject)).split())


def _encoded(text: str) -> str:
    """Return a header text as it is, or as encoded words (RFC 2047) in base64 of at most 75 characters."""
    if text.isascii() and len(text) <= _LONGEST_PLAIN_SUBJECT and "=?" not in text:
        return text
    words = [""]
    for char in text:
        if len((words[-1] + char).encode()) > _WORD_BYTES:
            words.append("")
        words[-1] += char
    return "\r\n ".join(f"=?utf-8?b?{b64encode(word.encode()).decode()}?=" for word in words)


def _thread_lines(part: MailPart, ids: Mapping[str, str]) -> Iterator[str]:
    left = frozenset(ids.values())
    for name in ("In-Reply-To", "References"):
        old = _MESSAGE_ID.findall(part.header(name) or "")
        known = [ids.get(one, one) for one in old if one in ids or one in left][-MOST_REFERENCES:]
        if known:
            yield f"{name}: " + "\r\n ".join(known)


def _collect(part: MailPart, body: _Body, has_plain: bool) -> None:
    """Sort the parts into text and attachments. `has_plain`: whether the same is said in plain text beside it."""
    is_file, name = _file_name(part)
    match part.content_type:
        case "multipart/mixed" | "multipart/related" | "multipart/alternative":
            if part.content_type == "multipart/alternative":
                has_plain = any(one.content_type == "text/plain" and not _file_name(one)[0] for one in part.walk())
            for inner in part.parts:
                _collect(inner, body, has_plain)
        case "text/plain" if not is_file:
            body.texts.append(_text(part))
        case "text/html" if not is_file and has_plain:
            body.left_out.append("the same text as HTML, which would tell the mail program")
        case "text/html" if not is_file:
            raise UnsuitableMailError("the mail is in HTML alone, which tells the mail program: write it as plain text")
        case "multipart/signed" | "application/pkcs7-mime" | "application/x-pkcs7-mime":
            raise UnsuitableMailError(
                f"{part.content_type} names its author or breaks if it is rebuilt: send it without, or to a contact"
            )
        case kind if kind.startswith(("multipart/", "message/")):
            raise UnsuitableMailError(f"{kind} brings header lines of others along: quote it as text instead")
        case _:
            body.attachments.append(Attachment(normalised_name(name), part.content()))


def _file_name(part: MailPart) -> tuple[bool, str | None]:
    """Tell whether a part is a file, and by which name, if it has one."""
    disposition = part.structured("Content-Disposition")
    name = part.parameters.get("name") if disposition is None else disposition.params.get("filename")
    return name is not None or (disposition is not None and disposition.content_disposition == "attachment"), name


def _text(part: MailPart) -> str:
    text = part.text()
    if part.parameters.get("format", "").lower() == "flowed":
        text = unflow(text, delete_space=part.parameters.get("delsp", "").lower() == "yes")
    text = normalised(text)
    if _TEXT_CONTROL.search(text):
        raise UnsuitableMailError("the text has control characters, which mail programs would show differently")
    return text


def _written(body: _Body, boundary: str) -> str:
    # CRLF in the text itself: base64 hides the line ends from whatever carries the mail.
    text = "\n".join(body.texts).replace("\n", "\r\n").encode()
    first = _in_base64("text/plain; charset=utf-8", text)
    if not body.attachments:
        return first
    files = [
        _in_base64(f"{one.content_type}\r\nContent-Disposition: {one.disposition}", one.content)
        for one in body.attachments
    ]
    return _multipart("multipart/mixed", boundary, [first, *files])


def _in_base64(content_type: str, content: bytes) -> str:
    encoded = encodebytes(content).decode().replace("\n", "\r\n")
    return f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}"


def _multipart(content_type: str, boundary: str, parts: list[str]) -> str:
    # No part has a line that begins with two hyphens and the boundary: they are base64, or OpenPGP's armour.
    joined = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts)
    return f'Content-Type: {content_type};\r\n boundary="{boundary}"\r\n\r\n{joined}--{boundary}--\r\n'


def _encrypted(part: MailPart, boundary: str) -> str:
    """Return an OpenPGP/MIME body (RFC 3156, 4) anew; the packets are kept, and the marks of the program left out."""
    kinds = [inner.content_type for inner in part.parts]
    if part.parameters.get("protocol", "").lower() != "application/pgp-encrypted" or kinds != [
        "application/pgp-encrypted",
        "application/octet-stream",
    ]:
        raise UnsuitableMailError("an encrypted mail leaves as OpenPGP/MIME (RFC 3156) or not at all")
    control, armour = (inner.content().decode("ascii", "replace").replace("\r\n", "\n") for inner in part.parts)
    found = _ARMOUR.fullmatch(armour.strip("\n") + "\n")
    if control.strip() != "Version: 1" or found is None:
        raise MalformedMailError("the parts of the encrypted mail are not those of OpenPGP/MIME, version 1")
    packets = found[1].replace("\n", "")
    lines = [packets[start : start + 64] for start in range(0, len(packets), 64)]
    armoured = "\r\n".join(["-----BEGIN PGP MESSAGE-----", "", *lines, "-----END PGP MESSAGE-----", ""])
    first = "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
    second = f"Content-Type: application/octet-stream\r\n\r\n{armoured}"
    return _multipart('multipart/encrypted; protocol="application/pgp-encrypted"', boundary, [first, second])
