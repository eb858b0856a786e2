"""How a service has answered of late."""

from __future__ import annotations

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
