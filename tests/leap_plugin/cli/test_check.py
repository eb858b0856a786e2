"""`loopixmix mail check`: what passes, what does not, and what it says."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from client.api import Verified
from leap_plugin.directory.trace_file import create_trace_key
from leap_plugin.mail.trace import Origin, make_trace_key, mark
from loopixmix.main import main
from tests.worlds.mails import PLAIN


def check(directory: Path, mail: bytes, *options: str) -> int:
    path = directory / "mail.eml"
    path.write_bytes(mail)
    with pytest.raises(SystemExit) as ended:
        main(["mail", "check", str(path), "--directory", str(directory), *options])
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize(
    ("origin", "told"),
    [
        (Origin("alice@one", Verified.PINNED), "from alice@one, whose key is pinned, but not compared"),
        (Origin("alice@one", Verified.COMPARED), "from alice@one, whose key is compared; sealed"),
        (Origin("alice@one", Verified.UNKNOWN), "from alice@one, whose key is unknown; sealed"),
        (Origin(None, Verified.UNKNOWN), "from an anonymous sender; sealed from end to end"),
        (Origin("gate@one", Verified.COMPARED, "example.org"), "sealed to the gateway of example.org, which could"),
    ],
)
def test_true_lines_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str], origin: Origin, told: str) -> None:
    mail = mark(PLAIN, origin, create_trace_key(tmp_path, Random(1)))
    for saved in (mail, mail.replace(b"\r\n", b"\n")):
        assert check(tmp_path, saved, "--json") == 0
        verdict = json.loads(capsys.readouterr().out)
        assert verdict["passed"]
        assert told in verdict["checks"][0]["value"]
        assert verdict["figures"] == {"mail_bytes": len(PLAIN)}
    assert check(tmp_path, mail) == 0
    assert "PASS" in capsys.readouterr().out


def test_changed_forged_and_missing_lines_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    origin = Origin("alice@one", Verified.PINNED)
    mail = mark(PLAIN, origin, create_trace_key(tmp_path, Random(1)))
    for wrong, value in (
        (mail + b"more", "false"),
        (PLAIN, "none"),
        (mark(PLAIN, origin, make_trace_key(Random(2))), "none"),
    ):
        assert check(tmp_path, wrong, "--json") == 1
        verdict = json.loads(capsys.readouterr().out)
        assert (verdict["passed"], verdict["checks"][0]["value"]) == (False, value)


def test_a_directory_that_is_no_bridge_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path, PLAIN) == 2
    assert capsys.readouterr().err.count("\n") == 1
