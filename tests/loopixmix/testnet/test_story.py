from __future__ import annotations

import io

from rich.console import Console

from loopixmix.progress import Steps
from loopixmix.testnet.story import BAR_WIDTH, Story, bar


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


def test_bars_have_eighths_of_characters_and_nothing_is_no_bar() -> None:
    assert bar(1, BAR_WIDTH * 8) == "▏"
    assert bar(0, 5) == ""
    assert bar(0, 0) == ""
