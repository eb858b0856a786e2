"""A verdict: when it passes, and how it looks to a program and to a person."""

from __future__ import annotations

import io
import subprocess
import sys

import msgspec
from rich.console import Console

from loopixmix.verdict import Check, Verdict, show, verdict

PASSED = Check(name="a", passed=True, value="1 of 1", expected="1 of 1", detail="not told")
FAILED = Check(name="b [c]", passed=False, value=1.5, expected=">= 2", detail="by theory")
UNMEASURED = Check(name="c", passed=False, value=None, expected="")


def shown(result: Verdict) -> str:
    console = Console(file=io.StringIO(), width=100)
    show(console, result)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_it_needs_a_check_and_no_failure() -> None:
    assert verdict([PASSED], {}).passed
    assert not verdict([PASSED, FAILED], {}).passed
    assert not verdict([], {}).passed


def test_a_program_reads_one_object() -> None:
    assert msgspec.json.decode(msgspec.json.encode(verdict([PASSED, UNMEASURED], {"rows": 2.0}))) == {
        "passed": False,
        "checks": [
            {"name": "a", "passed": True, "value": "1 of 1", "expected": "1 of 1", "detail": "not told"},
            {"name": "c", "passed": False, "value": None, "expected": "", "detail": ""},
        ],
        "figures": {"rows": 2.0},
    }


def test_a_person_reads_why_a_check_failed() -> None:
    text = shown(verdict([PASSED, FAILED, UNMEASURED], {}))
    assert "FAIL: 2 of 3 checks" in text
    assert "b [c]" in text  # brackets are text, not markup
    assert "by theory" in text
    assert "not told" not in text


def test_a_person_reads_that_all_passed() -> None:
    assert "PASS: all 1 checks" in shown(verdict([PASSED], {}))


def test_judging_needs_no_reactor() -> None:
    """A program that only judges numbers must start without Twisted, which costs it a quarter of a second."""
    line = "import sys, loopixmix.verdict, loopixmix.progress; sys.exit('twisted' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", line], check=False).returncode == 0
