"""Recovery from the last run: at the start the parts get back the state that the store has kept."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from client.asking.account import AccountOpening, KeptEnrolment, read_enrolment
from client.asking.posted import PostedRequests
from client.link.session import Session
from client.sending.outbox import Outbox
from client.store import contacts, outgoing, requests
from client.store.outgoing import UnfinishedMessage
from client.store.requests import OpenRequest
from loopixmix.directory import Document
from loopixmix.params import NetworkParams
from loopixmix.store.access import StoreAccess
from loopixmix.store.alarm import already_told

log = Logger()

PARAMS_FACT = "params"
EPOCH_FACT = "newest epoch"


class LastRun(msgspec.Struct, frozen=True):
    """The state that the store has kept from the last run."""

    enrolment: KeptEnrolment
    params: NetworkParams | None
    newest_epoch: int
    unfinished: list[UnfinishedMessage]
    requests: list[OpenRequest]


class Recovery:
    """Takes a client up where the last run ended."""

    def __init__(
        self,
        *,
        access: StoreAccess,
        session: Session,
        enrolment: AccountOpening,
        outbox: Outbox,
        posted: PostedRequests,
    ) -> None:
        """Read by `access`, and give back: the account and the network to `session`, its card to `enrolment`, messages
        to `outbox`, requests to `posted`.
        """
        self._access = access
        self._session = session
        self._enrolment = enrolment
        self._outbox = outbox
        self._posted = posted

    def read(self) -> Deferred[LastRun]:
        """Read everything; fails with `StoreError`."""
        return self._access.read(_read_kept)

    def restore(self, kept: LastRun) -> None:
        """Give everything back."""
        self._enrolment.restore(kept.enrolment)
        self._session.known.restore(kept.params, kept.newest_epoch)
        if kept.enrolment.account is not None:
            self._session.open_account(kept.enrolment.account)
        for message in kept.unfinished:
            self._outbox.add(message)
        self._posted.restore(kept.requests)

    def save_network(self, document: Document) -> None:
        """Keep what the next run must know of a network document: its figures, and that no older one counts."""
        self._access.write(lambda connection: _save_network(connection, document)).addErrback(already_told)


def _read_kept(connection: Connection) -> LastRun:
    params = contacts.fact(connection, PARAMS_FACT)
    epoch = contacts.fact(connection, EPOCH_FACT)
    return LastRun(
        enrolment=read_enrolment(connection),
        params=None if params is None else msgspec.msgpack.decode(params, type=NetworkParams),
        newest_epoch=-1 if epoch is None else int.from_bytes(epoch),
        unfinished=outgoing.unfinished(connection),
        requests=requests.every_open(connection),
    )


def _save_network(connection: Connection, document: Document) -> None:
    contacts.save_fact(connection, PARAMS_FACT, msgspec.msgpack.encode(document.params))
    contacts.save_fact(connection, EPOCH_FACT, document.epoch.to_bytes(8))
