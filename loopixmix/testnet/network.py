"""A test network in one directory: make it, start it, look at it, stop it."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import socket
import time
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import click

from loopixmix.authority.options import parameter_arguments
from loopixmix.config import load_config
from loopixmix.errors import ConfigError, ListenError, MisuseError, StoreError, UnavailableError
from loopixmix.observing.status import NodeStatus, read_status
from loopixmix.testnet.plan import HOST, PlannedNode, TestnetPlan, plan_toml, planned_nodes
from loopixmix.testnet.processes import ProcessTable

PLAN_FILE = "testnet.toml"
TRUST_ROOT_FILE = "network.toml"
STOP_GRACE_S = 10.0
POLL_S = 0.2


class TestNetwork:
    """The network whose files are in `directory`."""

    __test__ = False

    def __init__(self, directory: Path) -> None:
        """Open a network that `create` made. Raises `ConfigError` if there is none."""
        self.directory = directory
        if not (directory / PLAN_FILE).exists():
            raise ConfigError(f"{directory} holds no test network: make one with  loopixmix testnet init {directory}")
        self.plan = load_config(directory / PLAN_FILE, TestnetPlan)
        self.nodes = planned_nodes(self.plan)
        self.processes = ProcessTable(directory)

    @classmethod
    def create(cls, directory: Path, plan: TestnetPlan) -> TestNetwork:
        """Make keys and configurations for every node of `plan`. Raises `ConfigError` if there is one."""
        if directory.exists() and any(directory.iterdir()):
            raise ConfigError(f"{directory} is not empty: choose a new directory")
        try:
            directory.mkdir(parents=True, exist_ok=True)
            directory.chmod(0o700)
        except OSError as error:
            raise StoreError(f"{directory} cannot be written to: {error.strerror}") from error
        authority, *nodes = planned_nodes(plan)
        _init_authority(directory, plan, authority)
        for node in nodes:
            _init_node(directory, node)
        (directory / PLAN_FILE).write_text(plan_toml(plan))
        return cls(directory)

    @property
    def trust_root(self) -> Path:
        """The file that clients of this network need."""
        return self.directory / TRUST_ROOT_FILE

    def start(self) -> list[str]:
        """Start every node that does not run; return their names. Raises `ListenError` if a port is taken."""
        running = self.processes.running()
        wanted = [node for node in self.nodes if node.name not in running]
        # All of them first: half a network that started would have to be stopped again.
        for node in wanted:
            _check_port_free(node)
        for node in wanted:
            self.processes.start(node.name, [node.role, "run", str(self.directory / node.name)])
        return [node.name for node in wanted]

    def wait_until_healthy(self, *, timeout_s: float, progress: Callable[[int, int], None]) -> None:
        """Wait until every node is healthy, telling `progress` how many of how many are.

        Raises `UnavailableError` with the node's own last words if one ends, and if the time is over.
        """
        deadline_s = time.monotonic() + timeout_s
        while True:
            healthy = [name for name, status in self.statuses().items() if status is not None and status.healthy]
            progress(len(healthy), len(self.nodes))
            if len(healthy) == len(self.nodes):
                return
            for name in self.processes.exited():
                raise UnavailableError(f"{name} ended: {self.processes.last_words(name)}")
            if time.monotonic() > deadline_s:
                late = next(node.name for node in self.nodes if node.name not in healthy)
                raise UnavailableError(
                    f"{late} is not ready after {timeout_s:.0f} s: {self.processes.last_words(late)}"
                )
            time.sleep(POLL_S)

    def statuses(self) -> dict[str, NodeStatus | None]:
        """Return each node's own word on how it is; None for one that does not run or has not said yet."""
        running = self.processes.running()
        return {
            node.name: self._status(node.name, running[node.name].pid) if node.name in running else None
            for node in self.nodes
        }

    def stop(self) -> list[str]:
        """Stop every process; return the names of those that had to be killed."""
        return self.processes.stop(grace_s=STOP_GRACE_S)

    def _status(self, name: str, pid: int) -> NodeStatus | None:
        status = read_status(self.directory / name)
        # A killed process leaves its status behind, and its successor has not written one yet.
        return status if status is not None and status.pid == pid else None


def run_command(role: str, arguments: list[str]) -> None:
    """Run the subcommand `role` of `loopixmix` in this process, its output unheard. Raises what it raises."""
    # Found by entry point, because this package may not import the provider or the client.
    [entry_point] = entry_points(group="loopixmix.commands", name=role)
    command: click.Command = entry_point.load()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            command.main(args=arguments, prog_name=f"loopixmix {role}", standalone_mode=False)
        except click.ClickException as error:
            raise MisuseError(error.format_message()) from error


def _init_authority(directory: Path, plan: TestnetPlan, node: PlannedNode) -> None:
    arguments = ["init", str(directory / node.name), "--name", "testnet", "--listen", node.listen, "--open-enrolment"]
    arguments += ["--expected-mixes", str(plan.params.layers * plan.width)]
    arguments += ["--expected-providers", str(plan.providers)]
    run_command("authority", arguments + parameter_arguments(plan.params))
    shutil.copyfile(directory / node.name / TRUST_ROOT_FILE, directory / TRUST_ROOT_FILE)


def _init_node(directory: Path, node: PlannedNode) -> None:
    arguments = ["init", str(directory / node.name), "--name", node.name, "--listen", node.listen]
    arguments += ["--network", str(directory / TRUST_ROOT_FILE)]
    run_command(node.role, [*arguments, *(["--registration", "open"] if node.role == "provider" else [])])


def _check_port_free(node: PlannedNode) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, node.port))
        except OSError as error:
            raise ListenError(
                f"{node.name} cannot listen on {node.listen}: {os.strerror(error.errno or 0)}; "
                "stop what uses the port, or make a network with another --base-port"
            ) from error
