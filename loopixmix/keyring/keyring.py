"""A node's mix keys: made ahead, each used around its epoch, erased after it together with its replay tags."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import Protocol

from twisted.logger import Logger

from loopixmix.drops import DropReason
from loopixmix.epoch import epoch_at, epoch_start_s
from loopixmix.errors import DiskFullError, StoreError
from loopixmix.keyring.keystore import KeyStore, TagLog
from loopixmix.keyring.replay import ReplayFilter, new_tag_set
from loopixmix.keys import MixKey
from loopixmix.seams import Rng

EPOCHS_AHEAD = 2
"""Keys exist for the present epoch and this many more, as authorities want them (docs/protocol/document.md)."""
MAX_TAGS = 16_777_216
"""Tags of one key: 4,000 packets a second for more than an hour. Beyond it the key takes no more packets."""

log = Logger()


class Keyring(Protocol):
    """The keys that unwrap a node's packets, and the tags that tell the replayed ones."""

    def unwrap_keys(self, now_s: float) -> list[tuple[int, bytes]]:
        """Return (epoch, private key) of every key that counts at `now_s`, the likeliest first."""

    def judge(self, epoch: int, tag: bytes) -> DropReason | None:
        """Remember the tag of a packet believed under the key of `epoch`; return why to drop it, or None."""

    def judge_many(self, epoch: int, tags: Sequence[bytes]) -> list[DropReason | None]:
        """Do it for several packets, in order."""


@dataclass(slots=True)
class _LiveKey:
    """A key, the tags seen under it, and where they are kept."""

    key: MixKey
    replays: ReplayFilter
    log: TagLog


