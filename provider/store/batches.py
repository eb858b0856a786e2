"""Items that come or go together: a batch of them becomes a few statements in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from loopixmix.seams import Identity
from loopixmix.store.jobs import Batched, Job, run_jobs
from provider.mailbox import ItemNumber, MailboxRules
from provider.store import MailStore
from provider.store.items import NO_QUOTAS, NewItem, PutOutcome, delete_owned, skip_numbers, store_items
from provider.store.keeping import write_requests


class Storing(Batched[NewItem, PutOutcome]):
    """One new item, with its outcome."""

    def __init__(self, item: NewItem) -> None:
        """`item`: to be stored."""
        super().__init__(item, PutOutcome.STORED)


class Deleting(Batched[tuple[Identity, Sequence[ItemNumber]], None]):
    """Items that their owner has stored safely."""

    def __init__(self, owner: Identity, numbers: Sequence[ItemNumber]) -> None:
        """`owner`: whose items they are. `numbers`: those of the items."""
        super().__init__((owner, numbers), None)


class MailWriter:
    """Does batches of jobs in one provider's store, by one thread."""

    def __init__(
        self, store: MailStore, rules: MailboxRules, *, quotas: Mapping[Identity, int] = NO_QUOTAS, skipping: int = 0
    ) -> None:
        """`quotas`: those of mailboxes that have another one than `rules` says, by the keys of their accounts.

        `skipping`: so many numbers are left out in each mailbox before it gets a new item; see `skip_numbers`.
        """
        self._store = store
        self._rules = rules
        self._quotas = quotas
        self._skipping = skipping

    def skip(self) -> None:
        """Leave the numbers out now; raises `StoreError`."""
        if self._skipping:
            self._store.write(lambda connection: skip_numbers(connection, self._skipping))
            self._skipping = 0

    def write(self, jobs: Sequence[Job]) -> None:
        """Do all jobs in one transaction, items by the dozen; raises `StoreError`."""
        storing = [job for job in jobs if isinstance(job, Storing)]
        deleting = [job.given for job in jobs if isinstance(job, Deleting)]
        if storing:
            self.skip()

        def work(connection: Connection) -> None:
            run_jobs(connection, jobs)
            write_requests(connection, jobs)
            if deleting:
                delete_owned(connection, deleting)
            if storing:
                outcomes = store_items(connection, [job.given for job in storing], self._rules, self._quotas)
                for job, outcome in zip(storing, outcomes, strict=True):
                    job.result = outcome

        self._store.write(work)
