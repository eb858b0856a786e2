"""Whom a mail may go to: known, or found through the network, and with a mailbox that takes it."""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.defer import Deferred, TimeoutError
from twisted.python.failure import Failure

from client.api import (
    BadRequestError,
    Contact,
    KeyChangedError,
    LoopixmixError,
    NotRegisteredError,
    NotRunningError,
    TooLongError,
    UnknownContactError,
)
from leap_plugin.mail.addresses import AddressError, InsideAddress, read_address, reply_word
from leap_plugin.mail.submitting import SubmissionRefusedError
from leap_plugin.outgoing.author import SendingAccount
from leap_plugin.outgoing.outlook import Outlook, told_size
from leap_plugin.outgoing.planning import fragments_of_mail
from leap_plugin.outgoing.purse import TokenPurse
from leap_plugin.store.incoming import find_way

LOOK_UP_S = 60.0
CONTACTS_S = 5.0
"""For so long the client is not asked for its contacts again: a mail to a hundred people asks for each."""
KIND, EXIT_KIND = "mail", "mail/exit"
COMPRESSED_SHARE = 0.76
"""What base64 comes back to. A mail of which even that is too long is refused before it comes."""


@dataclass(frozen=True)
class MailRoute:
    """How a mail gets to a recipient. `address`: as its author wrote it; `reached_at`: to whom the message goes.

    `enclosed_to`: what stands in the envelope for a gateway, empty for a person.
    """

    address: str
    reached_at: str
    kind: str = KIND
    enclosed_to: str = ""

    @property
    def is_outside(self) -> bool:
        """Whether a gateway hands the mail to the outside."""
        return self.kind == EXIT_KIND

    @property
    def is_answer(self) -> bool:
        """Whether it answers an anonymous mail, by the way back that came with it."""
        return is_answer(self.reached_at)


def is_answer(reached_at: str) -> bool:
    """Tell whether what a message is sent to is a way back to an anonymous sender, and no address."""
    return "@" not in reached_at


