"""The commands on docs/planning.md and what they print: run this file to write the page's answers anew."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from loopixmix.main import EXIT_FAILED, run

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "planning.md"
_BLOCK = re.compile(r"```console\n\$ (?P<command>loopixmix [^\n]*(?:\\\n[^\n]*)*)\n(?P<answer>.*?)```", re.DOTALL)


def answers(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command of the page, on one line, and what the page says it prints."""
    for block in _BLOCK.finditer(text):
        yield block["command"].replace("\\\n", " "), block["answer"]


def printed(command: str) -> str:
    """Run a command of the page in this process; return what it prints, without spaces at the ends of lines."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        code = run(shlex.split(command)[1:])
    if code not in (0, EXIT_FAILED):
        raise RuntimeError(f"{command} ended with {code}")
    return "".join(f"{line.rstrip()}\n" for line in shown.getvalue().strip("\n").splitlines())


def rewritten(text: str) -> str:
    """Return the page with the answers that its commands give now."""
    return _BLOCK.sub(
        lambda block: (
            f"```console\n$ {block['command']}\n{printed(block['command'].replace(chr(92) + chr(10), ' '))}```"
        ),
        text,
    )


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
