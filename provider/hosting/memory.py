"""Remembers requests on the disk until their last epoch has ended, so that each is carried out once.

A row is on the disk before the service is asked, and its answer before the first share of it leaves. What is kept of
one service is bounded; beyond the bound new requests are refused, and nothing is forgotten.
"""

from __future__ import annotations

from collections import Counter

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from loopixmix.requests.parts import EPOCHS_AHEAD, RequestHead
from loopixmix.store.alarm import already_told
from provider.store.access import MailAccess
from provider.store.requests import (
    Begun,
    KeptFigures,
    NewRequest,
    erase_requests,
    forget_request,
    kept_figures,
    read_answer,
)

ROW_BYTES = 150
"""What a row takes on the disk beside its answer, indices counted."""
NOT_READ = "requests to services wait until those that are kept were read"
ERASE_ROWS = 500
"""Rows erased in one transaction, so that others need not wait for long."""

_NONCE = bytes(12)
"""Each key seals one answer."""
_DONE, _FAILED = b"\0", b"\1"


def seal_answer(key: bytes, answer: bytes | None) -> bytes:
    """Seal an answer, or None for a failure, under a key that is used once."""
    plain = _FAILED if answer is None else _DONE + answer
    return ChaCha20Poly1305(key).encrypt(_NONCE, plain, None)


def open_answer(key: bytes, sealed: bytes) -> bytes | None:
    """Open what `seal_answer` sealed; raise `cryptography.exceptions.InvalidTag` if the disk gave something else."""
    plain = ChaCha20Poly1305(key).decrypt(_NONCE, sealed, None)
    return plain[1:] if plain[:1] == _DONE else None


class RequestMemory:
    """The requests of one provider's services that are on its disk."""

    def __init__(self, access: MailAccess) -> None:
        """`access`: the provider's store. Nothing is known before `start` has read what is there."""
        self._access = access
        self._bytes: dict[str, Counter[int]] = {}
        self._reading = False
        self._beginning = 0
        self._erasing = False
        self._erased_rows_of = -1
        self.ready = False
        self.problem: str | None = NOT_READ
        """Why no request can be carried out that must be written down, in one line; None if they can."""
        self.erased_through = -1
        """Requests whose last epoch is this one or before it are not carried out any more."""

    def start(self) -> None:
        """Begin to read what is kept, unless that is done or under way. To be called again until it is `ready`."""
        if self.ready or self._reading:
            return
        self._reading = True
        self._access.read(kept_figures).addCallbacks(self._counted, self._not_counted)

    def settle(self) -> Deferred[None]:
        """Fire when the disk has answered to all that it was to begin until now; at once if that is nothing."""
        return self._access.turn() if self._beginning else succeed(None)

    def kept_bytes(self, service: str) -> int:
        """Return how many bytes are kept for a service."""
        return self._bytes.get(service, Counter()).total()

    def has_room(self, service: str, last_epoch: int, *, present: int, bound_bytes: int) -> bool:
        """Tell whether one more request with this last epoch may be carried out in the epoch `present`.

        Those that stay longest may take a third of the bound, those that stay beyond this epoch two thirds. So whoever
        fills it makes room again with each epoch that ends.
        """
        if not self.ready:
            return False
        kept = self._bytes.get(service)
        if kept is None:
            return True
        for ahead in range(min(max(0, last_epoch - present), EPOCHS_AHEAD) + 1):
            # Not by `last_epoch == present + ahead`: what was kept longer yesterday takes room today as well.
            taken = sum(size for epoch, size in kept.items() if epoch >= present + ahead or not ahead)
            if taken + ROW_BYTES > bound_bytes * (EPOCHS_AHEAD + 1 - ahead) // (EPOCHS_AHEAD + 1):
                return False
        return True

    def begin(self, request: NewRequest) -> Deferred[Begun]:
        """Write down that a request is carried out from now on, and return what was known of it before."""
        self._beginning += 1
        return self._access.begin(request).addBoth(self._not_beginning).addCallback(self._begun, request)

    def keep(self, name: bytes, sealed: bytes) -> Deferred[None]:
        """Keep the sealed answer to a request that was begun; fires once it is on the disk."""
        return self._access.keep_answer(name, sealed)

    def note_kept(self, head: RequestHead, service: str, sealed_bytes: int) -> None:
        """Count an answer that is on the disk."""
        self._count(service, head.last_epoch, sealed_bytes)

    def forget(self, head: RequestHead, name: bytes, service: str) -> None:
        """Forget a request that was begun and not carried out."""
        self._count(service, head.last_epoch, -ROW_BYTES)
        self._access.write(lambda connection: forget_request(connection, name)).addErrback(already_told)

    def find(self, name: bytes) -> Deferred[tuple[Begun, bytes]]:
        """Return what is known of a request, and its sealed answer."""
        return self._access.read(lambda connection: read_answer(connection, name))

    def erase(self, last_epoch: int) -> None:
        """Erase the requests whose last epoch is this one or before it; they are refused from now on."""
        # Also once after a start: a crash may have left some of the rows.
        if not self.ready or self._erasing or last_epoch <= self._erased_rows_of:
            return
        self.erased_through = max(self.erased_through, last_epoch)
        for kept in self._bytes.values():
            for epoch in [epoch for epoch in kept if epoch <= last_epoch]:
                del kept[epoch]
        self._erase(last_epoch)

    def _erase(self, last_epoch: int) -> None:
        self._erasing = True

        def erased(count: int) -> None:
            if count == ERASE_ROWS:
                self._erase(last_epoch)
            else:
                self._erasing, self._erased_rows_of = False, last_epoch

        def failed(_: object) -> None:
            self._erasing = False

        erasing = self._access.write(lambda connection: erase_requests(connection, last_epoch, ERASE_ROWS))
        erasing.addCallbacks(erased, failed)

    def _counted(self, counted: tuple[list[KeptFigures], int]) -> None:
        figures, self.erased_through = counted
        for each in figures:
            self._count(each.service, each.last_epoch, each.answer_bytes + ROW_BYTES * each.count)
        self.ready, self._reading, self.problem = True, False, None

    def _not_counted(self, failure: Failure) -> None:
        self._reading = False
        self.problem = f"new requests to services are refused until those that are kept can be read: {failure.value}"

    def _not_beginning(self, result: Begun | Failure) -> Begun | Failure:
        self._beginning -= 1
        return result

    def _begun(self, outcome: Begun, request: NewRequest) -> Begun:
        if outcome is Begun.NOW:
            self._count(request.service, request.last_epoch, ROW_BYTES)
        return outcome

    def _count(self, service: str, last_epoch: int, more_bytes: int) -> None:
        # What was erased meanwhile takes no room any more.
        if last_epoch > self.erased_through:
            self._bytes.setdefault(service, Counter())[last_epoch] += more_bytes
