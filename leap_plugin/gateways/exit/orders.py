"""Orders of the network: messages of the kind `mail/exit`, each of which asks for one mail to the outside.

An order is paid by a blind token. The token is spent whatever becomes of the order after it: otherwise whoever asks
could find out for nothing who has opted out and what is on the stop list. Token, queue and way back are one
transaction, in which the message is noted as taken. So a crash neither loses a mail nor sends one twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from client.api import ReceivedMessage
from leap_plugin.gateways.abuse.limits import HourlyLimits, recipient_keys
from leap_plugin.gateways.abuse.optout import has_opted_out
from leap_plugin.gateways.exit.composing import Composed
from leap_plugin.gateways.exit.judging import OrderJudge
from leap_plugin.gateways.exit.proving import NotProvenYetError, SenderProofs
from leap_plugin.gateways.exit.relaying import Reports
from leap_plugin.gateways.exit.rules import OrderRefusedError
from leap_plugin.gateways.store.pieces import PieceShelf
from leap_plugin.gateways.store.received import note_taken, was_taken
from leap_plugin.gateways.store.waiting import WaitingMails
from leap_plugin.gateways.store.ways import WaysBack
from leap_plugin.mail.envelope import EnclosedMail, token_in_head
from leap_plugin.mail.reports import Notice
from leap_plugin.mail.splitting import Piece, decode_body
from leap_plugin.mail.states import DsnAction
from loopixmix.errors import FormatError
from loopixmix.seams import Clock
from loopixmix.store.access import StoreAccess
from loopixmix.tokens.redeeming import Checked, Redeeming

KIND = "mail/exit"
REFUSED_REPORTS_PER_HOUR = 600
"""Refusals of orders without a good token: answering them must not take the place of mail."""
PROVEN_WITHIN_S = 86_400.0
"""So long an order waits for its sender to be looked up."""
REPORTED_WITHIN_S = 60.0
"""For so long the way to answer a refused order is kept."""


@dataclass(frozen=True)
class OrderStore:
    """The tables that an order touches, and the store that they are in."""

    access: StoreAccess
    waiting: WaitingMails
    pieces: PieceShelf
    ways: WaysBack


@dataclass(frozen=True)
class _Refusal:
    """`paid`: whether the order had a good token. `is_ours`: the fault is the gateway's, and costs no token."""

    status: str
    reason: str
    paid: bool = True
    is_ours: bool = False


