"""Faults at the wires of a network in memory: who sees, loses or changes what goes from one node to another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from loopixmix.seams import Identity
from loopixmix.wire import is_packet
from tests.worlds.networks.memory import MemoryHub


@dataclass(frozen=True)
class Seen:
    """What an observer of one wire sees of one frame."""

    at_s: float
    sender: Identity
    receiver: Identity
    size: int


class Wiretap:
    """Sees every frame on every wire of a hub; `judge` may also lose it."""

    def __init__(
        self,
        hub: MemoryHub,
        *,
        judge: Callable[[Identity, Identity, bytes], bool] = lambda sender, receiver, frame: True,
    ) -> None:
        self.seen: list[Seen] = []
        self.lost = 0
        self.judge = judge
        self._hub = hub
        self._carry = hub.carry
        hub.carry = self._take  # type: ignore[method-assign]  # on the wire there is nothing else to hold on to

    def _take(self, sender: Identity, receiver: Identity, frame: bytes) -> None:
        self.seen.append(Seen(self._hub.clock.seconds(), sender, receiver, len(frame)))
        if self.judge(sender, receiver, frame):
            self._carry(sender, receiver, frame)
        else:
            self.lost += 1

    def between(self, one: Identity, other: Identity) -> list[Seen]:
        """Return what went over one wire, either way."""
        return [each for each in self.seen if {each.sender, each.receiver} == {one, other}]

    def from_to(self, sender: Identity, receiver: Identity) -> list[Seen]:
        """Return what went one way."""
        return [each for each in self.seen if (each.sender, each.receiver) == (sender, receiver)]


class Spoiler:
    """Changes each packet that comes to one node; `spoil` is given the frame and returns another of its length."""

    def __init__(self, hub: MemoryHub, receiver: Identity, spoil: Callable[[bytes], bytes]) -> None:
        self._receiver = receiver
        self._spoil = spoil
        self._carry = hub.carry
        hub.carry = self._take  # type: ignore[method-assign]

    def _take(self, sender: Identity, receiver: Identity, frame: bytes) -> None:
        spoiled = receiver == self._receiver and is_packet(frame)
        self._carry(sender, receiver, self._spoil(frame) if spoiled else frame)
