from __future__ import annotations

from stats.collect.refusals import RefusalCounts, ReportRefusal


def test_refusals_are_counted_until_they_are_taken() -> None:
    counts = RefusalCounts()
    counts.add([(b"a", ReportRefusal.TOKEN), (b"a", ReportRefusal.TOKEN), (b"", ReportRefusal.MALFORMED)])
    taken = counts.take()
    assert taken == {(b"a", ReportRefusal.TOKEN): 2, (b"", ReportRefusal.MALFORMED): 1}
    assert counts.take() == {}
    counts.add([(b"a", ReportRefusal.TOKEN)])
    counts.put_back(taken)
    assert counts.take() == {(b"a", ReportRefusal.TOKEN): 3, (b"", ReportRefusal.MALFORMED): 1}
