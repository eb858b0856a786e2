"""Following the network document: every node and client always holds the one of its epoch."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.logger import Logger

from loopixmix.directory import Document, DocumentConflict, read_document
from loopixmix.directory.schedule import draw_fetch_s, retry_longest_s
from loopixmix.epoch import epoch_at
from loopixmix.errors import PeerError, StoreError, UnavailableError
from loopixmix.following.authorities import Authorities, NoDocumentYet
from loopixmix.following.cache import DocumentCache
from loopixmix.following.enrolment import RETRY_FIRST_S, Enroller
from loopixmix.process.backoff import Backoff
from loopixmix.process.pause import Pause
from loopixmix.process.task import Task
from loopixmix.seams import Clock, Rng

_log = Logger()

KEEP_AGAIN_S = 10.0
"""After so long a document that could not be kept is written again."""
LONGEST_PAUSE_S = 60.0
"""However far away the next turn is: a clock that is set meanwhile is noticed after this."""
NOT_YET_PAUSE_S = 2.0

Adopt = Callable[[Document], None]


class DirectoryFollower:
    """Fetches, verifies, keeps and hands out network documents; for a node, also keeps it enrolled.

    `adopt` is called with each document when its epoch begins by the clock here (the first one: at once), and
    `prepare`, if given, as soon as the next one was fetched, which is a little before its epoch. When no new
    document is to be had, the old one holds until it expires, and `problem` says so.
    """

    def __init__(
        self,
        authorities: Authorities,
        *,
        cache: DocumentCache,
        clock: Clock,
        rng: Rng,
        adopt: Adopt,
        prepare: Adopt | None = None,
        enroller: Enroller | None = None,
    ) -> None:
        """`cache`: the file of documents. `adopt`: gets the document of an epoch when the epoch begins.

        `prepare`: gets it as soon as it is known. `enroller`: None if this is not a node.
        """
        self._authorities = authorities
        self._trust_root = authorities.trust_root
        self._cache = cache
        self._clock = clock
        self._rng = rng
        self._adopt_callback = adopt
        self._prepare_callback = prepare
        self._enroller = enroller
        longest_s = retry_longest_s(self._trust_root.epoch_length_s)
        self._backoff = Backoff(rng=rng, first_s=RETRY_FIRST_S, longest_s=longest_s)
        self._pause = Pause(clock)
        self._task = Task("following the network document", clock=clock, rng=rng)
        self._current: Document | None = None
        self._next: tuple[Document, bytes] | None = None
        self._newest_seen_epoch: int | None = None
        self._fetch_next_s = 0.0
        self._fetch_problem: str | None = None
        self._cache_problem: str | None = None
        self._unkept: dict[Callable[[bytes], None], bytes] = {}
        """Documents that could not be kept, by how they are to be."""
        self._waiting: list[Deferred[Document]] = []

    @property
    def document(self) -> Document | None:
        """The document that holds now; None before the first one and after the last one expired."""
        document = self._current
        return document if document is not None and self._clock.seconds() < document.valid_until_s else None

    @property
    def problem(self) -> str | None:
        """Why this node or client is not up to date, in one line; None if it is."""
        # A defect comes first: a node that cannot enrol may be what the first document waits for.
        defect = self._task.problem or (self._enroller.defect if self._enroller is not None else None)
        if defect is not None:
            return defect
        now_s = self._clock.seconds()
        reason = f": {self._fetch_problem}" if self._fetch_problem else ""
        document = self.document
        hint = self._authorities.clock_hint
        enrolment_problem = self._enroller.problem if self._enroller is not None else None
        if document is None and self._enroller is not None and self._enroller.is_refused:
            # First: it may be what the first document waits for.
            return enrolment_problem
        if document is None and self._newest_seen_epoch is not None:
            return f"the network document has expired, or the clock here is wrong{reason}{hint}"
        if document is None:
            return f"no network document yet{reason}{hint}"
        if document.valid_from_s > now_s + document.params.grace_s:
            return (
                f"the network document begins in {document.valid_from_s - now_s:.0f} s: the clock here was set back"
                f"{hint}"
            )
        if document.epoch < self._epoch(now_s):
            return (
                f"the network document is of epoch {document.epoch} and expires in "
                f"{document.valid_until_s - now_s:.0f} s{reason}{hint}"
            )
        return enrolment_problem or self._cache_problem

    def when_document(self) -> Deferred[Document]:
        """Return a Deferred that fires with the document that holds, as soon as there is one."""
        document = self.document
        waiting: Deferred[Document] = Deferred(self._forget_waiting)
        if document is not None:
            waiting.callback(document)
        else:
            self._waiting.append(waiting)
        return waiting

    def start(self) -> None:
        """Take up the cached document, begin to follow and, for a node, to enrol."""
        self._load_cache()
        self._task.start(self._follow)
        if self._enroller is not None:
            self._enroller.start()

    def clock_was_set(self) -> None:
        """Look at once what is due by the new time."""
        self._backoff.reset()
        self._pause.wake()
        if self._enroller is not None:
            self._enroller.clock_was_set()

    async def stop(self) -> None:
        """Stop; nothing is left scheduled afterwards."""
        for waiting in list(self._waiting):
            waiting.cancel()
        # Both at once: each may have to wait for an exchange with an authority to break off.
        ending = [self._task.stop(), self._enroller.stop() if self._enroller is not None else succeed(None)]
        await gatherResults(ending)

    async def withdraw(self) -> None:
        """Stop enrolling and ask the authorities to leave this node out of the next document.

        Raises `UnavailableError` if not every authority took note.
        """
        if self._enroller is not None:
            await self._enroller.withdraw()

    async def _follow(self) -> None:
        while True:
            for keep, signed in list(self._unkept.items()):
                self._keep(keep, signed)
            wait_s = min(await self._turn(), LONGEST_PAUSE_S)
            # A disk that was full may have room by now, long before the next document comes.
            await self._pause.wait(min(wait_s, KEEP_AGAIN_S) if self._unkept else wait_s)

    async def _turn(self) -> float:
        """Adopt a document that is due, fetch one that is missing; return how long there is nothing more to do."""
        now_s = self._clock.seconds()
        if self._next is not None and self._next[0].valid_until_s <= now_s:
            self._next = None  # the computer slept through all its time
        if self._next is not None and self._next[0].valid_from_s <= now_s:
            self._adopt(*self._next)
        if self._next is not None:
            return self._next[0].valid_from_s - now_s
        epoch = self._epoch(now_s)
        if self._current is not None and self._current.epoch >= epoch and now_s < self._fetch_next_s:
            return self._fetch_next_s - now_s
        is_ahead = self._current is not None and self._current.epoch >= epoch
        return await (self._fetch(str(epoch + 1), epoch + 1) if is_ahead else self._fetch("current", epoch))

    async def _fetch(self, which: str, epoch: int) -> float:
        """Fetch one document for `epoch`; return how long to wait then."""
        # The next document is fetched before its epoch begins, and is to be judged as it will be then.
        as_of_s = max(self._clock.seconds(), epoch * self._trust_root.epoch_length_s)
        try:
            document, signed = await self._authorities.document(
                which, now_s=as_of_s, newest_seen_epoch=self._newest_seen_epoch
            )
            self._take(document, signed)
        except NoDocumentYet as error:
            self._note_problem(str(error))
            return min(self._backoff.next_s(), self._rng.uniform(0.2, 1) * NOT_YET_PAUSE_S)
        except (UnavailableError, PeerError) as error:
            self._note_problem(str(error))
            return self._backoff.next_s()
        if document.epoch < epoch:
            self._note_problem(f"the authorities have no document for epoch {epoch} yet")
            return self._backoff.next_s()
        self._backoff.reset()
        self._fetch_problem = None
        return 0.0

    def _take(self, document: Document, signed: bytes) -> None:
        """Adopt a verified document, or keep it until its epoch begins here."""
        current = self._current
        if current is not None and document.epoch == current.epoch:
            # Two different ones would let an authority show each client a network of its own.
            if document != current:
                raise DocumentConflict(f"the authorities signed two different documents for epoch {document.epoch}")
            return
        if document.valid_from_s <= self._clock.seconds():
            self._adopt(document, signed)
            return
        self._keep(self._cache.keep_next, signed)
        self._expect(document, signed)

    def _expect(self, document: Document, signed: bytes) -> None:
        """Keep a document until its epoch begins here."""
        self._next = document, signed
        if self._prepare_callback is not None:
            self._tell(self._prepare_callback, document)

    def _adopt(self, document: Document, signed: bytes) -> None:
        self._hold(document)
        self._keep(self._cache.keep_adopted, signed)
        _log.info("the network document of epoch {epoch} holds", epoch=document.epoch)
        self._tell(self._adopt_callback, document)
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(document)
        if self._enroller is not None:
            self._enroller.adopt(document)

    def _hold(self, document: Document) -> None:
        self._current = document
        self._next = None
        self._newest_seen_epoch = document.epoch
        self._fetch_next_s = draw_fetch_s(document.epoch + 1, self._trust_root.epoch_length_s, self._rng)

    def _load_cache(self) -> None:
        """Take up the documents on disk, verified like any others; a damaged file only costs a fetch."""
        for signed in self._cache.load():
            try:
                document = read_document(signed, self._trust_root)
            except PeerError as error:
                _log.warn("the cached network document is not used: {error}", error=str(error))
                continue
            self._take_cached(document, signed)

    def _take_cached(self, document: Document, signed: bytes) -> None:
        now_s = self._clock.seconds()
        if document.epoch == self._epoch(now_s) + 1:
            # Told as well as kept: a node that was restarted just before an edge would otherwise refuse the links of
            # its next neighbours, which dial it already.
            self._expect(document, signed)
        elif document.epoch <= self._epoch(now_s) and document.epoch > (self._newest_seen_epoch or -1):
            self._newest_seen_epoch = document.epoch
            if now_s < document.valid_until_s:
                self._adopt(document, signed)

    def _keep(self, keep: Callable[[bytes], None], signed: bytes) -> None:
        try:
            keep(signed)
        except StoreError as error:
            if self._cache_problem is None:
                _log.warn("the network document is not kept: {error}", error=str(error))
            self._cache_problem = str(error)
            self._unkept[keep] = signed
        else:
            self._unkept.pop(keep, None)
            if not self._unkept:
                self._cache_problem = None

    def _tell(self, callback: Adopt, document: Document) -> None:
        try:
            callback(document)
        except Exception:  # whatever it is, the next document must still be fetched
            _log.failure("taking up the document of epoch {epoch} failed", epoch=document.epoch)

    def _note_problem(self, problem: str) -> None:
        if self._fetch_problem is None:
            _log.warn("no new network document: {problem}", problem=problem)
        self._fetch_problem = problem

    def _epoch(self, now_s: float) -> int:
        return epoch_at(now_s, self._trust_root.epoch_length_s)

    def _forget_waiting(self, waiting: Deferred[Document]) -> None:
        if waiting in self._waiting:
            self._waiting.remove(waiting)
