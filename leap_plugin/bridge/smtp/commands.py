"""The commands of mail submission, from lines to values (RFC 5321, 4.1; RFC 6409).

Parameters are those of SIZE (RFC 1870), 8BITMIME (RFC 6152), SMTPUTF8 (RFC 6531), DSN (RFC 3461) and AUTH (RFC 4954).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from leap_plugin.bridge.smtp.replies import SmtpReply
from leap_plugin.mail.submitting import RcptTo
from loopixmix.errors import PeerError

MOST_ENVELOPE_ID = 100
"""Characters of an ENVID (RFC 3461, 4.4)."""
MOST_ORIGINAL = 500
"""Characters of an ORCPT (RFC 3461, 4.2)."""
_PATH = re.compile(r"<([^<>\s\x00-\x1f\x7f]*)>(?: +(.*))?", re.DOTALL)
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^=\s\x00-\x1f\x7f]+))?")
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_NOTIFY = frozenset({"SUCCESS", "FAILURE", "DELAY"})


class SmtpCommandError(PeerError):
    """The command cannot be carried out as it was given; `reply` says why."""

    def __init__(self, code: int, status: str, text: str) -> None:
        super().__init__(text)
        self.reply = SmtpReply(code, status, text)


@dataclass(frozen=True)
class Ehlo:
    """EHLO, or HELO if not `extended`."""

    extended: bool


@dataclass(frozen=True)
class Auth:
    """AUTH, its mechanism in upper case; `initial`: the initial response, None if there is none."""

    mechanism: str
    initial: bytes | None

    def __repr__(self) -> str:
        return f"Auth(mechanism={self.mechanism!r})"


@dataclass(frozen=True)
class MailFrom:
    """MAIL. `sender`: empty for the null sender; `size_bytes`: None if it was not said."""

    sender: str
    size_bytes: int | None
    envelope_id: str
    returns_all: bool
    utf8: bool


@dataclass(frozen=True)
class Rcpt:
    """RCPT."""

    to: RcptTo


@dataclass(frozen=True)
class Simple:
    """A command whose arguments, if there are any, mean nothing: DATA, RSET, NOOP, QUIT, VRFY, HELP, STARTTLS."""

    verb: str


SmtpCommand: TypeAlias = Ehlo | Auth | MailFrom | Rcpt | Simple


def parse_smtp(line: bytes) -> SmtpCommand:
    """Return the command in a line without its CRLF; raise `SmtpCommandError` with the reply that is due."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise SmtpCommandError(500, "5.5.2", "the command is neither ASCII nor UTF-8") from None
    verb, _, rest = text.partition(" ")
    parse = _PARSERS.get(verb.upper())
    if parse is None:
        raise SmtpCommandError(500, "5.5.1", "there is no such command")
    return parse(verb.upper(), rest)


def _hello(verb: str, rest: str) -> Ehlo:
    if not rest.strip():
        raise SmtpCommandError(501, "5.5.4", f"{verb} takes the name of the client")
    return Ehlo(extended=verb == "EHLO")


def _auth(_: str, rest: str) -> Auth:
    mechanism, given, initial = rest.strip().partition(" ")
    if not mechanism or not rest.isascii():
        raise SmtpCommandError(501, "5.5.4", "AUTH takes a mechanism")
    # An initial response without content is written "=" (RFC 4954, 4).
    return Auth(mechanism.upper(), (b"" if initial == "=" else initial.encode()) if given else None)


def _mail(_: str, rest: str) -> MailFrom:
    sender, parameters = _path_of(rest, "FROM:")
    utf8 = _flag(parameters, "SMTPUTF8")
    _check_utf8(sender, utf8=utf8, status="5.6.7")
    body = parameters.pop("BODY", "7BIT")
    if (body or "").upper() not in ("7BIT", "8BITMIME"):
        raise SmtpCommandError(501, "5.5.4", "BODY is 7BIT or 8BITMIME")
    # Who submitted the mail to another server: we know who submits it here (RFC 4954, 5).
    parameters.pop("AUTH", None)
    returns = (parameters.pop("RET", "HDRS") or "").upper()
    if returns not in ("FULL", "HDRS"):
        raise SmtpCommandError(501, "5.5.4", "RET is FULL or HDRS")
    size_bytes = _size(parameters)
    envelope_id = _xtext(parameters.pop("ENVID", ""), "ENVID", MOST_ENVELOPE_ID)
    _check_no_more(parameters)
    return MailFrom(sender, size_bytes, envelope_id, returns == "FULL", utf8)


