"""The directories of a test network: every node, program and client of a plan gets its own."""

from __future__ import annotations

import contextlib
import functools
import io
import shutil
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path

import click
import msgspec
import tomli_w

from loopixmix.authority.options import parameter_arguments
from loopixmix.config import commented_toml
from loopixmix.errors import MisuseError
from loopixmix.process.files import load_identity
from loopixmix.testnet.plan import PlannedNode, TestnetPlan, planned_nodes, provider_name

TRUST_ROOT_FILE = "network.toml"
CLIENT_IDENTITY_FILE = "identity.key"


def run_command(role: str, arguments: Sequence[str]) -> None:
    """Run the subcommand `role` of `loopixmix` in this process, its output unheard. Raises what it raises."""
    command = _command(role)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            command.main(args=list(arguments), prog_name=f"loopixmix {role}", standalone_mode=False)
        except click.ClickException as error:
            raise MisuseError(error.format_message()) from error


@functools.cache  # reading what all installed packages offer takes a tenth of a second, for each of hundreds of clients
def _command(role: str) -> click.Command:
    # Found by entry point, because this package may not import the provider or the client.
    [entry_point] = entry_points(group="loopixmix.commands", name=role)
    command: click.Command = entry_point.load()
    return command


def make_directories(directory: Path, plan: TestnetPlan) -> None:
    """Make keys and configurations of everything in `plan`, in folders of the empty `directory`."""
    authority, *nodes = planned_nodes(plan)
    _init_authority(directory, plan, authority)
    for node in nodes:
        _init_node(directory, node, plan)
    for program in plan.programs:
        (directory / program.name).mkdir(mode=0o700)
        for service in plan.services:
            if service.program == program.name:
                (directory / program.name / f"{service.name}.toml").write_text(tomli_w.dumps(service.settings))
    waits = ("--token-waits-s", str(plan.token_fetch_mean_s), str(plan.token_rest_mean_s))
    for client in plan.clients:
        where = ("init", str(directory / client.name), "--network", str(directory / TRUST_ROOT_FILE))
        run_command("client", [*where, *waits, *(("--gateway",) if client.gateway is not None else ())])
    _name_gateways(directory, plan)
    _allow_domains(directory, plan)


def _init_authority(directory: Path, plan: TestnetPlan, node: PlannedNode) -> None:
    arguments = [
        "init",
        str(directory / node.name),
        "--name",
        "testnet",
        "--listen",
        node.listen,
        "--open-enrolment",
        "--test",
    ]
    arguments += ["--expected-mixes", str(plan.params.layers * plan.width)]
    arguments += ["--expected-providers", str(plan.providers)]
    run_command("authority", arguments + parameter_arguments(plan.params))
    shutil.copyfile(directory / node.name / TRUST_ROOT_FILE, directory / TRUST_ROOT_FILE)


def _name_gateways(directory: Path, plan: TestnetPlan) -> None:
    """Say at the providers which mail domains they have, and which clients are gateways."""
    # Here, because a gateway is named by its key, which has just been made.
    for number in range(1, plan.providers + 1):
        domains = [
            {"domain": each.domain, **({"account": each.client} if each.client else {})}
            for each in plan.domains
            if each.provider == number
        ]
        gateways = [
            {
                "account": client.name,
                "identity": load_identity(directory / client.name / CLIENT_IDENTITY_FILE).public.hex(),
                **msgspec.to_builtins(client.gateway),
            }
            for client in plan.clients
            if client.provider == number and client.gateway is not None
        ]
        sections = {name: tables for name, tables in (("domains", domains), ("gateways", gateways)) if tables}
        _append(directory / provider_name(number) / "node.toml", sections)


def _allow_domains(directory: Path, plan: TestnetPlan) -> None:
    allowed = [{"domain": each.domain, "provider": provider_name(each.provider)} for each in plan.domains]
    authority, *_ = planned_nodes(plan)
    _append(directory / authority.name / "authority.toml", {"domains": allowed} if allowed else {})


def _append(config: Path, sections: Mapping[str, object]) -> None:
    # Not by tomli_w: it writes short tables on one line, which would belong to the last section of the file.
    if sections:
        with config.open("a", encoding="utf-8") as file:
            file.write("\n" + commented_toml(sections, head="What the plan of the test network adds.", comments={}))


def _init_node(directory: Path, node: PlannedNode, plan: TestnetPlan) -> None:
    here = [service for service in plan.services if provider_name(service.provider) == node.name]
    inside = [service for service in here if not service.program]
    arguments = ["init", str(directory / node.name), "--name", node.name, "--listen", node.listen]
    arguments += ["--network", str(directory / TRUST_ROOT_FILE)]
    if node.role == "provider":
        arguments += ["--registration", "open", "--guests", "open"]
        arguments += ["--mailbox-items", str(plan.mailbox_items)] if plan.mailbox_items else []
        arguments += [word for service in inside for word in ("--service", service.name)]
    run_command(node.role, arguments)
    sockets = {program.name: directory.absolute() / program.name / program.socket for program in plan.programs}
    sections = {
        "service": {service.name: service.settings for service in inside if service.settings},
        "remote": {each.name: {"socket": str(sockets[each.program])} for each in here if each.program},
    }
    _append(directory / node.name / "node.toml", {name: section for name, section in sections.items() if section})
