"""Asking the board, anonymously, over the network (docs/protocol/votes.md, 7.3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from client.api import Client, PeerError, UnavailableError
from loopixmix.seams import Identity, Rng
from votes.board.requests import (
    MOST_PART_BYTES,
    AskConsistency,
    AskInclusion,
    AskPart,
    AskSignatures,
    AskState,
    BoardRefused,
    BoardState,
    HeadAndPath,
    RequestKind,
    VoterRequest,
    decode_answer,
    decode_head_and_path,
    decode_state,
    encode_request,
)
from votes.record.election import MOST_RECORD_BYTES, Election
from votes.record.fingerprint import FINGERPRINT_BYTES, fingerprint_of
from votes.record.merkle import Path
from votes.record.trustees import check_signatures

TIMEOUT_S = 600.0
PART_BYTES = MOST_PART_BYTES
MOST_EXCLUSIONS_BYTES = 1 << 24

Pause = Callable[[float], Awaitable[None]]
"""Waits so many seconds."""


class BoardRefusedError(PeerError):
    """The board refuses this, with its reason."""

    def __init__(self, refused: BoardRefused) -> None:
        """`refused`: what the board answered."""
        super().__init__(f"the board refuses it: {refused.reason}")
        self.refused = refused


class WrongBoardError(PeerError):
    """The board does not keep this election, or keeps it in another form."""


class BoardQuestions:
    """One board, asked anonymously. `service` is its name, such as `board@provider-2`."""

    def __init__(self, client: Client, service: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self.client = client
        self.service = service
        self._timeout_s = timeout_s

    async def ask(self, request: VoterRequest) -> bytes:
        """Return the content of the answer. Raises `BoardRefusedError` with the board's reason."""
        return content_of(await self.client.request(self.service, encode_request(request), timeout_s=self._timeout_s))

    async def fingerprint(self) -> tuple[bytes, int]:
        """Return the fingerprint of the board's election and the length of its record; neither is believed yet."""
        state = await self.ask(AskState())
        if len(state) < FINGERPRINT_BYTES + 4:
            raise WrongBoardError("the board does not say which election it keeps")
        return state[:FINGERPRINT_BYTES], int.from_bytes(state[FINGERPRINT_BYTES : FINGERPRINT_BYTES + 4], "big")

    async def state(self, board: Identity) -> BoardState:
        """Return how the election stands, signed by `board`."""
        return decode_state(await self.ask(AskState()), board)

    async def inclusion(self, index: int, size: int, board: Identity) -> Path:
        """Return the proof that the log of `size` entries has the entry `index`."""
        return decode_head_and_path(await self.ask(AskInclusion(index, size)), board).path

    async def growth(self, before: int, board: Identity) -> HeadAndPath:
        """Return the newest head of the log, and the proof that it continues the log of `before` entries."""
        return decode_head_and_path(await self.ask(AskConsistency(before)), board)

    async def consistency(self, before: int, size: int, board: Identity) -> Path:
        """Return the proof that the log of `size` entries continues that of `before` entries."""
        return decode_head_and_path(await self.ask(AskConsistency(before, size)), board).path

    async def exclusions(self, start: int) -> bytes:
        """Return the entries of all exclusions from the byte `start` on, one after another; nothing is believed yet.

        Raises `WrongBoardError` for more than anybody needs.
        """
        found = b""
        while len(found) < MOST_EXCLUSIONS_BYTES:
            part = await self.ask(AskPart(RequestKind.EXCLUSIONS, start + len(found), PART_BYTES))
            found += part
            if len(part) < PART_BYTES:
                return found
        raise WrongBoardError(f"the board gives more than {MOST_EXCLUSIONS_BYTES} bytes of exclusions")

    async def check_signatures(self, election: Election, fingerprint: bytes) -> None:
        """Check that every trustee signed this record: a key that they did not make would open ballots to others.

        Raises `BoardRefusedError` if they have not all signed yet, `SignatureError` if a signature is wrong.
        """
        check_signatures(election, fingerprint, await self.ask(AskSignatures()))

    async def record(self, fingerprint: bytes, *, pause: Pause, rng: Rng, spread_s: float) -> bytes:
        """Load the record in parts, and return it if it is the one of this fingerprint.

        Every voter's client does it, whether it casts or not, and waits a random time of at most `spread_s` before each
        request: so having loaded the record tells nothing about who votes. Raises `WrongBoardError`.
        """
        found, length = await self.fingerprint()
        if found != fingerprint:
            raise WrongBoardError("the board keeps another election than the one of the invitation")
        if length > MOST_RECORD_BYTES:
            raise WrongBoardError(f"a record has at most {MOST_RECORD_BYTES} bytes; the board says {length}")
        parts = []
        for offset in range(0, length, PART_BYTES):
            await pause(rng.uniform(0, spread_s))
            size = min(PART_BYTES, length - offset)
            part = await self.ask(AskPart(RequestKind.RECORD, offset, size))
            if len(part) != size:
                raise WrongBoardError("the board gave another part than was asked for")
            parts.append(part)
        record = b"".join(parts)
        if fingerprint_of(record) != fingerprint:
            raise WrongBoardError("the record that the board gave has another fingerprint than the invitation")
        return record


def content_of(answer: bytes) -> bytes:
    """Return what a board answered. Raises `BoardRefusedError` with its reason."""
    match decode_answer(answer):
        case BoardRefused() as refused:
            raise BoardRefusedError(refused)
        case content:
            return content


async def find_board(
    client: Client, fingerprint: bytes, service: str, *, timeout_s: float = TIMEOUT_S
) -> BoardQuestions:
    """Return the board that keeps this election: of all providers that offer `service`, the one that says so.

    Raises `WrongBoardError` if none does, or none answers.
    """
    network = await client.network()
    asked = [f"{service}@{each.name}" for each in network.providers if service in each.services]
    silent = []
    for name in asked:
        board = BoardQuestions(client, name, timeout_s=timeout_s)
        try:
            found, _ = await board.fingerprint()
        except (PeerError, UnavailableError) as error:
            silent.append(f"{name}: {error}")
            continue
        if found == fingerprint:
            return board
    told = "; ".join(silent) or f"{len(asked)} boards were asked, and keep other elections"
    raise WrongBoardError(f"no board of this network keeps this election: {told}")
