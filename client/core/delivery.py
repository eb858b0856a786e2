"""One outgoing message: where each of its fragments is, and the state its user sees."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence

from client.api import MessageState, StateChange
from loopixmix.errors import MisuseError


class Event(enum.Enum):
    """The events in the life of an outgoing message."""

    SENT = enum.auto()
    ACKNOWLEDGED = enum.auto()
    OVERDUE = enum.auto()
    COMPLETED = enum.auto()
    RECEIPT = enum.auto()
    GAVE_UP = enum.auto()
    CANCELLED = enum.auto()


_QUEUED, _SENDING, _STORED = MessageState.QUEUED, MessageState.SENDING, MessageState.STORED
_RECEIVED, _RETRYING, _FAILED = MessageState.RECEIVED, MessageState.RETRYING, MessageState.FAILED
_CANCELLED = MessageState.CANCELLED

TRANSITIONS: Mapping[MessageState, Mapping[Event, MessageState]] = {
    _QUEUED: {
        Event.SENT: _SENDING,
        Event.RECEIPT: _RECEIVED,  # sent before a crash that forgot it
        Event.GAVE_UP: _FAILED,
        Event.CANCELLED: _CANCELLED,
    },
    _SENDING: {
        Event.SENT: _SENDING,
        Event.ACKNOWLEDGED: _SENDING,
        Event.OVERDUE: _RETRYING,
        Event.COMPLETED: _STORED,
        Event.RECEIPT: _RECEIVED,
        Event.GAVE_UP: _FAILED,
        Event.CANCELLED: _CANCELLED,
    },
    _RETRYING: {
        Event.SENT: _RETRYING,
        Event.ACKNOWLEDGED: _SENDING,
        Event.OVERDUE: _RETRYING,
        Event.COMPLETED: _STORED,
        Event.RECEIPT: _RECEIVED,
        Event.GAVE_UP: _FAILED,
        Event.CANCELLED: _CANCELLED,
    },
    _STORED: {
        Event.RECEIPT: _RECEIVED,
    },
    _RECEIVED: {
        Event.RECEIPT: _RECEIVED,
    },
    _FAILED: {
        Event.RECEIPT: _RECEIVED,  # what the network proved counts, however late
    },
    _CANCELLED: {
        Event.RECEIPT: _RECEIVED,  # all of it had left before
    },
}
"""The state after an event; an event that is missing cannot happen in that state."""

MAX_CHANGES = 100
"""A message that goes to and fro more often than this keeps its history until then, and how it ends."""

FINISHED = frozenset({_STORED, _RECEIVED, _FAILED, _CANCELLED})
"""States in which nothing more is sent."""


def next_state(state: MessageState, event: Event) -> MessageState:
    """Return the state after `event`; raise `MisuseError` if it cannot happen in `state`."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise MisuseError(f"{event.name} cannot happen to a message that is {state}") from None


class Stage(enum.Enum):
    """Where a fragment is that is not acknowledged yet."""

    HELD = "it waits for its time, for its epoch, or for its message to be sealed"
    WAITING = "it waits for its turn"
    FETCHING = "its turn has come, and it is read from the store"
    READY = "it leaves with one of the next payloads"
    SENT = "it has left, and its acknowledgement is waited for"


MOVES: Mapping[Stage, frozenset[Stage]] = {
    Stage.HELD: frozenset({Stage.WAITING}),
    Stage.WAITING: frozenset({Stage.FETCHING}),
    Stage.FETCHING: frozenset({Stage.READY, Stage.WAITING}),  # back if the store cannot be read
    Stage.READY: frozenset({Stage.WAITING, Stage.HELD}),  # back if it could not leave, held if its provider is away
    Stage.SENT: frozenset(),  # ended by what happens to the message: an acknowledgement, or its time
}
"""Where the queue may move a fragment. What happens to the message moves it too: sent, overdue, acknowledged."""


