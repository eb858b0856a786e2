"""Progress on a terminal, and silence elsewhere."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from loopixmix.errors import UnavailableError
from loopixmix.progress import Bar, Steps, waiting


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=100, legacy_windows=False, _environ={})


def pipe() -> Console:
    return Console(file=io.StringIO(), width=100, _environ={})


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_bar_says_how_much_is_done() -> None:
    console = terminal()
    with Bar(console) as bar:
        bar.show("reading [all]", 3, 1200)
    assert "reading [all]" in written(console)
    assert "3 of 1,200" in written(console)


def test_a_bar_may_say_it_in_words_of_its_own_and_tell_what_is_left() -> None:
    console = terminal()
    with Bar(console, with_time_left=True) as bar:
        bar.show("sending", 1, 2, counted="1 of 2 [acknowledged]")
    assert "1 of 2 [acknowledged]" in written(console)
    assert "left" in written(console)


def test_into_a_pipe_no_bar_is_written() -> None:
    console = pipe()
    with Bar(console) as bar:
        bar.show("reading", 3, 12)
    assert written(console).strip() == ""


def test_each_step_leaves_a_line_even_in_a_pipe() -> None:
    console, seconds = pipe(), iter([0.0, 1.5, 2.0, 4.0])
    with Steps(console, now_s=lambda: next(seconds)) as steps:
        steps.step("first", 2)
        steps.done(2)
        steps.step("second", 1)
    lines = written(console).split("\n")
    assert [line for line in lines if line] == ["✓ first (1.5 s)", "✓ second (2.0 s)"]


def test_a_step_that_was_ended_is_told_once_and_before_what_follows() -> None:
    console, seconds = pipe(), iter([0.0, 1.5])
    with Steps(console, now_s=lambda: next(seconds)) as steps:
        steps.step("first", 2)
        steps.finish()
        console.print("it is done")
    assert [line for line in written(console).split("\n") if line] == ["✓ first (1.5 s)", "it is done"]


def test_a_step_shows_its_bar() -> None:
    console = terminal()
    with Steps(console) as steps:
        steps.step("registering", 2)
        steps.done(1)
    assert "1 of 2" in written(console)


def test_work_that_cannot_tell_how_far_it_is_says_that_it_goes_on() -> None:
    console = terminal()
    with waiting(console, "looking [everywhere]"):
        pass
    assert "looking [everywhere]" in written(console)


def test_a_step_that_failed_has_no_tick() -> None:
    console = pipe()

    def go() -> None:
        with Steps(console, now_s=lambda: 0.0) as steps:
            steps.step("making keys", 1)
            steps.step("starting nodes", 1)
            raise UnavailableError("mix-1 ended")

    with pytest.raises(UnavailableError):
        go()
    assert written(console) == "✓ making keys (0.0 s)\n✗ starting nodes (0.0 s)\n"


def test_what_follows_a_failed_step_may_still_be_told() -> None:
    console = pipe()
    with Steps(console, now_s=lambda: 0.0) as steps:
        steps.step("starting nodes", 1)
        steps.fail()
        steps.step("stopping every process", 1)
    assert written(console) == "✗ starting nodes (0.0 s)\n✓ stopping every process (0.0 s)\n"
