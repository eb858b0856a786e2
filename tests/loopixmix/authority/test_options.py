"""The options that choose a network's parameters."""

from __future__ import annotations

import click
import msgspec
from click.testing import CliRunner

from loopixmix.authority.options import PARAMETER_HELP, parameter_arguments, parameter_options
from loopixmix.params import NetworkParams

DEFAULTS = NetworkParams(layers=2, delay_mean_s=0.25)


def chosen(*arguments: str) -> NetworkParams:
    found: list[NetworkParams] = []

    @click.command()
    @parameter_options(DEFAULTS)
    def command(**params: float) -> None:
        found.append(msgspec.convert(params, NetworkParams))

    assert CliRunner().invoke(command, list(arguments), catch_exceptions=False).exit_code == 0
    return found[0]


def test_each_parameter_has_an_option_with_its_default_and_a_word_of_help() -> None:
    assert set(PARAMETER_HELP) == {field.name for field in msgspec.structs.fields(NetworkParams)}
    assert chosen() == DEFAULTS


def test_the_arguments_for_some_parameters_choose_these() -> None:
    wanted = NetworkParams(layers=4, payload_rate_per_s=7.5, epoch_length_s=600, grace_s=20)
    assert chosen(*parameter_arguments(wanted)) == wanted
