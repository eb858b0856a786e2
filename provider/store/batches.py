"""Items that come or go together: a batch of them becomes a few statements in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection
from twisted.internet.defer import Deferred

from loopixmix.seams import Identity
from loopixmix.store.jobs import Job, run_jobs
from provider.mailbox import ItemNumber, MailboxRules
from provider.store import MailStore
from provider.store.items import NewItem, PutOutcome, delete_owned, store_items
from provider.store.keeping import write_requests


class Storing:
    """One new item; those of a batch are stored by one statement."""

    def __init__(self, item: NewItem) -> None:
        """`item`: to be stored; `done` fires with its outcome."""
        self.done: Deferred[PutOutcome] = Deferred()
        self.item = item
        self.outcome = PutOutcome.STORED

    def run(self, connection: Connection) -> None:
        """Nothing: `write_mail` stores all items at once."""

    def committed(self) -> None:
        """Nothing: the outcome is kept already."""

    def settle(self) -> None:
        """Hand out the outcome."""
        self.done.callback(self.outcome)

    def fail(self, error: Exception) -> None:
        """Hand out the error."""
        self.done.errback(error)


class Deleting:
    """Items that their owner has stored safely; those of a batch are deleted by one statement."""

    def __init__(self, owner: Identity, numbers: Sequence[ItemNumber]) -> None:
        """`owner`: whose items they are. `numbers`: those of the items. `done` fires when they are gone."""
        self.done: Deferred[None] = Deferred()
        self.owned = owner, numbers

    def run(self, connection: Connection) -> None:
        """Nothing: `write_mail` deletes all at once."""

    def committed(self) -> None:
        """Nothing: there is no result."""

    def settle(self) -> None:
        """Tell that it is done."""
        self.done.callback(None)

    def fail(self, error: Exception) -> None:
        """Hand out the error."""
        self.done.errback(error)


def write_mail(store: MailStore, rules: MailboxRules, jobs: Sequence[Job]) -> None:
    """Do all jobs in one transaction, items by the dozen."""
    storing = [job for job in jobs if isinstance(job, Storing)]
    deleting = [job.owned for job in jobs if isinstance(job, Deleting)]

    def work(connection: Connection) -> None:
        run_jobs(connection, jobs)
        write_requests(connection, jobs)
        if deleting:
            delete_owned(connection, deleting)
        if storing:
            outcomes = store_items(connection, [job.item for job in storing], rules)
            for job, outcome in zip(storing, outcomes, strict=True):
                job.outcome = outcome

    store.write(work)