class RecipientCheck:
    """Says who may be written to, and why others may not."""

    def __init__(self, account: SendingAccount, outlook: Outlook) -> None:
        """`outlook`: what is known of the network."""
        self.purse = TokenPurse(account)
        self._client = account.client
        self._store = account.store
        self._outlook = outlook
        self._settings = account.settings
        self._clock = account.clock
        self._asked_s = 0.0
        self._looking_up: dict[str, list[Deferred[None]]] = {}

    async def route(self, address: str) -> MailRoute:
        """Return how a mail would get to an address; raises `SubmissionRefusedError` if it would not."""
        word = reply_word(address)
        if word is not None:
            number = self._store.account
            way = await self._store.read(lambda connection: find_way(connection, number, word))
            if way is None:
                raise reply_expired()
            return MailRoute(address, way.reply_to)
        try:
            found = read_address(address, self._outlook.domains)
        except AddressError as error:
            raise SubmissionRefusedError(553, "5.1.3", str(error)) from error
        if isinstance(found, InsideAddress):
            return self._inside(address, found.address)
        if self._outlook.network is None:
            # It may be an address of a mail domain of the network.
            raise SubmissionRefusedError(450, "4.4.1", "the mix network is not known yet; try again in a moment")
        exit_gateway = self._settings.exit_gateway
        if not exit_gateway:
            why = "is outside of the mix network, and no gateway to the outside is set up for this account"
            raise SubmissionRefusedError(550, "5.7.1", f"{ascii(address)[1:-1]} {why}")
        return MailRoute(address, exit_gateway, EXIT_KIND, found.address)

    async def check(self, address: str, size_bytes: int | None) -> None:
        """Raise `SubmissionRefusedError` if a mail of that size to an address would not be taken now."""
        if self._outlook.network is None:
            await self._outlook.refresh()
        route = await self.route(address)
        if size_bytes is not None:
            self.check_size(size_bytes)
            self.check_quota(route, int(size_bytes * COMPRESSED_SHARE))
        if route.is_outside:
            await self.purse.check()
        if route.is_answer:
            await self._check_answer(route, size_bytes or 0)
        else:
            await self._check_known(route.reached_at)

    def check_size(self, size_bytes: int) -> None:
        """Raise `SubmissionRefusedError` if a mail is longer than what leaves within a day."""
        most_bytes = self._outlook.longest_mail_bytes
        if size_bytes > most_bytes:
            limit = f"at most {most_bytes:,} are taken, which is what leaves within 24 hours"
            raise SubmissionRefusedError(552, "5.3.4", f"the mail has {size_bytes:,} bytes; {limit}")

    def check_quota(self, route: MailRoute, envelope_bytes: int) -> None:
        """Raise `SubmissionRefusedError` if a mail would take more than half of its recipient's mailbox."""
        most, fragment_bytes = self._outlook.most_fragments(route.reached_at), self._outlook.fragment_bytes
        if most is None or not fragment_bytes:
            return
        fragments = fragments_of_mail(envelope_bytes, fragment_bytes)
        if fragments > most:
            limit = f"the mailbox of {route.address} takes {most:,} at most, about {told_size(most * fragment_bytes)}"
            raise SubmissionRefusedError(552, "5.2.2", f"the mail needs {fragments:,} packets; {limit}")

    async def look_up(self, address: str) -> None:
        """Find the key of an address of the network, within a minute; raises as `Client.add_contact`, or TimeoutError.

        Several look-ups of one address at a time are one.
        """
        waiting: Deferred[None] = Deferred()
        others = self._looking_up.setdefault(address, [])
        others.append(waiting)
        if len(others) == 1:
            running = Deferred.fromCoroutine(self._add(address))
            running.addTimeout(LOOK_UP_S, self._clock)  # type: ignore[arg-type]
            running.addBoth(self._looked_up, address)
        await waiting

    def _looked_up(self, result: Failure | None, address: str) -> None:
        for waiting in self._looking_up.pop(address):
            # Whoever waits no more, because his connection ended, has cancelled his own.
            if waiting.called:
                continue
            if isinstance(result, Failure):
                waiting.errback(result)
            else:
                waiting.callback(None)

    async def _add(self, address: str) -> None:
        contact: Contact = await self._client.add_contact(address)
        self._outlook.contacts = {**self._outlook.contacts, address: contact}

    def _inside(self, address: str, found: str) -> MailRoute:
        if self._outlook.network is not None and self._outlook.provider_of(found) is None:
            place = found.partition("@")[2]
            raise SubmissionRefusedError(
                550,
                "5.1.2",
                f"the network has no provider {place}: check the address, or see  loopixmix client network",
            )
        return MailRoute(address, found, enclosed_to=found if self._outlook.is_gateways(found) else "")

    async def _check_answer(self, route: MailRoute, size_bytes: int) -> None:
        try:
            await self._client.estimate(int(size_bytes * COMPRESSED_SHARE), route.reached_at)
        except TooLongError as error:
            raise SubmissionRefusedError(552, "5.3.4", str(error)) from error
        except UnknownContactError as error:
            raise reply_expired() from error
        except LoopixmixError as error:
            raise SubmissionRefusedError(450, "4.3.0", str(error)) from error

    async def _check_known(self, address: str) -> None:
        known = self._outlook.contacts.get(address)
        if known is None or known.changed_fingerprint or self._clock.seconds() > self._asked_s + CONTACTS_S:
            # It may have been added, its key may have changed, or was accepted, since the last time.
            await self._outlook.refresh_contacts()
            self._asked_s = self._clock.seconds()
            known = self._outlook.contacts.get(address)
        if known is not None and known.changed_fingerprint:
            raise key_changed(address)
        if known is not None:
            return
        if not self._outlook.is_registered:
            why = "this account is not registered at a provider yet: loopixmix mail setup does it"
            raise SubmissionRefusedError(450, "4.3.5", why)
        if not self._outlook.is_online:
            if self._settings.queue_when_offline:
                return  # looked up once the network is there
            raise SubmissionRefusedError(450, "4.4.1", "the mix network cannot be reached just now; try again later")
        try:
            await self.look_up(address)
        except KeyChangedError as error:
            raise key_changed(address) from error
        except (NotRegisteredError, NotRunningError) as error:
            raise SubmissionRefusedError(450, "4.3.0", f"{error}") from error
        except BadRequestError as error:
            raise SubmissionRefusedError(550, "5.1.2", f"{error}") from error
        except (LoopixmixError, TimeoutError) as error:
            why = f"the key of {address} was not found within {LOOK_UP_S:.0f} s; try again later"
            raise SubmissionRefusedError(455, "4.7.5", why) from error


def reply_expired() -> SubmissionRefusedError:
    """Return the refusal of an answer to an anonymous mail that came too long ago."""
    why = "the way back to the sender of this anonymous mail has expired: it works for a day at most"
    return SubmissionRefusedError(550, "5.1.1", why)


def key_changed(address: str) -> SubmissionRefusedError:
    """Return the refusal of a mail to somebody whose key is another one than before."""
    return SubmissionRefusedError(
        550,
        "5.7.5",
        f"the key of {address} changed: compare its fingerprint with the person, accept it with "
        f"`loopixmix client contacts DIRECTORY accept {address} FINGERPRINT`, and send the mail again",
    )
