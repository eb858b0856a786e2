"""The network of the demonstration: issuer and collector at two providers, and many people in each process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from loopixmix.params import NetworkParams
from loopixmix.testnet.making import run_command
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import Additions, PlannedProgram, PlannedService, TestnetPlan, provider_name

PARAMS = NetworkParams(
    delay_mean_s=0.1,
    payload_rate_per_s=0.28,
    loop_rate_per_s=0.03,
    drop_rate_per_s=0.03,
    node_loop_rate_per_s=0.3,
    pull_rate_per_s=0.22,
    pull_batch=5,
    epoch_length_s=3600,
    grace_s=30,
)
"""Rates at which three hundred people leave the nodes under half load, and an answer arrives in seconds."""
PROVIDERS, ISSUERS_PROVIDER, COLLECTORS_PROVIDER = 4, 1, 2
"""The people are guests at the other two: no provider sees the link of a person and what the person sends."""
ISSUER, COLLECTOR = "stats-issuer", "stats"
PEOPLE = "people-"
PAGE_PORT = 30
"""The collector's pages, so many ports after the first one."""
TOKEN_WAITS_S = (1, 2)


@dataclass(frozen=True)
class DemoScale:
    """How large the demonstration is. `per_process`: people in one process. `base_port`: the first port."""

    people: int = 300
    per_process: int = 50
    base_port: int = 30_000

    @property
    def page_port(self) -> int:
        """The port of the dashboard."""
        return self.base_port + PAGE_PORT

    @property
    def processes(self) -> int:
        """How many processes the people's clients have."""
        return -(-self.people // self.per_process)

    @property
    def threshold(self) -> int:
        """How many reports are released together: a third of all, so that the dashboard fills step by step."""
        return max(2, self.people // 3)

    def provider_of(self, person: int) -> str:
        """Return where a person, from 1, is a guest."""
        process = (person - 1) // self.per_process
        return provider_name(COLLECTORS_PROVIDER + 1 + process % (PROVIDERS - COLLECTORS_PROVIDER))


@dataclass(frozen=True)
class SurveyFolders:
    """Where the demonstration puts things, in the folder `root`: a folder for each party."""

    root: Path

    @property
    def network(self) -> Path:
        """The test network."""
        return self.root / "net"

    @property
    def issuer(self) -> Path:
        """The issuer, in the directory of its program."""
        return self.network / ISSUER / "issuer"

    @property
    def collector(self) -> Path:
        """The collector, in the directory of its program."""
        return self.network / COLLECTOR / "collector"

    @property
    def author(self) -> Path:
        """The author of the survey: the draft, the keys, the questionnaire, the codes."""
        return self.root / "author"

    def client(self, person: int) -> Path:
        """The client of a person, from 1."""
        return self.network / "people" / f"{person:04}"


def survey_plan(scale: DemoScale, folders: SurveyFolders) -> TestnetPlan:
    """Return the plan of the network."""
    programs = [_program(ISSUER, "issuer"), _program(COLLECTOR, "collector"), *_people(scale, folders)]
    services = (
        PlannedService(ISSUER, provider=ISSUERS_PROVIDER, program=ISSUER),
        PlannedService(COLLECTOR, provider=COLLECTORS_PROVIDER, program=COLLECTOR),
    )
    plan = TestnetPlan(providers=PROVIDERS, base_port=scale.base_port, params=PARAMS)
    return plan.with_additions(Additions(services=services, programs=tuple(programs)))


def make_survey_network(scale: DemoScale, folders: SurveyFolders) -> TestNetwork:
    """Make the directories of all nodes, of issuer and collector, and a client for each person."""
    network = TestNetwork.create(folders.network, survey_plan(scale, folders))
    run_command("stats", ["issuer", "init", str(folders.issuer)])
    run_command("stats", ["collector", "init", str(folders.collector), "--port", str(scale.page_port)])
    waits = ("--token-waits-s", *map(str, TOKEN_WAITS_S))
    for person in range(1, scale.people + 1):
        run_command("client", ["init", str(folders.client(person)), "--network", str(network.trust_root), *waits])
    return network


def _program(service: str, role: str) -> PlannedProgram:
    # In a folder of its own: beside it stands the empty file of settings that every planned service has.
    command = ("{python}", "-P", "-m", "loopixmix.main", "stats", role, "run", f"{{directory}}/{role}")
    return PlannedProgram(service, command, socket=f"{role}/{role}.sock", status_file=f"{role}/status.json")


def _people(scale: DemoScale, folders: SurveyFolders) -> list[PlannedProgram]:
    programs = []
    for number, first in enumerate(range(1, scale.people + 1, scale.per_process), 1):
        last = min(first + scale.per_process - 1, scale.people)
        clients = [folders.client(person).relative_to(folders.network) for person in range(first, last + 1)]
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
        programs.append(PlannedProgram(f"{PEOPLE}{number}", command, status_file=f"../{clients[-1]}/api.url"))
    return programs
