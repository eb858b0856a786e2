from __future__ import annotations

from client.sending.progress import MOST_KEPT, FragmentCounts, ProgressLog


def test_only_what_changed_is_told_and_its_newest_counts() -> None:
    log = ProgressLog()
    for sent in range(3):
        log.note(FragmentCounts("one", 3, sent, 0))
    log.note(FragmentCounts("two", 1, 1, 0))
    told, mark = log.since(0, 10)
    assert told == [FragmentCounts("one", 3, 2, 0), FragmentCounts("two", 1, 1, 0)]
    assert log.since(mark, 10) == ([], mark)
    log.note(FragmentCounts("one", 3, 3, 1))
    assert log.since(mark, 10)[0] == [FragmentCounts("one", 3, 3, 1)]


def test_what_did_not_fit_is_told_next() -> None:
    log = ProgressLog()
    for number in range(5):
        log.note(FragmentCounts(str(number), 1, 1, 0))
    first, mark = log.since(0, 3)
    second, mark = log.since(mark, 3)
    assert [steps.message_id for steps in first + second] == ["0", "1", "2", "3", "4"]


def test_a_mark_of_an_earlier_run_is_behind() -> None:
    log = ProgressLog()
    log.note(FragmentCounts("one", 1, 1, 0))
    assert log.since(1000, 10)[0] == [FragmentCounts("one", 1, 1, 0)]


def test_a_bounded_number_is_kept() -> None:
    log = ProgressLog()
    for number in range(2 * MOST_KEPT):
        log.note(FragmentCounts(str(number), 1, 1, 0))
    assert len(log.since(0, 10 * MOST_KEPT)[0]) == MOST_KEPT
