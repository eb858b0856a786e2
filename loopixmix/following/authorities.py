"""Asking the authorities of a trust root: in random order, until one gives what is wanted."""

from __future__ import annotations

from loopixmix.directory import (
    MAX_DOCUMENT_BYTES,
    Document,
    TrustRoot,
    decode_document,
)
from loopixmix.directory.words import CLOCK_TOLERANCE_S
from loopixmix.errors import PeerError, UnavailableError
from loopixmix.following.fetcher import Answer, DocumentFetcher
from loopixmix.seams import Rng

MAX_REFUSAL_BYTES = 4096

OK = 200
NO_CONTENT = 204
NOT_FOUND = 404


class NoDocumentYet(UnavailableError):  # noqa: N818 (the name says what happened)
    """The authorities have no such document yet."""


class DescriptorRefused(UnavailableError):  # noqa: N818 (the name says what happened)
    """The authority does not take the node's descriptor."""


class Authorities:
    """The authorities of a network as their clients see them."""

    def __init__(self, trust_root: TrustRoot, *, fetcher: DocumentFetcher, rng: Rng) -> None:
        """`trust_root`: the authorities. `fetcher`: asks them. `rng`: draws the order in which they are asked."""
        self.trust_root = trust_root
        self._fetcher = fetcher
        self._rng = rng
        self._ahead_s = 0.0

    @property
    def clock_hint(self) -> str:
        """How far our clock is from that of the authority that answered last, to add to a problem; empty if it is not.

        Only a hint: who changes answers on their way can change this.
        """
        if abs(self._ahead_s) <= CLOCK_TOLERANCE_S + 1:  # answers tell whole seconds
            return ""
        way = "ahead of" if self._ahead_s > 0 else "behind"
        return f"; the clock here is {abs(self._ahead_s):.0f} s {way} that of the authority: one of the two is wrong"

    async def document(self, which: str, *, now_s: float, newest_seen_epoch: int | None) -> tuple[Document, bytes]:
        """Return the verified document `which` (an epoch or "current") and its signed bytes.

        Raises `NoDocumentYet` if every authority that answers says so. Otherwise raises `UnavailableError` with what
        each said.
        """
        problems: list[str] = []
        missing = 0
        # In random order, so that the load is shared and no authority sees who asks first.
        for authority in self._rng.sample(self.trust_root.authorities, len(self.trust_root.authorities)):
            url = f"{authority.url.rstrip('/')}/v1/documents/{which}"
            try:
                answer = await self._fetcher.get(url, limit_bytes=MAX_DOCUMENT_BYTES)
                self._note_clock(answer)
                if answer.status == OK:
                    document = decode_document(
                        answer.body, self.trust_root, now_s=now_s, newest_seen_epoch=newest_seen_epoch
                    )
                    return document, answer.body
            except (UnavailableError, PeerError) as error:
                problems.append(f"{authority.url}: {error}")
                continue
            missing += answer.status == NOT_FOUND
            problems.append(f"{authority.url}: {answer.reason}")
        raise (NoDocumentYet if missing == len(problems) else UnavailableError)("; ".join(problems))

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses of the authorities."""
        return tuple(authority.url for authority in self.trust_root.authorities)

    async def upload(self, url: str, signed_descriptor: bytes) -> Answer:
        """Give one authority a descriptor; raise `UnavailableError` with its reason if it does not take it."""
        answer = await self._fetcher.put(
            f"{url.rstrip('/')}/v1/descriptors", signed_descriptor, limit_bytes=MAX_REFUSAL_BYTES
        )
        self._note_clock(answer)
        if answer.status != NO_CONTENT:
            raise DescriptorRefused(answer.reason)
        return answer

    def _note_clock(self, answer: Answer) -> None:
        if answer.ahead_s is not None:
            self._ahead_s = answer.ahead_s
