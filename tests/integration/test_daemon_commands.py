"""The commands of `loopixmix client` as processes, against the daemons of two fake clients."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.worlds.commands import command

TESTS = Path(__file__).parent.parent
ENVIRONMENT = {"PYTHONPATH": str(TESTS.parent), "PATH": "/usr/bin:/bin", "COLUMNS": "100"}


class Commands:
    """Runs commands in the directory of two daemons."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *arguments: str, stdin: bytes = b"", code: int = 0) -> subprocess.CompletedProcess[bytes]:
        done = command("client", *arguments, stdin=stdin, directory=self.root, environment=ENVIRONMENT)
        assert done.returncode == code, done.stderr.decode()
        return done

    def out(self, *arguments: str, stdin: bytes = b"") -> str:
        return self.run(*arguments, stdin=stdin).stdout.decode()

    def line(self, *arguments: str) -> list[str]:
        return [sys.executable, "-P", "-m", "loopixmix.main", "client", *arguments]


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    root = tmp_path_factory.mktemp("daemons")
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "tests.worlds.clients.fake_daemons", str(root)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        made = Commands(root)
        assert json.loads(made.out("register", "bob", "bob@away", "--json")) == {"guest": False, "address": "bob@away"}
        made.run("contacts", "alice", "add", "bob@away")
        made.run("contacts", "bob", "add", "alice@home")
        yield made
    finally:
        process.terminate()
        process.communicate()


def test_a_conversation(commands: Commands) -> None:
    sent = json.loads(commands.out("send", "alice", "bob@away", "hello bob", "--wait", "--json"))
    assert sent["state"] == "stored"
    assert "stored" in commands.out("message", "alice", sent["message_id"])
    lines = [json.loads(line) for line in commands.out("inbox", "bob", "--json").splitlines()]
    assert [line["message_id"] for line in lines if line["body"] == "aGVsbG8gYm9i"] == [sent["message_id"]]
    assert json.loads(commands.out("status", "bob", "--json"))["unread"] == 0
    assert "hello bob" in commands.out("inbox", "bob")
    assert commands.run("inbox", "bob", "--limit", "1").stderr == b"there may be more: --after 1\n"
    assert commands.run("inbox", "bob", "--after", "1000").stderr == b"no messages after number 1000\n"


def test_a_file_and_standard_input_are_sent_as_they_are(commands: Commands, tmp_path: Path) -> None:
    content = bytes(range(256)) * 400
    (tmp_path / "file").write_bytes(content)
    before = len(commands.out("inbox", "bob", "--json").splitlines())
    commands.run("send", "alice", "bob@away", "--file", str(tmp_path / "file"), "--kind", "file", "--wait")
    commands.run("send", "alice", "bob@away", "-", "--kind", "file", "--anonymous", "--wait", stdin=content)
    commands.run("inbox", "bob", "--after", str(before), "--save-dir", str(tmp_path / "saved"))
    saved = sorted((tmp_path / "saved").iterdir())
    assert [path.name for path in saved] == [f"{before + 1:06}-file", f"{before + 2:06}-file"]
    assert [path.read_bytes() for path in saved] == [content, content]
    saved[1].write_bytes(b"something of the user's own")
    again = commands.run("inbox", "bob", "--after", str(before), "--save-dir", str(tmp_path / "saved"), code=2)
    assert f"saved as {saved[0]}".encode() in again.stdout
    assert f"{saved[1]}: not saved, because another file is there".encode() in again.stderr
    assert saved[1].read_bytes() == b"something of the user's own"


def test_a_request_is_posted_and_its_answer_fetched_later(commands: Commands) -> None:
    post = ["request", "alice", "echo", "-", "--post", "--idempotency-key", "posted-1"]
    posted = commands.run(*post, stdin=b"\x00\xff").stdout.decode().strip()
    assert commands.run(*post, stdin=b"\x00\xff").stdout.decode().strip() == posted
    deadline_s = time.monotonic() + 20
    while (found := json.loads(commands.out("answer", "alice", posted, "--json")))["state"] != "answered":
        assert time.monotonic() < deadline_s, found
        time.sleep(0.2)
    assert commands.run("answer", "alice", posted).stdout == b"\x00\xff"
    assert b"no posted request" in commands.run("answer", "alice", "0" * 32, code=2).stderr


