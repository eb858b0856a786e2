"""The loss that a client allows for before a request shows any: one of three values, chosen once an hour."""

from __future__ import annotations

LOSS_STEPS = (0.0, 0.05, 0.1)
"""A host learns one of these and no more: it sees how many spares a request has, and what it is to send in addition.

The measured loss itself would be a mark: two requests with the same one are likely of one client.
"""
STEP_MARGIN = 0.03
"""The measured loss has to be further than this from the step that was chosen, to change it: over half a step."""
STEP_S = 3600
ENOUGH_LOOPS = 192
"""Before so many loops have ended the measured loss says nothing."""


class LossStep:
    """The step of one client. All its requests of an hour have the same, so none shows what was measured just then."""

    def __init__(self) -> None:
        """Begin without any loss."""
        self._index = 0
        self._hour: int | None = None

    @property
    def loss(self) -> float:
        """The probability of loss to allow for."""
        return LOSS_STEPS[self._index]

    def look(self, way_loss: float, *, loops: int, now_s: float) -> None:
        """Go at most one step towards the measured loss, if an hour has begun since the last time.

        `way_loss`: the measured probability that a packet is lost on one way; `loops`: how many loops it was
        measured by; `now_s`: the hours of this clock are the same for all clients, so their beginning marks none.
        """
        hour = int(now_s // STEP_S)
        if loops < ENOUGH_LOOPS or hour == self._hour:
            return
        self._hour = hour
        # One step only: whoever drops packets, our own provider for one, needs hours to push us further.
        if way_loss > self.loss + STEP_MARGIN:
            self._index = min(self._index + 1, len(LOSS_STEPS) - 1)
        elif way_loss < self.loss - STEP_MARGIN:
            self._index -= 1


def nearest_step(loss: float) -> float:
    """Return the step at which a client is that has measured the loss `loss` for hours."""
    return min(LOSS_STEPS, key=lambda step: abs(step - loss))
