"""How an OpenPGP key is asked for: one anonymous message to the gateway of a domain, and its answer by reply blocks.

    ["ask", 1, lookup id, address]              of the kind "mail/openpgp"
    ["told", 1, lookup id, certificate]         of the kind "mail/openpgp-answer"

Both are MessagePack arrays in the shortest form. The id is 16 random bytes; the certificate is empty if there is none.
The question is sealed to the gateway and has the reply blocks inside, so that only the gateway can answer it.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from loopixmix.errors import UNDECODABLE, FormatError

ASK_KIND = "mail/openpgp"
ANSWER_KIND = "mail/openpgp-answer"
ID_BYTES = 16
VERSION = 1
MAX_ADDRESS_BYTES = 254
MAX_TOLD_BYTES = 7_000
"""A key of RSA-4096 has 5 KB. Of a question's eight reply blocks, half may be for the next epoch."""


class KeyQuestion(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="ask"):
    """What is the certificate of this address?"""

    version: int
    lookup_id: bytes
    address: str


class KeyAnswer(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="told"):
    """This is the certificate; it is empty if there is none, or none that fits."""

    version: int
    lookup_id: bytes
    certificate: bytes


_T = TypeVar("_T", KeyQuestion, KeyAnswer)
_QUESTION = msgspec.msgpack.Decoder(KeyQuestion)
_ANSWER = msgspec.msgpack.Decoder(KeyAnswer)


def encode_question(lookup_id: bytes, address: str) -> bytes:
    """Return the body of a question; `lookup_id` has 16 bytes."""
    return msgspec.msgpack.encode(KeyQuestion(VERSION, lookup_id, address))


def encode_answer(lookup_id: bytes, certificate: bytes) -> bytes:
    """Return the body of an answer; a certificate of over `MAX_TOLD_BYTES` is left out."""
    return msgspec.msgpack.encode(
        KeyAnswer(VERSION, lookup_id, certificate if len(certificate) <= MAX_TOLD_BYTES else b"")
    )


def decode_question(body: bytes) -> KeyQuestion:
    """Return what a question asks; raises `FormatError`."""
    question = _decode(_QUESTION, body)
    if not 1 <= len(question.address.encode("utf-8", "replace")) <= MAX_ADDRESS_BYTES:
        raise FormatError(f"a question is about an address of 1 to {MAX_ADDRESS_BYTES} bytes")
    return question


def decode_answer(body: bytes) -> KeyAnswer:
    """Return what an answer tells; raises `FormatError`."""
    answer = _decode(_ANSWER, body)
    if len(answer.certificate) > MAX_TOLD_BYTES:
        raise FormatError(f"an answer brings a certificate of at most {MAX_TOLD_BYTES:,} bytes")
    return answer


def _decode(decoder: msgspec.msgpack.Decoder[_T], body: bytes) -> _T:
    try:
        found = decoder.decode(body)
    except UNDECODABLE as error:
        raise FormatError(f"not a question for a key, nor an answer: {error}") from error
    if msgspec.msgpack.encode(found) != body or found.version != VERSION or len(found.lookup_id) != ID_BYTES:
        raise FormatError("a question for a key, or its answer, has another form, version or length of its id")
    return found
