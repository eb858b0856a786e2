"""The client's streams: what leaves, and when, whatever the user does.

Three Poisson processes run side by side: payloads (or drop cover if there is none), loops, and drop cover. Pulls
leave at a constant rate. Without a link nothing leaves, and nothing is made up for afterwards: a Poisson process has
no memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from client.api import StreamStatus
from client.core.packets import PacketMaker
from client.link.session import Session
from client.sending.payloads import PayloadQueue
from client.streams.loops import Loops
from client.streams.pulling import Pulling
from client.streams.silence import Silence
from loopixmix.cover.poisson import PoissonStream
from loopixmix.cover.timer import PoissonTimer
from loopixmix.errors import UnavailableError
from loopixmix.params import NetworkParams
from loopixmix.seams import Clock, Rng
from loopixmix.wire import Packet

LOOK_AHEAD_S = 0.25
"""How far ahead fragments are fetched from the disk; a new message waits that much longer for its first turn."""


class _Stream:
    """One Poisson stream and what it has sent."""

    def __init__(self, silence: Silence, *, clock: Clock, rng: Rng, on_due: Callable[[], bool]) -> None:
        """Call `on_due`, which tells whether something was sent, at moments that `rng` draws.

        `silence`: hears of what is sent.
        """
        self.silence = silence
        self.sent = 0
        self.rate_per_s = 0.0
        self._clock = clock
        self._rng = rng
        self._on_due = on_due
        self._timer: PoissonTimer | None = None

    @property
    def status(self) -> StreamStatus:
        return StreamStatus(rate_per_s=self.rate_per_s, sent=self.sent)

    def run(self, rate_per_s: float) -> None:
        if self._timer is not None and rate_per_s == self.rate_per_s:
            return
        self.stop()
        self.rate_per_s = rate_per_s
        self._timer = PoissonTimer(PoissonStream(rate_per_s, self._rng), clock=self._clock, on_due=self._due)
        self._timer.start()
        self.silence.expect(rate_per_s)

    def stop(self) -> None:
        self.silence.expect(0.0)
        if self._timer is not None:
            self._timer.stop()
        self._timer = None

    def _due(self) -> None:
        if self._on_due():
            self.sent += 1
            self.silence.heard()


class Traffic:
    """The three streams of packets towards the provider."""

    def __init__(
        self,
        *,
        session: Session,
        queue: PayloadQueue,
        loops: Loops,
        pulling: Pulling,
        clock: Clock,
        rng: Rng,
        monotonic: Callable[[], float],
    ) -> None:
        """Send nothing before `run`.

        `session`: makes the packets and sends them; `queue`: the payloads that wait; `loops`: hears of the loops that
        left; `pulling`: the pulls, which begin and end with the streams; `clock`, `rng`: when each packet is due;
        `monotonic`: seconds of a clock that nobody sets, by which silence is noticed.
        """
        self.real_sent = 0
        """How many payloads were sent, stand-ins not counted."""
        self._session = session
        self._queue = queue
        self._loops = loops
        self._pulling = pulling
        silences = (Silence(stream, monotonic) for stream in ("payloads", "loops", "drop cover"))
        self._payloads = _Stream(next(silences), clock=clock, rng=rng, on_due=self._send_payload)
        self._loop_stream = _Stream(next(silences), clock=clock, rng=rng, on_due=self._send_loop)
        self._drops = _Stream(next(silences), clock=clock, rng=rng, on_due=self._send_drop)

    @property
    def problem(self) -> str | None:
        """One line about a stream that is silent, None while all of them send."""
        silences = [stream.silence for stream in (self._payloads, self._loop_stream, self._drops)]
        found = (silence.problem for silence in (*silences, self._pulling.silence))
        return next((problem for problem in found if problem is not None), None)

    @property
    def payload_status(self) -> StreamStatus:
        """The payload stream."""
        return self._payloads.status

    @property
    def loop_status(self) -> StreamStatus:
        """The stream of loops."""
        return self._loop_stream.status

    @property
    def drop_status(self) -> StreamStatus:
        """The stream of drop cover."""
        return self._drops.status

    def run(self, params: NetworkParams) -> None:
        """Send at the rates of a network document."""
        self._payloads.run(params.payload_rate_per_s)
        self._loop_stream.run(params.loop_rate_per_s)
        self._drops.run(params.drop_rate_per_s)
        # More at hand would let a new message wait longer, less would let the stream wait for a slow disk.
        self._queue.look_ahead(math.ceil(params.payload_rate_per_s * LOOK_AHEAD_S))
        self._pulling.run(params)

    def stop(self) -> None:
        """Send nothing any more."""
        for stream in (self._payloads, self._loop_stream, self._drops):
            stream.stop()
        self._pulling.stop()

    def _maker(self, stream: _Stream) -> PacketMaker | None:
        maker = self._session.maker() if self._session.is_linked() else None
        if maker is None:
            # Without a link there is nothing to be heard, and the status says why.
            stream.silence.heard()
        return maker

    def _send_payload(self) -> bool:
        maker = self._maker(self._payloads)
        if maker is None:
            return False
        now_s = self._session.now_s
        job = self._queue.next()
        packet = job.make(maker, now_s) if job is not None else None
        # Nothing to send and something that cannot be sent now must look the same on the link.
        if job is None or packet is None:
            return self._send_stand_in(maker, now_s)
        if not self._send(packet):
            job.on_unsent()
            return False
        job.on_sent(now_s)
        self.real_sent += 1
        return True

    def _send_stand_in(self, maker: PacketMaker, now_s: float) -> bool:
        """Send a stand-in for a payload: a loop that is not counted, and is answered as a payload would be.

        Without its answer, the number of packets in the network, and of replies in our mailbox, would tell how many
        payloads we send.
        """
        try:
            made = maker.loop(now_s)
        except UnavailableError:
            return self._send(maker.drop(now_s).packet)  # no provider of this network ends loops
        if not self._send(made.packet):
            return False
        self._loops.on_stand_in_sent(made.surb_id)
        return True

    def _send_loop(self) -> bool:
        maker = self._maker(self._loop_stream)
        if maker is None:
            return False
        now_s = self._session.now_s
        try:
            made = maker.loop(now_s)
        except UnavailableError:
            return False  # no provider of this network ends loops
        sent = self._send(made.packet)
        if sent:
            self._loops.on_sent(made, now_s)
        return sent

    def _send_drop(self) -> bool:
        maker = self._maker(self._drops)
        return maker is not None and self._send(maker.drop(self._session.now_s).packet)

    def _send(self, packet: bytes) -> bool:
        return self._session.send(Packet(packet))
