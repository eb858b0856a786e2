from __future__ import annotations

import io

from rich.console import Console

from loopixmix.progress import Steps
from votes.demo.telling import BAR_WIDTH, Story, bar, chart_lines
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


def test_a_story_has_chapters_and_names_who_does_what() -> None:
    console = Console(file=io.StringIO(), width=40, _environ={})
    with Steps(console, now_s=iter([0.0, 2.0]).__next__) as steps:
        story = Story(console, steps)
        story.chapter("The [vote]")
        story.steps.step("voting", 1)
        story.steps.finish()
        story.tell("mixer North", "shuffles [all] ballots, in a line that is longer than the terminal")
        story.caught("mixer South", "refuses it")
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        "",
        "1. The [vote]",
        "✓ voting (2.0 s)",
        "   mixer North            shuffles [all] ballots, in a line that is longer than the terminal",
        "   mixer South            refuses it",
    ]


def test_a_chart_shows_each_option_beside_the_most() -> None:
    _, won, ada, ben, cleo = chart_lines(RESULT, {"committee": "Committee"})
    assert won == "Committee: Elected: Ada."
    assert ada.count("█") == BAR_WIDTH
    assert ada.endswith(" 8")
    assert ben.count("█") == BAR_WIDTH // 2
    assert "\x1b" not in ben
    assert "█" not in cleo


def test_bars_have_eighths_of_characters_and_nothing_is_no_bar() -> None:
    assert bar(1, BAR_WIDTH * 8) == "▏"
    assert bar(0, 5) == ""
    assert bar(0, 0) == ""
