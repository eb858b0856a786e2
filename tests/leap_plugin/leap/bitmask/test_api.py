"""Bitmask's local API and nicknym over real HTTP in memory: who may ask, what is answered."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import pytest
from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.web.iweb import IAgent

from client.testing import wait_for
from leap_plugin.leap.bitmask.api import TOKEN_FILE, LeapSettings, leap_api
from leap_plugin.leap.gateway.answering import KeyAnswers
from leap_plugin.leap.gateway.arriving import READER
from leap_plugin.leap.openpgp.asking import ASK_KIND
from loopixmix.errors import ConfigError
from loopixmix.web.calls import client_of
from loopixmix.web.sites import BoundedFactory
from tests.worlds.leap import LeapTown

PORT = 7070
USER = "alice@provider-2.mix.invalid"


class ServedApi:
    """The interfaces of a bridge, asked over HTTP without sockets."""

    def __init__(self, town: LeapTown, directory: Path) -> None:
        self.town = town
        self.reactor = MemoryReactorClock()
        settings = LeapSettings(directory=directory, port=PORT, tokens=lambda address: f"token of {address}")
        self.api = leap_api({USER: town.sender}, settings, reactor=self.reactor, clock=town.clock, rng=random.Random(2))
        self.url = self.api.start()
        self.token = (directory / TOKEN_FILE).read_text().strip()
        factory = cast(BoundedFactory, self.reactor.tcpServers[0][1])
        self.agent = RequestTraversalAgent(factory.wrappedFactory.resource)
        self.http = client_of(cast(IAgent, self.agent))

    def post(
        self,
        command: str,
        arguments: object = (),
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, dict[str, object]]:
        sent = {"Host": f"127.0.0.1:{PORT}", "X-Bitmask-Auth": self.token if token is None else token}
        body = arguments if isinstance(arguments, bytes) else json.dumps(arguments).encode()
        return self._ask("POST", f"/API/mail/{command}", {**sent, **(headers or {})}, body)

    def get(self, query: str, headers: Mapping[str, str] | None = None) -> tuple[int, dict[str, object]]:
        return self._ask("GET", f"/{query}", {"Host": f"localhost:{PORT}", **(headers or {})}, None)

    def _ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, dict[str, object]]:
        async def ask() -> tuple[int, dict[str, object]]:
            url = f"http://{headers['Host']}{path}"
            response = await self.http.request(method, url, headers=dict(headers), data=body)
            return response.code, json.loads(await response.content())

        asking = Deferred.fromCoroutine(ask())
        for _ in range(200):
            if asking.called:
                break
            self.town.clock.advance(0.5)
            # What was answered later is handed over only now.
            self.agent.flush()
        return wait_for(asking, self.town.clock)


@pytest.fixture
def town() -> Iterator[LeapTown]:
    made = LeapTown()
    yield made
    made.stop()
    assert not made.clock.getDelayedCalls()


@pytest.fixture
def served(town: LeapTown, tmp_path: Path) -> Iterator[ServedApi]:
    made = ServedApi(town, tmp_path)
    yield made
    wait_for(made.api.stop(), town.clock)


def test_it_is_served_on_loopback_alone(served: ServedApi) -> None:
    [(port, _, _, interface)] = served.reactor.tcpServers
    assert (port, interface) == (PORT, "127.0.0.1")


@pytest.mark.parametrize(
    ("userid", "address", "status"),
    [
        (USER, "bob@leap.example", "ok"),
        (USER.upper(), "bob@provider-1.mix.invalid", "ok"),
        (USER, "bob@elsewhere.example", "unsuported"),
        ("somebody@else.example", "bob@leap.example", "disabled"),
    ],
)
def test_the_status_of_the_network_in_bitmasks_words(served: ServedApi, userid: str, address: str, status: str) -> None:
    assert served.post("mixnet_status", [userid, address]) == (200, {"error": None, "result": {"status": status}})


def test_the_network_is_disabled_as_long_as_nothing_is_known_of_it(town: LeapTown, tmp_path: Path) -> None:
    class Away:
        async def network(self) -> None:
            raise ConfigError("there is no client yet")

    settings = LeapSettings(directory=tmp_path, port=PORT, tokens=str)
    api = leap_api({USER: Away()}, settings, reactor=MemoryReactorClock(), clock=town.clock, rng=random.Random(2))  # type: ignore[dict-item]
    assert not api.reachable[USER].is_known


def test_a_mail_program_gets_what_it_logs_in_with(served: ServedApi) -> None:
    answer = {"error": None, "result": {"user": USER, "token": f"token of {USER}"}}
    for command in ("get_token", "get_smtp_token", "get_imap_token"):
        assert served.post(command, [USER]) == (200, answer)


def test_the_status_of_the_parts(served: ServedApi) -> None:
    code, answer = served.post("status", [USER])
    assert code == 200
    result = cast(dict[str, object], answer["result"])
    assert result["status"] == "on"
    assert set(cast(dict[str, object], result["childrenStatus"])) == {"smtp", "imap", "mixnet"}
    served.town.network.cut("the provider cannot be reached")
    _, answer = served.post("status", [USER])
    result = cast(dict[str, object], answer["result"])
    assert (result["status"], result["error"]) == ("starting", "the provider cannot be reached")


@pytest.mark.parametrize(
    ("command", "arguments", "told"),
    [
        ("explode", [], "no such subcommand"),
        ("mixnet_status", [USER], "wrong number of arguments"),
        ("status", ["nobody@nowhere.example"], "no account"),
        ("get_token", ["nobody@nowhere.example"], "no account"),
        ("status", {"user": USER}, "JSON array"),
        ("status", b"{", "JSON array"),
        ("status", b"\xff", "JSON array"),
        ("status", [1], "JSON array"),
        ("status", ["x"] * 9, "at most"),
    ],
)
def test_what_is_wrong_is_told_in_the_answer(served: ServedApi, command: str, arguments: object, told: str) -> None:
    code, answer = served.post(command, arguments)
    assert code == 200
    assert answer["result"] is None
    assert told in str(answer["error"])


@pytest.mark.parametrize("token", ["", "0" * 64, "é"])
def test_without_the_token_nothing_is_told(served: ServedApi, token: str) -> None:
    code, answer = served.post("get_token", [USER], token=token)
    assert (code, set(answer)) == (401, {"error"})


FOREIGN = (
    {"Host": "rebound.example:7070"},
    {"Host": "127.0.0.1"},
    {"Host": "127.0.0.1:7071"},
    {"Origin": "https://page.example"},
    {"Origin": f"http://127.0.0.1:{PORT}"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-origin"},
)


@pytest.mark.parametrize("headers", FOREIGN)
def test_web_pages_and_rebound_names_are_refused(served: ServedApi, headers: dict[str, str]) -> None:
    assert served.post("get_token", [USER], headers=headers)[0] == 403
    assert served.get("?address=bob@leap.example", headers=headers)[0] == 403


def test_a_key_is_answered_as_nicknym_does(town: LeapTown, served: ServedApi) -> None:
    bob = town.add_user("bob")
    answers = KeyAnswers(town.gateway, town.access, clock=town.clock)
    town.gateway.on_received(ASK_KIND, answers.take, reader=READER)
    assert served.get("?address=bob@leap.example") == (200, {"address": bob, "openpgp": town.keys[bob].armored})
    assert served.get("?address=nobody@leap.example") == (404, {"error": "Not Found"})
    assert served.get("?address=bob@elsewhere.example") == (404, {"error": "Not Found"})


@pytest.mark.parametrize("query", ["", "?address=", "?address=a@leap.example&address=b@leap.example", "?address=%ff"])
def test_a_look_up_of_no_address_is_refused(served: ServedApi, query: str) -> None:
    assert served.get(query)[0] == 400


def test_a_gateway_that_does_not_answer_is_a_bad_gateway(town: LeapTown, served: ServedApi) -> None:
    code, answer = served.get("?address=bob@leap.example")
    assert code == 502
    assert "did not answer" in str(answer["error"])


def test_a_bridge_without_accounts_has_no_interfaces(town: LeapTown, tmp_path: Path) -> None:
    settings = LeapSettings(directory=tmp_path, port=PORT, tokens=str)
    with pytest.raises(ConfigError, match="none"):
        leap_api({}, settings, reactor=MemoryReactorClock(), clock=town.clock, rng=random.Random(2))
