"""A mail as bodies of messages of the network: one, or several pieces if its envelope is longer than one may be.

A piece is MessagePack of an array: `["piece", 1, mail id, number, count, digest, content]`. The mail id is 16 random
bytes, the same in all pieces of a mail. `number` counts from 0. `digest` is the SHA-256 of the whole envelope. All
pieces but the last have exactly `PIECE_BYTES` of content, so that a count leaves no choice of cuts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from random import Random

import msgspec

from client.api import MAX_BODY_BYTES
from leap_plugin.mail.envelope import MAX_ENVELOPE_BYTES, EnclosedMail, decode_envelope, encode_envelope
from loopixmix.errors import UNDECODABLE, FormatError

ID_BYTES = 16
DIGEST_BYTES = 32
PIECE_BYTES = MAX_BODY_BYTES - 128
"""The content of a piece: what one message takes, less the fields before it."""

MOST_PIECES = -(-MAX_ENVELOPE_BYTES // PIECE_BYTES)
VERSION = 1


class Piece(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="piece"):
    """A piece of an envelope."""

    version: int
    mail_id: bytes
    number: int
    count: int
    digest: bytes
    content: bytes


_DECODER = msgspec.msgpack.Decoder(Piece)
# How a piece begins in MessagePack: an array of seven, and the text "piece".
_PIECE_HEAD = b"\x97\xa5piece"


def bodies_of(mail: bytes, rng: Random, *, to: str = "", token: bytes = b"") -> tuple[bytes, ...]:
    """Return the bodies, each of at most `MAX_BODY_BYTES`, that bring a mail.

    `rng` draws the mail id, if there are several. `to`, `token`: for a gateway, as in
    `leap_plugin.mail.envelope.EnclosedMail`. Raises as `encode_envelope`.
    """
    envelope = encode_envelope(mail, to=to, token=token)
    if len(envelope) <= MAX_BODY_BYTES:
        return (envelope,)
    mail_id, digest = rng.randbytes(ID_BYTES), hashlib.sha256(envelope).digest()
    contents = [envelope[start : start + PIECE_BYTES] for start in range(0, len(envelope), PIECE_BYTES)]
    return tuple(
        msgspec.msgpack.encode(Piece(VERSION, mail_id, number, len(contents), digest, content))
        for number, content in enumerate(contents)
    )


def decode_body(body: bytes) -> EnclosedMail | Piece:
    """Return the mail that a body brings, or its piece of one; raises `FormatError`."""
    if not body.startswith(_PIECE_HEAD):
        return decode_envelope(body)
    try:
        piece = _DECODER.decode(body)
    except UNDECODABLE as error:
        raise FormatError(f"not a piece of a mail: {error}") from error
    if msgspec.msgpack.encode(piece) != body:
        raise FormatError("not a piece of a mail: it is not encoded in the shortest form")
    if piece.version != VERSION:
        raise FormatError(f"the piece of a mail has version {piece.version}; this program knows {VERSION}")
    if len(piece.mail_id) != ID_BYTES or len(piece.digest) != DIGEST_BYTES:
        raise FormatError(f"a piece has a mail id of {ID_BYTES} bytes and a digest of {DIGEST_BYTES}")
    if not 2 <= piece.count <= MOST_PIECES or not 0 <= piece.number < piece.count:
        raise FormatError(f"piece {piece.number} of {piece.count}; a mail has 2 to {MOST_PIECES} pieces, from 0")
    is_last = piece.number == piece.count - 1
    if not (1 <= len(piece.content) <= PIECE_BYTES) or (not is_last and len(piece.content) != PIECE_BYTES):
        raise FormatError(f"a piece has {PIECE_BYTES:,} bytes, and only the last one fewer; not {len(piece.content):,}")
    return piece


def put_together(contents: Sequence[bytes], digest: bytes) -> EnclosedMail:
    """Return what the contents of all pieces of a mail, in their order, bring.

    `digest`: that of the pieces. Raises `FormatError` if together they are not what they promised.
    """
    envelope = b"".join(contents)
    if hashlib.sha256(envelope).digest() != digest:
        raise FormatError("the pieces of a mail do not make what they promised")
    return decode_envelope(envelope)
