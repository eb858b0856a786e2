"""A corrupt provider, as a program: it sends its clients what they did not ask for.

That is while a file `flood` is in its directory.

Run as `python flooding_provider.py run DIRECTORY`, as `loopixmix provider` would be.
"""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

import provider.wiring
from loopixmix.seams import Identity
from loopixmix.wire import Item, ItemKind, Pull
from provider.mailboxes.pulling import Puller, Pulling
from provider.main import provider as command

FLOOD_FILE = "flood"
EACH_S = 0.01
AT_ONCE = 200
"""Twenty thousand items a second, or as many as the link takes."""


class FloodingPulling(Pulling):
    """Answers pulls, and sends items besides."""

    directory: Path

    def pull(self, puller: Puller, pull: Pull) -> None:
        super().pull(puller, pull)
        if puller.identity not in _flooded:
            _flooded.add(puller.identity)
            self._flood(puller.identity)

    def _flood(self, identity: Identity) -> None:
        self._clock.callLater(EACH_S, self._flood, identity)
        if not (self.directory / FLOOD_FILE).exists():
            return
        body = secrets.token_bytes(self._body_bytes)
        for _ in range(AT_ONCE):
            number = 1 + secrets.randbelow(2**60)
            self._send(identity, Item(secrets.randbelow(2**63), number, ItemKind.MESSAGE, bytes(8), body))


_flooded: set[Identity] = set()

if __name__ == "__main__":
    FloodingPulling.directory = Path(sys.argv[-1])
    provider.wiring.Pulling = FloodingPulling  # type: ignore[misc]
    command()
