"""The mail program mutt at a terminal, with keys pressed for its user."""

from __future__ import annotations

import os
import pty
import subprocess
import time
from pathlib import Path
from select import select

PATIENCE_S = 120.0
SETTINGS = """
set imap_user="alice"
set imap_pass="secret"
set ssl_starttls=no
set ssl_force_tls=no
set folder="imap://127.0.0.1:{port}/"
set spoolfile="+INBOX"
set record="+Sent"
set postponed="+Drafts"
set confirmappend=no
set confirmcreate=no
set delete=yes
set move=no
set quit=yes
set wait_key=no
set sort=mailbox-order
set realname="Alice"
set from="alice@one"
set imap_idle=yes
unset mark_old
unset help
"""


def press(home: Path, port: int, keys: str) -> None:
    """Start mutt on the INBOX of a server, and press keys until it ends; `home` is where it runs."""
    home.mkdir(exist_ok=True)
    settings = home / "muttrc"
    settings.write_text(SETTINGS.format(port=port) + f'push "{keys}"\n')
    ours, its = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "xterm", "LANG": "C.UTF-8"}
    shown = b""
    with subprocess.Popen(
        ["mutt", "-n", "-F", str(settings)],
        cwd=home,
        env=environment,
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    ) as mutt:
        os.close(its)
        until_s = time.monotonic() + PATIENCE_S
        try:
            while mutt.poll() is None and time.monotonic() < until_s:
                if select([ours], [], [], 0.2)[0]:
                    shown += os.read(ours, 65_536)
        except OSError:
            pass  # it has closed its end
        finally:
            if time.monotonic() >= until_s:
                mutt.kill()
            os.close(ours)
    assert mutt.returncode == 0, shown[-2_000:]
