"""Marionette, by which Mozilla's programs are driven from outside: JSON over TCP, each value after its length.

Source: testing/marionette/client in Mozilla's sources, "Protocol". A command is `[0, number, name, parameters]`, an
answer `[1, number, error, result]`.
"""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Mapping

ANSWER_S = 200.0


class MarionetteError(AssertionError):
    """The program could not do it."""


class Marionette:
    """A connection to a program; scripts run with its own rights."""

    def __init__(self, port: int, *, within_s: float) -> None:
        """Wait until the program listens at `port`."""
        self._socket = _connected(port, within_s)
        self._socket.settimeout(ANSWER_S)
        self._received = b""
        self._number = 0
        try:
            self._next()  # it says first who it is
            self.command("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {}}})
            self.command("Marionette:SetContext", {"value": "chrome"})
            self.command("WebDriver:SetTimeouts", {"script": int(ANSWER_S * 1000)})
        except BaseException:
            self.close()
            raise

    def command(self, name: str, parameters: Mapping[str, object]) -> object:
        """Give a command and return its result; raise `MarionetteError` if it failed."""
        self._number += 1
        sent = json.dumps([0, self._number, name, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(sent), sent))
        _, _, error, result = self._next()
        if error:
            raise MarionetteError(str(error))
        return result.get("value") if isinstance(result, dict) else result

    def script(self, script: str, *arguments: object) -> object:
        """Run the body of an asynchronous JavaScript function, whose last argument is to be called with the result."""
        return self.command(
            "WebDriver:ExecuteAsyncScript", {"script": script, "args": list(arguments), "newSandbox": True}
        )

    def screenshot(self) -> bytes:
        """Return the program's window as PNG."""
        return base64.b64decode(str(self.command("WebDriver:TakeScreenshot", {"full": False})))

    def close(self) -> None:
        """End the connection; the program goes on."""
        self._socket.close()

    def _next(self) -> list[object]:
        while b":" not in self._received:
            self._receive()
        length, _, self._received = self._received.partition(b":")
        while len(self._received) < int(length):
            self._receive()
        value, self._received = self._received[: int(length)], self._received[int(length) :]
        found = json.loads(value)
        return found if isinstance(found, list) else []

    def _receive(self) -> None:
        data = self._socket.recv(65_536)
        if not data:
            raise MarionetteError("the program has ended")
        self._received += data


def _connected(port: int, within_s: float) -> socket.socket:
    deadline_s = time.monotonic() + within_s
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.3)
