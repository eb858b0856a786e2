"""Authorities that exist in memory only: the `DocumentFetcher` seam's other end."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from loopixmix.directory import Descriptor, DescriptorError, Document, decode_descriptor, sign_document
from loopixmix.epoch import epoch_at, epoch_start_s
from loopixmix.errors import FormatError, UnavailableError
from loopixmix.following.fetcher import Answer
from loopixmix.keys import MixKey
from tests.worlds.networks.models import ModelNetwork, ModelNode


class FakeAuthorities:
    """Answers GET and PUT like the authorities of a network; the test decides what is published and who is down."""

    def __init__(self, network: ModelNetwork, clock: Clock) -> None:
        self.network = network
        self.clock = clock
        self.published: dict[int, bytes] = {}
        self.down: set[str] = set()
        self.refusal: Answer | None = None
        self.silent = False
        self.uploads: list[tuple[float, str, Descriptor]] = []
        self.gets: list[tuple[float, str]] = []

    def publish(self, epoch: int, change: Callable[[Document], Document] = lambda document: document) -> Document:
        """Sign the document of `epoch` with keys made for it."""
        length_s = self.network.params.epoch_length_s
        document = msgspec.structs.replace(
            self.network.document,
            epoch=epoch,
            valid_from_s=epoch_start_s(epoch, length_s),
            valid_until_s=epoch_start_s(epoch + 2, length_s),
            nodes=tuple(
                msgspec.structs.replace(node, mix_keys=public_mix_keys(node.id, epoch))
                for node in self.network.document.nodes
            ),
        )
        document = change(document)
        self.published[epoch] = sign_document(document, self.network.authority)
        return document

    async def get(self, url: str, *, limit_bytes: int) -> Answer:
        parts = urlsplit(url)
        self.gets.append((self.clock.seconds(), parts.path))
        await self._reach(parts.netloc)
        prefix, which = parts.path.rsplit("/", 1)
        if prefix != "/v1/documents":
            return Answer(404, b"no such page")
        present = epoch_at(self.clock.seconds(), self.network.params.epoch_length_s)
        epoch = max((e for e in self.published if e <= present), default=-1) if which == "current" else int(which)
        if epoch not in self.published:
            return Answer(404, b"there is no such document yet\n")
        return Answer(200, self.published[epoch])

    async def put(self, url: str, body: bytes, *, limit_bytes: int) -> Answer:
        parts = urlsplit(url)
        await self._reach(parts.netloc)
        if parts.path != "/v1/descriptors":
            return Answer(404, b"no such page")
        if self.refusal is not None:
            return self.refusal
        try:
            descriptor = decode_descriptor(
                body,
                network_id=self.network.trust_root.network_id,
                epoch_length_s=self.network.params.epoch_length_s,
                now_s=self.clock.seconds(),
            )
        except (DescriptorError, FormatError) as error:
            return Answer(400, str(error).encode())
        self.uploads.append((self.clock.seconds(), parts.netloc, descriptor))
        return Answer(204, b"")

    async def _reach(self, netloc: str) -> None:
        if self.silent:
            await Deferred()
        if netloc in self.down:
            raise UnavailableError("connection refused")


def public_mix_keys(identity: bytes, epoch: int) -> dict[int, bytes]:
    """Make the keys of a node for three epochs, the same whenever they are asked for."""
    return {e: MixKey(identity[:1] + e.to_bytes(4, "big") + identity[5:]).public for e in range(epoch, epoch + 3)}


def describer(network: ModelNetwork, node: ModelNode) -> Callable[[int], Descriptor]:
    """Return what `Enrolment.describe` needs for a node of the model."""

    def describe(issued_at_ms: int) -> Descriptor:
        epoch = epoch_at(issued_at_ms / 1000, network.params.epoch_length_s)
        descriptor = node.descriptor(network.trust_root.network_id, issued_at_ms=issued_at_ms)
        return msgspec.structs.replace(descriptor, mix_keys=public_mix_keys(node.id, epoch))

    return describe