def _rcpt(_: str, rest: str) -> Rcpt:
    address, parameters = _path_of(rest, "TO:")
    if not address:
        raise SmtpCommandError(501, "5.1.3", "the recipient has no address")
    notify = _notify(parameters)
    kind, given, original = (parameters.pop("ORCPT", "") or "").partition(";")
    if (kind and not given) or (given and not re.fullmatch(r"[A-Za-z0-9-]{1,40}", kind)):
        raise SmtpCommandError(501, "5.5.4", "ORCPT is rfc822;ADDRESS")
    decoded = _xtext(original, "ORCPT", MOST_ORIGINAL)
    _check_no_more(parameters)
    return Rcpt(RcptTo(address=address, notify=notify, original=decoded))


def _simple(verb: str, rest: str) -> Simple:
    if rest.strip() and verb in ("DATA", "RSET", "QUIT", "STARTTLS"):
        raise SmtpCommandError(501, "5.5.4", f"{verb} takes no argument")
    return Simple(verb)


_PARSERS: Mapping[str, Callable[[str, str], SmtpCommand]] = {
    "EHLO": _hello,
    "HELO": _hello,
    "AUTH": _auth,
    "MAIL": _mail,
    "RCPT": _rcpt,
    **dict.fromkeys(("DATA", "RSET", "NOOP", "QUIT", "VRFY", "HELP", "STARTTLS"), _simple),
}


def _path_of(rest: str, keyword: str) -> tuple[str, dict[str, str | None]]:
    found = _PATH.fullmatch(rest[len(keyword) :].rstrip(" ")) if rest[: len(keyword)].upper() == keyword else None
    if found is None:
        raise SmtpCommandError(501, "5.5.2", f"it is written {keyword}<name@domain>, and parameters may follow")
    parameters: dict[str, str | None] = {}
    for word in (found[2] or "").split():
        parameter = _PARAMETER.fullmatch(word)
        if parameter is None or parameter[1].upper() in parameters:
            raise SmtpCommandError(501, "5.5.4", "a parameter is NAME or NAME=VALUE, and stands once")
        parameters[parameter[1].upper()] = parameter[2]
    return found[1], parameters


def _flag(parameters: dict[str, str | None], name: str) -> bool:
    if name not in parameters:
        return False
    if parameters.pop(name) is not None:
        raise SmtpCommandError(501, "5.5.4", f"{name} takes no value")
    return True


def _check_utf8(address: str, *, utf8: bool, status: str) -> None:
    if not utf8 and not address.isascii():
        raise SmtpCommandError(553, status, "an address beyond ASCII needs SMTPUTF8 in MAIL")


def _size(parameters: dict[str, str | None]) -> int | None:
    if "SIZE" not in parameters:
        return None
    value = parameters.pop("SIZE") or ""
    if not re.fullmatch(r"[0-9]{1,20}", value, re.ASCII):
        raise SmtpCommandError(501, "5.5.4", "SIZE is a number of octets, of 20 digits at most")
    return int(value)


def _notify(parameters: dict[str, str | None]) -> frozenset[str]:
    if "NOTIFY" not in parameters:
        return frozenset()
    words = (parameters.pop("NOTIFY") or "").upper().split(",")
    if words == ["NEVER"] or (set(words) <= _NOTIFY and len(set(words)) == len(words)):
        return frozenset(words)
    raise SmtpCommandError(501, "5.5.4", "NOTIFY is NEVER, or some of SUCCESS,FAILURE,DELAY")


def _xtext(value: str | None, name: str, most: int) -> str:
    """Return what RFC 3461, 4 calls xtext, decoded; an ORCPT may also be UTF-8 as it is (RFC 6533, 3)."""
    value = value or ""
    if len(value) > most or not _XTEXT.fullmatch("".join(char for char in value if char.isascii())):
        raise SmtpCommandError(501, "5.5.4", f"{name} is xtext of at most {most} characters")
    decoded = re.sub(r"\+([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), value)
    # It comes back in a line of a report.
    if not decoded.isprintable():
        raise SmtpCommandError(501, "5.5.4", f"{name} has control characters")
    return decoded


def _check_no_more(parameters: Mapping[str, str | None]) -> None:
    for name in parameters:
        raise SmtpCommandError(555, "5.5.4", f"the parameter {name[:40]} is not known here")
