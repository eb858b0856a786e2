"""What is encrypted: choices as numbers, numbers as bytes, bytes in elements (docs/protocol/votes.md, 2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loopixmix.errors import FormatError
from loopixmix.group.group import Elements, Group
from votes.ballot.choices import Choice
from votes.ballot.spaces import Space, space_of
from votes.record.polls import Poll


@dataclass(frozen=True)
class PollCoding:
    """How the choices of one poll become elements.

    `width`: how many elements a choice has. `data_bytes`: how many bytes each of them holds.
    """

    space: Space
    width: int
    data_bytes: int

    @property
    def number_bytes(self) -> int:
        """The length of a number."""
        return self.width * self.data_bytes

    def encode(self, choice: Choice) -> bytes:
        """Return a choice as `number_bytes` bytes. Raises `ChoiceError` for what the poll does not allow."""
        return self.space.number(choice).to_bytes(self.number_bytes, "big")

    def decode(self, encoding: bytes) -> Choice:
        """Read a choice. Raises `FormatError` if the number is none of the poll's."""
        number = int.from_bytes(encoding, "big")
        if len(encoding) != self.number_bytes or number >= self.space.count:
            raise FormatError("the number is that of no choice")
        return self.space.choice(number)


def coding_of(poll: Poll, group: Group) -> PollCoding:
    """Return how choices of a poll become elements of a group."""
    space = space_of(poll)
    width = max(1, -(-(space.count - 1).bit_length() // (8 * group.data_bytes)))
    return PollCoding(space, width, group.data_bytes)


def embed_numbers(group: Group, numbers: Sequence[bytes], width: int) -> tuple[Elements, ...]:
    """Return numbers as rows of elements: `width` columns, as long as `numbers`.

    It takes a time that depends on the choices, and belongs on the voter's own machine (`Group.embed`).
    """
    size = group.data_bytes
    return tuple(
        group.embed([number[column * size : (column + 1) * size] for number in numbers]) for column in range(width)
    )


def extract_numbers(group: Group, columns: Sequence[Elements]) -> list[bytes | None]:
    """Return the number in each row of decrypted elements, `None` where there is none.

    `columns`: as `embed_numbers` returns them.
    """
    extracted = [group.extract(column) for column in columns]
    return [
        None if None in row else b"".join(part for part in row if part is not None)
        for row in zip(*extracted, strict=True)
    ]


def _joined(parts: Sequence[bytes | None]) -> bytes | None:
    found = [part for part in parts if part is not None]
    return b"".join(found) if len(found) == len(parts) else None
