"""The links of clients: who has an account, and how much each may send.

A link's TLS identity is all that counts: a client pulls from the mailbox of its own key and from no other, whatever it
says.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Annotated, TypeAlias

import msgspec

from loopixmix.errors import FormatError
from loopixmix.params import NetworkParams
from loopixmix.seams import Clock, DropReason, NodeId, Observer, PacketDropped
from loopixmix.wire import Dummy, FrameFormat, Pull, Register, RegisterRefusal, RegisterRefused, is_packet
from provider.accounts import TokenBucket
from provider.mailbox import Mailbox
from provider.mailboxes.pulling import Puller, Pulling, SendFrame
from provider.store.access import StoreAccess
from provider.store.accounts import is_registered
from provider.store.alarm import StoreAlarm

PULL_BURST = 8
MAX_CLIENTS = 50_000
MAX_ASKING = 256
MAX_HELD_FRAMES = 16
FORGET_S = 600.0
CHECK_AGAIN_S = 60.0


class ClientRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one client may send.

    The network document's rates times `margin`, and `burst_s` seconds' worth (at least 64 packets) at once. A pull is
    answered `answer_s` after it came.
    """

    margin: Annotated[float, msgspec.Meta(ge=1)] = 1.5
    burst_s: Annotated[float, msgspec.Meta(ge=1)] = 20.0
    answer_s: Annotated[float, msgspec.Meta(ge=0, le=10)] = 0.03


MIN_BURST = 64
"""Poisson streams at 1/1.5 of a bucket's rate overrun this burst once in some 10^21 packets."""

SubmitPackets: TypeAlias = Callable[[NodeId, Sequence[bytes]], None]
Enrol: TypeAlias = Callable[[NodeId, Register], None]
Refuse: TypeAlias = Callable[[NodeId], object]


class Client(Puller):
    """One client's link."""

    __slots__ = ("asking", "checked_at_s", "held", "packets", "pulls", "seen_at_s")

    def __init__(self, key: NodeId, mailbox: Mailbox, *, packets: TokenBucket, pulls: TokenBucket) -> None:
        """Begin without knowing whether there is an account."""
        super().__init__(key, mailbox)
        self.packets = packets
        self.pulls = pulls
        self.asking = False
        self.held: list[bytes] = []
        self.seen_at_s = 0.0
        self.checked_at_s = 0.0


