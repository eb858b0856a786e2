"""Hosted services as the fake network asks them: in each of the forms that a real provider takes."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

from twisted.internet.defer import Deferred

from loopixmix.requests.parts import MAX_BODY_BYTES, REPETITION_KEY_BYTES
from loopixmix.seams import Clock, Rng

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime


class AnsweringService(Protocol):
    """A service with `answer`, in the shape of a real provider's: `async def`, or plain."""

    name: str

    def answer(self, body: bytes, /) -> Awaitable[bytes] | bytes:
        """Return the answer to one anonymous request."""


class RepeatedService(Protocol):
    """A service that recognises repetitions itself, as its declaration says."""

    name: str

    def answer_again(self, repetition_key: bytes, body: bytes, /) -> Awaitable[bytes] | bytes:
        """Return the answer to one anonymous request; it may come again with the same key."""


class ServiceBrokenError(Exception):
    """The service could not answer. A client is not told why."""


FakeService: TypeAlias = AnsweringService | RepeatedService


def draw_repetition_key(rng: Rng) -> bytes:
    """Return the key of all attempts at one thing."""
    return rng.randbytes(REPETITION_KEY_BYTES)


async def ask(service: FakeService, key: bytes, body: bytes, *, clock: Clock) -> bytes:
    """Ask a service, as a provider does; raise `ServiceBrokenError` for whatever else comes than bytes.

    A service with a declaration has the time that it declares.
    """
    declaration = getattr(service, "declaration", None)
    asking = Deferred.fromCoroutine(_ask(service, declaration, key, body))
    if declaration is not None:
        asking.addTimeout(declaration.timeout_s, cast("IReactorTime", clock))
    try:
        answer: object = await asking
    except Exception as error:  # a service is somebody else's code
        raise ServiceBrokenError(f"{service.name} failed with {type(error).__name__}") from error
    if not isinstance(answer, bytes) or len(answer) > MAX_BODY_BYTES:
        raise ServiceBrokenError(f"{service.name} answers with bytes, {MAX_BODY_BYTES} of them at most")
    return answer


async def _ask(service: FakeService, declaration: object, key: bytes, body: bytes) -> bytes:
    if getattr(declaration, "recognises_repetition", False):
        answer = service.answer_again(key, body)  # type: ignore[union-attr]
    else:
        answer = service.answer(body)  # type: ignore[union-attr]
    return await answer if inspect.isawaitable(answer) else answer
