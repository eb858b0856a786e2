"""The bridge's own header lines on received mail, and how a mail program's owner can tell that they are true.

    X-<word>-Mix: came by the mix network; from=alice@provider-1; key=compared; sealed=end-to-end
    X-<word>-Mix-Proof: v1; hmac-sha256=<64 hexadecimal digits>

They come first, and all that follows is the mail as it came. Only an anonymous mail that can be answered has a third
line, `Reply-To: reply-...@mix.invalid`, so that a mail program's button works: its From leads nowhere.

The word is random and belongs to one installation: no sender knows it, so mail programs may filter by the name. The
proof is an HMAC (RFC 2104) by a key of the installation over the first line and the SHA-256 of the mail. It needs no
public key, because only the installation itself checks it.
Lines of any other name are a part of the mail, whatever they claim.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from client.api import Verified
from leap_plugin.mail.heads import lines_of
from loopixmix.errors import ConfigError, MisuseError

KEY_BYTES = 32
WORD_LENGTH = 10
_WORD_LETTERS = "abcdefghjkmnpqrstvwxyz"
_WORD = re.compile(rf"[{_WORD_LETTERS}]{{{WORD_LENGTH}}}")
# Also what only claims to be an address, and the fingerprint that is shown instead of one: `key:0123-...`.
_PLACE = re.compile(r"(key:)?[a-z0-9@._-]{1,254}", re.ASCII)
_CONTEXT = b"LoopixMix mail trace 1\0"


@dataclass(frozen=True)
class TraceKey:
    """What an installation marks mail with: its word, which others may see, and its key, which nobody may."""

    word: str
    key: bytes

    def __post_init__(self) -> None:
        if not _WORD.fullmatch(self.word) or len(self.key) != KEY_BYTES:
            raise ConfigError(f"a trace key has a word of {WORD_LENGTH} letters and a key of {KEY_BYTES} bytes")

    def __repr__(self) -> str:
        return f"TraceKey(word={self.word!r})"


@dataclass(frozen=True)
class Origin:
    """How a mail came. `sender`: None for an anonymous one; `gateway`: the domain whose gateway could read it.

    Without a gateway it was sealed from end to end. `reply`: the address that an answer to an anonymous mail goes to,
    if there is a way back.
    """

    sender: str | None
    verified: Verified
    gateway: str | None = None
    reply: str | None = None


@dataclass(frozen=True)
class ProvenOrigin:
    """The lines are of this installation, and belong to this mail."""

    origin: Origin
    mail: bytes


@dataclass(frozen=True)
class FalseOrigin:
    """There are lines of this installation's name, but they do not belong to this mail, or were changed."""


@dataclass(frozen=True)
class NoOrigin:
    """The mail does not begin with lines of this installation."""


TraceCheck: TypeAlias = ProvenOrigin | FalseOrigin | NoOrigin


def make_trace_key(rng: Random) -> TraceKey:
    """Return a new key and word; `rng` must be the system's randomness in use."""
    return TraceKey("".join(rng.choice(_WORD_LETTERS) for _ in range(WORD_LENGTH)), rng.randbytes(KEY_BYTES))


def mark(mail: bytes, origin: Origin, trace_key: TraceKey) -> bytes:
    """Return the mail with the installation's lines before it, byte for byte otherwise.

    A mail with a line `Reply-To` of its own gets no second one: mail programs disagree which of two counts.
    A mail that begins with no header line, but with the empty line or with text, is marked as well.
    Raises `MisuseError` for a sender or gateway that would not fit into one line.
    """
    line = _line(origin, trace_key)
    answer = b"" if lines_of(mail, "Reply-To") else _answer(origin)
    return line + _proof(line, mail, trace_key) + answer + mail


def check_mark(marked: bytes, trace_key: TraceKey) -> TraceCheck:
    """Tell whether a mail is marked by this installation, and what the mark says.

    The line ends may be those of a mail program that stores mail with LF alone, if all of them are.
    """
    found = _check(marked, trace_key)
    if isinstance(found, ProvenOrigin) or b"\r\n" in marked:
        return found
    return _check(marked.replace(b"\n", b"\r\n"), trace_key)


def _check(marked: bytes, trace_key: TraceKey) -> TraceCheck:
    name = _name(trace_key)
    if not marked.startswith(name):
        return NoOrigin()
    line, _, rest = marked.partition(b"\r\n")
    proof, _, mail = rest.partition(b"\r\n")
    line, proof = line + b"\r\n", proof + b"\r\n"
    if hmac.compare_digest(proof, _proof(line, mail, trace_key)):
        return ProvenOrigin(_origin(line), mail)
    answer, _, behind = mail.partition(b"\r\n")
    if hmac.compare_digest(proof, _proof(line, behind, trace_key)):
        origin = _origin(line)
        if origin.reply is not None and answer + b"\r\n" == _answer(origin):
            return ProvenOrigin(origin, behind)
    return FalseOrigin()


def _name(trace_key: TraceKey) -> bytes:
    return f"X-{trace_key.word}-Mix".encode()


def _line(origin: Origin, trace_key: TraceKey) -> bytes:
    for text in (origin.sender, origin.gateway, origin.reply):
        if text is not None and not _PLACE.fullmatch(text):
            raise MisuseError(f"{text[:80]!a} cannot stand in a header line: a-z 0-9 @ . _ - are allowed")
    sender = "anonymous" if origin.sender is None else origin.sender
    sealed = "end-to-end" if origin.gateway is None else f"to the gateway of {origin.gateway}"
    reply = "" if origin.reply is None else f"; reply={origin.reply}"
    text = f": came by the mix network; from={sender}; key={origin.verified.value}; sealed={sealed}{reply}\r\n"
    return _name(trace_key) + text.encode()


def _answer(origin: Origin) -> bytes:
    return b"" if origin.reply is None else f"Reply-To: {origin.reply}\r\n".encode()


def _proof(line: bytes, mail: bytes, trace_key: TraceKey) -> bytes:
    # The line ends in CRLF and has no other, so that it cannot run into the digest.
    digest = hmac.digest(trace_key.key, _CONTEXT + line + hashlib.sha256(mail).digest(), "sha256")
    return _name(trace_key) + b"-Proof: v1; hmac-sha256=" + digest.hex().encode() + b"\r\n"


def _origin(line: bytes) -> Origin:
    # Only lines that this module wrote come here: their proof was checked.
    fields = dict(part.split("=", 1) for part in line.decode().strip().split("; ")[1:])
    sender, sealed = fields["from"], fields["sealed"]
    return Origin(
        None if sender == "anonymous" else sender,
        Verified(fields["key"]),
        None if sealed == "end-to-end" else sealed.removeprefix("to the gateway of "),
        fields.get("reply"),
    )
