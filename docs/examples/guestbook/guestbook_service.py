"""A guest book at a provider: anybody may sign and read it, and nobody learns who did."""

from __future__ import annotations

from provider.api import ServiceContext, ServiceRefusedError

MAX_LINE_BYTES = 200
LINES_SHOWN = 5


class Guestbook:
    """`sign LINE` adds a line, `read` returns the last ones."""

    name = "guestbook"

    def __init__(self, context: ServiceContext) -> None:
        self._file = context.directory / "lines"
        self._file.touch()

    async def answer(self, body: bytes) -> bytes:
        """Return the answer to one anonymous request."""
        match body.split(b" ", 1):
            case [b"sign", line] if len(line) <= MAX_LINE_BYTES and b"\n" not in line:
                with self._file.open("ab") as file:
                    file.write(line + b"\n")
                return b"signed"
            case [b"read"]:
                return b"\n".join(self._file.read_bytes().splitlines()[-LINES_SHOWN:])
            case _:
                raise ServiceRefusedError("neither sign nor read")
