"""The disk of a LEAP gateway in the wrong hands, at each stage of a mail."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import cast

from treq.testing import RequestTraversalAgent

from leap_plugin.leap.gateway import deliveries
from leap_plugin.leap.gateway.delivering import LOOK_S
from leap_plugin.leap.gateway.directory import KEY_FILE, STORE_FILE, create_leap_directory, own_leap_store
from leap_plugin.leap.gateway.users import make_owner, put_owner
from leap_plugin.mail.splitting import bodies_of
from loopixmix.process.files import load_secret
from loopixmix.store.access import inline_access
from loopixmix.store.sealing import KEY_BYTES, StoreKey
from loopixmix.web.calls import client_of
from tests.worlds.clients.world import World
from tests.worlds.leap import GatewayParts, KeyPair, Soledad
from tests.worlds.sealed_files import opened_pages

DOMAIN, BOB = "leap.example", "marked-bob@leap.example"
HEAD = b"Message-ID: <marked-id@x.example>\r\nSubject: marked-subject\r\n\r\n"
# So much of it is random that it is not compressed: otherwise the words would stand nowhere as they are.
MAIL = HEAD + random.Random(2).randbytes(9000) + b"marked-body" + random.Random(3).randbytes(9000)

ROUND_S = 61.0
"""Within it the client goes round once, and empties its log of changes."""
PARTS = "SELECT count(*) FROM incoming_fragments"


class LeapMachine:
    """The machine of a gateway: a client that is sealed, the gateway's program, which may be away, and all files."""

    def __init__(self, world: World, root: Path) -> None:
        self.world, self.root = world, root
        self.soledad = Soledad()
        self.client = world.person("leap@away", path=_made(root / "client") / "client.db", sealed=True)
        self.gateway = root / "gateway"
        create_leap_directory(
            self.gateway, client=root / "client", domains=(DOMAIN,), url="http://127.0.0.1:1/", rng=random.Random(4)
        )
        self.parts: GatewayParts | None = None
        self._open()

    def _open(self) -> None:
        self.access = inline_access(own_leap_store(self.gateway, random.Random(5)))

    def start(self) -> None:
        agent = RequestTraversalAgent(self.soledad)  # type: ignore[no-untyped-call]
        http = client_of(cast("object", agent))  # type: ignore[arg-type]
        self.parts = GatewayParts(self.client.client, self.access, http, domain=DOMAIN, clock=self.world.clock)

    def restart(self) -> None:
        """Stop all of it; the gateway's program runs again if it ran."""
        was_running = self.parts is not None
        self.stop()
        self.client.restart()
        self._open()
        if was_running:
            self.start()

    def stop(self) -> None:
        if self.parts is not None:
            self.world.run(self.parts.end())
            self.parts = None
        self.world.run(self.access.stop())

    def in_clear(self, words: Iterable[bytes]) -> list[bytes]:
        """Return which of these stand in any file."""
        files = [path.read_bytes() for path in self.root.rglob("*") if path.is_file()]
        return [word for word in words if any(word in content for content in files)]

    def with_the_keys(self, words: Iterable[bytes]) -> tuple[list[bytes], list[bytes]]:
        """Return which of these stand in the stores of client and gateway for somebody who has their keys."""
        key = StoreKey(load_secret(self.gateway / KEY_FILE, KEY_BYTES, called="the key"))
        client = b"".join(opened_pages(self.root / "client" / "client.db", self.client.keys.store_key))
        gateway = b"".join(opened_pages(self.gateway / STORE_FILE, key))
        return [word for word in words if word in client], [word for word in words if word in gateway]


def _made(path: Path) -> Path:
    path.mkdir()
    return path


def test_the_files_of_a_leap_gateway_tell_nothing_at_any_stage_of_a_mail(tmp_path: Path) -> None:
    """A mail comes in parts, waits for the gateway's program, waits while Soledad answers 507, and is delivered."""
    world = World(seed=18)
    alice = world.person("alice@home")
    machine = LeapMachine(world, tmp_path)
    world.acquaint(alice, machine.client)
    world.run(machine.client.client.remove_contact("alice@home"))  # a gateway knows only who writes to it
    bob = KeyPair(BOB)
    owner = make_owner(BOB, "uuid-of-bob", bob.armored.encode(), frozenset({DOMAIN}), world.clock.seconds())
    world.run(machine.access.write(lambda connection: put_owner(connection, owner)))
    text = [b"marked-subject", b"marked-body", b"marked-id"]
    words = [*text, BOB.encode(), b"alice", alice.keys.identity_key.public]

    # It comes, in parts, while the gateway's program does not run.
    [body] = bodies_of(MAIL, random.Random(1), to=BOB)
    world.run(alice.client.send("leap@away", body, kind="mail", idempotency_key="1"))
    assert world.wait_for(lambda: machine.client.store.read(lambda c: c.exec_driver_sql(PARTS).scalar()), 60)
    assert machine.in_clear(words) == []
    assert world.wait_for(lambda: world.run(machine.client.client.inbox()), 300)
    assert machine.in_clear(words) == []
    machine.restart()
    assert machine.in_clear(words) == []
    in_client, in_gateway = machine.with_the_keys(words)
    assert b"alice" in in_client
    assert in_gateway == [BOB.encode()]

    # It is encrypted to Bob, whose box is full.
    machine.soledad.full.add("uuid-of-bob")
    machine.start()
    assert world.wait_for(lambda: machine.soledad.puts, 60)
    assert machine.in_clear(words) == []
    machine.restart()
    world.clock.run_for(2 * ROUND_S)
    assert world.run(machine.client.client.inbox()) == []
    assert machine.in_clear(words) == []
    in_client, in_gateway = machine.with_the_keys(words)
    assert in_client == []
    assert set(in_gateway) == {BOB.encode(), b"alice", b"marked-id"}

    # There is room, and it is delivered.
    machine.soledad.full.clear()
    machine.restart()
    world.run(machine.access.write(lambda connection: deliveries.retry(connection, world.clock.seconds())))
    assert world.wait_for(lambda: machine.soledad.boxes["uuid-of-bob"], 2 * LOOK_S)
    assert [bob.read_incoming(content) for content in machine.soledad.boxes["uuid-of-bob"].values()] == [MAIL]
    assert machine.in_clear(words) == []
    machine.restart()  # the gateway's program tidies when it starts, and every ten minutes
    world.clock.run_for(2 * ROUND_S)
    assert machine.with_the_keys(words) == ([], [BOB.encode()])
    machine.stop()
    world.stop()
