"""The interface of hosted services: all that the author of one needs to know.

A service is found by an entry point of the group `loopixmix.services`, whose name is the service's and which is called
with a `ServiceContext`; the operator names it in the provider's `services`. Clients find the providers that offer it
in the network document and ask it anonymously: a service sees the bodies of requests, and nothing of their senders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

from loopixmix.errors import LoopixmixError
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

    `directory` is its own, private and there; `settings` are the operator's, from `[service.NAME]`.
    """

    provider: Identity
    directory: Path
    clock: Clock
    rng: Rng
    keys: KeyDirectory
    settings: Mapping[str, Setting]


class Service(Protocol):
    """Answers requests.

    Neither key nor address of a sender is handed to it, so that no service can come to depend on them.
    """

    name: str

    async def answer(self, body: bytes) -> bytes:
        """Return the answer to a request.

        `body` has at most `loopixmix.requests.parts.MAX_BODY_BYTES`, and so has the answer. Raise
        `ServiceRefusedError` to fail; any other error fails the same way and is logged. A request that is sent
        again is answered from memory, for some minutes.
        """


# A protocol beside `Service` and not a method of it: most services have nothing to close, and need not say so.
@runtime_checkable
class ClosingService(Protocol):
    """A service that has something to put away when the provider stops."""

    async def close(self) -> None:
        """Finish; nothing is asked any more."""


@runtime_checkable
class PayloadService(Protocol):
    """A service below requests, which answers a packet's payload at once. The loop service is one."""

    name: str

    def reply(self, payload: bytes) -> bytes:
        """Return the payload of the answer."""


HostedService: TypeAlias = Service | PayloadService
ServiceFactory: TypeAlias = Callable[[ServiceContext], HostedService]
