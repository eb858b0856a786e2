"""How much one node may hold."""

from __future__ import annotations

from dataclasses import dataclass

from loopixmix.errors import MisuseError


@dataclass(frozen=True, kw_only=True)
class HopLimits:
    """How much one node may hold; what is beyond is dropped as `OVERLOADED`. Each must be positive."""

    waiting_packets: int = 4096
    """Packets that wait to be unwrapped, about 3 kB each."""
    held_packets: int = 65_536
    """Packets that wait for their delay, about 3 kB each. Peers that send little have an eighth more."""
    batch_packets: int = 32
    """Packets unwrapped together: a packet waits for its batch, so a large one is late and a small one is costly."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise MisuseError(f"{name} must be positive, not {value}")
