"""What Bitmask's local API is asked about mail, and what it answers; without HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from client.api import Client
from leap_plugin.leap.bitmask.reach import ReachableAddresses
from loopixmix.errors import LoopixmixError, MisuseError

Answer: TypeAlias = Mapping[str, object]

# So spelt by Bitmask.
OK, UNSUPPORTED, DISABLED = "ok", "unsuported", "disabled"


class WrongCommandError(MisuseError):
    """There is no such command, or its arguments are wrong."""


class TokenGiver(Protocol):
    """Gives a mail program that runs on this machine what it logs in with."""

    def __call__(self, address: str, /) -> str:
        """Return the password with which IMAP and SMTP let in the owner of a mail account."""


@dataclass(frozen=True, kw_only=True)
class BitmaskAccount:
    """A mail account of the bridge, as Bitmask's API tells of it. `address`: its mail address, the `userid`."""

    address: str
    client: Client
    reachable: ReachableAddresses


class MailCommands:
    """The commands of `/API/mail/`."""

    def __init__(self, accounts: Sequence[BitmaskAccount], *, tokens: TokenGiver) -> None:
        """`accounts`: those of the bridge. `tokens`: gives what `get_token` answers."""
        self._accounts = {account.address.lower(): account for account in accounts}
        self._tokens = tokens
        self._commands: Mapping[str, tuple[int, Callable[..., Awaitable[Answer]]]] = {
            "status": (1, self._status),
            "mixnet_status": (2, self.mixnet_status),
            "get_token": (1, self._token),
            # As older versions of Bitmask call it.
            "get_imap_token": (1, self._token),
            "get_smtp_token": (1, self._token),
        }

    async def perform(self, command: str, arguments: Sequence[str]) -> Answer:
        """Return the result of a command; raises `WrongCommandError`, and what a client raises."""
        if command not in self._commands:
            known = ", ".join(sorted(self._commands))
            raise WrongCommandError(f"no such subcommand: {command[:40]!a} (there are {known})")
        count, perform = self._commands[command]
        if len(arguments) != count:
            raise WrongCommandError(f"wrong number of arguments: expected {count}, got {len(arguments)}")
        return await perform(*arguments)

    async def mixnet_status(self, userid: str, address: str) -> Answer:
        """Tell whether mail of `userid` to `address` goes through the network: `ok`, `unsuported` or `disabled`."""
        account = self._accounts.get(userid.lower())
        if account is None or not account.reachable.is_known:
            return {"status": DISABLED}
        return {"status": OK if account.reachable.reaches(address) else UNSUPPORTED}

    async def _status(self, userid: str) -> Answer:
        account = self._account(userid)
        try:
            status = await account.client.status()
        except LoopixmixError as error:
            return _merged({"smtp": _child("on"), "imap": _child("on"), "mixnet": _child("failure", str(error))})
        mixnet = _child("on" if status.connected else "starting", status.problem)
        return _merged({"smtp": _child("on"), "imap": _child("on"), "mixnet": mixnet})

    async def _token(self, userid: str) -> Answer:
        account = self._account(userid)
        return {"user": account.address, "token": self._tokens(account.address)}

    def _account(self, userid: str) -> BitmaskAccount:
        account = self._accounts.get(userid.lower())
        if account is None:
            raise WrongCommandError("this bridge has no account of that address")
        return account


def _child(status: str, error: str = "") -> Answer:
    return {"status": status, "error": error or None}


def _merged(children: Mapping[str, Answer]) -> Answer:
    worst = "on"
    for status in ("starting", "failure"):
        worst = status if any(child["status"] == status for child in children.values()) else worst
    error = next((child["error"] for child in children.values() if child["error"]), None)
    return {"status": worst, "error": error, "childrenStatus": children}
