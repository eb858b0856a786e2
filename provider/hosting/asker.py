"""What asks one service, wherever it runs: on the reactor, in threads, or in another process."""

from __future__ import annotations

from typing import Protocol, TypeAlias

from twisted.internet.defer import Deferred

from loopixmix.errors import LoopixmixError, UnavailableError
from provider.api import Declaration, PayloadService


class NotAskedError(UnavailableError):
    """The service was not asked: it has too much to do, or is away."""


class LostQuestionError(UnavailableError):
    """The request was lost before its answer came: the service may have carried it out or not."""


class FailedElsewhereError(LoopixmixError):
    """The service has failed in a program of its own, which has logged why."""


class Asker(Protocol):
    """Asks one service. Limits, queue and time limit are not its concern: `Turns` has them."""

    @property
    def name(self) -> str:
        """The name of the service."""

    @property
    def declaration(self) -> Declaration:
        """What the service declares, with the operator's changes."""

    @property
    def problem(self) -> str | None:
        """Why the service cannot be asked just now, in one line; None if it can."""

    def ask(self, repetition_key: bytes, body: bytes) -> Deferred[bytes]:
        """Ask the service, and return its answer.

        Fails with `NotAskedError` only if the service has surely not heard of the request, or recognises repetition:
        then it may be asked later. After every other failure the request has failed for good. If the result is
        cancelled, the request is overdue: nothing waits for its answer any more.
        """

    async def stop(self) -> None:
        """Ask nothing any more, and put away what the service has; nothing waits for what is still under way."""


Hosted: TypeAlias = PayloadService | Asker
