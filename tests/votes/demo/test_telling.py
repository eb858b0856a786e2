from __future__ import annotations

from loopixmix.testnet.story import BAR_WIDTH
from votes.demo.telling import chart_lines
from votes.record.canonical import Hex
from votes.results.documents import PublishedResult, ResultOfPoll, TableOfResult

TABLE = TableOfResult(
    title="Votes",
    columns=("option", "ballots", "share"),
    rows=(("Ada", 8, "66.7 %"), ("Ben\x1b[31m", 4, "33.3 %"), ("Cleo", 0, "0.0 %")),
    charted=1,
)
POLL = ResultOfPoll(
    id="committee",
    method="most-votes",
    ballots=12,
    blank=0,
    invalid=0,
    winners=("Ada",),
    tied=(),
    open_seats=0,
    notes=(),
    tables=(TABLE,),
    choices=(),
)
RESULT = PublishedResult(
    version=1, fingerprint=Hex(bytes(32)), title="", voters=12, rehearsal=False, counts_only=False, polls=(POLL,)
)


def test_a_chart_shows_each_option_beside_the_most() -> None:
    _, won, ada, ben, cleo = chart_lines(RESULT, {"committee": "Committee"})
    assert won == "Committee: Elected: Ada."
    assert ada.count("█") == BAR_WIDTH
    assert ada.endswith(" 8")
    assert ben.count("█") == BAR_WIDTH // 2
    assert "\x1b" not in ben
    assert "█" not in cleo
