"""Items that come or go together: a batch of them becomes a few statements in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from loopixmix.seams import Identity
from loopixmix.store.jobs import Batched, Job, run_jobs
from provider.mailbox import ItemNumber, MailboxRules
from provider.store import MailStore
from provider.store.items import NewItem, PutOutcome, delete_owned, store_items
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


def write_mail(store: MailStore, rules: MailboxRules, quotas: Mapping[Identity, int], jobs: Sequence[Job]) -> None:
    """Do all jobs in one transaction, items by the dozen.

    `quotas`: those of mailboxes that have another one than `rules` says, by the keys of their accounts.
    """
    storing = [job for job in jobs if isinstance(job, Storing)]
    deleting = [job.given for job in jobs if isinstance(job, Deleting)]

    def work(connection: Connection) -> None:
        run_jobs(connection, jobs)
        write_requests(connection, jobs)
        if deleting:
            delete_owned(connection, deleting)
        if storing:
            outcomes = store_items(connection, [job.given for job in storing], rules, quotas)
            for job, outcome in zip(storing, outcomes, strict=True):
                job.result = outcome

    store.write(work)
