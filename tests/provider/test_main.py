"""The command line of a provider: what it makes, what it says, and how it fails."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from loopixmix.authority.config import trust_root_toml
from loopixmix.errors import ConfigError, MisuseError
from loopixmix.keys import IdentityKey
from loopixmix.main import run
from loopixmix.wire import ItemKind
from provider.accounts import RegistrationMode, RegistrationRules, hash_invitation
from provider.mailbox import MailboxRules
from provider.main import provider
from provider.store import MailStore, sqlite_url
from provider.store.accounts import Application, find_card, register
from provider.store.items import NewItem, store_items
from provider.tokens.codes import CodeList
from provider.tokens.store import open_token_store
from tests.worlds.mailboxes.installed import Installed
from tests.worlds.networks.models import trust_root_of
from tests.worlds.tokens import token_key

ALICE = bytes([1]) * 32


def call(*arguments: str | Path, answer: str | None = None) -> Result:
    """Run the command; let unexpected errors through."""
    result = CliRunner().invoke(provider, [str(each) for each in arguments], input=answer)
    if result.exception is not None and not isinstance(result.exception, SystemExit | MisuseError):
        raise result.exception
    return result


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "network.toml"
    path.write_text(trust_root_toml(trust_root_of(IdentityKey(bytes(32)))))
    return path


@pytest.fixture
def directory(tmp_path: Path, network: Path) -> Path:
    made = tmp_path / "p1"
    result = call("init", made, "--name", "p1", "--listen", "127.0.0.1:30001", "--network", network)
    assert result.exit_code == 0
    return made


def open_store(directory: Path) -> MailStore:
    return MailStore(sqlite_url(directory / "mail.sqlite3"))


def open_account(directory: Path, name: str, identity: bytes) -> None:
    store = open_store(directory)
    application = Application(
        name=name, identity=identity, card=b"card", invitation_hash=b"", first_number=1, day=20_000
    )
    rules = RegistrationRules(mode=RegistrationMode.OPEN)
    assert store.write(lambda connection: register(connection, application, rules)) is None
    new = [NewItem(identity, ItemKind.MESSAGE, bytes(8), b"x", 20_000)]
    store.write(lambda connection: store_items(connection, new, MailboxRules()))
    store.close()


def test_init_makes_a_private_directory_and_says_what_to_do(tmp_path: Path, network: Path) -> None:
    made = tmp_path / "new"
    result = call("init", made, "--name", "p1", "--listen", "127.0.0.1:30001", "--network", network)
    assert f"loopixmix provider run {made}" in result.output
    assert f"loopixmix provider invite {made}" in result.output
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert stat.S_IMODE((made / "identity.key").stat().st_mode) == 0o600
    assert call("run", made, "--check-config").output == f"{made}: the configuration is good\n"
    assert not (made / "mail.sqlite3").exists()


def test_init_takes_services_and_guests(tmp_path: Path, network: Path) -> None:
    usual = ("--name", "p1", "--listen", "127.0.0.1:30001", "--network", network)
    made = tmp_path / "new"
    assert call("init", made, *usual, "--service", "echo", "--service", "keys", "--guests", "open").exit_code == 0
    assert 'guests = "open"' in (made / "node.toml").read_text()
    refused = call("init", tmp_path / "other", *usual, "--service", "weather")
    assert isinstance(refused.exception, ConfigError)
    assert 'no installed package offers "weather"' in str(refused.exception)
    assert not (tmp_path / "other").exists()


def test_init_overwrites_nothing(directory: Path, network: Path) -> None:
    result = call("init", directory, "--name", "p2", "--listen", "127.0.0.1:30002", "--network", network)
    assert isinstance(result.exception, MisuseError)
    assert 'name = "p1"' in (directory / "node.toml").read_text()


@pytest.mark.parametrize("mode", ["open", "invitation", "closed"])
def test_init_sets_who_may_register(tmp_path: Path, network: Path, mode: str) -> None:
    made = tmp_path / "new"
    call("init", made, "--name", "p1", "--listen", "127.0.0.1:1", "--network", network, "--registration", mode)
    assert f'mode = "{mode}"' in (made / "node.toml").read_text()


def test_an_invitation_is_shown_once_and_kept_as_a_hash(directory: Path) -> None:
    code = call("invite", directory).output.strip()
    assert code.encode() not in (directory / "mail.sqlite3").read_bytes()
    store = open_store(directory)
    application = Application(
        name="bob",
        identity=bytes(32),
        card=b"",
        invitation_hash=hash_invitation(code),
        first_number=1,
        day=0,
    )
    rules = RegistrationRules(mode=RegistrationMode.INVITATION)
    assert store.write(lambda connection: register(connection, application, rules)) is None
    store.close()


def test_many_invitations_for_programs(directory: Path) -> None:
    result = call("accounts", "invite", directory, "--count", "3", "--uses", "5", "--days", "1", "--json")
    codes = json.loads(result.output)["invitations"]
    assert len({hash_invitation(code) for code in codes}) == 3


def test_codes_for_tokens_are_made_where_there_is_an_issuer(tmp_path: Path, network: Path, directory: Path) -> None:
    refused = call("token-codes", directory)
    assert isinstance(refused.exception, ConfigError)
    assert 'no service "issuer"' in str(refused.exception)
    made = tmp_path / "issuing"
    usual = ("--name", "p2", "--listen", "127.0.0.1:30002", "--network", network)
    assert call("init", made, *usual, "--service", "issuer").exit_code == 0
    codes = json.loads(call("token-codes", made, "--tokens", "2", "--count", "3", "--json").output)["codes"]
    store = open_token_store(made / "services" / "issuer")
    allowed = [
        store.read(lambda c, code=code: CodeList().allowed(c, code.encode(), token_key(), 0.0)) for code in codes
    ]
    store.close()
    assert allowed == [2, 2, 2]


def test_no_store_is_made_to_list_accounts_where_no_provider_ran(directory: Path) -> None:
    before = set(directory.iterdir())
    result = call("accounts", "list", directory)
    assert isinstance(result.exception, ConfigError)
    assert set(directory.iterdir()) == before


def test_accounts_are_listed(directory: Path) -> None:
    open_account(directory, "alice", ALICE)
    line = call("accounts", "list", directory).output
    assert line.split() == ["alice", ALICE.hex(), "1", "items", "2024-10-04", "published"]
    assert json.loads(call("accounts", "list", directory, "--json").output) == {
        "accounts": [{"name": "alice", "identity": ALICE.hex(), "items": 1, "created": "2024-10-04", "published": True}]
    }


def test_an_account_is_removed_only_when_the_operator_says_yes(directory: Path) -> None:
    open_account(directory, "alice", ALICE)
    assert call("accounts", "remove", directory, "alice", answer="n\n").exit_code == 1
    assert "alice" in call("accounts", "list", directory).output
    assert call("accounts", "remove", directory, "alice", answer="y\n").exit_code == 0
    assert call("accounts", "list", directory).output == ""
    store = open_store(directory)
    assert store.read(lambda connection: find_card(connection, "alice")) is None
    store.close()
    result = call("accounts", "remove", directory, "alice", "--yes")
    assert str(result.exception) == "there is no account alice"


def test_a_store_that_cannot_be_used_shows_before_anything_runs(directory: Path) -> None:
    (directory / "mail.sqlite3").write_bytes(b"no database at all, but long enough to be read as one" * 200)
    for arguments in (["run", directory], ["run", directory, "--check-config"], ["accounts", "list", directory]):
        assert "the store is damaged" in str(call(*arguments).exception)


def test_a_wrong_configuration_is_one_line_and_exit_code_2(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = directory / "node.toml"
    path.write_text(path.read_text().replace("quota_items", "quota"))
    assert run(["provider", "run", str(directory), "--check-config"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f'{path}: unknown key "quota" in [mailbox] (allowed: quota_items' in error


def test_a_service_that_is_not_installed_is_one_line(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = directory / "node.toml"
    path.write_text(path.read_text().replace('"echo", ', '"echoo", '))
    assert run(["provider", "run", str(directory), "--check-config"]) == 2
    assert 'no installed package offers "echoo"' in capsys.readouterr().err


def test_nothing_runs_here(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["provider", "status", str(directory)]) == 1
    assert "no node runs here" in capsys.readouterr().err


SERVICES = """
class Poll:
    name = "poll"
    def __init__(self, context):
        self.question = context.settings["question"]
        (context.directory / "votes").write_text("made")
    async def answer(self, body):
        return body

class Board(Poll):
    name = "board"
    def close(self):
        pass
"""


def host(directory: Path, *names: str, settings: str = "") -> None:
    path = directory / "node.toml"
    services = "".join(f'"{name}", ' for name in names)
    path.write_text(path.read_text().replace("\nservices = [", f"\nservices = [{services}") + settings)


def test_the_check_makes_the_services_and_changes_nothing(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Installed(tmp_path / "site", monkeypatch).add("main_services", SERVICES, {"poll": "Poll", "board": "Board"})
    host(directory, "poll")
    assert run(["provider", "run", str(directory), "--check-config"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert 'the service "poll": class main_services.Poll needs the setting "question"' in error
    assert "put it into [service.poll] of node.toml" in error
    host(directory, settings='\n[service.poll]\nquestion = "What?"\n')
    before = sorted(directory.rglob("*"))
    assert run(["provider", "run", str(directory), "--check-config"]) == 0
    assert sorted(directory.rglob("*")) == before
    host(directory, "board")
    for arguments in (["run", directory, "--check-config"], ["run", directory]):
        assert 'class main_services.Board has a plain "def close"' in str(call(*arguments).exception)
