"""Mails on the network once more, from docs/protocol/mail.md alone: no code of the project is used.

MessagePack is read byte by byte, so that a longer encoding of a value is seen to be one.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

LONGEST = 36 * 1024 * 1024
PIECE = 10_485_632


class RefusedError(Exception):
    """The page says that these bytes are refused."""


def require(truth: bool) -> None:
    if not truth:
        raise RefusedError


@dataclass
class Reader:
    data: bytes
    at: int = 0

    def take(self, count: int) -> bytes:
        taken = self.data[self.at : self.at + count]
        require(len(taken) == count)
        self.at += count
        return taken

    def number(self, count: int, least: int) -> int:
        value = int.from_bytes(self.take(count), "big")
        require(value >= least)
        return value

    def text(self) -> str:
        (kind,) = self.take(1)
        if 0xA0 <= kind <= 0xBF:
            length = kind - 0xA0
        else:
            require(kind in (0xD9, 0xDA))
            length = self.number(1, 32) if kind == 0xD9 else self.number(2, 256)
        try:
            return self.take(length).decode()
        except UnicodeDecodeError as error:
            raise RefusedError from error

    def binary(self) -> bytes:
        (kind,) = self.take(1)
        require(kind in (0xC4, 0xC5, 0xC6))
        sizes = {0xC4: (1, 0), 0xC5: (2, 0x100), 0xC6: (4, 0x10000)}
        return self.take(self.number(*sizes[kind]))

    def integer(self) -> int:
        (kind,) = self.take(1)
        if kind < 0x80:
            return kind
        sizes = {0xCC: (1, 0x80), 0xCD: (2, 0x100), 0xCE: (4, 0x10000)}
        require(kind in sizes)
        return self.number(*sizes[kind])

    def end(self) -> None:
        require(self.at == len(self.data))


@dataclass(frozen=True)
class PageMail:
    """Section 2."""

    mail: bytes
    to: str
    token: bytes


@dataclass(frozen=True)
class PagePiece:
    """Section 3."""

    mail_id: bytes
    number: int
    count: int
    digest: bytes
    content: bytes


def read_envelope(data: bytes) -> PageMail:
    reader = Reader(data)
    require(reader.take(1) == b"\x97" and reader.text() == "mail" and reader.integer() == 1)
    to, token = reader.text(), reader.binary()
    coding, length, content = reader.integer(), reader.integer(), reader.binary()
    reader.end()
    require(len(to.encode()) <= 254 and (not to or "@" in to) and len(token) <= 1024)
    require(coding in (0, 1) and length <= LONGEST)
    mail = unpack(content, length) if coding else content
    require(len(mail) == length)
    return PageMail(mail, to, token)


def unpack(content: bytes, length: int) -> bytes:
    unpacking = zlib.decompressobj()
    try:
        mail = unpacking.decompress(content, length + 1)
    except zlib.error as error:
        raise RefusedError from error
    require(unpacking.eof and not unpacking.unused_data)
    return mail


def read_piece(data: bytes) -> PagePiece:
    reader = Reader(data)
    require(reader.take(1) == b"\x97" and reader.text() == "piece" and reader.integer() == 1)
    piece = PagePiece(reader.binary(), reader.integer(), reader.integer(), reader.binary(), reader.binary())
    reader.end()
    require(len(piece.mail_id) == 16 and len(piece.digest) == 32)
    require(2 <= piece.count <= 4 and piece.number < piece.count)
    require(len(piece.content) == PIECE or (piece.number == piece.count - 1 and 1 <= len(piece.content) < PIECE))
    return piece


def put_together(pieces: Sequence[PagePiece]) -> PageMail:
    require(len({(piece.mail_id, piece.count, piece.digest) for piece in pieces}) == 1)
    by_number = {piece.number: piece.content for piece in pieces}
    require(len(by_number) == pieces[0].count)
    envelope = b"".join(by_number[number] for number in sorted(by_number))
    require(hashlib.sha256(envelope).digest() == pieces[0].digest)
    return read_envelope(envelope)


def lines_before(
    mail: bytes, *, word: str, key: bytes, sender: str, verified: str, sealed: str, reply: str = ""
) -> bytes:
    """Section 4: the lines of a bridge before a mail that has no Reply-To of its own."""
    more = f"; reply={reply}" if reply else ""
    told = f"from={sender}; key={verified}; sealed={sealed}{more}"
    first = f"X-{word}-Mix: came by the mix network; {told}\r\n".encode()
    signed = b"LoopixMix mail trace 1\0" + first + hashlib.sha256(mail).digest()
    proof = hmac.new(key, signed, hashlib.sha256).hexdigest()
    third = f"Reply-To: {reply}\r\n" if reply else ""
    return first + f"X-{word}-Mix-Proof: v1; hmac-sha256={proof}\r\n{third}".encode()


def packed_envelope(mail: bytes, to: str) -> bytes:
    """An envelope with `to` of at most 31 bytes, without token, packed whatever comes of it."""
    content = zlib.compress(mail, 1)
    require(len(to.encode()) < 32 and 0x10000 <= len(mail) <= LONGEST and 0x100 <= len(content) < 0x10000)
    head = b"\x97\xa4mail\x01" + bytes([0xA0 + len(to.encode())]) + to.encode() + b"\xc4\0\x01"
    return head + b"\xce" + len(mail).to_bytes(4, "big") + b"\xc5" + len(content).to_bytes(2, "big") + content
