"""The network of the demonstration: its nodes, the board beside a provider, and many voters in each process."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import psutil

from loopixmix.params import NetworkParams
from loopixmix.testnet.making import run_command
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import Additions, PlannedProgram, PlannedService, TestnetPlan, provider_name
from votes.board.requests import SERVICE
from votes.demo.folders import DemoFolders

PARAMS = NetworkParams(
    delay_mean_s=0.1,
    payload_rate_per_s=0.4,
    loop_rate_per_s=0.06,
    drop_rate_per_s=0.06,
    node_loop_rate_per_s=0.5,
    pull_rate_per_s=0.32,
    pull_batch=5,
    epoch_length_s=3600,
    grace_s=30,
)
"""Rates at which two hundred voters leave the nodes under half load, and a ballot still has its receipt in seconds."""
PROVIDERS = 3
BOARDS_PROVIDER = 3
"""The voters are guests at the others: no provider sees both a voter's link and the board."""
VOTERS = "voters-"
BOARD_SOCKET = "board.sock"
FACE_PORT = 20
"""The board's public face, so many ports after the first one."""
BOARD = f"{SERVICE}@{provider_name(BOARDS_PROVIDER)}"


@dataclass(frozen=True)
class DemoSize:
    """How large the demonstration is. `per_process`: voters in one process. `base_port`: the first port."""

    voters: int = 200
    per_process: int = 50
    base_port: int = 30_000

    @property
    def face_port(self) -> int:
        """The port of the board's public face."""
        return self.base_port + FACE_PORT

    @property
    def processes(self) -> int:
        """How many processes the voters' clients have."""
        return -(-self.voters // self.per_process)

    def provider_of(self, voter: int) -> str:
        """Return where a voter, from 1, is a guest."""
        process = (voter - 1) // self.per_process
        return provider_name(1 + process % (PROVIDERS - 1))


def demo_plan(size: DemoSize, folders: DemoFolders) -> TestnetPlan:
    """Return the plan of the network."""
    programs = [_board_program(), *_voters_programs(size, folders)]
    board = PlannedService(SERVICE, provider=BOARDS_PROVIDER, program=SERVICE)
    plan = TestnetPlan(providers=PROVIDERS, base_port=size.base_port, params=PARAMS)
    return plan.with_additions(Additions(services=(board,), programs=tuple(programs)))


def make_network(size: DemoSize, folders: DemoFolders) -> TestNetwork:
    """Make the directories of all nodes, and a client for each voter."""
    network = TestNetwork.create(folders.network, demo_plan(size, folders))
    for voter in range(1, size.voters + 1):
        run_command("client", ["init", str(folders.client(voter)), "--network", str(network.trust_root)])
    return network


def stop_voters(network: TestNetwork) -> None:
    """End the processes of the voters' clients, and no others."""
    for name, process in network.processes.running().items():
        if name.startswith(VOTERS):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()


def _board_program() -> PlannedProgram:
    # In a folder of its own: beside it stands the empty file of settings that every planned service has.
    command = ("{python}", "-P", "-m", "loopixmix.main", "vote", "board", "run", "{directory}/election")
    return PlannedProgram(SERVICE, command, socket=f"election/{BOARD_SOCKET}", status_file="election/status.json")


def _voters_programs(size: DemoSize, folders: DemoFolders) -> list[PlannedProgram]:
    programs = []
    for number, first in enumerate(range(1, size.voters + 1, size.per_process), 1):
        last = min(first + size.per_process - 1, size.voters)
        clients = [_within(folders.client(voter), folders.network) for voter in range(first, last + 1)]
        command = (
            "{python}",
            "-P",
            "-m",
            "loopixmix.main",
            "client",
            "run",
            *(f"{{network}}/{each}" for each in clients),
        )
        # The last one of them starts last.
        programs.append(PlannedProgram(f"{VOTERS}{number}", command, status_file=f"../{clients[-1]}/api.url"))
    return programs


def _within(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder))