class MixKeyring:
    """The keys of one node.

    A key counts during its epoch and `grace_s` before and after, so that clocks may differ and packets may be in
    flight at an edge. The present epoch's key is tried first, then the one still or already in grace.
    """

    def __init__(self, store: KeyStore, *, rng: Rng, epoch_length_s: int, grace_s: float, max_tags: int) -> None:
        """`store`: where keys and tags are kept. `rng`: makes keys. `max_tags`: how many packets one key takes.

        `grace_s`: how long a key counts before and after its epoch; see `accept_for`. There are no keys before `open`.
        """
        self._grace_s = grace_s
        self._store = store
        self._rng = rng
        self._epoch_length_s = epoch_length_s
        self._max_tags = max_tags
        self._live: dict[int, _LiveKey] = {}
        self._unerased: set[int] = set()
        """Epochs whose keys count no more, and could not be erased from the store."""
        self.problem: str | None = None
        """Why packets are refused: their tags could not be kept the last time; None if they could."""
        self._counting: tuple[float, float, float, list[tuple[int, bytes]]] = (inf, -inf, 0.0, [])
        """From when until when (both excluded), and with which grace, which keys count."""

    def open(self, now_s: float) -> MixKeyring:
        """Take up the keys in the store and their tags, erase those that are over, make those that are missing.

        Returns the keyring itself. Raises `StoreError` if the store is damaged or cannot be used.
        """
        for epoch, key in self._store.load().items():
            if now_s >= self._over_at_s(epoch):
                # Not only left out: with a key that stays on the disk, recorded packets can be unwrapped for ever.
                self._store.erase(epoch)
                key.wipe()
            else:
                self._live[epoch] = self._take_up(epoch, key, new=False)
        # With a full disk a provider is to start all the same, so that users fetch what is there. Whoever turns keys
        # over tries again at once, and tells it.
        with suppress(DiskFullError):
            self.advance(now_s)
        return self

    def accept_for(self, grace_s: float) -> None:
        """Let keys count so long before and after their epochs from now on, as the network document says."""
        self._grace_s = grace_s

    def advance(self, now_s: float, *, erases: bool = True) -> bool:
        """Make the keys that will be needed and erase the others; tell whether there are new ones.

        `erases`: false while the clock is in doubt. Keys that are over by a wrong clock are those that packets come
        under. Raises `StoreError` if a key cannot be written or erased.
        """
        self._forget_counting()  # first: no key that is erased here stays, not even if the store fails after that
        present = epoch_at(now_s, self._epoch_length_s)
        failure: StoreError | None = None
        # Before others are made: on a full disk that fails, and the old ones must go all the same.
        if erases:
            # Beyond the last one: made when the clock was ahead. One more may be, by a clock that is set back a little.
            last = present + EPOCHS_AHEAD + 1
            for epoch in [epoch for epoch in self._live if now_s >= self._over_at_s(epoch) or epoch > last]:
                self._retire(epoch)
            failure = self._erase_retired()
        missing = [epoch for epoch in range(present, present + EPOCHS_AHEAD + 1) if epoch not in self._live]
        for epoch in missing:
            self._make(epoch)
        if failure is not None:
            raise failure
        return bool(missing)

    def next_change_s(self, now_s: float) -> float:
        """Return when `advance` has something to do again: an epoch begins or a key is over."""
        present = epoch_at(now_s, self._epoch_length_s)
        over_s = min((self._over_at_s(epoch) for epoch in self._live), default=inf)
        return max(now_s, min(float(epoch_start_s(present + 1, self._epoch_length_s)), over_s))

    def public_keys(self, now_s: float) -> dict[int, bytes]:
        """Return the public keys of the present and the coming epochs, in order, for the node's descriptor."""
        present = epoch_at(now_s, self._epoch_length_s)
        coming = range(present, present + EPOCHS_AHEAD + 1)
        return {epoch: self._live[epoch].key.public for epoch in coming if epoch in self._live}

    def unwrap_keys(self, now_s: float) -> list[tuple[int, bytes]]:
        """Return (epoch, private key) of every key that counts at `now_s`, that of the present epoch first."""
        from_s, until_s, grace_s, keys = self._counting
        if from_s < now_s < until_s and grace_s == self._grace_s:
            return keys
        length_s, grace_s = self._epoch_length_s, self._grace_s
        in_grace = epoch_at(now_s - grace_s, length_s), epoch_at(now_s + grace_s, length_s)
        present = epoch_at(now_s, length_s)
        epochs = dict.fromkeys((present, *in_grace))
        keys = [(epoch, self._live[epoch].key.private) for epoch in epochs if epoch in self._live]
        # What counts changes where an epoch or a grace begins or ends: until then every packet asks for the same.
        start_s, end_s = epoch_start_s(present, length_s), epoch_start_s(present + 1, length_s)
        edges_s = [float(edge_s) for edge_s in (start_s, start_s + grace_s, end_s - grace_s, end_s)]
        self._counting = (
            max((edge_s for edge_s in edges_s if edge_s < now_s), default=inf),
            min((edge_s for edge_s in edges_s if edge_s > now_s), default=-inf),
            grace_s,
            keys,
        )
        return keys

    def judge(self, epoch: int, tag: bytes) -> DropReason | None:
        """Remember a tag under the key of `epoch`; return why its packet must be dropped, or None.

        A new one is with the operating system before this returns. If it cannot be kept the packet is `STORE_FAILED`;
        if the key was erased meanwhile it is `NO_EPOCH_KEY`.
        """
        live = self._live.get(epoch)
        if live is None:
            return DropReason.NO_EPOCH_KEY
        verdict = live.replays.judge(tag)
        return verdict if verdict is not None or self._keep(live, (tag,)) else DropReason.STORE_FAILED

    def judge_many(self, epoch: int, tags: Sequence[bytes]) -> list[DropReason | None]:
        """Do as `judge` for several tags, in order."""
        live = self._live.get(epoch)
        if live is None:
            return [DropReason.NO_EPOCH_KEY] * len(tags)
        verdicts = live.replays.judge_many(tags)
        new = [tag for tag, verdict in zip(tags, verdicts, strict=True) if verdict is None]
        if not new or self._keep(live, new):
            return verdicts
        return [DropReason.STORE_FAILED if verdict is None else verdict for verdict in verdicts]

    def close(self) -> None:
        """End use of the store; the keys stay there."""
        for live in self._live.values():
            live.log.close()
        self._live.clear()
        self._forget_counting()

    def _keep(self, live: _LiveKey, new: Sequence[bytes]) -> bool:
        try:
            live.log.append(new)
        except StoreError as error:
            # Once: on a full disk it happens with each packet, and a log of it would fill the disk further.
            if self.problem is None:
                log.error("packets are refused: {problem}", problem=str(error))
            self.problem = str(error)
            return False
        if self.problem is not None:
            log.info("packets are taken again")
            self.problem = None
        return True

    def _forget_counting(self) -> None:
        self._counting = (inf, -inf, 0.0, [])

    def _make(self, epoch: int) -> None:
        key = MixKey.generate(self._rng)
        # The tags' file is there before the key's: a key without one has lost it.
        live = self._take_up(epoch, key, new=True)
        try:
            self._store.save(epoch, key)
        except StoreError:
            live.log.close()
            raise
        self._live[epoch] = live
        self._unerased.discard(epoch)  # the clock was set back: the new key has taken the place of the old one

    def _retire(self, epoch: int) -> None:
        live = self._live.pop(epoch)
        live.log.close()
        # A batch of packets that is being unwrapped may hold the same bytes: it then finds zeros.
        live.key.wipe()
        self._unerased.add(epoch)

    def _erase_retired(self) -> StoreError | None:
        """Erase the keys that count no more; return why one of them is still in the store, if one is."""
        failure = None
        # Each until it is erased: some file systems need room to overwrite, and on a full disk the key stays there.
        # Forgotten after one attempt, it stayed until the next start, and nothing told it.
        for epoch in sorted(self._unerased):
            try:
                self._store.erase(epoch)
            except StoreError as error:
                failure = error  # the others go all the same, and new ones are made
            else:
                self._unerased.discard(epoch)
        return failure

    def _take_up(self, epoch: int, key: MixKey, *, new: bool) -> _LiveKey:
        replays = ReplayFilter(new_tag_set(), max_tags=self._max_tags)
        tag_log = self._store.open_log(epoch, key, new=new)
        if not new:
            replays.restore(tag_log.restore())
        return _LiveKey(key, replays, tag_log)

    def _over_at_s(self, epoch: int) -> float:
        return epoch_start_s(epoch + 1, self._epoch_length_s) + self._grace_s
