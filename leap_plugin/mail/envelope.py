"""The envelope of a mail: the mail byte for byte, compressed where that makes it shorter, and for whom it is.

MessagePack of an array: `["mail", 1, to, token, coding, length, content]`. `to` is the envelope recipient, for those
who receive for several addresses; `token` pays an exit. Both are empty without need. `coding` is 0 for the mail as it
is and 1 for zlib (RFC 1950). It is the body of one message of the network, which seals it to the contact. So nothing
outside of the sealing tells its subject, its recipients or its form. The page is docs/protocol/mail.md.
"""

from __future__ import annotations

import enum
import zlib
from dataclasses import dataclass, field

import msgspec

from leap_plugin.mail.addresses import MAX_ADDRESS_LENGTH, AddressError, read_address
from loopixmix.errors import UNDECODABLE, FormatError, MisuseError

MAX_MAIL_BYTES = 36 * 1024 * 1024
"""The longest mail: what other mail servers take, with the third that base64 adds to 25 MB."""

MAX_TOKEN_BYTES = 1024
"""More than the longest blind token has (docs/protocol/tokens.md)."""

VERSION = 1
_OVERHEAD_BYTES = 32 + MAX_ADDRESS_LENGTH + MAX_TOKEN_BYTES
MAX_ENVELOPE_BYTES = MAX_MAIL_BYTES + _OVERHEAD_BYTES
"""The longest envelope: a mail that does not become shorter, and the fields before it."""


class MailTooLongError(MisuseError):
    """The mail is over the size limit."""


class Coding(enum.IntEnum):
    """How the mail is held in its envelope."""

    AS_IT_IS = 0
    ZLIB = 1


@dataclass(frozen=True)
class EnclosedMail:
    """What an envelope holds.

    `mail`: its bytes, whatever they are. `to`: the mail address of the envelope recipient, empty if the one who
    receives it knows. `token`: an encoded blind token for an exit, or nothing.
    """

    mail: bytes = field(repr=False)
    to: str = field(default="", repr=False)
    token: bytes = field(default=b"", repr=False)


class Envelope(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="mail"):
    """What the bytes of an envelope say, before its content is believed."""

    version: int
    to: str
    token: bytes
    coding: int
    length_bytes: int
    content: bytes


_DECODER = msgspec.msgpack.Decoder(Envelope)


def encode_envelope(mail: bytes, *, to: str = "", token: bytes = b"") -> bytes:
    """Return the envelope of a mail of at most `MAX_MAIL_BYTES`; the mail may be any bytes.

    `to`, `token`: as in `EnclosedMail`. Raises `MailTooLongError`, `AddressError` if `to` is no mail address, and
    `MisuseError` for a token of over `MAX_TOKEN_BYTES`.
    """
    if to:
        read_address(to, frozenset())
    if len(token) > MAX_TOKEN_BYTES:
        raise MisuseError(f"the token has {len(token):,} bytes; at most {MAX_TOKEN_BYTES:,} are allowed")
    if len(mail) > MAX_MAIL_BYTES:
        raise MailTooLongError(f"the mail has {len(mail):,} bytes; at most {MAX_MAIL_BYTES:,} are allowed")
    compressed = zlib.compress(mail, 9)
    coding, content = (Coding.ZLIB, compressed) if len(compressed) < len(mail) else (Coding.AS_IT_IS, mail)
    return msgspec.msgpack.encode(Envelope(VERSION, to, token, coding, len(mail), content))


def decode_envelope(envelope: bytes) -> EnclosedMail:
    """Return what is in an envelope, the mail byte for byte; raises `FormatError`.

    At most `MAX_MAIL_BYTES` are ever unpacked, whatever the sender claims.
    """
    if len(envelope) > MAX_ENVELOPE_BYTES:
        raise FormatError(
            f"the envelope of a mail has {len(envelope):,} bytes; at most {MAX_ENVELOPE_BYTES:,} are allowed"
        )
    try:
        fields = _DECODER.decode(envelope)
    except UNDECODABLE as error:
        raise FormatError(f"not the envelope of a mail: {error}") from error
    # msgspec takes the same fields in longer encodings, and further elements of an array: only one form counts.
    if msgspec.msgpack.encode(fields) != envelope:
        raise FormatError("not the envelope of a mail: it is not encoded in the shortest form")
    if fields.version != VERSION:
        raise FormatError(f"the envelope of a mail has version {fields.version}; this program knows {VERSION}")
    _check_address(fields.to)
    if len(fields.token) > MAX_TOKEN_BYTES:
        raise FormatError(f"a token of {len(fields.token):,} bytes; at most {MAX_TOKEN_BYTES:,} are allowed")
    if not 0 <= fields.length_bytes <= MAX_MAIL_BYTES:
        raise FormatError(f"a mail of {fields.length_bytes:,} bytes; at most {MAX_MAIL_BYTES:,} are allowed")
    mail = _unpack(fields)
    if len(mail) != fields.length_bytes:
        raise FormatError("the mail in the envelope has not the length that the envelope says")
    return EnclosedMail(mail, fields.to, fields.token)


def token_in_head(beginning: bytes) -> bytes:
    """Return the token of an envelope of which only the beginning is there; empty if it has none, or is none.

    So an exit knows whether the first piece of a long mail is paid. What is returned counts for nothing else: the whole
    envelope is decoded strictly when all of it is there.
    """
    # Array of 7, "mail", version 1 (docs/protocol/mail.md); then a text and bytes, as MessagePack writes their lengths.
    magic = b"\x97\xa4mail\x01"
    if not beginning.startswith(magic):
        return b""
    at = len(magic)
    kind = beginning[at : at + 1]
    if kind == b"\xd9":
        at += 2 + int.from_bytes(beginning[at + 1 : at + 2])
    elif kind and 0xA0 <= kind[0] <= 0xBF:
        at += 1 + (kind[0] & 0x1F)
    else:
        return b""
    kind = beginning[at : at + 1]
    if kind not in (b"\xc4", b"\xc5"):
        return b""
    width = 1 if kind == b"\xc4" else 2
    length = int.from_bytes(beginning[at + 1 : at + 1 + width])
    token = beginning[at + 1 + width : at + 1 + width + length]
    return token if len(token) == length <= MAX_TOKEN_BYTES else b""


def _check_address(to: str) -> None:
    try:
        if to:
            read_address(to, frozenset())
    except AddressError as error:
        raise FormatError(f"the envelope of a mail is for nobody: {error}") from error


def _unpack(fields: Envelope) -> bytes:
    if fields.coding == Coding.AS_IT_IS:
        return fields.content
    if fields.coding != Coding.ZLIB:
        raise FormatError(f"the envelope of a mail has coding {fields.coding}; this program knows 0 and 1")
    unpacking = zlib.decompressobj()
    try:
        # One byte more than is allowed shows what is too long, without unpacking the rest of it.
        mail = unpacking.decompress(fields.content, fields.length_bytes + 1)
    except zlib.error as error:
        raise FormatError(f"the mail in the envelope cannot be unpacked: {error}") from error
    if len(mail) <= fields.length_bytes and (not unpacking.eof or unpacking.unused_data):
        raise FormatError("the packed mail in the envelope ends too early or too late")
    return mail