class ClientLinks:
    """The links of all clients of one provider."""

    def __init__(
        self,
        *,
        access: StoreAccess,
        alarm: StoreAlarm,
        frame_format: FrameFormat,
        rules: ClientRules,
        lease_pulls: int,
        clock: Clock,
        observer: Observer,
        send: SendFrame,
        submit: SubmitPackets,
        enrol: Enrol,
        refuse: Refuse,
    ) -> None:
        """Take the neighbours.

        `submit` takes the packets of registered clients, `enrol` wishes to register, and `refuse` ends the link of a
        client that sends what clients do not send. Nobody is served before `adopt`.
        """
        self._access = access
        self._alarm = alarm
        self._frame_format = frame_format
        self._rules = rules
        self._lease_pulls = lease_pulls
        self._params: NetworkParams | None = None
        self._clock = clock
        self._observer = observer
        self._send = send
        self._submit = submit
        self._enrol = enrol
        self._refuse = refuse
        self._clients: OrderedDict[NodeId, Client] = OrderedDict()
        self._asking = 0
        self._stopped = False
        self.pulling = Pulling(
            access=access,
            alarm=alarm,
            frame_format=frame_format,
            answer_s=rules.answer_s,
            clock=clock,
            send=send,
        )

    @property
    def known(self) -> int:
        """How many clients were heard of lately."""
        return len(self._clients)

    def adopt(self, params: NetworkParams) -> None:
        """Go on with the figures of a new network document."""
        self._params = params
        now_s = self._clock.seconds()
        for client in self._clients.values():
            client.packets.change_limits(*self._packet_limits(params), now_s)
            client.pulls.change_limits(*self._pull_limits(params), now_s)
            client.mailbox.pull_batch = params.pull_batch

    def received(self, key: NodeId, frames: Sequence[bytes]) -> None:
        """Take what came over the link of the client `key`."""
        if self._params is None or self._stopped:
            return
        client = self._client(key, self._params)
        if client.registered is None:
            self._hold(client, frames)
        else:
            self._take(client, frames)

    def registered(self, key: NodeId) -> None:
        """Serve `key` from now on: its account was just opened."""
        client = self._clients.get(key)
        if client is not None:
            client.registered, client.checked_at_s = True, self._clock.seconds()

    def forget_idle(self) -> None:
        """Forget who was not heard of for long."""
        before_s = self._clock.seconds() - FORGET_S
        while self._clients:
            key, client = next(iter(self._clients.items()))
            if client.seen_at_s > before_s:
                return
            del self._clients[key]

    def stop(self) -> None:
        """Answer nothing any more."""
        self._stopped = True
        self.pulling.stop()

    def _client(self, key: NodeId, params: NetworkParams) -> Client:
        now_s = self._clock.seconds()
        client = self._clients.get(key)
        if client is None:
            client = self._clients[key] = Client(
                key,
                Mailbox(pull_batch=params.pull_batch, lease_pulls=self._lease_pulls),
                packets=TokenBucket(*self._packet_limits(params), now_s),
                pulls=TokenBucket(*self._pull_limits(params), now_s),
            )
            if len(self._clients) > MAX_CLIENTS:
                self._clients.popitem(last=False)
        self._clients.move_to_end(key)
        client.seen_at_s = now_s
        return client

    def _packet_limits(self, params: NetworkParams) -> tuple[float, float]:
        rate_per_s = params.payload_rate_per_s + params.loop_rate_per_s + params.drop_rate_per_s
        rate_per_s *= self._rules.margin
        return rate_per_s, max(MIN_BURST, rate_per_s * self._rules.burst_s)

    def _pull_limits(self, params: NetworkParams) -> tuple[float, float]:
        return params.pull_rate_per_s * self._rules.margin, PULL_BURST

    def _take(self, client: Client, frames: Sequence[bytes]) -> None:
        packets: list[bytes] = []
        now_s = self._clock.seconds()
        try:
            for frame in frames:
                if not is_packet(frame):
                    self._take_other(client, frame)
                elif not client.registered:
                    self._drop(DropReason.NOT_REGISTERED)
                elif client.packets.take(now_s):
                    packets.append(self._frame_format.packet_of(frame))
                else:
                    self._drop(DropReason.RATE_LIMITED)
        except FormatError:
            self._refuse(client.key)
        if packets:
            self._submit(client.key, packets)
        if client.registered and now_s - client.checked_at_s > CHECK_AGAIN_S:
            self._ask(client)

    def _take_other(self, client: Client, frame: bytes) -> None:
        match self._frame_format.decode(frame):
            case Pull() as pull:
                self._pull(client, pull)
            case Register() as register:
                self._enrol(client.key, register)
            case Dummy():
                pass
            case _:
                raise FormatError("a client does not send this")

    def _hold(self, client: Client, frames: Sequence[bytes]) -> None:
        """Keep the first frames of a link until the store has told whether there is an account."""
        room = MAX_HELD_FRAMES - len(client.held) if client.asking or self._asking < MAX_ASKING else 0
        client.held.extend(frames[:room])
        for _ in frames[max(0, room) :]:
            self._drop(DropReason.OVERLOADED)
        if client.held:
            self._ask(client)

    def _ask(self, client: Client) -> None:
        if client.asking:
            return
        client.asking = True
        self._asking += 1

        def told(registered: bool) -> None:
            client.registered, client.checked_at_s = registered, self._clock.seconds()

        def ended(_: None) -> None:
            client.asking = False
            self._asking -= 1
            held, client.held = client.held, []
            if held and client.registered is not None and not self._stopped:
                self._take(client, held)

        asked = self._access.read(lambda connection: is_registered(connection, client.key))
        asked.addCallbacks(told, self._alarm.failed).addCallback(ended)

    def _pull(self, client: Client, pull: Pull) -> None:
        if not client.pulls.take(self._clock.seconds()):
            self._drop(DropReason.RATE_LIMITED)
            return
        if not client.registered:
            refused = RegisterRefused(RegisterRefusal.NOT_REGISTERED)
            self._send(client.key, self._frame_format.encode(refused))
            return
        self.pulling.pull(client, pull)

    def _drop(self, reason: DropReason) -> None:
        self._observer.observe(PacketDropped(self._clock.seconds(), reason))
