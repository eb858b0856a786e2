"""What an analyst may do. The rights are apart: each is given by itself."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from loopixmix.errors import MisuseError


class AnalystRight(Enum):
    """One thing that an analyst may do."""

    SEE = "see"
    """Look at results, and query the randomised table."""
    EXPORT = "export"
    """Take results and randomised reports away as files."""
    SPEND = "spend"
    """Ask for noisy answers about true data, which uses up its privacy budget."""


class MissingRightError(MisuseError):
    """You do not have the right to do this."""


def encode_rights(rights: Iterable[AnalystRight]) -> str:
    """Return rights as words with commas between them, in the order of their definition."""
    chosen = set(rights)
    return ",".join(right.value for right in AnalystRight if right in chosen)


def decode_rights(text: str) -> frozenset[AnalystRight]:
    """Return the rights that `text` names; raise `MisuseError` for a word that is none."""
    known = {right.value: right for right in AnalystRight}
    words = [word.strip() for word in text.split(",") if word.strip()]
    strange = sorted(set(words) - set(known))
    if strange:
        raise MisuseError(f"{strange[0][:40]!r} is no right of an analyst (there are: {', '.join(known)})")
    return frozenset(known[word] for word in words)
