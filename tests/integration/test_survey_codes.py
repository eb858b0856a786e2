"""A code travels over a whole network: asked for by an account, or sent to a listed contact; real processes."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from loopixmix.process.background import loopixmix_command
from loopixmix.testnet.making import run_command
from loopixmix.testnet.network import TestNetwork
from loopixmix.testnet.plan import FAST_PARAMS, PlannedClient, PlannedProgram, PlannedService, TestnetPlan
from stats.questionnaire.questionnaire import PersonKind, Persons, SurveyDraft
from tests.worlds.stats.commands import good
from tests.worlds.stats.issuers import survey_draft, write_draft

PARAMS = msgspec.structs.replace(
    FAST_PARAMS,
    delay_mean_s=0.2,
    payload_rate_per_s=8.0,
    loop_rate_per_s=1.0,
    drop_rate_per_s=1.0,
    node_loop_rate_per_s=2.0,
    pull_batch=9,
)
COMMAND = ("{python}", "-P", "-m", "loopixmix.main", "stats", "issuer", "run", "{directory}/issuer")
PROGRAM = PlannedProgram("issuing", COMMAND, socket="issuer/issuer.sock", status_file="issuer/status.json")
PLAN = TestnetPlan(
    width=1,
    providers=2,
    params=PARAMS,
    base_port=22_580,
    services=(PlannedService("stats-issuer", provider=1, program="issuing"),),
    programs=(PROGRAM,),
    clients=(PlannedClient("stats-issuer", 1), PlannedClient("ann", 2), PlannedClient("bob", 1)),
)
PATIENCE_S = 240.0

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestNetwork]:
    # The path of a Unix socket in it has at most 107 bytes.
    made = TestNetwork.create(tmp_path_factory.mktemp("codes") / "n", PLAN)
    client = made.directory / "stats-issuer"
    run_command("stats", ["issuer", "init", str(issuer_of(made)), "--client", str(client)])
    with made.running(timeout_s=PATIENCE_S):
        yield made


def issuer_of(network: TestNetwork) -> Path:
    return network.directory / "issuing" / "issuer"


def frozen(network: TestNetwork, path: Path, kind: PersonKind) -> tuple[Path, Path]:
    """Add a survey to the issuer; return the files of draft and questionnaire."""
    draft: SurveyDraft = survey_draft(kind=kind)
    provider = "provider-2" if kind is PersonKind.ACCOUNT else ""
    draft = msgspec.structs.replace(
        draft,
        opens=draft.opens.replace(year=2099),
        closes=draft.closes.replace(year=2100),
        collector="provider-2",
        persons=Persons(kind=kind, issuer="provider-1", provider=provider),
    )
    file, keys, survey = write_draft(path / "draft.json", draft), path / "keys.json", path / "survey.json"
    good("issuer", "add", issuer_of(network), file, keys)
    good("freeze", file, "--keys", keys, "--out", survey)
    return file, survey


def ask(network: TestNetwork, client: str, survey: Path, within_s: int) -> subprocess.CompletedProcess[str]:
    line = loopixmix_command("stats", "code", str(network.directory / client), str(survey), "--within", str(within_s))
    return subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def test_an_account_of_the_provider_gets_one_code_and_others_none(network: TestNetwork, tmp_path: Path) -> None:
    _, survey = frozen(network, tmp_path, PersonKind.ACCOUNT)
    told = ask(network, "ann", survey, 60)
    assert told.returncode == 0, told.stderr
    assert len(told.stdout.strip()) == 24
    assert ask(network, "ann", survey, 60).stdout == told.stdout
    refused = ask(network, "bob", survey, 8)
    assert refused.returncode == 1
    assert "no code has come from stats-issuer@provider-1 yet" in refused.stderr
    counted = json.loads(good("issuer", "status", issuer_of(network), "--json"))
    assert [each["codes"] for each in counted["surveys"] if each["persons"] == "account"] == [1]


def test_a_listed_contact_gets_a_code_and_one_with_another_key_none(network: TestNetwork, tmp_path: Path) -> None:
    draft, survey = frozen(network, tmp_path, PersonKind.CONTACTS)
    fingerprint = json.loads(fingerprint_of(network, "bob"))["fingerprint"]
    listed = tmp_path / "people.csv"
    listed.write_text(f"address,fingerprint\nbob@provider-1,{fingerprint}\nann@provider-2,{fingerprint}\n")
    good("issuer", "contacts", issuer_of(network), draft, listed)
    told = ask(network, "bob", survey, 60)
    assert told.returncode == 0, told.stderr
    deadline_s = time.monotonic() + 30
    while "waiting" in (states := good("issuer", "contacts", issuer_of(network), draft, "--json")):
        assert time.monotonic() < deadline_s, states
        time.sleep(0.5)
    assert json.loads(states) == {"ann@provider-2": "other-key", "bob@provider-1": "sent"}


def fingerprint_of(network: TestNetwork, client: str) -> str:
    line = loopixmix_command("client", "status", str(network.directory / client), "--json")
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=True).stdout