def test_a_posted_request_has_a_deadline(commands: Commands) -> None:
    post = ["request", "alice", "echo", "?", "--post"]
    assert len(commands.out(*post, "--not-before", "+1", "--deadline", "+60").strip()) == 32
    assert b"deadline" in commands.run(*post, "--deadline", f"+{2 * 365 * 86400}", code=2).stderr
    assert b"deadline" in commands.run(*post, "--not-before", "+60", "--deadline", "+1", code=2).stderr


def test_a_request_is_answered_on_standard_output_as_it_is(commands: Commands) -> None:
    assert commands.run("request", "alice", "echo", "-", stdin=b"\x00\xff\n\n").stdout == b"\x00\xff\n\n"


def test_contacts_come_and_go(commands: Commands) -> None:
    carol = json.loads(commands.out("contacts", "alice", "add", "carol@home", "--json"))
    spoken = carol["fingerprint"].upper().replace("-", " ")
    assert (
        json.loads(commands.out("contacts", "alice", "accept", "carol@home", spoken, "--json"))["verified"]
        == "compared"
    )
    assert "compared" in commands.out("contacts", "alice", "show", "carol@home")
    commands.run("contacts", "alice", "remove", "carol@home")
    listed = json.loads(commands.out("contacts", "alice", "list", "--json"))
    assert [contact["address"] for contact in listed] == ["bob@away"]


def test_readers_are_listed_and_removed(commands: Commands) -> None:
    assert "no program has read by a name" in commands.out("readers", "bob")
    url = urlsplit((commands.root / "bob" / "api.url").read_text().strip())
    token = (commands.root / "bob" / "api.token").read_text().strip()
    program = HTTPConnection(url.netloc)
    program.request("GET", "/v1/received?kind=note&reader=archive", headers={"Authorization": f"Bearer {token}"})
    assert program.getresponse().status == 200
    assert "archive" in commands.out("readers", "bob")
    assert b"end it first" in commands.run("readers", "bob", "remove", "archive", "note", code=2).stderr
    program.close()
    deadline_s = time.monotonic() + 20
    while json.loads(commands.out("readers", "bob", "list", "--json"))[0]["programs"]:
        assert time.monotonic() < deadline_s
    assert commands.out("readers", "bob", "remove", "archive", "note") == "archive is no reader of note any more\n"
    assert json.loads(commands.out("readers", "bob", "list", "--json")) == []
    assert b"there is no reader archive" in commands.run("readers", "bob", "remove", "archive", "note", code=2).stderr


def test_the_status_for_people_and_programs(commands: Commands) -> None:
    assert "alice@home" in commands.out("status", "alice")
    assert json.loads(commands.out("status", "bob", "--json"))["address"] == "bob@away"


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["send", "alice", "carol@home", "x"], 2, "there is no contact carol@home; add it first"),
        (["send", "alice", "bob@away", "x", "--kind", "Bad Kind"], 2, "a kind has 1 to 64 characters"),
        (
            ["request", "alice", "nothing", "x"],
            2,
            "no provider of this network offers nothing: loopixmix client network DIR lists",
        ),
        (["request", "alice", "echo", "x", "--timeout", "0.001"], 1, "did not answer within 0.001 s"),
        (["message", "alice", "00"], 2, "there is no message '00'"),
        (["contacts", "alice", "add", "Bob"], 2, "an address is name@provider"),
        (["contacts", "alice", "show", "nobody@home"], 2, "there is no contact nobody@home"),
        (["tokens", "take", "alice", "guest", "t.token"], 2, "there is no token for guest that may be spent now"),
        (["tokens", "take", "alice", "guest", "no/t.token"], 2, "no/t.token: cannot be written"),
        (["tokens", "take", "alice", "guest", "network.toml"], 2, "network.toml: exists already"),
        (["tokens", "order", "alice", "away", "guest", "0"], 2, "1 to 1000 tokens can be ordered at once, not 0"),
        (["register", "alice", "bob@away"], 1, "the name bob is taken at away"),
    ],
)
def test_errors_are_one_line(commands: Commands, arguments: list[str], code: int, complaint: str) -> None:
    told = commands.run(*arguments, code=code).stderr.decode()
    assert complaint in told
    assert told.count("\n") == 1


