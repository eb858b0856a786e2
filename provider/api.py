"""The interface of hosted services: all that the author of one needs to know.

A service is found by an entry point of the group `loopixmix.services`, whose name is the service's and which is called
with a `ServiceContext`; the operator names it in the provider's `services`. Clients find the providers that offer it
in the network document and ask it anonymously: a service sees the bodies of requests, and nothing of their senders.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol, TypeAlias, runtime_checkable

import msgspec

from loopixmix.errors import LoopixmixError, MisuseError
from loopixmix.requests.names import Publish
from loopixmix.seams import Clock, Identity, Rng

SERVICE_GROUP = "loopixmix.services"
"""The entry point group."""

Setting: TypeAlias = str | int | float | bool | list[str]


class ServiceRefusedError(LoopixmixError):
    """The service cannot carry out the request. The sender learns that it failed, and nothing more."""


class KeyDirectory(Protocol):
    """The cards of this provider's accounts, as a service may use them."""

    async def card(self, name: str) -> bytes:
        """Return the card published under `name`, or a decoy of the same form and size, the same each time."""

    async def publish(self, publish: Publish) -> bool:
        """Put a card under a name; false unless the account's key signed it and the version is new."""


@dataclass(frozen=True, kw_only=True)
class ServiceContext:
    """The things that a service may use.

    `directory` is its own, private and there; `settings` are the operator's, from `[service.NAME]`. `is_time_agreed`
    tells whether the network agrees with `clock` about the time, or in a program of its own, whether the clock was left
    alone lately. Otherwise let nothing expire: the clock may be a month ahead, and be set right again.
    """

    provider: Identity
    directory: Path
    clock: Clock
    rng: Rng
    keys: KeyDirectory
    settings: Mapping[str, Setting]
    is_time_agreed: Callable[[], bool] = lambda: True


_Count = Annotated[int, msgspec.Meta(ge=1)]
_Seconds = Annotated[float, msgspec.Meta(gt=0)]


class Declaration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a service says of itself: how much it takes, and whether it knows a request that comes again.

    It is the service's attribute `declaration`; one without it has the values here. An operator may change the limits
    in `[service_limits.NAME]`. Raises `MisuseError` if one of them is not positive.
    """

    at_once: _Count = 512
    """Requests under way. For a plain `def answer` at most `threads`, of which each takes one."""
    queue: _Count = 1024
    """Requests that wait for their turn. What is beyond gets no answer, and its sender tries again."""
    timeout_s: _Seconds = 30.0
    """Seconds for each request, without those that it waited; then it has failed."""
    threads: _Count = 4
    """The threads of a plain `def answer`."""
    kept_bytes: _Count = 256 * 1024 * 1024
    """Answers kept on the provider's disk, some 150 bytes for each counted with it."""
    assembly_bytes: _Count = 16 * 1024 * 1024
    """Parts of requests that are not complete yet, and bodies of those that are being answered."""
    assemblies: _Count = 1024
    """Requests that are not complete yet."""
    recognises_repetition: bool = False
    """The service knows by the repetition key whether it has carried out a request before. See `RecognisingService`."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if name != "recognises_repetition" and not getattr(self, name) > 0:
                raise MisuseError(f"{name} of a service must be over 0, not {getattr(self, name)}")


class Service(Protocol):
    """Answers requests.

    Neither key nor address of a sender is handed to it, so that no service can come to depend on them. An `async def
    answer` runs on the provider's reactor, and must never block it. A plain `def answer` runs in threads of this
    service alone; see `BlockingService`.
    """

    name: str

    async def answer(self, body: bytes) -> bytes:
        """Return the answer to a request.

        `body` has at most `loopixmix.requests.parts.MAX_BODY_BYTES`, and so has the answer. Raise
        `ServiceRefusedError` to fail; any other error fails the same way, and its kind and place are logged, but not
        its message. It runs on Twisted: wait by the context's clock, not by asyncio. When it is overdue, what it awaits
        raises a `CancelledError` of Twisted's: let it end the request, which has failed. `except Exception` catches it,
        too. A request that is sent again is not carried out again: the provider keeps its answer, also over a restart,
        until the request's last epoch has ended.
        """


class BlockingService(Protocol):
    """Answers requests by code that waits for disks and sockets.

    `answer` runs in threads, several at a time. After `Declaration.timeout_s` the request has failed and the thread is
    given up. A service that has eight such threads is switched off until fewer than four are left.
    """

    name: str

    def answer(self, body: bytes) -> bytes:
        """Return the answer to a request, as `Service.answer` does."""


@runtime_checkable
class RecognisingService(Protocol):
    """A service that recognises repeated requests itself; its `declaration` says so. The provider keeps no answers.

    It may be asked again at any time for a request that it has carried out: because the answer was lost, because the
    provider was started again, or because the sender makes another attempt, in days perhaps. It then returns the same
    answer, and does nothing twice.
    """

    name: str
    declaration: Declaration

    def answer_again(self, repetition_key: bytes, body: bytes) -> Awaitable[bytes] | bytes:
        """Return the answer to a request, with `async def` or in threads, as `Service.answer` does.

        `repetition_key`: 16 bytes that its sender drew, the same in all attempts at one thing.
        """


# A protocol beside `Service` and not a method of it: most services have nothing to close, and need not say so.
@runtime_checkable
class ClosingService(Protocol):
    """A service that has something to put away when the provider stops."""

    async def close(self) -> None:
        """Finish, within ten seconds; nothing is asked any more."""


@runtime_checkable
class PayloadService(Protocol):
    """A service below requests, which answers a packet's payload at once. The loop service is one.

    A service with an `answer` must not have a method of this name: it would never be asked.
    """

    name: str

    def reply(self, payload: bytes) -> bytes:
        """Return the payload of the answer."""


HostedService: TypeAlias = Service | BlockingService | RecognisingService | PayloadService
ServiceFactory: TypeAlias = Callable[[ServiceContext], HostedService]


def declaration_of(service: HostedService) -> Declaration:
    """Return what a service declares; raise `MisuseError` if that cannot be."""
    declaration = getattr(service, "declaration", None)
    if declaration is None:
        declaration = Declaration()
    if not isinstance(declaration, Declaration):
        raise MisuseError(f'the declaration of the service "{service.name}" is no provider.api.Declaration')
    if declaration.recognises_repetition and not isinstance(service, RecognisingService):
        raise MisuseError(f'the service "{service.name}" recognises repetition, but has no answer_again')
    return declaration
