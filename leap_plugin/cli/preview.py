"""`loopixmix mail preview`: what would leave of a mail that is sent anonymously."""

from __future__ import annotations

import hashlib

import click
import msgspec

from leap_plugin.cli.outside import mail_outside
from leap_plugin.cli.reading import STDIN, read_mail
from leap_plugin.mail.canonical import ANONYMOUS, CanonicalMail, canonicalise
from leap_plugin.mail.preview import preview

_TO_THE_OUTSIDE = (
    "To an address outside of the network, an exit gateway hands it on. It changes From, and adds header lines and\n"
    "perhaps a footer: --exit DOMAIN shows what the gateway of DOMAIN makes of it. If it has an OpenPGP key of the\n"
    "recipient, it encrypts the mail to that."
)


class PreviewAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints. `message`: all that leaves, which is ASCII but for addresses beyond it."""

    message: str
    length_bytes: int
    sha256: str
    left_out: tuple[str, ...]
    needs_smtputf8: bool


@click.command("preview")
@click.argument("mail_file", metavar="[MAIL|-]", default=STDIN)
@click.option("--exit", "exit_domain", metavar="DOMAIN", help="Show what the exit gateway of DOMAIN hands on.")
@click.option("--opt-out-url", default="", help="The exit's page for opting out; https://DOMAIN/stop without this.")
@click.option("--no-footer", is_flag=True, help="That exit puts no footer under texts.")
@click.option("--raw", "as_raw", is_flag=True, help="Print the bytes that leave, and nothing else.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def preview_command(
    mail_file: str, exit_domain: str | None, opt_out_url: str, no_footer: bool, as_raw: bool, as_json: bool
) -> None:
    """Show exactly what leaves of an anonymous mail.

    MAIL is a file with a mail as mail programs save it; without one, it is read from standard input. A mail is rebuilt
    from what its author wrote, so that it does not tell which program, machine or time zone it came from. The
    Message-ID and the boundary are drawn anew each time. A mail to a contact that is not sent anonymously leaves as it
    is, sealed to them.

    An address outside of the network gets it from an exit gateway, which puts its own address into From, and adds
    header lines and a footer. --exit shows that; the letters that only the exit knows are shown as question marks.
    """
    outside = mail_outside()
    mail = read_mail(mail_file)
    canonical = canonicalise(mail, sender=ANONYMOUS, ids={}, now_s=outside.now_s(), rng=outside.rng)
    if exit_domain:
        from leap_plugin.gateways.exit.previewing import ExitTerms, preview_departure

        terms = ExitTerms(exit_domain, opt_out_url or f"https://{exit_domain}/stop", not no_footer)
        canonical = preview_departure(canonical, terms, now_s=outside.now_s(), rng=outside.rng)
    if as_raw:
        click.echo(canonical.message, nl=False)
    elif as_json:
        click.echo(msgspec.json.encode(_answer(canonical)))
    else:
        click.echo(preview(canonical))
        if not exit_domain:
            click.echo(_TO_THE_OUTSIDE)


def _answer(canonical: CanonicalMail) -> PreviewAnswer:
    return PreviewAnswer(
        message=canonical.message.decode(),
        length_bytes=len(canonical.message),
        sha256=hashlib.sha256(canonical.message).hexdigest(),
        left_out=canonical.left_out,
        needs_smtputf8=canonical.needs_smtputf8,
    )
