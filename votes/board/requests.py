"""What voters ask the board over the network, as bytes (docs/protocol/votes.md, 7.3). Voter and board share it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct, error
from typing import TypeAlias

from loopixmix.errors import FormatError
from loopixmix.seams import Identity
from votes.record.fingerprint import FINGERPRINT_BYTES
from votes.record.heads import HEAD_BYTES, SignedHead, decode_head
from votes.record.merkle import HASH_BYTES, Path
from votes.record.phases import Phase

SERVICE = "board"
"""The usual name of the service."""
MOST_PART_BYTES = 65_536
"""Of the record or the result, in one answer."""
MOST_PATH = 65
DIGEST_BYTES = 32


class RequestKind(IntEnum):
    """What is asked."""

    STATE = 1
    RECORD = 2
    CAST = 3
    FIND = 4
    INCLUSION = 5
    CONSISTENCY = 6
    CHALLENGE = 7
    RESULT = 8
    SIGNATURES = 9
    EXCLUSIONS = 10


class BoardRefusal(IntEnum):
    """Why a request is refused."""

    NO_ELECTION = 1
    EARLY = 2
    LATE = 3
    WRONG = 4
    DOUBLED = 5
    TOO_MANY = 6
    CHALLENGED = 7
    UNKNOWN = 8
    MALFORMED = 9


@dataclass(frozen=True)
class AskState:
    """How does the election stand?"""


@dataclass(frozen=True)
class AskPart:
    """A part of the record, of the published result, or of all exclusions, as entries one after another.

    `kind`: RECORD, RESULT or EXCLUSIONS. `offset`, `length`: in bytes.
    """

    kind: RequestKind
    offset: int
    length: int


@dataclass(frozen=True)
class AskCast:
    """Store this ballot."""

    ballot: bytes


@dataclass(frozen=True)
class AskFind:
    """Is the ballot of this digest (SHA-256) stored?"""

    digest: bytes


@dataclass(frozen=True)
class AskInclusion:
    """Prove that the entry `index` is in the log of `size` entries; 0 for the newest."""

    index: int
    size: int = 0


@dataclass(frozen=True)
class AskConsistency:
    """Prove that the log of `size` entries, 0 for the newest, continues the one of `before` entries."""

    before: int
    size: int = 0


@dataclass(frozen=True)
class AskChallenge:
    """Publish this opening of a ballot."""

    opening: bytes


@dataclass(frozen=True)
class AskSignatures:
    """Give the trustees' signatures under the record."""


VoterRequest: TypeAlias = (
    AskState | AskPart | AskCast | AskFind | AskInclusion | AskConsistency | AskChallenge | AskSignatures
)

_NUMBERS = Struct(">QQ")
_PART = Struct(">II")
_COUNTER = Struct(">I")
_STATE = Struct(f">{FINGERPRINT_BYTES}sIIB{HEAD_BYTES}s")
_PHASES = tuple(Phase)


def encode_request(request: VoterRequest) -> bytes:
    """Return the bytes of a request."""
    match request:
        case AskState():
            return bytes([RequestKind.STATE])
        case AskPart(kind, offset, length):
            return bytes([kind]) + _PART.pack(offset, length)
        case AskCast(ballot):
            return bytes([RequestKind.CAST]) + ballot
        case AskFind(digest):
            return bytes([RequestKind.FIND]) + digest
        case AskInclusion(index, size):
            return bytes([RequestKind.INCLUSION]) + _NUMBERS.pack(index, size)
        case AskConsistency(before, size):
            return bytes([RequestKind.CONSISTENCY]) + _NUMBERS.pack(before, size)
        case AskChallenge(opening):
            return bytes([RequestKind.CHALLENGE]) + opening
        case AskSignatures():
            return bytes([RequestKind.SIGNATURES])


def decode_request(data: bytes) -> VoterRequest:
    """Read a request; raise `FormatError` if it is none."""
    if not data:
        raise FormatError("the request is empty")
    rest = data[1:]
    try:
        kind = RequestKind(data[0])
        match kind:
            case RequestKind.STATE:
                _nothing(rest)
                return AskState()
            case RequestKind.RECORD | RequestKind.RESULT | RequestKind.EXCLUSIONS:
                return _part(kind, *_PART.unpack(rest))
            case RequestKind.CAST:
                return AskCast(rest)
            case RequestKind.FIND:
                return AskFind(_digest(rest))
            case RequestKind.INCLUSION:
                return AskInclusion(*_NUMBERS.unpack(rest))
            case RequestKind.CONSISTENCY:
                return AskConsistency(*_NUMBERS.unpack(rest))
            case RequestKind.CHALLENGE:
                return AskChallenge(rest)
            case RequestKind.SIGNATURES:
                _nothing(rest)
                return AskSignatures()
    except (error, ValueError) as fault:
        raise FormatError(f"the request is malformed: {fault}") from fault


