"""Hosted services as the fake network asks them: in each of the forms that a real provider takes."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable
from typing import Protocol, TypeAlias

from loopixmix.requests.parts import REPETITION_KEY_BYTES
from loopixmix.seams import Rng


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


FakeService: TypeAlias = AnsweringService | RepeatedService


def draw_repetition_key(rng: Rng) -> bytes:
    """Return the key of all attempts at one thing."""
    return rng.randbytes(REPETITION_KEY_BYTES)


async def ask(service: FakeService, key: bytes, body: bytes) -> bytes:
    """Ask a service, as a provider does; raise what it raises."""
    declaration = getattr(service, "declaration", None)
    if getattr(declaration, "recognises_repetition", False):
        answer = service.answer_again(key, body)  # type: ignore[union-attr]
    else:
        answer = service.answer(body)  # type: ignore[union-attr]
    return await answer if inspect.isawaitable(answer) else answer
