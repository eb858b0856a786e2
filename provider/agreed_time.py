"""Whether the network agrees about the time: what forgets for ever by a clock asks first."""

from __future__ import annotations

from loopixmix.directory import Document
from loopixmix.seams import Clock


class AgreedTime:
    """Compares the clock of one provider with the network document that it holds."""

    def __init__(self, clock: Clock) -> None:
        """`clock`: the one in question. Nothing is agreed before the first document."""
        self._clock = clock
        self._document: Document | None = None

    def adopt(self, document: Document) -> None:
        """Compare with this document from now on."""
        self._document = document

    def __call__(self) -> bool:
        """Tell whether what has expired by the clock has expired indeed; any thread may ask."""
        # A clock set a month ahead would otherwise delete all mail within the hour.
        document = self._document
        return document is not None and document.agrees_with(self._clock.seconds())
