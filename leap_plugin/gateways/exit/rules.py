"""What an exit takes: an order's recipient, size, form and sender, judged before anything is stored."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass

from client.api import ReceivedMessage, Verified
from leap_plugin.gateways.abuse.stoplist import StopList
from leap_plugin.gateways.exit.checking import CheckedMail, NotCanonicalError, check_canonical
from leap_plugin.mail.addresses import AddressError, OutsideAddress, read_address
from leap_plugin.mail.envelope import EnclosedMail
from loopixmix.errors import MisuseError


class OrderRefusedError(MisuseError):
    """The order is refused; `status` as in RFC 3463, the message one line of ASCII for the sender."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class CheckedOrder:
    """An order that may be carried out. `address`: of the sender at a domain of this gateway, empty if it has none."""

    recipient: str
    mail: CheckedMail
    address: str


@dataclass(frozen=True)
class ExitRules:
    """What does not change from order to order.

    `domains`: those of this gateway, to which nothing goes out; `providers`: the providers whose accounts have
    addresses at the first of them; `stop_list`: returns the present one.
    """

    domains: tuple[str, ...]
    providers: Set[str]
    max_mail_bytes: int
    stop_list: Callable[[], StopList]

    def check(self, order: EnclosedMail, message: ReceivedMessage) -> CheckedOrder:
        """Return what an order asks for; raise `OrderRefusedError`."""
        if len(order.mail) > self.max_mail_bytes:
            raise OrderRefusedError("5.3.4", f"the mail is longer than {self.max_mail_bytes} bytes")
        recipient = self._recipient(order.to)
        if self.stop_list().stops(recipient):
            raise OrderRefusedError("5.7.1", "this gateway sends nothing to that recipient")
        try:
            mail = check_canonical(order.mail)
        except NotCanonicalError as error:
            raise OrderRefusedError("5.6.0", _ascii(str(error))) from error
        return CheckedOrder(recipient, mail, self._address(message))

    def _recipient(self, to: str) -> str:
        try:
            found = read_address(to, frozenset(self.domains))
        except AddressError as error:
            raise OrderRefusedError("5.1.3", "the recipient is no mail address") from error
        if not isinstance(found, OutsideAddress):
            raise OrderRefusedError("5.1.2", "the recipient is reached through the network, without a gateway")
        return found.address

    def _address(self, message: ReceivedMessage) -> str:
        """Return the sender's address at a domain of this gateway, proven by the key that is known for it."""
        address = "" if message.sender is None else self.own_address(message.sender)
        if address and message.verified is Verified.UNKNOWN:
            raise OrderRefusedError("5.7.1", "another key signed this order than that of the address in it")
        return address

    def own_address(self, sender: str) -> str:
        """Return the mail address that a sender of the network has at a domain of this gateway; empty without one."""
        if sender.startswith("key:"):
            return ""
        name, _, place = sender.partition("@")
        domain = self.domains[0] if place in self.providers else place
        return f"{name}@{domain}" if domain in self.domains else ""


def _ascii(text: str) -> str:
    return "".join(char if " " <= char <= "~" else "?" for char in text)
