"""Looking for secrets in the memory of a process that a test has started."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path


def found_in_memory(pid: int, secrets: Iterable[bytes]) -> list[bytes]:
    """Return those of `secrets` of which a half is in the memory, as bytes or in hexadecimal digits."""
    patterns = {half: one for one in secrets for half in _halves(one)}
    found = set()
    for block in _memory(pid):
        found |= {one for half, one in patterns.items() if half in block}
    return sorted(found)


def _memory(pid: int) -> Iterator[bytes]:
    maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in maps:
            place, rights, *_ = line.split(None, 2)
            if not rights.startswith("rw"):
                continue
            begin, end = (int(edge, 16) for edge in place.split("-"))
            try:
                memory.seek(begin)
                yield memory.read(end - begin)
            except OSError:
                continue


def _halves(secret: bytes) -> list[bytes]:
    digits = secret.hex().encode()
    return [each[: len(each) // 2] for each in (secret, digits, digits.upper())] + [
        each[len(each) // 2 :] for each in (secret, digits, digits.upper())
    ]
