"""A node's side of enrolment: uploads its descriptor to every authority, each epoch and whenever it is missed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from twisted.logger import Logger

from loopixmix.directory import Descriptor, sign_descriptor
from loopixmix.directory.schedule import draw_upload_s, retry_longest_s
from loopixmix.epoch import epoch_at
from loopixmix.errors import UnavailableError
from loopixmix.following.authorities import Authorities
from loopixmix.keys import IdentityKey
from loopixmix.process.backoff import Backoff
from loopixmix.process.pause import Pause
from loopixmix.seams import Clock, Rng

_log = Logger()

MISSING_REPEAT_S = 30.0
RETRY_FIRST_S = 0.5


@dataclass(frozen=True)
class Enrolment:
    """Who enrols: its identity and what it says of itself.

    `describe` gets the time of issue (Unix milliseconds, for `Descriptor.issued_at_ms`) and returns the descriptor with
    the mix keys of this and the next two epochs.
    """

    identity: IdentityKey
    describe: Callable[[int], Descriptor]


class Enroller:
    """Keeps one node enrolled with all authorities of its network."""

    def __init__(
        self,
        enrolment: Enrolment,
        *,
        authorities: Authorities,
        epoch_length_s: int,
        clock: Clock,
        rng: Rng,
        is_in_document: Callable[[], bool],
    ) -> None:
        """Take who enrols where; `is_in_document` tells whether the present document has the node."""
        self._enrolment = enrolment
        self._authorities = authorities
        self._epoch_length_s = epoch_length_s
        self._clock = clock
        self._rng = rng
        self._is_in_document = is_in_document
        self._pause = Pause(clock)
        self._due_s = dict.fromkeys(authorities.urls, float("-inf"))
        self._backoffs = {url: self._new_backoff() for url in authorities.urls}
        self._problems: dict[str, str] = {}
        self._last_issued_ms = 0

    @property
    def problem(self) -> str | None:
        """What keeps the node from being enrolled, or none."""
        return f"not enrolled: {'; '.join(self._problems.values())}" if self._problems else None

    async def run(self) -> None:
        """Upload whenever it is due, until cancelled."""
        while True:
            for url in [url for url, due_s in self._due_s.items() if due_s <= self._clock.seconds()]:
                await self._upload_to(url)
            await self._pause.wait(min(self._due_s.values()) - self._clock.seconds())

    def repeat(self) -> None:
        """Upload to everybody again at once: somebody does not know us."""
        self._due_s = dict.fromkeys(self._due_s, float("-inf"))
        self._pause.wake()

    async def withdraw(self) -> None:
        """Ask every authority to leave the node out of the next document.

        Raises `UnavailableError` with what went wrong where not every authority took note.
        """
        problems = []
        for url in self._authorities.urls:
            try:
                await self._authorities.upload(url, self._signed(withdrawn=True))
            except UnavailableError as error:
                problems.append(f"{url}: {error}")
        if problems:
            raise UnavailableError(f"not withdrawn: {'; '.join(problems)}")

    async def _upload_to(self, url: str) -> None:
        try:
            await self._authorities.upload(url, self._signed())
        except UnavailableError as error:
            if url not in self._problems:
                _log.warn("no enrolment with {url}: {error}", url=url, error=str(error))
            self._problems[url] = f"{url}: {error}"
            self._due_s[url] = self._clock.seconds() + self._backoffs[url].next_s()
            return
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
        self._last_issued_ms = max(self._last_issued_ms + 1, int(self._clock.seconds() * 1000))
        descriptor = self._enrolment.describe(self._last_issued_ms)
        return sign_descriptor(msgspec.structs.replace(descriptor, withdrawn=withdrawn), self._enrolment.identity)

    def _new_backoff(self) -> Backoff:
        return Backoff(rng=self._rng, first_s=RETRY_FIRST_S, longest_s=retry_longest_s(self._epoch_length_s))
