"""A board's public face in memory, and calls of it."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar, cast

from treq.client import HTTPClient
from treq.testing import StubTreq
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from votes.board.announcing import Announcing
from votes.board.board import Board
from votes.board.face.routes import BoardFace
from votes.board.uploads import UploadFolder
from votes.public.calls import PublicBoard

T = TypeVar("T")


def at_once(work: Callable[[], T]) -> Awaitable[T]:
    return succeed(work())


class FaceInMemory:
    """The public face of a board. `public` calls it."""

    def __init__(self, board: Board, directory: Path, clock: Clock) -> None:
        self.uploads = UploadFolder(directory / "files", rng=random.Random(1))
        face = BoardFace(
            board,
            Announcing(board, self.uploads),
            self.uploads,
            directory=directory,
            in_thread=at_once,
            clock=clock,
        )
        self._treq = StubTreq(face.app.resource())
        self.public = PublicBoard(cast(HTTPClient, self._treq), "https://board")

    def run(self, awaitable: Awaitable[T]) -> T:
        """Let the calls happen, and return the result."""

        async def wait() -> T:
            return await awaitable

        results: list[T | Failure] = []
        Deferred.fromCoroutine(wait()).addBoth(results.append)
        for _ in range(20_000):
            if results:
                break
            self._treq.flush()
        match results:
            case [Failure() as failure]:
                failure.raiseException()
            case [result]:
                return cast(T, result)
        raise TimeoutError("the calls do not end")
