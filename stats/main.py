"""`loopixmix stats`: surveys and measurements whose answers nobody can link to a person.

Here the commands of `stats.cli` meet the reactor, the system's randomness and its clock.
"""

from __future__ import annotations

import click


@click.group()
def stats() -> None:
    """Ask many people, learn about all of them, and about none of them.

    Reports are randomised where they are made, travel over the mix network, and are counted together.
    """
