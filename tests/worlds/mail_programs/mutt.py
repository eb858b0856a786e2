"""mutt at a terminal, with the configuration that docs/mail.md gives to users."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from pathlib import Path

from tests.worlds.mail_programs.mail_networks import MailSettings

PAGE = Path(__file__).parents[3] / "docs" / "mail.md"
PATIENCE_S = 120.0
ADDRESS, PASSWORD = "alice@provider-1.mix.invalid", "the password"


def configuration(account: MailSettings) -> str:
    """Return the muttrc of the page, with what the bridge printed for an account."""
    page = PAGE.read_text(encoding="utf-8")
    [found] = re.findall(r"^## mutt\n.*?^```\n(.*?)^```\n", page, re.DOTALL | re.MULTILINE)
    told = {ADDRESS: account.address, PASSWORD: account.password}
    told |= {":2143/": f":{account.imap_port}/", ":2587/": f":{account.smtp_port}/"}
    for shown, real in told.items():
        assert shown in found
        found = found.replace(shown, real)
    return str(found)


class Mutt:
    """mutt of one user."""

    def __init__(self, home: Path, account: MailSettings) -> None:
        """`home`: an empty directory."""
        self._home = home
        home.mkdir()
        (home / "muttrc").write_text(configuration(account))
        self._environment = os.environ | {"HOME": str(home), "TERM": "xterm"}

    def send(self, to: str, subject: str, text: str, attached: Path) -> None:
        """Send a mail with an attachment from the command line."""
        command = ["mutt", "-F", "muttrc", "-s", subject, "-a", str(attached), "--", to]
        done = subprocess.run(
            command,
            input=text.encode(),
            cwd=self._home,
            env=self._environment,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def newest(self, folder: str) -> bytes:
        """Open a folder that is not empty, as at a terminal, and return its newest mail."""
        got = self._home / "newest.eml"
        got.unlink(missing_ok=True)
        keys = f"<change-folder>={folder}<enter><last-entry><pipe-message>cat > {got.name}<enter><exit>"
        ours, theirs = pty.openpty()
        running = subprocess.Popen(
            ["mutt", "-F", "muttrc", "-e", "set wait_key=no", "-e", f'push "{keys}"'],
            cwd=self._home,
            env=self._environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        deadline_s = time.monotonic() + PATIENCE_S
        try:
            while running.poll() is None and time.monotonic() < deadline_s:
                # What is not read from a terminal holds up the program at some time.
                if select.select([ours], [], [], 0.2)[0]:
                    try:
                        os.read(ours, 65_536)
                    except OSError:  # the program has closed it
                        break
            running.wait(10)
        finally:
            if running.poll() is None:
                running.kill()
                running.wait()
            os.close(ours)
        return got.read_bytes()
