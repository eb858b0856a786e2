"""The bridge in its directory: what `loopixmix mail run` starts and stops."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping

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
from loopixmix.process.program import Program, World


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
            except LoopixmixError:
                parts.threads.stop()
                Deferred.fromCoroutine(parts.access.stop())
                raise
        except BaseException:
            self._claims.release()
            raise
        for account in parts.accounts:
            account.keeper.start()
            account.incoming.start()
        self._parts, self._ports = parts, ports
        self._certified = names_in(self._directory.path / CERTIFICATE_FILE)
        opened = [{"protocol": port.name, "host": port.host, "port": port.port} for port in ports.opened]
        report = {"pid": os.getpid(), "ports": opened}
        write_atomically(self._directory.path / PORTS_FILE, msgspec.json.encode(report), lasting=False)
        for port in ports.opened:
            self._log.info("{name} at {host}:{port}", name=port.name.upper(), host=port.host, port=port.port)

    async def stop(self) -> None:
        """Take no more mail, finish what is being stored, close the store. The client daemons go on."""
        parts, self._parts = self._parts, None
        if parts is None or self._ports is None:
            return
        self._ports.close()
        remove_file(self._directory.path / PORTS_FILE)
        for door in parts.doors:
            await door.smtp.stop()
            await door.imap.stop()
        for account in parts.accounts:
            account.incoming.stop()
            await account.keeper.stop()
            account.remote.close()
        parts.threads.stop()
        await parts.access.stop()
        self._claims.release()

    def status(self) -> BridgeReport:
        """Return how the bridge is."""
        accounts = () if self._parts is None else tuple(_report(account) for account in self._parts.accounts)
        problems = [self._certificate_problem(), *(account.problem for account in accounts)]
        if not accounts:
            problems.append("there is no mail account yet: loopixmix mail setup adds one")
        opened = self._ports.opened if self._ports is not None else []
        ports = tuple(f"{port.name} {port.host}:{port.port}" for port in opened)
        return BridgeReport(pid=os.getpid(), problem=next(filter(None, problems), None), ports=ports, accounts=accounts)

    def _certificate_problem(self) -> str:
        address = self._directory.config.private.address
        if not address or address in self._certified:
            return ""
        return f"the certificate does not name {address}: loopixmix mail setup DIR --listen {address} makes one"


def _report(account: AccountParts) -> AccountReport:
    status = account.keeper.status
    return AccountReport(
        address=account.user.address,
        client=str(account.keeper.directory),
        connected=status is not None and status.connected,
        problem=account.keeper.problem,
    )
