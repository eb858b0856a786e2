from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock, deferLater

from client.testing import wait_for
from loopixmix.errors import MisuseError
from votes.voting.concurrency import together


async def works(number: int) -> int:
    return number


async def fails() -> int:
    raise MisuseError("no")


def test_all_are_done_and_their_results_stand_in_order() -> None:
    clock = Clock()

    async def later(number: int) -> int:
        await deferLater(clock, 10 - number, lambda: None)  # type: ignore[arg-type]
        return number

    assert wait_for(together(later(1), works(2), later(3)), clock) == [1, 2, 3]


def test_the_first_failure_is_raised_and_the_others_are_broken_off() -> None:
    clock = Clock()
    ends: list[str] = []

    async def waits() -> int:
        try:
            await Deferred()
        except CancelledError:
            ends.append("broken off")
            raise
        return 0

    with pytest.raises(MisuseError, match="no"):
        wait_for(together(waits(), works(2), fails()), clock)
    assert ends == ["broken off"]
