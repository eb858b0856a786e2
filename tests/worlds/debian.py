"""Programs that tests need from Debian: found, or installed if that is possible here."""

from __future__ import annotations

import fcntl
import functools
import os
import shutil
import subprocess
from pathlib import Path

INSTALL_S = 900.0
PACKAGES = {
    "chromium": "chromium",
    "curl": "curl",
    "faketime": "faketime",
    "dovecot": "dovecot-imapd",
    "go": "golang-go",
    "jq": "jq",
    "mutt": "mutt",
    "node": "nodejs",
    "openssl": "openssl",
    "pdftoppm": "poppler-utils",
    "postfix": "postfix",
    "postgres": "postgresql",
    "swaks": "swaks",
    "Xvfb": "xvfb",
    "strace": "strace",
    "thunderbird": "thunderbird",
}
"""The package of each program that is installed when it is missing."""
ELSEWHERE = {"postgres": "usr/lib/postgresql/*/bin/postgres"}
"""Where Debian puts a program that is not in the search path, as a pattern below the root."""


def find_program(name: str) -> Path | None:
    """Return where a program is, in its newest version; None if it is not installed."""
    found = shutil.which(name)
    if found is not None:
        return Path(found)
    places = Path("/").glob(ELSEWHERE[name]) if name in ELSEWHERE else ()
    return max(places, key=_version_of, default=None)


@functools.cache
def provide_program(name: str) -> Path | None:
    """Return where a program is; as root, install its package before if it is missing. None if that fails."""
    found = find_program(name)
    if found is None and name in PACKAGES and os.geteuid() == 0 and shutil.which("apt-get") is not None:
        # Processes that share the tests come here at the same time, and apt-get fails while another one runs.
        with Path(__file__).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            found = find_program(name)
            if found is None:
                install(PACKAGES[name])
                found = find_program(name)
    return found


def install(package: str) -> bool:
    """Install a package of Debian; return whether that worked."""
    install_it = ["apt-get", "install", "--yes", "--no-install-recommends", package]
    # The lists of packages may be too old, or not there at all.
    return _apt(install_it) or (_apt(["apt-get", "update"]) and _apt(install_it))


def _apt(command: list[str]) -> bool:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=INSTALL_S, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _version_of(program: Path) -> int:
    version = program.parts[-3]
    return int(version) if version.isdigit() else 0