@dataclass(frozen=True)
class BoardState:
    """How the election stands. `record_bytes`, `result_bytes`: their lengths; 0 for a result that is not there yet."""

    fingerprint: bytes
    record_bytes: int
    result_bytes: int
    phase: Phase
    head: SignedHead

    def encode(self) -> bytes:
        """Return its bytes."""
        phase = _PHASES.index(self.phase)
        return _STATE.pack(self.fingerprint, self.record_bytes, self.result_bytes, phase, self.head.encode())


def decode_state(data: bytes, board: Identity) -> BoardState:
    """Read a state whose head `board` signed; raise `FormatError` or `SignatureError`."""
    if len(data) != _STATE.size:
        raise FormatError(f"the state of a board has {_STATE.size} bytes, not {len(data)}")
    fingerprint, record_bytes, result_bytes, phase, head = _STATE.unpack(data)
    if phase >= len(_PHASES):
        raise FormatError(f"a phase is 0 to {len(_PHASES) - 1}, not {phase}")
    signed = decode_head(head, board)
    if signed.head.fingerprint != fingerprint:
        raise FormatError("the head is of another election")
    return BoardState(fingerprint, record_bytes, result_bytes, _PHASES[phase], signed)


@dataclass(frozen=True)
class HeadAndPath:
    """The newest head of the log, and the proof that was asked: for it, or for an older one."""

    head: SignedHead
    path: Path

    def encode(self) -> bytes:
        """Return its bytes."""
        return self.head.encode() + bytes([len(self.path)]) + b"".join(self.path)


def decode_head_and_path(data: bytes, board: Identity) -> HeadAndPath:
    """Read a head that `board` signed, and a path; raise `FormatError` or `SignatureError`."""
    if len(data) <= HEAD_BYTES or data[HEAD_BYTES] > MOST_PATH:
        raise FormatError(f"a proof has a head, and at most {MOST_PATH} hashes")
    count, start = data[HEAD_BYTES], HEAD_BYTES + 1
    if len(data) != start + count * HASH_BYTES:
        raise FormatError(f"a proof of {count} hashes does not have {len(data)} bytes")
    path = tuple(data[at : at + HASH_BYTES] for at in range(start, len(data), HASH_BYTES))
    return HeadAndPath(decode_head(data[:HEAD_BYTES], board), path)


@dataclass(frozen=True)
class BoardRefused:
    """A refusal, with a reason in plain words. `highest`: of `DOUBLED`, the highest counter that is stored."""

    why: BoardRefusal
    reason: str
    highest: int = 0


BoardAnswer: TypeAlias = bytes | BoardRefused
"""The content that was asked, or why there is none."""


def encode_answer(answer: BoardAnswer) -> bytes:
    """Return the bytes of an answer."""
    if isinstance(answer, BoardRefused):
        highest = _COUNTER.pack(answer.highest) if answer.why is BoardRefusal.DOUBLED else b""
        return bytes([answer.why]) + highest + answer.reason.encode()
    return b"\0" + answer


def decode_answer(data: bytes) -> BoardAnswer:
    """Read an answer; raise `FormatError` if it is none. Its content is read by what was asked."""
    if not data:
        raise FormatError("the answer is empty")
    if data[0] == 0:
        return data[1:]
    try:
        why = BoardRefusal(data[0])
        if why is not BoardRefusal.DOUBLED:
            return BoardRefused(why, data[1:].decode())
        start = 1 + _COUNTER.size
        return BoardRefused(why, data[start:].decode(), *_COUNTER.unpack(data[1:start]))
    except (error, ValueError) as fault:
        raise FormatError(f"the answer is malformed: {fault}") from fault


def _part(kind: RequestKind, offset: int, length: int) -> AskPart:
    if not 1 <= length <= MOST_PART_BYTES:
        raise ValueError(f"a part has 1 to {MOST_PART_BYTES} bytes, not {length}")
    return AskPart(kind, offset, length)


def _digest(data: bytes) -> bytes:
    if len(data) != DIGEST_BYTES:
        raise ValueError(f"a digest has {DIGEST_BYTES} bytes, not {len(data)}")
    return data


def _nothing(data: bytes) -> None:
    if data:
        raise ValueError(f"{len(data)} bytes follow")
