"""A real Postfix and a real Dovecot, on loopback, with configurations, queues and mailboxes of their own.

Both start as root and drop their rights, so that these tests are for root alone: a container, or a build server.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PATIENCE_S = 90.0
DAEMONS = "/usr/lib/postfix/sbin"
MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """A mail server: it stores the mail of one domain, and hands that of another one to an entrance.

    It takes no addresses beyond ASCII, as many relays do not.
    """

    def __init__(self, port: int, *, stores: str, users: tuple[str, ...], forwards: str = "", forward_port: int = 0):
        """`stores`: the domain whose `users` have mailboxes here. `forwards`: the one of the server at another port."""
        self.port = port
        # Not in a directory that is closed to all but root: its daemons are other users.
        self.directory = Path(tempfile.mkdtemp(prefix="postfix-"))
        self.directory.chmod(0o755)
        self.log = self.directory / "mail.log"
        self.mailboxes = self.directory / "mailboxes"
        self.mailboxes.mkdir()
        nobody = pwd.getpwnam("nobody")
        os.chown(self.mailboxes, nobody.pw_uid, nobody.pw_gid)
        config, queue, data = (self.directory / name for name in ("config", "queue", "data"))
        for place in (config, queue, data):
            place.mkdir()
        os.chown(data, pwd.getpwnam("postfix").pw_uid, 0)
        boxes = " ".join(f"{user}@{stores}={stores}/{user}/," for user in users).rstrip(",")
        settings = {
            "compatibility_level": "3.6",
            "queue_directory": queue,
            "data_directory": data,
            "command_directory": "/usr/sbin",
            "daemon_directory": DAEMONS,
            "mail_owner": "postfix",
            "setgid_group": "postdrop",
            "maillog_file": self.log,
            "maillog_file_prefixes": self.directory,
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "myhostname": f"mx.{stores}",
            "mydestination": "",
            "mynetworks": "127.0.0.0/8",
            "local_transport": "error:there are no local users",
            "alias_maps": "",
            "alias_database": "",
            "disable_dns_lookups": "yes",
            "smtputf8_enable": "no",
            "virtual_mailbox_domains": stores,
            "virtual_mailbox_base": self.mailboxes,
            "virtual_mailbox_maps": f"inline:{{{boxes}}}",
            "virtual_uid_maps": f"static:{nobody.pw_uid}",
            "virtual_gid_maps": f"static:{nobody.pw_gid}",
            "virtual_minimum_uid": "1",
            "relay_domains": forwards,
            "transport_maps": f"inline:{{{forwards}=smtp:[127.0.0.1]:{forward_port}}}" if forwards else "",
            "smtp_send_xforward_command": "yes",
            "smtp_host_lookup": "native",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "message_size_limit": "60000000",
            "mailbox_size_limit": "0",
            "virtual_mailbox_limit": "0",
            "minimal_backoff_time": "5s",
            "maximal_backoff_time": "10s",
            "queue_run_delay": "5s",
        }
        (config / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
        (config / "master.cf").write_text(MASTER.format(port=port))
        self._config = config

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._postfix("start")
        wait_for_port(self.port)

    def stop(self) -> None:
        """Stop it, and remove all that is its."""
        self._postfix("stop", check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _postfix(self, command: str, *, check: bool = True) -> None:
        done = subprocess.run(
            ["postfix", "-c", str(self._config), command],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        log = self.log.read_text() if self.log.exists() else ""
        assert done.returncode == 0 or not check, f"postfix {command}: {done.stderr}{log[-3000:]}"


class Dovecot:
    """An IMAP server that shows the mailboxes of a Postfix."""

    PASSWORD = "of-the-test"

    def __init__(self, port: int, mailboxes: Path) -> None:
        """`mailboxes`: where the Maildirs are, by domain and user."""
        self.port = port
        self.directory = Path(tempfile.mkdtemp(prefix="dovecot-"))
        self.directory.chmod(0o755)
        nobody = pwd.getpwnam("nobody")
        self._config = self.directory / "dovecot.conf"
        self._config.write_text(f"""\
protocols = imap
listen = 127.0.0.1
base_dir = {self.directory}/run
state_dir = {self.directory}/state
log_path = {self.directory}/dovecot.log
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{mailboxes}/%d/%n
first_valid_uid = 1
first_valid_gid = 1
passdb {{
  driver = static
  args = password={self.PASSWORD}
}}
userdb {{
  driver = static
  args = uid={nobody.pw_uid} gid={nobody.pw_gid} home={self.directory}/home/%d/%n
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
""")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._process = subprocess.Popen(["dovecot", "-c", str(self._config), "-F"])
        wait_for_port(self.port)

    def stop(self) -> None:
        """Stop it, and remove all that is its."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(PATIENCE_S)
        shutil.rmtree(self.directory, ignore_errors=True)


def wait_for_port(port: int) -> None:
    """Wait until something listens at a port of loopback."""
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < deadline_s, f"nothing listens at port {port}"
            time.sleep(0.2)
