"""The addresses that the network reaches, as a copy that can be asked at once."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from client.api import Client
from leap_plugin.mail.addresses import AddressError, InsideAddress, mail_address_of, read_address
from loopixmix.errors import LoopixmixError, StoreError
from loopixmix.process.files import write_atomically
from loopixmix.process.pause import Pause
from loopixmix.process.task import Task
from loopixmix.seams import Clock, Rng

REFRESH_S = 60.0


@dataclass(frozen=True)
class KnownReach:
    """What was known at the last look. `gateways`: the account that each mail domain reaches, empty without one.

    `contacts`: mail addresses. `is_known`: false before the first look that worked, ever.
    """

    gateways: Mapping[str, str] = field(default_factory=dict)
    contacts: frozenset[str] = frozenset()
    is_known: bool = False


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    gateways: dict[str, str]
    contacts: list[str]


class ReachableAddresses:
    """Keeps a copy of the network's mail domains and of the contacts, on the disk too.

    Whoever asks decides by the answer whether a mail goes through the network or directly. So a bridge that has just
    been started, or has lost its client, goes on with what it knew: otherwise mail would leave directly.
    """

    def __init__(self, client: Client, *, file: Path, clock: Clock, rng: Rng) -> None:
        """`file`: where the copy is kept; it need not exist."""
        self._client = client
        self._file = file
        self._pause = Pause(clock)
        self._task = Task("following the network's mail domains", clock=clock, rng=rng)
        self._now = _read(file)

    @property
    def domains(self) -> frozenset[str]:
        """The mail domains of the network."""
        return frozenset(self._now.gateways)

    @property
    def is_known(self) -> bool:
        """Tell whether anything is known of the network at all."""
        return self._now.is_known

    def start(self) -> None:
        """Look now, and again every minute."""
        self._task.start(self._follow)

    async def stop(self) -> None:
        """End; no delayed call is left."""
        await self._task.stop()

    def inside(self, address: str) -> InsideAddress | None:
        """Return the address of the network that a mail address is; None for one outside, or none at all."""
        try:
            found = read_address(address, self.domains)
        except AddressError:
            return None
        return found if isinstance(found, InsideAddress) else None

    def gateway_of(self, address: str) -> str:
        """Return the account whose client reads what is sent to a mail address; empty if it is the address's own."""
        return self._now.gateways.get(address.rpartition("@")[2].lower(), "")

    def reaches(self, address: str) -> bool:
        """Tell whether the network is the way to a mail address.

        An address that ends in `.mix.invalid` leads nowhere else, and a contact was written to through the network: so
        they count even if the network does not know the domain any more.
        """
        return self.inside(address) is not None or address.lower() in self._now.contacts

    async def look(self) -> None:
        """Look at the client now; raises what its methods raise, and then keeps what was known."""
        network, contacts = await self._client.network(), await self._client.contacts()
        listed = {domain.domain: domain.gateway for provider in network.providers for domain in provider.domains}
        # A domain whose provider is away for an hour stays: until it is back, mail to it would leave directly.
        gateways = {**self._now.gateways, **listed}
        known: set[str] = set()
        for contact in contacts:
            with contextlib.suppress(AddressError):
                known.add(mail_address_of(contact.address, frozenset(gateways)))
                # Of a domain that the network does not know any more, this is how its mail address was written.
                known.add(contact.address)
        fresh = KnownReach(gateways, frozenset(known), is_known=True)
        if fresh != self._now:
            self._now = fresh
            kept = msgspec.json.encode(_Kept(dict(gateways), sorted(known)))
            write_atomically(self._file, kept)

    async def _follow(self) -> None:
        while True:
            # A network that cannot be looked at just now: what was known still counts.
            with contextlib.suppress(LoopixmixError):
                await self.look()
            await self._pause.wait(REFRESH_S)


def _read(file: Path) -> KnownReach:
    try:
        kept = msgspec.json.decode(file.read_bytes(), type=_Kept)
    except FileNotFoundError:
        return KnownReach()
    except msgspec.MsgspecError:
        # Made by us and whole, or an older version's: the next look writes it anew.
        return KnownReach()
    except OSError as error:
        raise StoreError(f"{file}: cannot be read: {error.strerror}") from error
    return KnownReach(kept.gateways, frozenset(kept.contacts), is_known=True)
