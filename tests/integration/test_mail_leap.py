"""A LEAP gateway on a real network: mail for a bound domain, from a client's process into Soledad over a socket."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.worlds.terminal import Terminal

BASE_PORT = 31_600
PROGRAM = f"""
import random, subprocess, sys
from pathlib import Path
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater, react
from twisted.web.server import Site
from client.remote import remote_client
from leap_plugin.leap.bitmask.nicknym import KeyLookups
from leap_plugin.leap.bitmask.reach import ReachableAddresses
from leap_plugin.mail.splitting import bodies_of
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import Additions, PlannedClient, PlannedDomain, PlannedRates, TestnetPlan
from tests.worlds.leap import SECRET, KeyPair, Soledad

home, rng = Path(sys.argv[1]), random.SystemRandom()
net, gateway = home / "net", home / "gateway"
plan = TestnetPlan(width=1, base_port={BASE_PORT}).with_additions(Additions(
    clients=(PlannedClient("leap", gateway=PlannedRates()), PlannedClient("alice", provider=2)),
    domains=(PlannedDomain("leap.example", client="leap"),),
))
mails = [b"Subject: %d\\r\\n\\r\\n" % n + rng.randbytes(20_000) for n in range(3)]
bob = KeyPair("bob@leap.example")


def loopixmix(*arguments):
    command = [sys.executable, "-P", "-m", "loopixmix.main", "mail", "leap-gateway", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def start():
    command = [sys.executable, "-P", "-m", "loopixmix.main", "mail", "leap-gateway", "run", str(gateway)]
    return subprocess.Popen(command, stderr=(home / "gateway.log").open("ab"))


async def use(reactor):
    soledad = Soledad()
    port = reactor.listenTCP(0, Site(soledad), interface="127.0.0.1")
    url = f"http://127.0.0.1:{{port.getHost().port}}/incoming"
    loopixmix("init", gateway, "--client", net / "leap", "--domain", "leap.example", "--soledad", url)
    (gateway / "soledad.token").write_text(SECRET)
    (gateway / "soledad.token").chmod(0o600)
    (home / "bob.asc").write_text(bob.armored)
    loopixmix("users", "add", gateway, "bob@leap.example", "uuid-of-bob", "--key", home / "bob.asc")
    alice = remote_client(net / "alice", reactor=reactor, rng=rng)
    reach = ReachableAddresses(alice, file=home / "reach.json", clock=reactor, rng=random.SystemRandom())
    await reach.look()
    await alice.add_contact("bob@leap.example")

    async def send(number):
        for body in bodies_of(mails[number], rng, to="bob@leap.example"):
            await alice.send("bob@leap.example", body, kind="mail", idempotency_key=str(number))

    async def until(count):
        for _ in range(1200):
            if len(soledad.boxes.get("uuid-of-bob", {{}})) >= count:
                return
            await deferLater(reactor, 0.1, lambda: None)
        raise TimeoutError(f"{{count}} mails have not come: {{(home / 'gateway.log').read_text()[-2000:]}}")

    running = start()
    try:
        await send(0)
        await until(1)
        lookups = KeyLookups(alice, reach, clock=reactor, rng=rng)
        lookups.start()
        found = await lookups.look_up("bob@leap.example")
        nobody = await lookups.look_up("nobody@leap.example")
        lookups.stop()
        # Killed, and mail comes while it does not run: after the next start all is delivered, and nothing twice.
        running.kill()
        running.wait()
        await send(1)
        running = start()
        await send(2)
        await until(3)
        leap = remote_client(net / "leap", reactor=reactor, rng=rng)
        left = len(await leap.inbox())
        leap.close()
    finally:
        running.terminate()
        code = running.wait()
    got = [bob.read_incoming(content) for content in soledad.boxes["uuid-of-bob"].values()]
    print((sorted(got) == sorted(mails), found.armored == bob.armored, nobody, left, code, len(soledad.puts)))
    print(loopixmix("waiting", gateway).strip())
    alice.close()
    await port.stopListening()


network = TestNetwork.create(net, plan)
with network.running():
    react(lambda reactor: Deferred.fromCoroutine(use(reactor)))
"""


SEALED_PORT = 30_860
SEALED_PROGRAM = f"""
import random, subprocess, sys
from pathlib import Path
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater, react
from twisted.web.server import Site
from client.directory.keys import load_keys
from client.remote import remote_client, start
from leap_plugin.mail.splitting import bodies_of
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import Additions, PlannedClient, PlannedDomain, PlannedRates, TestnetPlan
from tests.worlds.leap import SECRET, KeyPair, Soledad
from tests.worlds.sealed_files import opened_pages

home, rng = Path(sys.argv[1]), random.SystemRandom()
net, gateway = home / "net", home / "gateway"
client, plain = net / "leap", b"SQLite format 3"
plan = TestnetPlan(width=1, base_port={SEALED_PORT}).with_additions(Additions(
    clients=(PlannedClient("leap", gateway=PlannedRates()), PlannedClient("alice", provider=2)),
    domains=(PlannedDomain("leap.example", client="leap"),),
))
mail = b"Message-ID: <marked-id@x>\\r\\nSubject: marked-subject\\r\\n\\r\\n" + rng.randbytes(90_000) + b"marked-body"
bob = KeyPair("marked-bob@leap.example")
words = [b"marked", b"alice"]


def loopixmix(*arguments):
    command = [sys.executable, "-P", "-m", "loopixmix.main", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def run_gateway():
    command = [sys.executable, "-P", "-m", "loopixmix.main", "mail", "leap-gateway", "run", str(gateway)]
    return subprocess.Popen(command, stderr=(home / "gateway.log").open("ab"))


def in_clear():
    files = [path for place in (client, gateway) for path in place.rglob("*") if path.is_file()]
    files.append(home / "gateway.log")
    return sorted(str(path.relative_to(home)) for path in files if any(word in path.read_bytes() for word in words))


async def use(reactor):
    async def until(condition, what):
        for _ in range(1200):
            found = condition()
            if (await found if hasattr(found, "__await__") else found):
                return
            await deferLater(reactor, 0.1, lambda: None)
        raise TimeoutError(what + ": " + (home / "gateway.log").read_text()[-2000:])

    words.append(load_keys(net / "alice").identity_key.public)
    (home / "gateway.log").touch()
    soledad = Soledad()
    port = reactor.listenTCP(0, Site(soledad), interface="127.0.0.1")
    url = f"http://127.0.0.1:{{port.getHost().port}}/incoming"
    was_plain = (client / "client.db").read_bytes().startswith(plain)
    loopixmix("mail", "leap-gateway", "init", gateway, "--client", client, "--domain", "leap.example", "--soledad", url)
    (gateway / "soledad.token").write_text(SECRET)
    (gateway / "soledad.token").chmod(0o600)
    (home / "bob.asc").write_text(bob.armored)
    loopixmix("mail", "leap-gateway", "users", "add", gateway, bob.address, "uuid-of-bob", "--key", home / "bob.asc")
    loopixmix("client", "stop", client)
    leap = await start(client, reactor=reactor, rng=rng)
    is_plain = (client / "client.db").read_bytes().startswith(plain)
    print((was_plain, is_plain, in_clear()))

    alice = remote_client(net / "alice", reactor=reactor, rng=rng)
    await alice.add_contact(bob.address)
    for body in bodies_of(mail, rng, to=bob.address):
        await alice.send(bob.address, body, kind="mail", idempotency_key="1")
    await until(leap.inbox, "no mail came")
    before = in_clear()
    loopixmix("client", "stop", client)
    print(("inbox", before, in_clear()))

    soledad.full.add("uuid-of-bob")
    running = run_gateway()
    try:
        await until(lambda: soledad.puts, "nothing was put")
        await until(lambda: "quota" in loopixmix("mail", "leap-gateway", "waiting", gateway), "nothing waits")
        full = in_clear()
        running.kill()
        running.wait()
        print(("507", full, in_clear()))
        soledad.full.clear()
        running = run_gateway()
        loopixmix("mail", "leap-gateway", "retry", gateway)
        await until(lambda: soledad.boxes["uuid-of-bob"], "nothing was delivered")
        await until(lambda: "nothing" in loopixmix("mail", "leap-gateway", "waiting", gateway), "something waits")
        delivered = in_clear()
        left = len(await leap.inbox())
        leap.close()
        await deferLater(reactor, 65.0, lambda: None)
        pages = b"".join(opened_pages(client / "client.db", load_keys(client).store_key))
        print(("delivered", delivered, in_clear(), left, b"marked" in pages, b"CREATE TABLE inbox" in pages))
    finally:
        running.terminate()
        code = running.wait()
    got = [bob.read_incoming(content) for content in soledad.boxes["uuid-of-bob"].values()]
    print((got == [mail], code))
    # It was started by the gateway, and belongs to no test network any more.
    loopixmix("client", "stop", client)
    alice.close()
    await port.stopListening()


network = TestNetwork.create(net, plan)
with network.running():
    react(lambda reactor: Deferred.fromCoroutine(use(reactor)))
"""


@pytest.mark.long
def test_no_file_of_client_and_gateway_tells_anything_at_any_stage(tmp_path: Path) -> None:
    """A client that exists is sealed; mail waits in it, then for room in the box, and comes; all is killed between."""
    person = Terminal(tmp_path / "home")
    said = [
        ast.literal_eval(line)
        for line in person.python("-c", SEALED_PROGRAM, str(tmp_path), patience_s=900).splitlines()
    ]
    person.close()
    assert said == [
        (True, False, []),
        ("inbox", [], []),
        ("507", [], []),
        ("delivered", [], [], 0, False, True),
        (True, 0),
    ]


@pytest.mark.long
def test_mail_for_a_domain_reaches_the_incoming_boxes_of_its_users(tmp_path: Path) -> None:
    person = Terminal(tmp_path / "home")
    said = person.python("-c", PROGRAM, str(tmp_path), patience_s=900).splitlines()
    person.close()
    is_equal, has_key, nobody, left, code, puts = ast.literal_eval(said[0])
    assert (is_equal, has_key, nobody, left, code) == (True, True, None, 0, 0)
    assert puts == 3
    assert said[1] == "nothing waits"
    log = (tmp_path / "gateway.log").read_text()
    assert "bob@leap.example" not in log
    assert "Traceback" not in log