class ExitOrders:
    """Takes the orders of one exit."""

    def __init__(
        self,
        store: OrderStore,
        judge: OrderJudge,
        redeeming: Redeeming,
        limits: HourlyLimits,
        *,
        senders: SenderProofs,
        reports: Reports,
        clock: Clock,
        wake: Callable[[], None],
    ) -> None:
        """`redeeming`: of tokens for an exit. `limits`: by recipient, by domain, in all.

        `senders`: finds keys. `wake`: a mail has come.
        """
        self._store = store
        self._judge = judge
        self._redeeming = redeeming
        self._limits = limits
        self._senders = senders
        self._reports = reports
        self._clock = clock
        self._unpaid = HourlyLimits(REFUSED_REPORTS_PER_HOUR, now_s=clock.seconds())
        self._wake = wake
        self.accepted = 0
        self.refused: Counter[str] = Counter()

    async def take(self, message: ReceivedMessage) -> None:
        """Deal with one message; when this returns, the client may forget it as soon as the store says.

        Raises `NotProvenYetError` if it is to be offered again, because its sender cannot be looked up just now.
        """
        now_s = self._clock.seconds()
        try:
            body = decode_body(message.body)
        except FormatError:
            await self._end(message, _Refusal("5.6.0", "this is no order", paid=False))
            return
        order, is_paid = await self._whole(body, message, now_s) if isinstance(body, Piece) else (body, False)
        if order is None:
            return
        # Verified before the transaction: it is arithmetic, for which no other change need wait.
        checked = None if is_paid else self._redeeming.check(order.token, now_s)
        composed = await self._composed(order, message, now_s) if is_paid or checked is not None else None
        # Counted once at most, although a transaction may run again.
        granted: list[bool] = []

        def settle(connection: Connection) -> _Refusal | bool:
            if isinstance(body, Piece):
                self._store.pieces.drop(connection, body, message.sender)
            return self._settle(connection, message, is_paid or checked, composed, granted)

        outcome = await self._store.access.write(settle)
        if isinstance(outcome, _Refusal):
            await self._tell(message, order, outcome)
        elif outcome:
            self.accepted += 1
            self._wake()

    async def _whole(self, piece: Piece, message: ReceivedMessage, now_s: float) -> tuple[EnclosedMail | None, bool]:
        """Return the order once it is whole, and whether its token was spent when its first piece came."""
        shelf = self._store.pieces
        token = token_in_head(piece.content) if piece.number == 0 else b""
        checked = self._redeeming.check(token, now_s) if token else None

        def put(connection: Connection) -> tuple[EnclosedMail | None, bool]:
            if was_taken(connection, message.number):
                return None, False
            try:
                order = shelf.put(
                    connection, piece, message.sender, now_s, pay=lambda: self._redeeming.spend(connection, checked)
                )
            except FormatError:
                order = None
            # The last piece is taken together with the order; it is its way back that is used.
            if order is None:
                note_taken(connection, message.number, now_s)
            return order, shelf.is_paid(connection, piece, message.sender)

        return await self._store.access.write(put)

    async def _composed(self, order: EnclosedMail, message: ReceivedMessage, now_s: float) -> Composed | _Refusal:
        try:
            # Before anything else, so that a look-up that fails tells nothing of what is on the lists.
            return await self._judge.judge(order, await self._senders.prove(message), now_s)
        except NotProvenYetError:
            if now_s < message.received_at_s + PROVEN_WITHIN_S:
                raise
            return _Refusal("4.7.5", "the gateway could not look up your key: send again", is_ours=True)
        except OrderRefusedError as refusal:
            return _Refusal(refusal.status, str(refusal))

    def _settle(
        self,
        connection: Connection,
        message: ReceivedMessage,
        payment: Checked | Literal[True] | None,
        composed: Composed | _Refusal | None,
        granted: list[bool],
    ) -> _Refusal | bool:
        """Do all of it in one transaction; return whether a mail was put into the queue, or why not.

        `payment`: a token that was checked, or that it was spent already, with the first piece of a long order.
        """
        now_s = self._clock.seconds()
        keep_until_s = composed.way_expires_s if isinstance(composed, Composed) else now_s + REPORTED_WITHIN_S
        if not note_taken(connection, message.number, keep_until_s):
            return False
        self._redeeming.erase_old(connection, now_s)
        if isinstance(composed, _Refusal) and composed.is_ours:
            return composed
        if payment is not True and not self._redeeming.spend(connection, payment):
            return _Refusal("5.7.0", "the token does not count", paid=False)
        if not isinstance(composed, Composed):
            return composed or _Refusal("5.7.0", "the token does not count", paid=False)
        if has_opted_out(connection, composed.mark):
            return _Refusal("5.7.1", "this gateway sends nothing to that recipient")
        # Only now: orders that pay nothing must not use up what is for others.
        if not granted:
            granted.append(self._limits.take(*recipient_keys(composed.mail.recipient), now_s=now_s))
        if not granted[0]:
            return _Refusal("4.7.28", "too many mails go to that recipient, or through this gateway")
        self._store.waiting.put(connection, composed.mail, now_s)
        if composed.way is not None:
            self._store.ways.put(connection, composed.word, composed.way, composed.way_expires_s)
        return True

    async def _end(self, message: ReceivedMessage, refusal: _Refusal) -> None:
        now_s = self._clock.seconds()
        if await self._store.access.write(lambda c: note_taken(c, message.number, now_s + REPORTED_WITHIN_S)):
            await self._tell(message, None, refusal)

    async def _tell(self, message: ReceivedMessage, order: EnclosedMail | None, refusal: _Refusal) -> None:
        self.refused[refusal.status] += 1
        to = message.reply_to or message.sender or ""
        now_s = self._clock.seconds()
        if not to or to.startswith("key:") or (not refusal.paid and not self._unpaid.take(now_s=now_s)):
            return
        recipient = order.to if order is not None and order.to.isascii() and order.to else "unknown"
        mail = order.mail if order is not None else b""
        notice = Notice(recipient, DsnAction.FAILED, f"5{refusal.status[1:]}", refusal.reason)
        await self._reports.report(to, mail, notice, message.received_at_s)
