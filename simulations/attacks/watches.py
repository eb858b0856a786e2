"""Detectors at the nodes and users of a world, and what they noticed."""

from __future__ import annotations

from collections.abc import Sequence

from loopixmix.sweeps.work import Progress
from simulations.attacks.detectors import LoopWatcher, MakeDetector
from simulations.world.nodes import Mix, Provider
from simulations.world.users import User
from simulations.world.world import World

_STEPS = 20


class Phases:
    """Lets a world's time pass phase by phase, and tells how far it is."""

    def __init__(self, world: World, whole_s: float, progress: Progress) -> None:
        """`whole_s`: the length of all phases together, for `progress`, which is told the share that is over."""
        self._world, self._whole_s, self._progress = world, whole_s, progress
        self._over_s = 0.0

    def run(self, span_s: float) -> None:
        """Let `span_s` seconds pass."""
        begin_s = self._world.clock.seconds()
        for step in range(1, _STEPS + 1):
            self._world.run_until(begin_s + span_s * step / _STEPS)
            self._progress(min(1.0, (self._over_s + span_s * step / _STEPS) / self._whole_s))
        self._over_s += span_s


def watch(members: Sequence[Mix | Provider | User], make: MakeDetector, window_loops: int) -> list[LoopWatcher]:
    """Put a detector of its own at each of these nodes or users; return them in the same order."""
    watchers = [LoopWatcher(make(), window_loops) for _ in members]
    for member, watcher in zip(members, watchers, strict=True):
        member.ears.add(watcher)
    return watchers


def forget(watchers: Sequence[LoopWatcher]) -> None:
    """Let watchers count anew."""
    for watcher in watchers:
        watcher.forget()


def false_alarms(watchers: Sequence[LoopWatcher]) -> float:
    """Return the share of full windows that ended in alarm; 0 if there was none."""
    return sum(each.windows_in_alarm for each in watchers) / max(1, sum(each.windows for each in watchers))


def alarmed_share(watchers: Sequence[LoopWatcher]) -> float:
    """Return the share of watchers that raised an alarm since they count."""
    return sum(each.alarmed_at_s is not None for each in watchers) / max(1, len(watchers))


def lost_share(watchers: Sequence[LoopWatcher]) -> float:
    """Return the share of all their loops that were lost."""
    lost = sum(each.lost for each in watchers)
    return lost / max(1, lost + sum(each.returned for each in watchers))


def noticed(name: str, watchers: Sequence[LoopWatcher], victim: int, began_s: float) -> dict[str, float]:
    """Return whether the victim (by its number) and which share of all raised an alarm, and how soon the victim did."""
    figures = {
        f"{name}.detected": float(watchers[victim].alarmed_at_s is not None),
        f"{name}.detected_nodes": alarmed_share(watchers),
    }
    at_s = watchers[victim].alarmed_at_s
    return figures if at_s is None else figures | {f"{name}.detection_s": at_s - began_s}
