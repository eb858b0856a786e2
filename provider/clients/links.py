"""The links of clients: each frame that comes on one is judged by its account and its rates, and passed on.

A link's TLS identity is all that counts: a client pulls from the mailbox of its own key and from no other, whatever it
says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from loopixmix.drops import DropReason
from loopixmix.params import NetworkParams
from loopixmix.seams import Clock, Identity
from loopixmix.wire import Frame, Packet, Pull, Register, Registered, RegisterGuest, RegisterRefusal, RegisterRefused
from provider.clients.client import NO_GATEWAYS, Client, KnownClients
from provider.clients.recognition import Recognition
from provider.clients.registration import Registration
from provider.drops import Drops
from provider.mailboxes.pulling import Pulling, SendFrame

SubmitPackets: TypeAlias = Callable[[Identity, Sequence[bytes]], None]
KeepLink: TypeAlias = Callable[[Client], None]
"""Lets the link of a client with an account stay, and that of one without end soon."""


@dataclass(frozen=True, kw_only=True)
class ClientNetwork:
    """What the network does with the links of clients: sends frames over them, and keeps those of accounts."""

    send: SendFrame
    keep: KeepLink


class ClientLinks:
    """The links of all clients of one provider."""

    def __init__(
        self,
        *,
        known: KnownClients,
        recognition: Recognition,
        registration: Registration,
        pulling: Pulling,
        submit: SubmitPackets,
        network: ClientNetwork,
        drops: Drops,
        clock: Clock,
    ) -> None:
        """`known`, `recognition`, `registration` and `pulling` know, recognise, register and answer clients.

        `submit`: takes the packets of clients that have an account. `network`: takes the frames for a client, and hears
        whether a link is that of an account. `drops`: hears of packets and pulls that are too many. No client is served
        before `adopt`.
        """
        self._known = known
        self._recognition = recognition
        self._registration = registration
        self.pulling = pulling
        self._submit = submit
        self._network = network
        self._drops = drops
        self._clock = clock
        self._stopped = False

    @property
    def known(self) -> int:
        """How many clients were heard of lately."""
        return len(self._known)

    def adopt(self, params: NetworkParams, gateways: Mapping[Identity, NetworkParams] = NO_GATEWAYS) -> None:
        """Go on with the figures of a new network document; `gateways`: those of gateways, by their keys."""
        self._known.adopt(params, gateways)

    def forget_idle(self) -> None:
        """Forget the clients that were not heard of for long."""
        self._known.forget_idle()

    def received(self, identity: Identity, packets: Sequence[bytes], frames: Sequence[Frame]) -> None:
        """Take the packets and the other frames that came over the link of the client `identity`."""
        client = None if self._stopped else self._known.heard(identity)
        if client is None:
            return
        if client.registered is None:
            # The other frames first: after a long time without a link more packets come at once than can be held, and
            # a wish to register must not be dropped for them.
            self._recognition.hold(client, [*frames, *map(Packet, packets)], self._take_held)
        else:
            self._take(client, packets, frames)

    def stop(self) -> None:
        """Answer nothing any more."""
        self._stopped = True
        self.pulling.stop()

    def _take_held(self, client: Client, held: Sequence[Frame]) -> None:
        packets = [frame.packet for frame in held if isinstance(frame, Packet)]
        self._take(client, packets, [frame for frame in held if not isinstance(frame, Packet)])

    def _take(self, client: Client, packets: Sequence[bytes], frames: Sequence[Frame]) -> None:
        # Frames that were held come when the store has answered, which may be after the end.
        if self._stopped:
            return
        # Each time: the client may have come again over another link.
        self._network.keep(client)
        for frame in frames:
            match frame:
                case Pull() as pull:
                    self._pull(client, pull)
                case Register() | RegisterGuest() as wish:
                    self._register(client, wish)
                case _:
                    pass  # links carry nothing else from a client (`loopixmix.wire.MAY_SEND`)
        allowed = self._allowed(client, packets) if packets else ()
        if allowed:
            # All of one turn together: unwrapping a batch costs less than as many single packets.
            self._submit(client.identity, allowed)
        self._recognition.check_again(client, self._take_held)

    def _allowed(self, client: Client, packets: Sequence[bytes]) -> Sequence[bytes]:
        now_s = self._clock.seconds()
        allowed: list[bytes] = []
        for packet in packets:
            if not client.registered:
                self._drops.count(DropReason.NOT_REGISTERED)
            elif client.allowance.take_packet(now_s):
                allowed.append(packet)
            else:
                self._drops.count(DropReason.RATE_LIMITED)
        return allowed

    def _pull(self, client: Client, pull: Pull) -> None:
        if not client.allowance.take_pull(self._clock.seconds()):
            self._drops.count(DropReason.RATE_LIMITED)
        elif client.registered:
            self.pulling.pull(client, pull)
        else:
            self._network.send(client.identity, RegisterRefused(RegisterRefusal.NOT_REGISTERED))

    def _register(self, client: Client, wish: Register | RegisterGuest) -> None:
        def judged(answer: Registered | RegisterRefused | None) -> None:
            if answer is None:
                return
            if isinstance(answer, Registered):
                # At once, before the client hears of it: it may send in the same moment.
                self._recognition.opened(client)
                self._network.keep(client)
            self._network.send(client.identity, answer)

        self._registration.enrol(client.identity, wish).addCallback(judged)
