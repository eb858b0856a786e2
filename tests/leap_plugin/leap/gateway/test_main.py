"""The operator's commands, as an operator types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from client.remote import has_sealed_store
from leap_plugin.leap.gateway.deliveries import BoxDelivery, DeliveryState, add_delivery
from leap_plugin.leap.gateway.directory import open_leap_store
from leap_plugin.leap.gateway.main import leap_gateway
from loopixmix.errors import UnavailableError
from tests.client.leaving.test_archive import new_client
from tests.worlds.leap import KeyPair

BOB = KeyPair("bob@leap.example")


def run(*arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(leap_gateway, [str(argument) for argument in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "gateway"
    said = run("init", made, "--client", tmp_path / "client", "--domain", "LEAP.example")
    assert "soledad.token" in said
    (made / "soledad.token").write_text("incoming:a-secret-of-both\n")
    (made / "soledad.token").chmod(0o600)
    return made


def export(tmp_path: Path, *users: dict[str, object]) -> Path:
    file = tmp_path / "users.json"
    rows = [{"id": str(number), "doc": {"type": "Identity", **user}} for number, user in enumerate(users)]
    file.write_text(json.dumps({"total_rows": len(rows), "rows": rows}))
    return file


def keep(directory: Path, address: str, *, blob_id: str = "1", state: DeliveryState = DeliveryState.WAITING) -> None:
    store = open_leap_store(directory)
    kept = BoxDelivery(
        blob_id=blob_id,
        address=address,
        state=state,
        content=b"sealed",
        length_bytes=1234,
        numbers=(),
        sender="alice@provider-2",
        message_id="",
        arrived_at_s=1.0,
        next_at_s=2.0,
        attempts=3,
        problem="the user's quota is used up",
    )
    store.write(lambda connection: add_delivery(connection, kept))
    store.close()


def test_a_new_directory_is_good(directory: Path) -> None:
    assert "good" in run("run", directory, "--check-config")
    text = (directory / "leap.toml").read_text()
    assert 'domains = ["leap.example"]' in text
    with pytest.raises(Exception, match=r"leap\.toml"):
        run("init", directory, "--client", "client", "--domain", "leap.example")


def test_users_come_from_an_export(directory: Path, tmp_path: Path) -> None:
    file = export(
        tmp_path,
        {"address": "Bob@leap.example", "user_id": "1f2e", "keys": {"pgp": BOB.armored}, "further": 1},
        {"address": "carol@leap.example", "user_id": "3d4c", "keys": {}},
        {"address": "dave@leap.example", "user_id": "5b6a", "keys": {"pgp": "no key"}},
        {"address": "eve@leap.example", "user_id": "7988", "enabled": False},
        {"address": "fred@elsewhere.example", "user_id": "aabb"},
        {"address": "mallory@leap.example", "user_id": "../admin"},
        {"views": {}},
    )
    said = run("users", "import", directory, file)
    assert "users: 3, with a key: 1" in said
    for told in ("dave@leap.example has no key", "eve@leap.example is disabled", "no domain", "no uuid"):
        assert told in said
    listed = [json.loads(line) for line in run("users", "list", directory, "--json").splitlines()]
    assert listed == [
        {"address": "bob@leap.example", "uuid": "1f2e", "has_key": True},
        {"address": "carol@leap.example", "uuid": "3d4c", "has_key": False},
        {"address": "dave@leap.example", "uuid": "5b6a", "has_key": False},
    ]
    # Another one puts its users in the place of all.
    run("users", "import", directory, export(tmp_path, {"address": "zoe@leap.example", "user_id": "1"}))
    assert run("users", "list", directory).splitlines() == ["zoe@leap.example 1 (no key)"]


NO_EXPORTS = ("", "{}", "[]", '{"rows": [1]}', '{"rows": []}', '{"rows": [{"doc": {"address": 1}}]}')


@pytest.mark.parametrize("content", NO_EXPORTS)
def test_what_is_no_export_changes_nothing(directory: Path, tmp_path: Path, content: str) -> None:
    run("users", "add", directory, "bob@leap.example", "1f2e")
    (tmp_path / "bad.json").write_text(content)
    with pytest.raises(Exception, match=r"export|no user"):
        run("users", "import", directory, tmp_path / "bad.json")
    assert run("users", "list", directory).splitlines() == ["bob@leap.example 1f2e (no key)"]


def test_one_user_is_added_moved_and_removed(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "bob.asc").write_text(BOB.armored)
    assert "without a key" in run("users", "add", directory, "bob@leap.example", "1f2e")
    assert "without" not in run("users", "add", directory, "bob@leap.example", "1f2e", "--key", tmp_path / "bob.asc")
    keep(directory, "bob@leap.example")
    assert "goes there: 1 mails" in run("users", "move", directory, "Bob@leap.example", "new")
    assert run("users", "list", directory).splitlines() == ["bob@leap.example new"]
    assert "sent back: 1 mails" in run("users", "remove", directory, "bob@leap.example")
    assert run("users", "list", directory) == ""
    for command in (("move", directory, "bob@leap.example", "x"), ("remove", directory, "bob@leap.example")):
        with pytest.raises(Exception, match="no user"):
            run("users", *command)


def test_what_waits_is_told_and_tried_again(directory: Path) -> None:
    run("users", "add", directory, "bob@leap.example", "1f2e")
    assert "nothing waits" in run("waiting", directory)
    keep(directory, "bob@leap.example")
    keep(directory, "bob@leap.example", blob_id="2", state=DeliveryState.ASIDE)
    said = run("waiting", directory)
    assert "bob@leap.example: 1 waiting, 1 put aside, 2,468 bytes" in said
    assert "attempts: 3: the user's quota is used up" in said
    [told] = json.loads(run("waiting", directory, "--user", "BOB@leap.example", "--json"))
    assert (told["waiting"], told["aside"]) == (1, 1)
    assert "nothing waits" in run("waiting", directory, "--user", "carol@leap.example")
    assert ": 2 mails" in run("retry", directory)
    assert "put aside" not in run("waiting", directory)
    assert "thrown away: 2 mails" in run("users", "remove", directory, "bob@leap.example", "--discard")
    assert "nothing waits" in run("waiting", directory)


def test_a_gateway_that_does_not_run_says_so(directory: Path) -> None:
    keep(directory, "bob@leap.example", state=DeliveryState.UNSEALED)
    done = CliRunner().invoke(leap_gateway, ["status", str(directory), "--json"])
    assert done.exit_code == 1
    told = json.loads(done.output)
    assert (told["running"], told["problem"]) == (False, "the gateway does not run")
    assert (told["users"], told["waiting"], told["without_key"]) == (0, 0, 1)
    assert "running: no\nproblem: the gateway does not run\n" in run("status", directory, code=1)
    with pytest.raises(UnavailableError, match="nothing to stop"):
        run("stop", directory)


def test_help_names_every_command() -> None:
    said = run("--help") + run("users", "--help")
    for name in ("init", "run", "stop", "status", "waiting", "retry", "import", "add", "list", "remove", "move"):
        assert name in said


def test_the_client_of_a_gateway_has_its_store_sealed(tmp_path: Path) -> None:
    client = new_client(tmp_path)
    said = run("init", tmp_path / "gateway", "--client", client, "--domain", "leap.example")
    assert "sealed_store is true now" in said
    assert has_sealed_store(client)
    (tmp_path / "gateway" / "leap.toml").unlink()
    (tmp_path / "gateway" / "store.key").unlink()
    assert "sealed_store" not in run("init", tmp_path / "gateway", "--client", client, "--domain", "leap.example")


def test_who_has_no_client_yet_is_told_how_to_make_one(tmp_path: Path) -> None:
    said = run("init", tmp_path / "gateway", "--client", tmp_path / "client", "--domain", "leap.example")
    assert f"loopixmix client init {tmp_path / 'client'} --network FILE --gateway --sealed" in said
