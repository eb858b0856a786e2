"""A poll at a provider: anybody may vote and read the result, and nobody learns who voted how."""

from __future__ import annotations

from collections import Counter

from provider.api import ServiceContext, ServiceRefusedError


class Poll:
    """`question` tells what is asked, `vote OPTION` adds a vote, `result` tells the votes of each option."""

    name = "poll"

    def __init__(self, context: ServiceContext) -> None:
        self._question = str(context.settings["question"])
        options = context.settings["options"]
        self._options = options if isinstance(options, list) else [str(options)]
        self._file = context.directory / "votes"
        self._file.touch()

    def answer(self, body: bytes) -> bytes:
        """Return the answer to one anonymous request; a plain `def`, because it waits for the disk."""
        match body.decode(errors="replace").split(" ", 1):
            case ["question"]:
                return "\n".join([self._question, *self._options]).encode()
            case ["vote", option] if option in self._options:
                with self._file.open("a") as file:
                    file.write(option + "\n")
                return b"counted"
            case ["result"]:
                votes = Counter(self._file.read_text().splitlines())
                return "\n".join(f"{votes[option]} {option}" for option in self._options).encode()
            case _:
                raise ServiceRefusedError("neither question, nor result, nor a vote for one of the options")
