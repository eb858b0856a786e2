"""Mails that commands are given, as a file or on standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from leap_plugin.mail.envelope import MAX_MAIL_BYTES, MailTooLongError
from loopixmix.errors import MisuseError

STDIN = "-"


def read_mail(name: str) -> bytes:
    """Return the bytes of the file `name`, or of standard input for `-`, with the line ends of mail.

    Line ends stay as they are unless all are LF alone, as programs write mail into files. Raises `MisuseError` if it
    cannot be read, `MailTooLongError` if it is longer than a mail may be.
    """
    try:
        if name == STDIN:
            mail = sys.stdin.buffer.read(MAX_MAIL_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                mail = file.read(MAX_MAIL_BYTES + 1)
    except OSError as error:
        raise MisuseError(f"{name}: cannot be read: {error.strerror}") from error
    if not mail:
        raise MisuseError(f"{name}: there is no mail in it")
    if b"\r\n" not in mail:
        mail = mail.replace(b"\n", b"\r\n")
    if len(mail) > MAX_MAIL_BYTES:
        raise MailTooLongError(f"{name}: the mail is too long; at most {MAX_MAIL_BYTES:,} bytes are allowed")
    return mail
