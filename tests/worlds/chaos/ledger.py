"""Messages that are counted: what was taken by the sender's client is to arrive once, whatever happens meanwhile."""

from __future__ import annotations

import base64
import contextlib
import threading
from collections import Counter
from collections.abc import Iterator

import httpx

from loopixmix.errors import LoopixmixError
from tests.worlds.chaos.meanwhile import meanwhile
from tests.worlds.chaos.networks import ChaosNetwork, NotInTimeError, wait_until

KIND = "chaos"
PAGE = 100


class Ledger:
    """Numbered messages from one client to another."""

    def __init__(self, network: ChaosNetwork, *, sender: str = "alice", recipient: str = "bob", to: str = "") -> None:
        """`to`: the recipient's address, by default `bob@provider-2`."""
        self._network = network
        self._sender = sender
        self._recipient = recipient
        self._to = to or "bob@provider-2"
        self._next = 0
        self.taken: set[str] = set()
        """The messages that the sender's client has taken."""

    def send(self, count: int = 1) -> None:
        """Send messages; raise `httpx.HTTPError` or a `LoopixmixError` if the client takes one of them not now."""
        for _ in range(count):
            name = f"message-{self._next}"
            body = {
                "to": self._to,
                "kind": KIND,
                "idempotency_key": name,
                "body": base64.b64encode(name.encode()).decode(),
            }
            self._network.call(self._sender, "POST", "/v1/messages", body=body).raise_for_status()
            self.taken.add(name)
            self._next += 1

    @contextlib.contextmanager
    def flowing(self, *, every_s: float = 0.5) -> Iterator[None]:
        """Send a message every `every_s` seconds in the background; one that is refused is tried again by its key."""

        def work(ended: threading.Event) -> None:
            while not ended.wait(every_s):
                with contextlib.suppress(httpx.HTTPError, LoopixmixError):
                    self.send()

        with meanwhile(work):
            yield

    def received(self) -> Counter[str]:
        """Return how often each message lies in the recipient's inbox."""
        found: Counter[str] = Counter()
        after = 0
        while True:
            page = self._network.call(self._recipient, "GET", f"/v1/inbox?after={after}&limit={PAGE}")
            page.raise_for_status()
            entries = page.json()
            found.update(base64.b64decode(entry["body"]).decode() for entry in entries if entry["kind"] == KIND)
            if len(entries) < PAGE:
                return found
            after = entries[-1]["number"]

    def settle(self, *, within_s: float) -> float:
        """Wait until all that was taken has arrived; return the seconds that it took, or `within_s` if some has not."""
        with contextlib.suppress(NotInTimeError):
            return wait_until(lambda: not self.lost(), within_s=within_s, what="all messages")
        return within_s

    def lost(self) -> set[str]:
        """Return the messages that were taken and have not arrived."""
        try:
            return self.taken - set(self.received())
        except (httpx.HTTPError, LoopixmixError):
            return set(self.taken) or {"the recipient's client does not answer"}

    def doubled(self) -> set[str]:
        """Return the messages that arrived more than once."""
        return {name for name, count in self.received().items() if count > 1}
