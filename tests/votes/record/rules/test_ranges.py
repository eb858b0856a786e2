from __future__ import annotations

from votes.record.rules.ranges import Allowed, count_faults, number_faults, text_faults, unique_faults


def test_both_ends_of_a_range_are_allowed() -> None:
    assert [number in Allowed(1, 3) for number in range(5)] == [False, True, True, True, False]
    assert [str(Allowed(1, 3)), str(Allowed(2, 2))] == ["1 to 3", "2"]


def test_faults_are_sentences() -> None:
    assert [str(fault) for fault in number_faults("voters", 9, Allowed(1, 3))] == ["voters is 9; allowed is 1 to 3"]
    assert [str(fault) for fault in count_faults("salt", b"1", Allowed(2, 2), "bytes")] == [
        "salt has 1 bytes; allowed is 2"
    ]
    assert [str(fault) for fault in unique_faults("lists", ["a", "a"])] == [
        "lists has an entry twice; allowed is each once"
    ]


def test_only_some_texts_have_lines() -> None:
    assert list(text_faults("text", "a\nb", Allowed(0, 9), lines=True)) == []
    assert len(list(text_faults("text", "a\nb", Allowed(0, 9)))) == 1
    assert len(list(text_faults("text", "a\tb", Allowed(0, 9), lines=True))) == 1
