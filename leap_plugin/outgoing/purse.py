"""The tokens that pay for mails to the outside: none is lost between the client that has it and the queue."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from client.api import LoopixmixError, NoTokenError
from leap_plugin.mail.submitting import SubmissionRefusedError
from leap_plugin.outgoing.author import SendingAccount
from leap_plugin.store.held_tokens import held_keys, hold, let_go, let_go_old

KEY_BYTES = 16
HELD_S = 72_000.0
"""So long a key is asked for its token again. The client knows it for a day."""


@dataclass(frozen=True)
class HeldToken:
    """A token, and the key by which it is taken of the client. `key` is let go where the mail is put into the queue."""

    key: str
    token: bytes = field(repr=False)


class TokenPurse:
    """The tokens of one account for the gateway to the outside."""

    def __init__(self, account: SendingAccount) -> None:
        """`account`: whose client has the tokens, and whose store the keys."""
        self._account = account
        self._in_use: set[str] = set()
        self._spent: tuple[set[str], set[str]] = (set(), set())

    async def check(self, count: int = 1) -> None:
        """Raise `SubmissionRefusedError` if there are fewer tokens than `count`."""
        purpose = self._account.settings.exit_purpose
        try:
            stock = await self._account.client.tokens()
        except LoopixmixError as error:
            raise _silent() from error
        usable = sum(one.usable for one in stock if one.purpose == purpose)
        if usable < count and usable + len(await self._free()) < count:
            why = (
                "no token for the gateway to the outside may be spent now for each recipient there: order some, and "
                "wait until they have rested"
            )
            raise SubmissionRefusedError(550, "5.7.1", why)

    async def take(self) -> HeldToken:
        """Return a token for a mail: first one that was taken before, for a mail that did not come into the queue.

        Raises `SubmissionRefusedError`.
        """
        account = self._account
        key = await self._key()
        try:
            return HeldToken(key, await account.client.take_token(account.settings.exit_purpose, idempotency_key=key))
        except NoTokenError as error:
            await account.store.write(partial(let_go, account=account.number, keys=[key]))
            raise SubmissionRefusedError(450, "4.7.1", f"for the gateway to the outside: {error}") from error
        except LoopixmixError as error:
            self._in_use.discard(key)
            raise _silent() from error
        except BaseException:  # also the end of the program, or of the connection that waits for this
            self._in_use.discard(key)
            raise

    async def _key(self) -> str:
        """Return the key by which a token is taken next; it is in use from now on."""
        free = await self._free()
        if free:
            self._in_use.add(free[0])
            return free[0]
        account = self._account
        purpose, now_s = account.settings.exit_purpose, account.now_s
        key = f"mail-token/{account.rng.randbytes(KEY_BYTES).hex()}"
        self._in_use.add(key)
        # Written down first: a token that was taken by a key which nobody knows any more would be lost.
        await account.store.write(partial(hold, account=account.number, key=key, purpose=purpose, now_s=now_s))
        return key

    def give_back(self, tokens: Iterable[HeldToken]) -> None:
        """Let the next mail have tokens whose mail did not come into the queue."""
        self._in_use.difference_update(one.key for one in tokens)

    def spent(self, tokens: Iterable[HeldToken]) -> None:
        """Note that tokens are in the queue. Their keys stay in use: a read of the store from before may still end."""
        self._spent[0].update(one.key for one in tokens)

    async def _free(self) -> list[str]:
        account, purpose = self._account, self._account.settings.exit_purpose
        since_s = account.now_s - HELD_S
        held = await account.store.read(
            lambda connection: held_keys(connection, account.number, purpose, since_s=since_s)
        )
        return [key for key in held if key not in self._in_use]

    async def tidy(self) -> None:
        """Forget the keys that are too old."""
        account, before_s = self._account, self._account.now_s - HELD_S
        # Those that were noted before the last time: no read lasts from one time to the next.
        self._in_use -= self._spent[1]
        self._spent = (set(), self._spent[0])
        await account.store.write(partial(let_go_old, account=account.number, before_s=before_s))


def _silent() -> SubmissionRefusedError:
    return SubmissionRefusedError(450, "4.3.0", "the client daemon does not answer just now")
