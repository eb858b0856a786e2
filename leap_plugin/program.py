"""The bridge in its directory: what `loopixmix mail run` starts and stops."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from functools import partial

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from leap_plugin.bridge.listening import MailPorts
from leap_plugin.directory.certificate import CERTIFICATE_FILE, names_in
from leap_plugin.directory.claims import ClientClaims
from leap_plugin.directory.configuration import PORTS_FILE, MailDirectory
from leap_plugin.status import AccountReport, BridgeReport
from leap_plugin.wiring import AccountParts, BridgeParts, wire_bridge
from loopixmix.errors import LoopixmixError
from loopixmix.process.files import remove_file, write_atomically
from loopixmix.process.log import LogSettings
from loopixmix.process.pause import Pause
from loopixmix.process.program import Program, World
from loopixmix.process.task import Task

LOOK_EVERY_S = 3.0
MOST_TOLD = 20
"""Of what waits, so many mails and recipients of each are told."""


class MailBridge(Program):
    """One bridge, from its directory to its ports."""

    _log = Logger("leap_plugin")

    def __init__(self, directory: MailDirectory, *, world: World) -> None:
        """`directory`: was read. `world`: given by the process. Nothing is opened before `start`."""
        self._directory = directory
        self._world = world
        self._claims = ClientClaims(directory.client_of(account) for account in directory.config.accounts)
        self._parts: BridgeParts | None = None
        self._ports: MailPorts | None = None
        self._certified: frozenset[str] = frozenset()
        self._reports: Mapping[str, AccountReport] = {}
        self._pause = Pause(world.clock)
        self._watch = Task("watching the queues of mails", clock=world.clock, rng=world.rng)

    @property
    def log_settings(self) -> LogSettings:
        """How the process is to log."""
        return self._directory.config.log

    @property
    def signals(self) -> Mapping[signal.Signals, Callable[[], object]]:
        """SIGHUP ends a bridge: its terminal is gone, and all its settings hold from the start."""
        return {signal.SIGHUP: self._world.end}

    def start(self) -> None:
        """Claim the identities, open the store, listen; raises a `LoopixmixError` with nothing left running."""
        self._claims.take()
        try:
            parts = wire_bridge(self._directory, self._world)
            ports = MailPorts([port for door in parts.doors for port in door.ports], self._world.reactor)
            try:
                ports.open()
                # Before anything works: a full disk would leave it working without an end.
                self._tell_ports(ports)
                if parts.leap is not None:
                    parts.leap.start()
            except LoopixmixError:
                ports.close()
                remove_file(self._directory.path / PORTS_FILE)
                parts.threads.stop()
                Deferred.fromCoroutine(parts.access.stop())
                raise
        except BaseException:
            self._claims.release()
            raise
        for account in parts.accounts:
            account.keeper.start()
            account.incoming.start()
            account.outgoing.start()
        self._watch.start(partial(self._look, parts))
        self._parts, self._ports = parts, ports
        self._certified = names_in(self._directory.path / CERTIFICATE_FILE)
        for port in ports.opened:
            self._log.info("{name} at {host}:{port}", name=port.name.upper(), host=port.host, port=port.port)

    async def stop(self) -> None:
        """Take no more mail, finish what is being stored, close the store. The client daemons go on."""
        parts, self._parts = self._parts, None
        if parts is None or self._ports is None:
            return
        self._ports.close()
        await self._watch.stop()
        if parts.leap is not None:
            await parts.leap.stop()
        remove_file(self._directory.path / PORTS_FILE)
        for door in parts.doors:
            await door.smtp.stop()
            await door.imap.stop()
        for account in parts.accounts:
            account.incoming.stop()
            await account.outgoing.stop()
            await account.keeper.stop()
            account.remote.close()
        parts.threads.stop()
        await parts.access.stop()
        self._claims.release()

    def status(self) -> BridgeReport:
        """Return how the bridge is."""
        accounts = () if self._parts is None else tuple(self._report(account) for account in self._parts.accounts)
        store = None if self._parts is None else self._parts.access.problem
        problems = [store, self._certificate_problem(), *(account.problem for account in accounts)]
        if not self._directory.config.accounts:
            problems.append("there is no mail account yet: loopixmix mail setup adds one")
        opened = self._ports.opened if self._ports is not None else []
        ports = tuple(f"{port.name} {port.host}:{port.port}" for port in opened)
        return BridgeReport(pid=os.getpid(), problem=next(filter(None, problems), None), ports=ports, accounts=accounts)

    def _tell_ports(self, ports: MailPorts) -> None:
        opened = [{"protocol": port.name, "host": port.host, "port": port.port} for port in ports.opened]
        report = {"pid": os.getpid(), "ports": opened}
        write_atomically(self._directory.path / PORTS_FILE, msgspec.json.encode(report), lasting=False)

    def _report(self, account: AccountParts) -> AccountReport:
        status = account.keeper.status
        connected = status is not None and status.connected
        known = self._reports.get(account.user.address, AccountReport(address=account.user.address, client=""))
        client, problem = str(account.keeper.directory), account.keeper.problem
        is_test = status is not None and status.test_network
        return msgspec.structs.replace(known, client=client, connected=connected, problem=problem, test_network=is_test)

    async def _look(self, parts: BridgeParts) -> None:
        is_blind = False
        while True:
            try:
                reports = {account.user.address: await _queue_of(account) for account in parts.accounts}
            except LoopixmixError as error:
                # Once, and not with each look: a line in three seconds would fill a disk that is full.
                if not is_blind:
                    self._log.error("the queues of mails cannot be looked at: {kind}", kind=type(error).__name__)
                is_blind = True
            else:
                self._reports, is_blind = reports, False
            await self._pause.wait(LOOK_EVERY_S)

    def _certificate_problem(self) -> str:
        address = self._directory.config.private.address
        if not address or address in self._certified:
            return ""
        return f"the certificate does not name {address}: loopixmix mail setup DIR --listen {address} makes one"


async def _queue_of(account: AccountParts) -> AccountReport:
    """Return what waits at an account, and what happens with it."""
    mails = await account.outgoing.overview()
    doing = [f"to {one.address}: {one.told()}" for mail in mails[:MOST_TOLD] for one in mail.recipients[:MOST_TOLD]]
    doing += (await account.incoming.state()).lines()
    return AccountReport(address=account.user.address, client="", waiting=len(mails), doing=tuple(doing))
