"""An IMAP server alone: `python -m tests.worlds.imap_program DIRECTORY [PRIVACY]`. It prints its port when it is ready.

The user is alice, the password is secret. It ends when its input ends.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from leap_plugin.bridge.imap.session.mailboxes import Mailboxes
from leap_plugin.bridge.imap.session.states import Privacy
from leap_plugin.bridge.serving.server import ImapDoor, ImapServer
from leap_plugin.bridge.serving.threads import BridgeThreads
from leap_plugin.store.mailboxes import StoredMailboxes
from loopixmix.process.wallclock import WallClock
from tests.worlds.mail_stores import MailStoreOnDisk
from tests.worlds.web.certificates import self_signed

ROOT = Path(__file__).parent.parent.parent
START_S = 60.0


class StoredAccount:
    """Lets alice in."""

    def __init__(self, store: MailStoreOnDisk) -> None:
        now = lambda: datetime.now(UTC)  # noqa: E731
        self._mailboxes = StoredMailboxes(store.account(), store.shared, now=now)

    def open(self, user: bytes, password: bytes) -> Mailboxes | None:
        return self._mailboxes if (user, password) == (b"alice", b"secret") else None


@contextmanager
def running_imap(directory: Path, privacy: Privacy = Privacy.IN_CLEAR) -> Iterator[int]:
    """Run a server in a process of its own; yield its port."""
    directory.mkdir(exist_ok=True)
    arguments = [sys.executable, "-P", "-m", "tests.worlds.imap_program", str(directory), privacy.name]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            assert process.wait(START_S) == 0


def main(directory: Path, privacy: Privacy) -> None:
    from twisted.internet import reactor as installed

    reactor: Any = installed
    store = MailStoreOnDisk(directory)
    threads = BridgeThreads(reactor)
    context = self_signed("localhost")
    door = ImapDoor(StoredAccount(store), privacy, context)
    server = ImapServer(door, clock=WallClock(reactor), in_thread=threads.run, call_from_thread=reactor.callFromThread)
    if privacy is Privacy.TLS:
        port = reactor.listenSSL(0, server, context, interface="127.0.0.1")
    else:
        port = reactor.listenTCP(0, server, interface="127.0.0.1")

    async def stop() -> None:
        await port.stopListening()
        await server.stop()
        threads.stop()
        store.close()
        reactor.stop()

    def wait_for_end() -> None:
        sys.stdin.read()
        reactor.callFromThread(lambda: Deferred.fromCoroutine(stop()))

    threading.Thread(target=wait_for_end, daemon=True).start()
    reactor.callWhenRunning(lambda: print(port.getHost().port, flush=True))
    reactor.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Privacy[sys.argv[2]] if len(sys.argv) > 2 else Privacy.IN_CLEAR)
