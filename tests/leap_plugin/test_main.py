"""The commands of `loopixmix mail`, as a user meets them first."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from leap_plugin.main import mail


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


@pytest.mark.parametrize(("path", "command"), list(commands(mail, "mail")))
def test_every_command_and_option_has_help(path: str, command: click.Command) -> None:
    assert command.help, path
    for parameter in command.params:
        assert isinstance(parameter, click.Argument) or getattr(parameter, "help", None), f"{path} {parameter.name}"
    assert not command.get_short_help_str(60).endswith("..."), path
