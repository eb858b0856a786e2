"""What becomes of a message that came: everything that the store learns of it, in one transaction."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from client.api import NetworkView, ReceivedMessage
from leap_plugin.bridge.imap.session.mailboxes import INBOX
from leap_plugin.mail.addresses import reply_address
from leap_plugin.mail.envelope import EnclosedMail
from leap_plugin.mail.splitting import decode_body
from leap_plugin.mail.trace import Origin, TraceKey, mark
from leap_plugin.store.accounts import account_number
from leap_plugin.store.folders import append
from leap_plugin.store.incoming import Loss, ReplyWay, is_answerable, keep_way, note_loss, note_taken
from leap_plugin.store.pieces import PieceRepeated, PiecesMissing, PiecesSpoilt, take_piece
from loopixmix.errors import FormatError


class ClientKeeps(enum.Enum):
    """What the client does with a message that was dealt with.

    `NOWHERE`: it forgets it, because the mail is in a folder, or in pieces here. `FOR_REPLY`: it keeps it for a while,
    because with it it would forget how to answer. `FOR_GOOD`: it keeps what is no mail, for whoever wants to look.
    """

    NOWHERE = enum.auto()
    FOR_REPLY = enum.auto()
    FOR_GOOD = enum.auto()


@dataclass(frozen=True)
class TakenMessage:
    """What became of a message. `account`: whose it is; `is_new_mail`: whether there is a new mail in its INBOX."""

    account: int
    kept: ClientKeeps
    is_new_mail: bool = False


@dataclass(frozen=True)
class MailArrival:
    """A message as it came, and what the lines before its mail depend on.

    `gateways`: the domain of each gateway's account, as `gateways_of` returns them. `word`: a new one, for the address
    by which an anonymous mail is answered.
    """

    message: ReceivedMessage
    gateways: Mapping[str, str]
    word: str
    now_s: float


def gateways_of(view: NetworkView) -> dict[str, str]:
    """Return the domain that each gateway's account receives for; of several the first by name."""
    found: dict[str, str] = {}
    for provider in view.providers:
        for domain in sorted(provider.domains, key=lambda one: one.domain):
            if domain.gateway:
                found.setdefault(domain.gateway, domain.domain)
                # A contact may have been added by any name of the domain: all of them are the gateway.
                found[f"@{domain.domain}"] = domain.domain
    return found


def take(connection: Connection, address: str, arrived: MailArrival, trace_key: TraceKey) -> TakenMessage:
    """Deal with a message of kind `mail` that came to the account of `address`, if that was not done before.

    In the same transaction its mail is put into INBOX and it is noted that the message is done: after a crash both are
    there or none. Raises `StoreError`.
    """
    message, now_s = arrived.message, arrived.now_s
    account = account_number(connection, address, now_s=now_s)
    is_new = note_taken(connection, account, message, now_s)
    try:
        found = decode_body(message.body)
    except FormatError:
        return _put_aside(connection, account, now_s) if is_new else TakenMessage(account, ClientKeeps.FOR_GOOD)
    if not is_new:
        is_kept = is_answerable(connection, account, message)
        return TakenMessage(account, ClientKeeps.FOR_REPLY if is_kept else ClientKeeps.NOWHERE)
    if isinstance(found, EnclosedMail):
        return _deliver(connection, account, found, arrived, trace_key)
    match take_piece(connection, account, found, message.sender, now_s):
        case PiecesMissing() as waiting:
            note_loss(connection, account, Loss.DISPLACED, now_s, count=waiting.displaced)
            return TakenMessage(account, ClientKeeps.NOWHERE)
        case PieceRepeated():
            return TakenMessage(account, ClientKeeps.NOWHERE)
        case PiecesSpoilt():
            return _put_aside(connection, account, now_s)
        case whole:
            return _deliver(connection, account, whole.enclosed, arrived, trace_key)


def _put_aside(connection: Connection, account: int, now_s: float) -> TakenMessage:
    note_loss(connection, account, Loss.MALFORMED, now_s)
    return TakenMessage(account, ClientKeeps.FOR_GOOD)


def _deliver(
    connection: Connection, account: int, enclosed: EnclosedMail, arrived: MailArrival, trace_key: TraceKey
) -> TakenMessage:
    message, kept, reply = arrived.message, ClientKeeps.NOWHERE, None
    if message.sender is None and message.reply_to:
        way = ReplyWay(arrived.word, message.reply_to, message.number, message.message_id, arrived.now_s)
        keep_way(connection, account, way)
        kept, reply = ClientKeeps.FOR_REPLY, reply_address(arrived.word)
    origin = Origin(message.sender, message.verified, _gateway(message.sender, arrived.gateways), reply)
    came_at = datetime.fromtimestamp(message.received_at_s, UTC)
    append(connection, account, INBOX, mark(enclosed.mail, origin, trace_key), (), came_at)
    return TakenMessage(account, kept, is_new_mail=True)


def _gateway(sender: str | None, gateways: Mapping[str, str]) -> str | None:
    if sender is None:
        return None
    return gateways.get(sender) or gateways.get(f"@{sender.rpartition('@')[2]}")
