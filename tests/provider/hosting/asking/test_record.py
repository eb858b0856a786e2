"""How a service has answered of late."""

from __future__ import annotations

from loopixmix.errors import disk_full
from provider.hosting.asking.record import MOST_IN_A_ROW, ServiceRecord


def test_a_row_of_failures_is_a_problem_and_one_answer_ends_it() -> None:
    record = ServiceRecord("poll")
    for number in range(MOST_IN_A_ROW):
        assert record.problem is None
        record.failed(f"fault {number}")
    last = MOST_IN_A_ROW - 1
    assert record.problem == f'the service "poll" has answered none of its last {last + 1} requests: fault {last}'
    record.answered()
    assert record.problem is None


def test_a_full_disk_is_news_once_and_other_failures_always() -> None:
    record = ServiceRecord("poll")
    full, other = disk_full("the store cannot be written"), ArithmeticError()
    assert record.is_news(full, "DiskFullError at poll.py:3")
    record.failed("DiskFullError at poll.py:3")
    record.answered()
    assert not record.is_news(full, "DiskFullError at poll.py:3")
    assert record.is_news(full, "DiskFullError at poll.py:9")
    record.failed("ArithmeticError at poll.py:5")
    assert record.is_news(other, "ArithmeticError at poll.py:5")
    assert record.is_news(full, "DiskFullError at poll.py:3")
