"""Commands about contacts and their keys."""

from __future__ import annotations

from pathlib import Path

import click

from client.api import Contact, UnknownContactError
from client.cli.outside import DIRECTORY, JSON, converse, show, show_json


@click.group(invoke_without_command=True)
@DIRECTORY
@click.pass_context
def contacts(context: click.Context, directory: Path) -> None:
    """The contacts that this client can write to.

    Each contact's key is pinned when it is added. Without a subcommand, all are listed.
    """
    context.obj = directory
    if context.invoked_subcommand is None:
        context.invoke(list_contacts)


@contacts.command("list")
@JSON
@click.pass_obj
def list_contacts(directory: Path, as_json: bool = False) -> None:
    """List all contacts."""
    found = converse(directory, lambda conversation: conversation.client.contacts())
    if as_json:
        return show_json(found)
    from client.cli.views import contacts_view

    return show(contacts_view(found))


@contacts.command()
@click.argument("address", metavar="ADDRESS")
@JSON
@click.pass_obj
def add(directory: Path, address: str, as_json: bool) -> None:
    """Look a key up anonymously and pin it."""
    _show_contact(converse(directory, lambda conversation: conversation.client.add_contact(address)), as_json)


@contacts.command()
@click.argument("address", metavar="ADDRESS")
@click.pass_obj
def remove(directory: Path, address: str) -> None:
    """Forget a contact and its key."""
    converse(directory, lambda conversation: conversation.client.remove_contact(address))
    click.echo(f"{address} is no contact any more")


@contacts.command()
@click.argument("address", metavar="ADDRESS")
@click.argument("fingerprint")
@JSON
@click.pass_obj
def accept(directory: Path, address: str, fingerprint: str, as_json: bool) -> None:
    """Take a key for theirs.

    Do so after you compared its FINGERPRINT with them, over another way. It may be the pinned key or a changed one.
    """
    accepted = converse(directory, lambda conversation: conversation.client.accept_key(address, fingerprint))
    _show_contact(accepted, as_json)


@contacts.command("show")
@click.argument("address", metavar="ADDRESS")
@JSON
@click.pass_obj
def show_one(directory: Path, address: str, as_json: bool) -> None:
    """Show one contact with its fingerprint."""
    found = converse(directory, lambda conversation: conversation.client.contacts())
    for contact in found:
        if contact.address == address:
            return _show_contact(contact, as_json)
    raise UnknownContactError(f"there is no contact {address}; add it first")


def _show_contact(contact: Contact, as_json: bool) -> None:
    if as_json:
        return show_json(contact)
    from client.cli.views import contact_view

    return show(contact_view(contact))
