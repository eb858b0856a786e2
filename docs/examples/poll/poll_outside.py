"""The poll on a test network, in a program of its own beside the provider."""

from __future__ import annotations

from poll_demo import SETTINGS
from poll_demo import additions as inside

from loopixmix.testnet.plan import Additions, PlannedService, TestnetPlan, serving_program


def additions(plan: TestnetPlan) -> Additions:
    """Return a provider that asks the poll over a socket, the program that answers, and the voters."""
    program = serving_program("poll")
    service = PlannedService("poll", settings=SETTINGS, program=program.name)
    return Additions(services=(service,), programs=(program,), clients=inside(plan).clients)
