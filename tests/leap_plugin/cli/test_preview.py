"""`loopixmix mail preview`: the same bytes for people and programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loopixmix.main import run
from tests.worlds.mails import HTML_ONLY, MALFORMED, PLAIN


def preview(*arguments: object) -> int:
    return run(["mail", "preview", *(str(one) for one in arguments)])


def saved(directory: Path, mail: bytes) -> Path:
    path = directory / "mail.eml"
    path.write_bytes(mail)
    return path


def test_people_see_what_leaves_and_what_does_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert preview(saved(tmp_path, PLAIN)) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("What leaves, ")
    assert "Hello Bob." in shown
    assert "workstation" not in shown


def test_people_see_what_an_exit_makes_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = saved(tmp_path, PLAIN)
    assert preview(path) == 0
    assert "--exit DOMAIN shows what the gateway" in capsys.readouterr().out
    assert preview(path, "--exit", "gate.example") == 0
    shown = capsys.readouterr().out
    assert "From: anonymous@gate.example\n" in shown
    assert "Reply-To: reply-????????????????????@gate.example\n" in shown
    assert "List-Unsubscribe: <https://gate.example/stop/??" in shown
    assert "This mail came to the mail gateway of gate.example" in shown
    assert preview(path, "--exit", "gate.example", "--no-footer", "--opt-out-url", "https://x.example/out/") == 0
    shown = capsys.readouterr().out
    assert "List-Unsubscribe: <https://x.example/out/??" in shown
    assert "This mail came" not in shown


def test_programs_get_the_very_bytes(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    path = saved(tmp_path, PLAIN.replace(b"\r\n", b"\n"))
    assert preview(path, "--json") == 0
    answer = json.loads(capsysbinary.readouterr().out)
    assert preview(path, "--raw") == 0
    raw = capsysbinary.readouterr().out
    assert answer["length_bytes"] == len(answer["message"].encode()) == len(raw)
    assert raw.count(b"\r\n") == raw.count(b"\n")
    without_id = [line for line in raw.decode().split("\r\n") if not line.startswith("Message-ID")]
    assert without_id == [line for line in answer["message"].split("\r\n") if not line.startswith("Message-ID")]


@pytest.mark.parametrize("mail", [b"", HTML_ONLY, MALFORMED["unknown_charset"]], ids=["empty", "html", "malformed"])
def test_what_cannot_leave_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], mail: bytes) -> None:
    assert preview(saved(tmp_path, mail)) == 2
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)


def test_a_missing_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert preview(tmp_path / "none") == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert preview(tmp_path) == 2