def test_a_token_that_cannot_be_had_leaves_no_file(commands: Commands) -> None:
    commands.run("tokens", "take", "alice", "guest", "t.token", code=2)
    assert not (commands.root / "t.token").exists()


def test_a_body_over_the_limit_is_refused_at_once(commands: Commands) -> None:
    told = commands.run("send", "alice", "bob@away", "-", stdin=bytes(10 * 1024 * 1024 + 1), code=2).stderr.decode()
    assert "a message has at most 10485760 bytes, not 10485761" in told


def test_a_daemon_that_does_not_run_is_told_so(commands: Commands) -> None:
    commands.run("init", "carol", "--network", "network.toml")
    told = commands.run("status", "carol", code=1).stderr.decode()
    assert told == "loopixmix: the client of carol is not running: start it with loopixmix client run carol\n"


def test_following_goes_on_until_it_is_interrupted(commands: Commands) -> None:
    following = subprocess.Popen(
        commands.line("inbox", "alice", "--follow", "--json"),
        cwd=commands.root,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert following.stdout is not None
    for text in ("one", "two"):
        commands.run("send", "bob", "alice@home", text)
        assert json.loads(following.stdout.readline())["kind"] == "text"
    following.send_signal(signal.SIGINT)
    _, errors = following.communicate(timeout=10)
    assert following.returncode == 130, errors
    assert b"Traceback" not in errors


def test_a_short_command_starts_quickly(commands: Commands) -> None:
    begin_s = time.monotonic()
    subprocess.run(commands.line("status", "alice", "--json"), cwd=commands.root, env=ENVIRONMENT, check=True)
    # About half a second on an idle machine: heavy imports (SQLAlchemy, klein, the daemon) would show.
    assert time.monotonic() - begin_s < 5
    loaded = "import client.main, client.cli.command_run, client.cli.views, sys; print('\\n'.join(sys.modules))"
    modules = subprocess.run([sys.executable, "-P", "-c", loaded], env=ENVIRONMENT, capture_output=True, check=True)
    assert not {b"sqlalchemy", b"klein", b"loopixmix.sphinx", b"client.running.service"} & set(modules.stdout.split())


def test_a_message_that_waits_is_cancelled_and_deleted(commands: Commands) -> None:
    later = json.loads(commands.out("send", "alice", "bob@away", "later", "--not-before", "+3600", "--json"))
    assert later["leaves_at_s"] is not None
    assert "0 of 1 fragments had left" in commands.out("cancel", "alice", later["message_id"])
    assert json.loads(commands.out("message", "alice", later["message_id"], "--json"))["state"] == "cancelled"
    commands.run("delete", "alice", later["message_id"])
    commands.run("message", "alice", later["message_id"], code=2)


def test_a_received_message_is_deleted(commands: Commands) -> None:
    commands.run("send", "alice", "bob@away", "forget me", "--wait")
    number = json.loads(commands.out("inbox", "bob", "--json").splitlines()[-1])["number"]
    assert "deleted" in commands.out("delete", "bob", str(number))
    assert "forget me" not in commands.out("inbox", "bob")
    commands.run("delete", "bob", str(number), code=2)


def test_tokens_are_counted_and_an_order_that_nobody_meets_is_refused(commands: Commands) -> None:
    assert "no tokens, and none ordered" in commands.out("tokens", "list", "alice").replace("\n", " ")
    assert json.loads(commands.out("tokens", "list", "alice", "--json")) == []
    refused = commands.run("tokens", "order", "alice", "home", "guest", code=2)
    assert b"home issues no tokens for guest" in refused.stderr


def test_how_long_a_message_would_take(commands: Commands) -> None:
    assert "on average" in commands.out("estimate", "alice", "bob@away", "1000")
    assert json.loads(commands.out("estimate", "alice", "bob@away", "1000", "--json"))["fragments"] == 1
    commands.run("estimate", "alice", "nobody@away", "1000", code=2)
