"""A node that is switched on: keys that turn over, the network document it follows, and what carries its packets."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from twisted.internet.defer import CancelledError, Deferred, DeferredLock
from twisted.logger import Logger
from twisted.python.failure import Failure

from loopixmix import __version__
from loopixmix.directory import Descriptor, Document, MailOffer, NodeEntry
from loopixmix.epoch import epoch_at
from loopixmix.errors import LoopixmixError, UnavailableError
from loopixmix.following.authorities import Authorities
from loopixmix.following.cache import DocumentCache
from loopixmix.following.enrolment import Enroller, Enrolment
from loopixmix.following.follower import DirectoryFollower
from loopixmix.keyring.keyring import MixKeyring
from loopixmix.keyring.rotation import KeyRotation
from loopixmix.node.config import DOCUMENT_FILE
from loopixmix.node.running_node import RunningNode
from loopixmix.node.selfcheck import Capacity, measure_capacity
from loopixmix.node.values import NodeFiles, NodeKind, NodeWorld
from loopixmix.node.wiring import wire_node
from loopixmix.observing.observers import Counters
from loopixmix.routing.packets import PacketFormat
from loopixmix.sphinx import load_arithmetic
from loopixmix.tokens import TokenKey, encode_token_key

log = Logger()


class ActiveNode:
    """One node, from its first network document on able to carry packets."""

    def __init__(self, files: NodeFiles, *, kind: NodeKind, keyring: MixKeyring, world: NodeWorld) -> None:
        """`files`: what is in the node's directory. `kind`: its role. `keyring`: its keys, closed by `stop`."""
        self._files = files
        self._kind = kind
        self._world = world
        self._keyring = keyring
        # One document at a time: taking one up may take seconds, and the next may come meanwhile.
        self._changing = DeferredLock()
        self._stopped = False
        self._end_listening: Callable[[], None] = lambda: None
        self.withdrawn = False
        self._arithmetic = load_arithmetic(files.config.work.engine_name)
        self.capacity: Capacity | None = None
        self.running: RunningNode | None = None
        self.domains_left_out: tuple[str, ...] = ()
        self.counters = Counters(delay_mean_s=0.0)
        self.rotation = KeyRotation(keyring, clock=world.clock, was_just_set=world.clock_watch.was_just_set)
        authorities = Authorities(files.trust_root, fetcher=world.fetcher, rng=world.rng)
        enrolment = Enrolment(files.identity_key, self._describe)
        self.follower = DirectoryFollower(
            authorities,
            cache=DocumentCache(files.directory / DOCUMENT_FILE),
            clock=world.clock,
            rng=world.rng,
            adopt=self._adopt,
            prepare=self._prepare,
            enroller=Enroller(enrolment, authorities=authorities, clock=world.clock, rng=world.rng),
        )

    def start(self) -> None:
        """Begin to turn keys over and to follow the network document."""
        self._end_listening = self._world.clock_watch.listen(self._clock_was_set)
        self.rotation.start()
        self.follower.start()

    async def stop(self, *, drain_s: float) -> None:
        """Let packets that wait leave, for `drain_s` at the longest; then nothing is left."""
        self._stopped = True
        self._end_listening()
        await self.follower.stop()
        self.rotation.stop()
        await self._changing.run(lambda: Deferred.fromCoroutine(self._stop_running(drain_s)))
        self._keyring.close()

    def hurry(self) -> None:
        """Wait for no packet any more."""
        if self.running is not None:
            self.running.hurry()

    async def withdraw(self) -> None:
        """Ask to be left out of the next network document; raises `UnavailableError` if that failed."""
        await self.follower.withdraw()
        self.withdrawn = True

    @property
    def problem(self) -> str | None:
        """Why the node does not take part as it should, in one line; None if it does."""
        if self.withdrawn:
            return "withdrawn: it can be stopped when this epoch is over"
        running = self.running
        service = running.service if running is not None else None
        return (
            self.follower.problem
            or self.rotation.problem
            or self._keyring.problem
            or (service.problem if service is not None else "starting")
            or (running.link_problem() if running is not None else None)
            or self._loop_problem()
        )

    def _loop_problem(self) -> str | None:
        watch = self.counters.loop_watch
        if not watch.alarm:
            return None
        return f"{watch.lost} of the last {watch.watched} loops were lost: links are cut, or packets are held back"

    def _clock_was_set(self, _: float) -> None:
        # Keys first: what is uploaded next describes them.
        self.rotation.clock_was_set()
        if self.running is not None and self.running.service is not None:
            self.running.service.loops.excuse()
        self.follower.clock_was_set()

    def _describe(self, issued_at_ms: int) -> Descriptor:
        config = self._files.config
        # A computer that slept for three epochs wakes without a key of the present one, and may upload before keys are
        # turned over by themselves.
        self.rotation.hurry()
        mix_keys = self._keyring.public_keys(self._world.clock.seconds())
        if not mix_keys:
            raise UnavailableError(f"there are no mix keys to describe: {self.rotation.problem}")
        return Descriptor(
            network_id=self._files.trust_root.network_id,
            node_id=self._files.identity_key.public,
            issued_at_ms=issued_at_ms,
            name=config.name,
            role=self._kind.role,
            host=config.advertised_address.host,
            port=config.advertised_address.port,
            mix_keys=mix_keys,
            services=tuple(sorted(self._kind.services)),
            token_keys=tuple(encode_token_key(key) for key in self._token_keys()),
            mail=self._kind.mail,
            software=f"loopixmix {__version__}",
        )

    def _token_keys(self) -> Sequence[TokenKey]:
        return self._kind.token_keys(self._files.directory, self._world.clock.seconds())

    def _prepare(self, document: Document) -> None:
        # One with packets of another size waits for its epoch: until then its packets cannot be taken.
        if self.running is not None and self.running.packet_format == self._packet_format(document):
            self.running.prepare(document)

    def _adopt(self, document: Document) -> None:
        changing = self._changing.run(lambda: Deferred.fromCoroutine(self._take_up(document)))
        changing.addErrback(self._note_failure)

    async def _take_up(self, document: Document) -> None:
        if self._stopped:
            return
        if document.epoch == epoch_at(self._world.clock.seconds(), document.params.epoch_length_s):
            self.rotation.trust_clock()
        self._keyring.accept_for(document.params.grace_s)
        self.counters.delay_mean_s = document.params.delay_mean_s
        self._look_for_domains(document)
        packet_format = self._packet_format(document)
        if self.running is not None and self.running.packet_format == packet_format:
            self.running.adopt(document)
            return
        # Every frame and batch has another size now: nothing of the old part can go on.
        await self._stop_running(self._files.config.limits.drain_s)
        self.running = wire_node(
            self._files,
            kind=self._kind,
            world=self._world,
            keyring=self._keyring,
            packet_format=packet_format,
            capacity=self._measure(packet_format),
            observer=self.counters,
        )
        await self.running.start(document, self._files.config.listen_address)

    def _look_for_domains(self, document: Document) -> None:
        """Note which of our mail domains the document leaves out, and log it when that changes."""
        left_out = left_out_of(document.node(self._files.identity_key.public), self._kind.mail)
        if left_out and left_out != self.domains_left_out:
            log.warn("{problem}", problem=left_out_line(left_out))
        self.domains_left_out = left_out

    async def _stop_running(self, drain_s: float) -> None:
        if self.running is not None:
            await self.running.stop(drain_s=drain_s)
            self.running = None

    def _packet_format(self, document: Document) -> PacketFormat:
        return PacketFormat.for_network(document.params, arithmetic=self._arithmetic)

    def _measure(self, packet_format: PacketFormat) -> Capacity:
        work = self._files.config.work
        self.capacity = capacity = measure_capacity(
            packet_format.sphinx,
            rng=self._world.rng,
            seconds=time.thread_time,
            threads=work.threads or len(os.sched_getaffinity(0)),
            batch_packets=work.batch_packets,
        )
        log.info(
            "{engine} engine: {rate} unwraps a second on one core; {threads} threads, batches of {batch}",
            engine=capacity.engine,
            rate=round(capacity.unwraps_per_s),
            threads=capacity.threads,
            batch=capacity.batch_packets,
        )
        return capacity

    def _note_failure(self, failure: Failure) -> None:
        if isinstance(failure.value, LoopixmixError):
            self._world.fail(failure.value)
        elif not isinstance(failure.value, CancelledError):
            log.failure("taking up a network document failed", failure)
            self._world.fail(LoopixmixError("a defect stopped the node; the log has more"))


def left_out_of(entry: NodeEntry | None, wanted: MailOffer | None) -> tuple[str, ...]:
    """Return the mail domains that a node wants and its entry in the document does not have.

    There are none if it is not in the document: then it lacks more than domains.
    """
    if entry is None or wanted is None:
        return ()
    listed = {each.domain for each in entry.mail.domains} if entry.mail is not None else set()
    return tuple(each.domain for each in wanted.domains if each.domain not in listed)


def left_out_line(domains: Sequence[str]) -> str:
    """Return what to tell an operator whose mail domains are not in the network document."""
    return (
        f"not in the network document: {', '.join(domains)}. Its authority must allow a mail domain under [[domains]] "
        "of authority.toml, and a new one comes with the next document"
    )
