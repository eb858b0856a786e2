"""Answers to pulls: always the same number of frames of the same size, a fixed time after the pull came.

All that depends on the mailbox is done between the pull and its answer (reading) or after the answer has left
(deleting). Items that were read too late are given with the next answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from twisted.python.failure import Failure

from loopixmix.seams import Clock, DelayedCall, Identity
from loopixmix.wire import Frame, Pull
from provider.mailbox import Fetch, ItemNumber, Mailbox, answer_items
from provider.store.access import MailAccess
from provider.store.items import Taken, take_items

SendFrame: TypeAlias = Callable[[Identity, Frame], object]


class Puller:
    """A client that pulls: its identity, its mailbox, and whether it still has an account."""

    __slots__ = ("identity", "mailbox", "registered")

    def __init__(self, identity: Identity, mailbox: Mailbox) -> None:
        """`identity` and `mailbox`: the client's. Whether there is an account is not known yet."""
        self.identity = identity
        self.mailbox = mailbox
        self.registered: bool | None = None


class Pulling:
    """The pulls of all clients of one provider."""

    def __init__(
        self,
        *,
        access: MailAccess,
        body_bytes: int,
        answer_s: float,
        clock: Clock,
        send: SendFrame,
    ) -> None:
        """`access`: the store. `send`: takes frames for clients.

        Each item that is sent has `body_bytes` of body. Answers leave `answer_s` seconds after their pulls came.
        """
        self._access = access
        self._body_bytes = body_bytes
        self._answer_s = answer_s
        self._clock = clock
        self._send = send
        self._answers: dict[int, DelayedCall] = {}
        self.pulls = 0
        self.items_given = 0
        self.pulls_per_s = 0.0
        self._pulls_measured = 0

    def pull(self, puller: Puller, pull: Pull) -> None:
        """Take a pull of a client with an account, and answer it in time."""
        self.pulls += 1
        puller.mailbox.acknowledge(pull.acknowledged)
        fetch = puller.mailbox.fetch()
        if fetch is not None:
            self._fetch(puller, fetch)
        # Timed from the pull and not from the end of the reading, which takes longer the more there is to read.
        self._answers[self.pulls] = self._clock.callLater(self._answer_s, self._answer, self.pulls, puller, pull)

    def stop(self) -> None:
        """Answer nothing any more; no call is left."""
        for call in self._answers.values():
            call.cancel()
        self._answers.clear()

    def measure(self, over_s: float) -> None:
        """Find how many pulls per second came on average since this was called last, `over_s` seconds ago."""
        self.pulls_per_s = (self.pulls - self._pulls_measured) / over_s
        self._pulls_measured = self.pulls

    def _fetch(self, puller: Puller, fetch: Fetch) -> None:
        def taken(found: Taken | None) -> None:
            if found is None:
                puller.mailbox.fetch_failed()
                puller.registered = False
            else:
                puller.mailbox.fetched(found.account_id, found.items, found.last_number)

        def failed(_: Failure) -> None:
            puller.mailbox.fetch_failed()

        self._access.read(lambda connection: take_items(connection, puller.identity, fetch)).addCallbacks(taken, failed)

    def _answer(self, number: int, puller: Puller, pull: Pull) -> None:
        del self._answers[number]
        given = puller.mailbox.give()
        self.items_given += len(given)
        pull_batch, body_bytes = puller.mailbox.pull_batch, self._body_bytes
        for item in answer_items(pull.request_id, given, pull_batch=pull_batch, body_bytes=body_bytes):
            self._send(puller.identity, item)
        # Not before: deleting takes longer the more was acknowledged, and would show in the time of the answer.
        if pull.acknowledged:
            self._delete(puller, pull.acknowledged)

    def _delete(self, puller: Puller, numbers: Sequence[ItemNumber]) -> None:
        deleting = self._access.delete(puller.identity, numbers)
        # Also after a failure: what could not be deleted is given again, and acknowledged again.
        deleting.addBoth(lambda _: puller.mailbox.deleted(numbers))
