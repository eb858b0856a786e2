"""The directories of a test network: every node, program and client of a plan gets its own."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path

import click
import tomli_w

from loopixmix.authority.options import parameter_arguments
from loopixmix.errors import MisuseError
from loopixmix.testnet.plan import PlannedNode, TestnetPlan, planned_nodes, provider_name

TRUST_ROOT_FILE = "network.toml"


def run_command(role: str, arguments: Sequence[str]) -> None:
    """Run the subcommand `role` of `loopixmix` in this process, its output unheard. Raises what it raises."""
    # Found by entry point, because this package may not import the provider or the client.
    [entry_point] = entry_points(group="loopixmix.commands", name=role)
    command: click.Command = entry_point.load()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            command.main(args=list(arguments), prog_name=f"loopixmix {role}", standalone_mode=False)
        except click.ClickException as error:
            raise MisuseError(error.format_message()) from error


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
        run_command("client", [*where, *waits])


def _init_authority(directory: Path, plan: TestnetPlan, node: PlannedNode) -> None:
    arguments = ["init", str(directory / node.name), "--name", "testnet", "--listen", node.listen, "--open-enrolment"]
    arguments += ["--expected-mixes", str(plan.params.layers * plan.width)]
    arguments += ["--expected-providers", str(plan.providers)]
    run_command("authority", arguments + parameter_arguments(plan.params))
    shutil.copyfile(directory / node.name / TRUST_ROOT_FILE, directory / TRUST_ROOT_FILE)


def _init_node(directory: Path, node: PlannedNode, plan: TestnetPlan) -> None:
    here = [service for service in plan.services if provider_name(service.provider) == node.name]
    inside = [service for service in here if not service.program]
    arguments = ["init", str(directory / node.name), "--name", node.name, "--listen", node.listen]
    arguments += ["--network", str(directory / TRUST_ROOT_FILE)]
    if node.role == "provider":
        arguments += ["--registration", "open", "--guests", "open"]
        arguments += [word for service in inside for word in ("--service", service.name)]
    run_command(node.role, arguments)
    sockets = {program.name: directory.absolute() / program.name / program.socket for program in plan.programs}
    sections = {
        "service": {service.name: service.settings for service in inside if service.settings},
        "remote": {each.name: {"socket": str(sockets[each.program])} for each in here if each.program},
    }
    with (directory / node.name / "node.toml").open("a", encoding="utf-8") as config:
        config.write(tomli_w.dumps({name: section for name, section in sections.items() if section}))
