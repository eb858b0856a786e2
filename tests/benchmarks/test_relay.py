"""The rate that is told is one that was held, and one that was really sent."""

from __future__ import annotations

from benchmarks.relay import Trial, best_of


def trial(rate_per_s: float, *, sent_per_s: float | None = None, lost: int = 0, last_s: float = 0.001) -> Trial:
    return Trial(
        rate_per_s=rate_per_s,
        sent_per_s=rate_per_s if sent_per_s is None else sent_per_s,
        sent=1000,
        added_s=[0.001] * (900 - lost) + [last_s] * 100,
        mix_cpu_share=0.5,
    )


def test_a_poisson_process_that_was_a_little_slow_counts_for_its_rate() -> None:
    assert trial(4000.0, sent_per_s=3990.0).sustained
    assert best_of([trial(4000.0, sent_per_s=3990.0), trial(6000.0, lost=1)]).rate_per_s == 4000.0


def test_a_load_that_could_not_be_sent_was_not_held() -> None:
    assert not trial(4000.0, sent_per_s=3800.0).sustained


def test_neither_were_losses_nor_a_queue_that_grows() -> None:
    assert not trial(4000.0, lost=1).sustained
    assert not trial(4000.0, last_s=0.2).sustained


def test_what_is_held_beyond_a_rate_that_was_not_does_not_count() -> None:
    assert best_of([trial(2000.0), trial(4000.0, lost=1), trial(6000.0)]).rate_per_s == 2000.0
    assert best_of([trial(2000.0, lost=1), trial(4000.0)]).rate_per_s == 2000.0
