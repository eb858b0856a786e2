"""The state "overloaded" begins with a drop for it and lasts a minute."""

from __future__ import annotations

from loopixmix.observing.overload import REPORTS_KEPT, OverloadWatch


def test_a_node_that_drops_for_overload_is_told_as_overloaded_for_a_minute() -> None:
    watch = OverloadWatch()
    assert watch.report({"bad_mac": 9}) is None
    said = watch.report({"overloaded": 1200, "too_late": 34, "bad_mac": 9})
    assert said is not None
    assert "1,234 packets were dropped within the last minute" in said
    for _ in range(REPORTS_KEPT - 1):
        assert watch.report({"overloaded": 1200, "too_late": 34}) is not None
    assert watch.report({"overloaded": 1200, "too_late": 34}) is None
    assert "7 packets" in (watch.report({"overloaded": 1207, "too_late": 34}) or "")
