"""Two users at different providers write to two names of a gateway's domain: real processes, and the commands."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest

from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import FAST_PARAMS, PlannedClient, PlannedDomain, PlannedRates, TestnetPlan
from loopixmix.testnet.processes import LOG_FILE

BASE_PORT = 31_440
# Slower than test networks usually are, and with longer delays: on a busy machine packets come seconds late, and would
# count as lost.
PARAMS = msgspec.structs.replace(
    FAST_PARAMS,
    delay_mean_s=0.5,
    payload_rate_per_s=8.0,
    loop_rate_per_s=1.0,
    drop_rate_per_s=1.0,
    node_loop_rate_per_s=1.0,
    pull_batch=9,
)
RATES = PlannedRates(payload_rate_per_s=30.0, pull_rate_per_s=5.0, pull_batch=40, mailbox_items=50_000)
PLAN = TestnetPlan(
    width=1,
    params=PARAMS,
    base_port=BASE_PORT,
    mailbox_items=60_000,
    clients=(PlannedClient("alice", 1), PlannedClient("bob", 2), PlannedClient("gate", 2, gateway=RATES)),
    domains=(PlannedDomain("example.org", 2, "gate"), PlannedDomain("example.net", 1)),
)
NOT_ALLOWED = '\n[[domains]]\ndomain = "example.com"\n'
PATIENCE_S = 240.0

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestNetwork]:
    made = TestNetwork.create(tmp_path_factory.mktemp("domains") / "net", PLAN)
    with (made.directory / "provider-1" / "node.toml").open("a") as config:
        config.write(NOT_ALLOWED)
    with made.running(timeout_s=PATIENCE_S):
        yield made


def told(network: TestNetwork, *arguments: str) -> str:
    """Run a command in the network's directory; it must succeed."""
    done = attempt(network, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def attempt(network: TestNetwork, *arguments: str) -> subprocess.CompletedProcess[str]:
    # Not by the forked commands, which have less patience: a look-up may take a minute.
    command = [sys.executable, "-P", "-m", "loopixmix.main", *arguments]
    return subprocess.run(
        command, cwd=network.directory, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def add_contact(network: TestNetwork, client: str, address: str) -> None:
    assert until(lambda: attempt(network, "client", "contacts", client, "add", address).returncode == 0)


def until(condition: Callable[[], object]) -> bool:
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < deadline_s:
        time.sleep(0.5)
    return bool(condition())


def rate(network: TestNetwork, client: str) -> object:
    """Return how many payloads a second a client means to send, cover in their place included."""
    return json.loads(told(network, "client", "status", client, "--json"))["payload"]["rate_per_s"]


def inbox(network: TestNetwork, client: str) -> list[tuple[str, str]]:
    found = [json.loads(line) for line in told(network, "client", "inbox", client, "--json").splitlines()]
    return sorted((message["sender"], base64.b64decode(message["body"]).decode()) for message in found)


def test_all_names_of_a_domain_reach_the_gateway_at_its_rates(network: TestNetwork) -> None:
    for sender, address in (("alice", "a@example.org"), ("bob", "b@example.org")):
        add_contact(network, sender, address)
        told(network, "client", "send", sender, address, f"for {address}")
    expected = [("alice@provider-1", "for a@example.org"), ("bob@provider-2", "for b@example.org")]
    assert until(lambda: inbox(network, "gate") == expected), inbox(network, "gate")
    # How much leaves in a minute is a matter of the machine, too: the attacks' tests count it on a clock of their own.
    assert (rate(network, "gate"), rate(network, "alice")) == (30.0, PARAMS.payload_rate_per_s)
    dropped = json.loads(told(network, "provider", "status", "provider-2", "--json"))["dropped"]
    assert "rate_limited" not in dropped


def test_the_gateway_answers_and_an_ordinary_domain_is_an_address_of_a_user(network: TestNetwork) -> None:
    add_contact(network, "gate", "alice@example.net")
    told(network, "client", "send", "gate", "alice@example.net", "from outside")
    assert until(lambda: ("gate@provider-2", "from outside") in inbox(network, "alice")), inbox(network, "alice")


def test_the_network_tells_its_domains_and_quotas(network: TestNetwork) -> None:
    seen = json.loads(told(network, "client", "network", "alice", "--json"))
    assert seen["fragment_bytes"] > 1_000
    one, two = seen["providers"]
    assert (one["mailbox_items"], two["mailbox_items"]) == (60_000, 60_000)
    assert one["domains"] == [{"domain": "example.net", "gateway": ""}]
    assert two["domains"] == [{"domain": "example.org", "gateway": "gate@provider-2"}]
    shown = told(network, "client", "network", "alice")
    assert "example.org (gate)" in shown


def test_a_domain_that_was_not_allowed_is_told_at_both_ends(network: TestNetwork) -> None:
    assert "not in the network document: example.com" in told(network, "provider", "status", "provider-1")
    assert "mail domains" not in told(network, "provider", "status", "provider-2")
    said = (network.directory / "authority" / LOG_FILE).read_text()
    assert "example.com is not under [[domains]]" in said
    refused = attempt(network, "client", "contacts", "alice", "add", "a@example.com")
    assert refused.returncode == 2
    assert "this network has no provider or mail domain example.com" in refused.stderr
