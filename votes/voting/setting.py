"""What the voter's program stands in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from client.api import Client
from loopixmix.group.group import Group
from loopixmix.seams import Clock, Rng


@dataclass(frozen=True)
class VotingSetting:
    """What the voter's program stands in. `say`: shows a line; `pause`: waits for seconds."""

    client: Client
    group: Group
    clock: Clock
    rng: Rng
    say: Callable[[str], object]
    pause: Callable[[float], Awaitable[None]]
