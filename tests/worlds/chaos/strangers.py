"""Strangers at the door: many connections from many addresses, which send slowly or nothing."""

from __future__ import annotations

import contextlib
import multiprocessing
import socket
import time
from collections.abc import Iterator, Sequence

COMES_AGAIN_S = 0.2


def addresses(count: int, *, network: int = 77) -> Sequence[str]:
    """Return addresses of this machine from which a stranger may come; none of them is 127.0.0.1."""
    return [f"127.{network}.{number // 250}.{number % 250 + 1}" for number in range(count)]


class Strangers:
    """Open connections to one port."""

    def __init__(self, port: int, *, host: str = "127.0.0.1") -> None:
        """`host`, `port`: whom they bother."""
        self._to = (host, port)
        self.sockets: list[socket.socket] = []

    def connect(self, count: int, sources: Sequence[str]) -> int:
        """Open `count` connections, in turn from `sources`; return how many could be opened."""
        opened = 0
        for number in range(count):
            one = socket.socket()
            one.settimeout(2.0)
            try:
                one.bind((sources[number % len(sources)], 0))
                one.connect(self._to)
            except OSError:
                one.close()
                continue
            self.sockets.append(one)
            opened += 1
        return opened

    def send(self, data: bytes) -> int:
        """Send `data` on each connection that is still open; return how many took it. The others are forgotten."""
        alive = []
        for one in self.sockets:
            try:
                one.sendall(data)
            except OSError:
                one.close()
            else:
                alive.append(one)
        self.sockets = alive
        return len(alive)

    def open_count(self) -> int:
        """Return how many connections the other side has not ended."""
        alive = []
        for one in self.sockets:
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                try:
                    # What it sends is thrown away; an empty answer means that it has ended the connection.
                    while (told := one.recv(1 << 16)) != b"":
                        del told
                    one.close()
                    continue
                except ConnectionError:
                    one.close()
                    continue
            one.settimeout(2.0)
            alive.append(one)
        self.sockets = alive
        return len(alive)

    def close(self) -> None:
        """End all of them."""
        for one in self.sockets:
            one.close()
        self.sockets = []


def stay_silent(port: int, sources: Sequence[str], count: int) -> None:
    """Keep `count` connections open on which nothing is sent; those that were ended come again. Does not return."""
    strangers = Strangers(port)
    while True:
        strangers.connect(count - strangers.open_count(), sources)
        time.sleep(COMES_AGAIN_S)


@contextlib.contextmanager
def silent_strangers(port: int, sources: Sequence[str], count: int) -> Iterator[None]:
    """Let strangers keep `count` silent connections from another process, so that they slow nobody in this one."""
    # Begun anew: a copy of this process would have its reactor and its open connections, too.
    process = multiprocessing.get_context("spawn").Process(target=stay_silent, args=(port, sources, count), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()
