"""`loopixmix simulate scenario`: what scenarios come along, and what is in one."""

from __future__ import annotations

import click


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs: all keys, as a run would see them.")
def scenario(name: str | None, as_json: bool) -> None:
    """List the scenarios that come along, or print one.

    `loopixmix simulate scenario default > my.toml` makes a file to change: it has every key with its range. NAME may
    also be a file, which is checked.
    """
    import msgspec

    from simulations.scenario import load_scenario, shipped
    from simulations.scenario.shipped import find_scenario

    if name is not None:
        path = find_scenario(name)
        loaded = load_scenario(path)
        if as_json:
            click.echo(msgspec.json.format(msgspec.json.encode(loaded), indent=2).decode())
        else:
            click.echo(path.read_text(encoding="utf-8"), nl=False)
        return
    described = {known: load_scenario(path).description for known, path in shipped().items()}
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(described), indent=2).decode())
        return
    widest = max(map(len, described), default=0)
    for known, description in described.items():
        click.echo(f"{known:<{widest}}  {description}")