class Delivery:
    """An unfinished message: its fragments, and what became of each.

    The one place that knows where a fragment is. The outbox, the queue of payloads and the store had a set each once,
    and each had to be told of every step.
    """

    def __init__(self, *, fragments: int, unacknowledged: Iterable[int], state: MessageState, sent: int) -> None:
        """The message as the store has it.

        `fragments`: how many it has; `unacknowledged`: the positions of those that may still have to be sent; `state`:
        what its user sees; `sent`: how many were sent at least once.
        """
        self.fragments = fragments
        self.state = state
        self._changes = 0
        self._stages = dict.fromkeys(unacknowledged, Stage.HELD)
        self._held = len(self._stages)
        self._attempts: dict[int, int] = {}
        self._sent_before = min(sent, fragments)

    @property
    def acknowledged(self) -> int:
        """How many fragments are stored at the recipient's provider."""
        return self.fragments - len(self._stages)

    @property
    def sent(self) -> int:
        """How many fragments were sent at least once."""
        return max(self._sent_before, self.acknowledged + len(self._attempts))

    @property
    def holds(self) -> bool:
        """Whether any fragment is held."""
        return self._held > 0

    @property
    def held(self) -> list[int]:
        """The positions of the fragments that are held."""
        # Asked for at every pull, and most messages have none: a long one must not be gone through each time. Nor one
        # that was just queued, with thousands of fragments that are all held: pulls would wait for it.
        if self._held == len(self._stages):
            return list(self._stages)
        return [index for index, stage in self._stages.items() if stage is Stage.HELD] if self._held else []

    def is_waiting_for(self, index: int) -> bool:
        """Tell whether the fragment `index` is not acknowledged yet."""
        return index in self._stages

    def stage(self, index: int) -> Stage | None:
        """Return where the fragment `index` is; None if it is acknowledged."""
        return self._stages.get(index)

    def move(self, index: int, stage: Stage) -> bool:
        """Move a fragment on in the queue; false if it was acknowledged meanwhile, or nothing more is sent.

        Raises `MisuseError` if it cannot come from where it is to `stage`.
        """
        present = self._stages.get(index)
        if present is None or self.state in FINISHED:
            return False
        if stage not in MOVES[present]:
            raise MisuseError(f"a fragment that is {present.name} cannot be {stage.name}")
        self._set(index, stage)
        return True

    def release(self, indices: Sequence[int]) -> None:
        """Let fragments that are held wait for their turn; raise `MisuseError` if one is not held.

        All at once: a long message has thousands, and whatever is due meanwhile would wait for them.
        """
        stages = self._stages
        if any(stages.get(index) is not Stage.HELD for index in indices):
            raise MisuseError("only a fragment that is held can be released")
        stages.update(dict.fromkeys(indices, Stage.WAITING))
        self._held -= len(indices)

    def attempt(self, index: int) -> int:
        """Return how often the fragment `index` was sent since the start."""
        return self._attempts.get(index, 0)

    def on_sealed(self, fragments: int) -> None:
        """Note the true number of fragments, once the message is sealed: all wait for their turn."""
        self.fragments = fragments
        self._stages = dict.fromkeys(range(fragments), Stage.WAITING)
        self._held = 0

    def on_sent(self, index: int, now_s: float) -> StateChange | None:
        """Note that the fragment left; return the message's change of state, if any."""
        self._attempts[index] = self.attempt(index) + 1
        self._set(index, Stage.SENT)
        return self._apply(Event.SENT, now_s, "")

    def on_acknowledged(self, index: int, now_s: float) -> StateChange | None:
        """Note that the fragment is stored at the recipient's provider."""
        if index not in self._stages:
            return None
        self._set(index, None)
        self._attempts.pop(index, None)
        if self._stages:
            return self._apply(Event.ACKNOWLEDGED, now_s, f"{self.acknowledged} of {self.fragments} fragments stored")
        return self._apply(Event.COMPLETED, now_s, "stored at the recipient's provider")

    def on_overdue(self, index: int, now_s: float) -> StateChange | None:
        """Note that no acknowledgement came in time: the fragment waits for its turn again."""
        if index not in self._stages:
            return None
        self._set(index, Stage.WAITING)
        detail = f"no acknowledgement of fragment {index + 1} of {self.fragments} (attempt {self.attempt(index)})"
        return self._apply(Event.OVERDUE, now_s, detail)

    def on_receipt(self, now_s: float) -> StateChange | None:
        """Note the recipient's own receipt, which counts for all fragments."""
        self._stages.clear()
        self._held = 0
        self._attempts.clear()
        return self._apply(Event.RECEIPT, now_s, "the recipient has it")

    def on_given_up(self, reason: str, now_s: float) -> StateChange | None:
        """Note that no more is sent."""
        return self._apply(Event.GAVE_UP, now_s, reason)

    def on_cancelled(self, now_s: float) -> StateChange | None:
        """Note that its sender wants no more to be sent."""
        if self.sent < self.fragments:
            detail = f"{self.sent} of {self.fragments} fragments had left and cannot be recalled"
        else:
            detail = f"all {self.fragments} fragments had left, so that it may arrive all the same"
        return self._apply(Event.CANCELLED, now_s, detail)

    def _set(self, index: int, stage: Stage | None) -> None:
        present = self._stages.get(index)
        if present is None:
            return
        self._held += (stage is Stage.HELD) - (present is Stage.HELD)
        if stage is None:
            del self._stages[index]
        else:
            self._stages[index] = stage

    def _apply(self, event: Event, now_s: float, detail: str) -> StateChange | None:
        before, self.state = self.state, next_state(self.state, event)
        if self.state is before:
            return None
        self._changes += 1
        if self._changes > MAX_CHANGES and self.state not in FINISHED:
            return None
        return StateChange(now_s, self.state, detail)
