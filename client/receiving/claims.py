"""Who handles which message: each is in the hand of one program, until that says what became of it or takes too long.

The rules of one reader and one kind, without a store and without a clock of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from client.api import UnknownMessageError, WrongStateError
from client.core.arguments import LONGEST_SHARE_S
from client.core.retry import CALLBACK_POLICY


@dataclass(eq=False)
class Holder:
    """A program that handles messages. `at_once`: how many it has in hand at most; `within_s`: how long each."""

    at_once: int
    within_s: float
    held: dict[int, float] = field(default_factory=dict)
    """The messages in its hand, in the order in which it was given them, and when each goes back."""
    late: set[int] = field(default_factory=set)
    """Messages that went back before it said a word. They still fill its hand: it may be at work on them."""

    @property
    def room(self) -> int:
        """How many more it may be given."""
        return self.at_once - len(self.held) - len(self.late)


@dataclass(frozen=True)
class _Back:
    """A message that was given out, and was not handled: from when, and to whom later than to others."""

    due_s: float
    unlike: Holder | None = None

    @property
    def again_s(self) -> float:
        """From when it is given to `unlike` too: the others may have no room."""
        return self.due_s + (self.unlike.within_s if self.unlike is not None else 0.0)


class Claims:
    """Which message is whose."""

    def __init__(self) -> None:
        """Begin without programs."""
        self.after = 0
        """The last message that was given out for the first time."""
        self._holders: list[Holder] = []
        self._back: dict[int, _Back] = {}
        self._failures: dict[int, int] = {}
        self._settling: set[int] = set()

    @property
    def holders(self) -> int:
        """How many programs take part."""
        return len(self._holders)

    @property
    def at_rest(self) -> bool:
        """Whether no program takes part, and nothing is being written for one that did."""
        return not self._holders and not self._settling

    def join(self, holder: Holder) -> None:
        """Let a program take part."""
        self._holders.append(holder)

    def leave(self, holder: Holder, now_s: float) -> None:
        """Give back all that a program has in hand."""
        if holder in self._holders:
            self._holders.remove(holder)
        for number in holder.held:
            self._back[number] = _Back(now_s)
        holder.held.clear()
        holder.late.clear()

    def lapse(self, now_s: float) -> bool:
        """Take back what was in hand for too long; tell whether there was any."""
        lapsed = False
        for holder in self._holders:
            for number in [number for number, due_s in holder.held.items() if _left_s(due_s, now_s) == 0]:
                del holder.held[number]
                holder.late.add(number)
                self._back[number] = _Back(now_s, unlike=holder)
                lapsed = True
        return lapsed

    def may_take(self, holder: Holder) -> bool:
        """Tell whether a program may be given a message that nobody was given before."""
        return holder in self._holders and holder.room > 0

    def take_back(self, holder: Holder, now_s: float) -> int | None:
        """Return the lowest message that is to be given to `holder` again, and forget that; `give` or `put_back` it."""
        if holder not in self._holders:
            return None
        number = min(
            (number for number, back in self._back.items() if self._fits(number, back, holder, now_s)), default=None
        )
        if number is not None:
            del self._back[number]
        return number

    def put_back(self, number: int, now_s: float) -> None:
        """Let a message that could not be given be given later."""
        self.after = max(self.after, number)
        self._back[number] = _Back(now_s)

    def forget(self, number: int) -> None:
        """Forget a message that is there no more."""
        self._failures.pop(number, None)

    def give(self, holder: Holder, number: int, now_s: float) -> None:
        """Put a message into a program's hand."""
        self.after = max(self.after, number)
        holder.late.discard(number)
        holder.held[number] = now_s + holder.within_s

    def begin_settling(self, holder: Holder, number: int, now_s: float) -> None:
        """Take the word of a program that has handled a message: until it is written, nobody else is given it.

        Raises `UnknownMessageError` if it was not given that, `WrongStateError` if another one has got it meanwhile.
        """
        self._take_word(holder, number, now_s)
        self._settling.add(number)

    def settled(self, number: int) -> None:
        """Note that a message is written down as handled."""
        self._settling.discard(number)
        self._failures.pop(number, None)

    def not_settled(self, number: int, now_s: float) -> None:
        """Note that it could not be written down that a message was handled: it is given again after a while."""
        self._settling.discard(number)
        # Not at once: the disk is as full as before, and the program would be kept busy.
        self._back[number] = _Back(now_s + CALLBACK_POLICY.first_s)

    def fail(self, holder: Holder, number: int, now_s: float) -> float:
        """Take the word of a program that could not handle a message; return in how many seconds it is given again.

        Raises as `begin_settling`.
        """
        self._take_word(holder, number, now_s)
        self._failures[number] = self._failures.get(number, 0) + 1
        # The draw that spreads re-sends over time has no use here: there is one daemon.
        wait_s = CALLBACK_POLICY.timeout_s(self._failures[number], 0.0)
        self._back[number] = _Back(now_s + wait_s)
        return wait_s

    def wait_s(self, now_s: float) -> float | None:
        """Return how long until time alone changes something, None if it will not."""
        due = [due_s for holder in self._holders for due_s in holder.held.values()]
        due += [due_s for back in self._back.values() for due_s in (back.due_s, back.again_s)]
        return min((wait_s for due_s in due if (wait_s := _left_s(due_s, now_s)) > 0), default=None)

    def _fits(self, number: int, back: _Back, holder: Holder, now_s: float) -> bool:
        if _left_s(back.due_s, now_s) > 0:
            return False
        if back.unlike is holder and self.holders > 1 and _left_s(back.again_s, now_s) > 0:
            return False
        # What is in its hand already, only too long, needs no more room there.
        return holder.room > 0 or number in holder.late

    def _take_word(self, holder: Holder, number: int, now_s: float) -> None:
        if number in holder.held:
            order = list(holder.held)
            # It works on one after the other: the time of the next ones begins now.
            later = order[order.index(number) + 1 :]
            del holder.held[number]
        elif number in holder.late:
            holder.late.discard(number)
            later = list(holder.held)
            if self._back.pop(number, None) is None:
                raise WrongStateError(
                    f"message {number} was not settled within {holder.within_s:g} s, and another program has got it"
                )
        else:
            raise UnknownMessageError(f"message {number} does not wait to be handled here")
        for other in later:
            holder.held[other] = now_s + holder.within_s


def _left_s(due_s: float, now_s: float) -> float:
    left_s = due_s - now_s
    # No wait is that long: a clock that was set back has put it there.
    return left_s if 0 < left_s <= LONGEST_SHARE_S else 0.0
