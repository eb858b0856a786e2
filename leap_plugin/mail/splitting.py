"""A mail as bodies of messages of the network: one, or several pieces if its envelope is longer than one may be.

A piece is MessagePack of an array: `["piece", 1, mail id, number, count, digest, content]`. The mail id is 16 random
bytes, the same in all pieces of a mail. `number` counts from 0. `digest` is the SHA-256 of the whole envelope. All
pieces but the last have exactly `PIECE_BYTES` of content, so that a count leaves no choice of cuts.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from random import Random
from typing import TypeAlias

import msgspec

from client.api import MAX_BODY_BYTES
from leap_plugin.mail.envelope import MAX_ENVELOPE_BYTES, EnclosedMail, decode_envelope, encode_envelope
from loopixmix.errors import FormatError

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
    except msgspec.MsgspecError as error:
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


MailKey: TypeAlias = tuple[str | None, bytes]
"""The sender of a mail in pieces, `None` for all anonymous ones, and its id."""


@dataclass(frozen=True)
class WholeMail:
    """The last missing piece came: this is the mail."""

    enclosed: EnclosedMail


@dataclass(frozen=True)
class PiecesMissing:
    """So many pieces are missing still. `displaced`: senders and ids of the mails that were given up for this one."""

    missing: int
    displaced: tuple[MailKey, ...] = ()


@dataclass(frozen=True)
class PieceRepeated:
    """This piece was here before, or the mail it belongs to is complete; it changes nothing."""


@dataclass
class _Collection:
    count: int
    digest: bytes
    touched_s: float
    contents: dict[int, bytes] = field(default_factory=dict)


class Collector:
    """Puts pieces of mails together, in any order, each mail by its sender and id.

    Arguments: `most_per_sender` and `most`, how many incomplete mails are kept of one sender and of all; `patience_s`,
    for how long after its last piece an incomplete one is kept. A sender with too many loses the one that waited
    longest. If there are too many of all, the sender that has most loses one: one sender cannot push out the others.
    The anonymous ones count as one sender, `None`, because they cannot be told apart.
    """

    def __init__(self, *, most_per_sender: int = 2, most: int = 8, patience_s: float = 5 * 86_400.0) -> None:
        self._most_per_sender = most_per_sender
        self._most = most
        self._patience_s = patience_s
        # In the order of their last pieces.
        self._collections: OrderedDict[MailKey, _Collection] = OrderedDict()
        self._complete: OrderedDict[MailKey, None] = OrderedDict()

    def add(self, piece: Piece, sender: str | None, now_s: float) -> WholeMail | PiecesMissing | PieceRepeated:
        """Take a piece that `decode_body` gave; returns what came of it.

        Raises `FormatError` if it contradicts earlier pieces of the mail, which are kept, or if the mail that it
        completes is not the one that the pieces promised, which is given up.
        """
        key = (sender, piece.mail_id)
        if key in self._complete:
            return PieceRepeated()
        displaced: tuple[MailKey, ...] = ()
        collection = self._collections.get(key)
        if collection is None:
            displaced = self._make_room(sender)
            collection = self._collections[key] = _Collection(piece.count, piece.digest, now_s)
        if (collection.count, collection.digest) != (piece.count, piece.digest):
            raise FormatError("a piece of a mail contradicts the pieces before it")
        if piece.number in collection.contents:
            return PieceRepeated()
        collection.contents[piece.number] = piece.content
        collection.touched_s = now_s
        self._collections.move_to_end(key)
        missing = collection.count - len(collection.contents)
        return PiecesMissing(missing, displaced) if missing else WholeMail(self._finish(key))

    def give_up(self, now_s: float) -> tuple[MailKey, ...]:
        """Forget the mails of which no piece came for too long; returns their senders and ids."""
        late = [key for key, one in self._collections.items() if now_s - one.touched_s > self._patience_s]
        for key in late:
            del self._collections[key]
        return tuple(late)

    def _finish(self, key: MailKey) -> EnclosedMail:
        collection = self._collections.pop(key)
        envelope = b"".join(collection.contents[number] for number in range(collection.count))
        if hashlib.sha256(envelope).digest() != collection.digest:
            raise FormatError("the pieces of a mail do not make what they promised")
        enclosed = decode_envelope(envelope)
        self._complete[key] = None
        if len(self._complete) > 1000:
            self._complete.popitem(last=False)
        return enclosed

    def _make_room(self, sender: str | None) -> tuple[MailKey, ...]:
        owners = [owner for owner, _ in self._collections]
        if owners.count(sender) >= self._most_per_sender:
            return (self._displace(sender),)
        if len(owners) >= self._most:
            return (self._displace(max(owners, key=owners.count)),)
        return ()

    def _displace(self, sender: str | None) -> MailKey:
        key = next(key for key in self._collections if key[0] == sender)
        del self._collections[key]
        return key
