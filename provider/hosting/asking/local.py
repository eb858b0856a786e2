"""Services in the provider's own process: asked on the reactor."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeAlias, cast

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from loopixmix.process.shield import surely_cancelled
from provider.api import (
    BlockingService,
    ClosingService,
    Declaration,
    RecognisingService,
    Service,
    declaration_of,
)
from provider.hosting.asker import NotAskedError

AskedService: TypeAlias = Service | BlockingService | RecognisingService
Answering: TypeAlias = Callable[[bytes, bytes], Awaitable[bytes] | bytes]


class LocalAsker:
    """Asks a service on the reactor's thread."""

    def __init__(self, service: AskedService, declaration: Declaration) -> None:
        """`service`: one with `async def`; a plain function keeps the whole provider waiting while it answers.

        `declaration`: the service's, with the operator's changes.
        """
        self.name = service.name
        self.declaration = declaration
        self.service = service
        self._answer = answering(service)
        self._running = 0

    @property
    def problem(self) -> str | None:
        """Why the service is switched off, in one line; None if it is not."""
        # At most `at_once` are waited for; the others were cancelled, and go on.
        if self._running < 2 * self.declaration.at_once:
            return None
        return (
            f'the service "{self.name}" is switched off while requests that were broken off go on: '
            f"{self._running} are under way"
        )

    def ask(self, repetition_key: bytes, body: bytes) -> Deferred[bytes]:
        """Ask the service; fails with `NotAskedError` while it is switched off."""
        if self.problem is not None:
            return fail(NotAskedError(self.problem))
        try:
            answer = self._answer(repetition_key, body)
        except Exception:
            return fail()
        if inspect.iscoroutine(answer):
            work = Deferred.fromCoroutine(cast("Coroutine[Deferred[object], object, bytes]", answer))
            self._running += 1
            work.addBoth(self._ended)
            # A service may catch its cancellation, and try again for ever: its time limit holds all the same.
            return surely_cancelled(work)
        return succeed(cast("bytes", answer))

    async def stop(self) -> None:
        """Close the service, if it wants that."""
        await close(self.service)

    def _ended(self, result: bytes | Failure) -> bytes | Failure:
        self._running -= 1
        return result


def answering(service: AskedService) -> Answering:
    """Return what answers a repetition key and a body: the method that the service has for it."""
    if recognises(service):
        return cast("RecognisingService", service).answer_again
    answer = cast("Service | BlockingService", service).answer
    return lambda _, body: answer(body)


def recognises(service: AskedService) -> bool:
    """Tell whether a service recognises repetition itself."""
    return declaration_of(service).recognises_repetition


def is_async(service: AskedService) -> bool:
    """Tell whether a service answers on the reactor, by `async def`, and not in threads."""
    return inspect.iscoroutinefunction(getattr(service, "answer_again" if recognises(service) else "answer", None))


async def close(service: AskedService) -> None:
    """Close a service, if it wants that."""
    if isinstance(service, ClosingService):
        await service.close()
