"""The commands of SMTP (RFC 5321) with their parameters, from lines without their CRLF."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from leap_plugin.gateways.entrance.recipients import EntranceRefusedError
from leap_plugin.mail.addresses import AddressError, read_address

LONGEST_LINE = 2000
"""RFC 5321 asks for 512, and extensions for more; a path in UTF-8 with parameters fits."""

_PATH = re.compile(r"<(?:@[^<>:]*:)?([^<>]*)>")
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~]+))?")
_BODIES = ("7BIT", "8BITMIME")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")


@dataclass(frozen=True)
class Verb:
    """A command: its first word in upper case, and what follows it."""

    name: str
    rest: str


@dataclass(frozen=True)
class MailFrom:
    """MAIL: the sender's address, empty for the null sender, and the size that was told, if one was."""

    address: str
    size_bytes: int | None
    smtputf8: bool


def read_verb(line: bytes) -> Verb:
    """Return the command in a line; raise `EntranceRefusedError` if it cannot be one."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _syntax("a command is in ASCII or UTF-8") from error
    if any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in text):
        raise _syntax("a command ends in CRLF, and has no control characters")
    name, _, rest = text.strip(" ").partition(" ")
    return Verb(name.upper(), rest.strip(" "))


def read_mail_from(rest: str) -> MailFrom:
    """Return what MAIL says; raise `EntranceRefusedError`."""
    path, parameters = _path_and_parameters(rest, "FROM")
    size: int | None = None
    for name, value in parameters.items():
        match name:
            case "SIZE" if value.isdecimal() and len(value) <= 20:
                size = int(value)
            case "BODY" if value.upper() in _BODIES:
                continue
            case "SMTPUTF8" if not value:
                continue
            case _:
                raise EntranceRefusedError(555, "5.5.4", "MAIL has a parameter that is not known here")
    utf8 = "SMTPUTF8" in parameters
    if path:
        try:
            read_address(path, frozenset())
        except AddressError as error:
            # An address under .invalid and the like leads nowhere: nobody could be told of a failure.
            raise EntranceRefusedError(553, "5.1.7", "the sender is no mail address") from error
    if not path.isascii() and not utf8:
        raise EntranceRefusedError(553, "5.6.7", "an address beyond ASCII needs SMTPUTF8")
    return MailFrom(path, size, utf8)


def read_rcpt_to(rest: str) -> str:
    """Return the address in RCPT; raise `EntranceRefusedError`."""
    path, parameters = _path_and_parameters(rest, "TO")
    if parameters:
        raise EntranceRefusedError(555, "5.5.4", "RCPT has a parameter that is not known here")
    if not path:
        raise EntranceRefusedError(553, "5.1.3", "the null address receives nothing")
    return path


def read_xforward(rest: str) -> Mapping[str, str]:
    """Return what a mail server in front says of its peer (Postfix's XFORWARD); raise `EntranceRefusedError`."""
    found = {}
    for word in rest.split():
        name, equals, value = word.partition("=")
        if not equals:
            raise _syntax("XFORWARD takes NAME=VALUE")
        decoded = _XTEXT.sub(lambda hexadecimal: chr(int(hexadecimal[1], 16)), value)
        if not decoded.isprintable():
            raise _syntax("XFORWARD takes printable values")
        found[name.upper()] = "" if decoded.upper() in ("[UNAVAILABLE]", "[TEMPUNAVAIL]") else decoded
    return found


def _path_and_parameters(rest: str, word: str) -> tuple[str, dict[str, str]]:
    head, colon, tail = rest.partition(":")
    if head.strip().upper() != word or not colon:
        raise _syntax(f"{word}:<ADDRESS> is missing")
    tail = tail.strip(" ")
    found = _PATH.match(tail)
    if found is None:
        raise _syntax("an address stands in < and >")
    parameters: dict[str, str] = {}
    for text in tail[found.end() :].split():
        parameter = _PARAMETER.fullmatch(text)
        if parameter is None or parameter[1].upper() in parameters:
            raise _syntax("a parameter is NAME or NAME=VALUE, each once")
        parameters[parameter[1].upper()] = parameter[2] or ""
    if tail[found.end() :] and not tail[found.end() :].startswith(" "):
        raise _syntax("after an address comes a blank")
    return found[1], parameters


def _syntax(message: str) -> EntranceRefusedError:
    return EntranceRefusedError(501, "5.5.2", message)
