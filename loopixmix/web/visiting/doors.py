"""A door: a page on which people prove who they are, and then get a session of their own."""

from __future__ import annotations

from typing import Protocol

from loopixmix.web.forms.bodies import FormBody
from loopixmix.web.visiting.answers import Shown

DOOR_PATH = "/enter"


class Door(Protocol):
    """Asks people who they are. Whoever gets no session is shown this page, whatever they asked for."""

    def ask(self) -> Shown:
        """Return the page with the form, which is sent to `DOOR_PATH`."""

    async def knock(self, form: FormBody, address: str) -> str | Shown:
        """Return whose session begins, or a page that says why none does.

        `form`: as it was sent, from anybody. `address`: where it came from, to bound how often somebody may try; an
        IPv6 network counts as one.
        """
