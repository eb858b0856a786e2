"""A bar for a message on its way."""

from __future__ import annotations

from client.api import OutgoingMessage
from client.cli.text import plain_line
from loopixmix.progress import Bar


class FragmentProgress(Bar):
    """Shows how many fragments of a message are acknowledged."""

    def show_message(self, message: OutgoingMessage) -> None:
        """Show how far a message is."""
        counted = f"{message.fragments_acknowledged:,} of {message.fragments:,} acknowledged"
        text = f"{message.state.value} to {plain_line(message.to)}"
        self.show(text, message.fragments_acknowledged, message.fragments, counted=counted)
