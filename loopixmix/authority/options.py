"""The options that choose a network's parameters, one for each field of `NetworkParams`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click
import msgspec

from loopixmix.params import NetworkParams

PARAMETER_HELP = {
    "layers": "Layers of mixes.",
    "delay_mean_s": "Mean delay at each hop, in seconds.",
    "payload_rate_per_s": "Payload-or-drop packets per second of each client.",
    "loop_rate_per_s": "Loop packets per second of each client.",
    "drop_rate_per_s": "Drop cover packets per second of each client.",
    "node_loop_rate_per_s": "Loop packets per second of each mix and provider.",
    "pull_rate_per_s": "Pulls per second of each client.",
    "pull_batch": "Items that answer one pull.",
    "epoch_length_s": "Length of an epoch in seconds; can never change.",
    "grace_s": "How long keys are accepted before and after their epoch, in seconds.",
    "payload_bytes": "User payload of one packet in bytes.",
}

F = TypeVar("F", bound=Callable[..., object])


def parameter_options(defaults: NetworkParams) -> Callable[[F], F]:
    """Return a decorator that adds the options, with `defaults`, to a command."""

    def decorate(command: F) -> F:
        # Reversed: click shows the option first that was added last.
        for field in reversed(msgspec.structs.fields(NetworkParams)):
            default = getattr(defaults, field.name)
            option = click.option(
                _option(field.name),
                type=type(default),
                default=default,
                show_default=True,
                help=PARAMETER_HELP[field.name],
            )
            command = option(command)
        return command

    return decorate


def parameter_arguments(params: NetworkParams) -> list[str]:
    """Return the options that choose `params`, as a command line takes them."""
    return [f"{_option(name)}={value}" for name, value in msgspec.to_builtins(params).items()]


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
