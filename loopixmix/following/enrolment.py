"""A node's side of enrolment: uploads its descriptor to every authority, each epoch and whenever it is missed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from loopixmix.directory import Descriptor, Document, sign_descriptor
from loopixmix.directory.schedule import draw_upload_s, retry_longest_s
from loopixmix.directory.words import CLOCK_TOLERANCE_S
from loopixmix.epoch import epoch_at
from loopixmix.errors import LoopixmixError, UnavailableError
from loopixmix.following.authorities import Authorities, DescriptorRefused
from loopixmix.keys import IdentityKey
from loopixmix.net.address import PeerAddress
from loopixmix.process.backoff import Backoff
from loopixmix.process.pause import Pause
from loopixmix.process.task import Task
from loopixmix.seams import Clock, Rng

_log = Logger()

MISSING_REPEAT_S = 30.0
LONGEST_PAUSE_S = 60.0
"""However far away the next upload is: a clock that is set meanwhile is noticed after this."""
RETRY_FIRST_S = 0.5


@dataclass(frozen=True)
class Enrolment:
    """A node that enrols: its identity, and its description of itself.

    `describe` gets the time of issue (Unix milliseconds, for `Descriptor.issued_at_ms`) and returns the descriptor with
    the mix keys of this and the next two epochs.
    """

    identity_key: IdentityKey
    describe: Callable[[int], Descriptor]


class Enroller:
    """Keeps one node enrolled with all authorities of its network."""

    def __init__(self, enrolment: Enrolment, *, authorities: Authorities, clock: Clock, rng: Rng) -> None:
        """`enrolment`: the identity and description of the node. `authorities`: those to enrol with."""
        self._enrolment = enrolment
        self._authorities = authorities
        self._epoch_length_s = authorities.trust_root.epoch_length_s
        self._clock = clock
        self._rng = rng
        self._document: Document | None = None
        self._other: str | None = None
        self._task = Task("enrolling", clock=clock, rng=rng)
        self._pause = Pause(clock)
        self._due_s = dict.fromkeys(authorities.urls, float("-inf"))
        self._backoffs = {url: self._new_backoff() for url in authorities.urls}
        self._problems: dict[str, str] = {}
        self._refusals: set[str] = set()
        self._last_issued_ms = 0

    @property
    def problem(self) -> str | None:
        """Why the node is not part of the network, in one line; None if it is."""
        if self._problems:
            return f"not enrolled: {'; '.join(self._problems.values())}{self._authorities.clock_hint}"
        return self._other if self._is_in_document() else "this node is not in the network document yet"

    @property
    def is_refused(self) -> bool:
        """Tell whether an authority was reached, and does not take the node."""
        return bool(self._refusals)

    @property
    def defect(self) -> str | None:
        """Why nothing is uploaded just now, in one line; None if it is no fault of this program."""
        return self._task.problem

    def start(self) -> None:
        """Begin to upload."""
        self._task.start(self._run)

    def stop(self) -> Deferred[None]:
        """Upload no more; nothing is left scheduled when the Deferred fires."""
        return self._task.stop()

    def adopt(self, document: Document) -> None:
        """Take note of the document that holds now; if the node is not in it, upload to every authority again."""
        self._document = document
        try:
            self._other = self._named_otherwise(document)
        except LoopixmixError:
            # There is nothing to describe just now, as on a full disk: each upload tells why. The document counts.
            self._other = None
        if not self._is_in_document():
            # At once, and not at the next regular time: an authority may have lost its store.
            self._hurry()

    def clock_was_set(self) -> None:
        """Upload at once: what is due by the clock before is due at a wrong time, and may have been refused."""
        for backoff in self._backoffs.values():
            backoff.reset()
        self._hurry()

    async def withdraw(self) -> None:
        """Stop enrolling, and ask every authority to leave the node out of the next document.

        Raises `UnavailableError` with what went wrong if not every authority took note.
        """
        # First, because the next upload would put the node back.
        await self.stop()
        problems = []
        for url in self._authorities.urls:
            try:
                await self._authorities.upload(url, self._signed(withdrawn=True))
            except UnavailableError as error:
                problems.append(f"{url}: {error}")
        if problems:
            raise UnavailableError(f"not withdrawn: {'; '.join(problems)}")

    async def _run(self) -> None:
        while True:
            for url in [url for url, due_s in self._due_s.items() if self._is_due(due_s)]:
                await self._upload_to(url)
            await self._pause.wait(
                min(*self._due_s.values(), self._clock.seconds() + LONGEST_PAUSE_S) - self._clock.seconds()
            )

    def _is_due(self, due_s: float) -> bool:
        # No upload is planned further ahead than the middle of the next epoch: that was a clock that has been set back.
        return not 0 < due_s - self._clock.seconds() <= 2 * self._epoch_length_s

    def _hurry(self) -> None:
        self._due_s = dict.fromkeys(self._due_s, float("-inf"))
        self._pause.wake()

    def _is_in_document(self) -> bool:
        document = self._document
        if document is None or self._clock.seconds() >= document.valid_until_s:
            return False
        return document.node(self._enrolment.identity_key.public) is not None

    def _named_otherwise(self, document: Document) -> str | None:
        """Return how the document tells of this node what is true of another process only; None if it does not."""
        entry = document.node(self._enrolment.identity_key.public)
        if entry is None:
            return None
        own = self._enrolment.describe(int(self._clock.seconds() * 1000))
        there, here = PeerAddress(entry.host, entry.port), PeerAddress(own.host, own.port)
        if there != here:
            told = f"has this node at {there}, and this process is at {here}"
        elif any(own.mix_keys.get(epoch, key) != key for epoch, key in entry.mix_keys.items()):
            told = "has other mix keys of this node than this process"
        else:
            return None
        return (
            f"the network document {told}: another process runs with the same identity (stop one of them), or this one "
            "was moved, or its clock was wrong, lately (then the document of the next epoch is right)"
        )

    async def _upload_to(self, url: str) -> None:
        try:
            await self._authorities.upload(url, self._signed())
        except LoopixmixError as error:
            # Ours as well: a disk that is full now may be the reason why there is nothing to describe.
            if isinstance(error, DescriptorRefused):
                self._refusals.add(url)
            else:
                self._refusals.discard(url)
            if url not in self._problems:  # once for each outage, not for each attempt
                _log.warn("no enrolment with {url}: {error}", url=url, error=str(error))
            self._problems[url] = f"{url}: {error}"
            self._due_s[url] = self._clock.seconds() + self._backoffs[url].next_s()
            return
        self._refusals.discard(url)
        if self._problems.pop(url, None) is not None:
            _log.info("enrolled with {url}", url=url)
        self._backoffs[url].reset()
        self._due_s[url] = self._next_upload_s()

    def _next_upload_s(self) -> float:
        now_s = self._clock.seconds()
        next_epoch = epoch_at(now_s, self._epoch_length_s) + 1
        regular_s = draw_upload_s(next_epoch, self._epoch_length_s, self._rng)
        if self._is_in_document():
            return regular_s
        repeat_s = min(MISSING_REPEAT_S, self._epoch_length_s / 4)
        return min(regular_s, now_s + self._rng.uniform(0.5, 1) * repeat_s)

    def _signed(self, *, withdrawn: bool = False) -> bytes:
        # Authorities refuse a descriptor that is not newer than the last one: also after the clock was set back a
        # little. One that it was set back by more they have refused, as of the future: it counts for nothing.
        now_ms, later_ms = int(self._clock.seconds() * 1000), self._last_issued_ms + 1
        self._last_issued_ms = later_ms if now_ms < later_ms <= now_ms + 1000 * CLOCK_TOLERANCE_S else now_ms
        descriptor = self._enrolment.describe(self._last_issued_ms)
        return sign_descriptor(msgspec.structs.replace(descriptor, withdrawn=withdrawn), self._enrolment.identity_key)

    def _new_backoff(self) -> Backoff:
        return Backoff(rng=self._rng, first_s=RETRY_FIRST_S, longest_s=retry_longest_s(self._epoch_length_s))
