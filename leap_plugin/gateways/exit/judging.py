"""An order, judged and made into a mail beside the reactor: a long mail takes a second."""

from __future__ import annotations

from client.api import ReceivedMessage
from leap_plugin.gateways.exit.composing import Composed, Composing
from leap_plugin.gateways.exit.rules import ExitRules
from leap_plugin.gateways.threads import BesideReactor
from leap_plugin.mail.envelope import EnclosedMail


class OrderJudge:
    """Says what leaves for an order."""

    def __init__(self, rules: ExitRules, composing: Composing, in_thread: BesideReactor) -> None:
        """`rules`: what is taken. `composing`: makes the mail."""
        self._rules = rules
        self._composing = composing
        self._in_thread = in_thread

    async def judge(self, order: EnclosedMail, message: ReceivedMessage, now_s: float) -> Composed:
        """Return the mail; raise `OrderRefusedError`."""
        return await self._in_thread(lambda: self._composing.compose(self._rules.check(order, message), message, now_s))
