"""Debian packages that tests need and that a fresh machine does not have: installed by the tests, where they may."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess

PACKAGES = {"chromium": "chromium", "pdftoppm": "poppler-utils"}
"""The packages of programs that tests need by their `needs` mark."""

INSTALL_TIMEOUT_S = 900


def provide(programs: list[str]) -> None:
    """Install what is missing of these programs, those in `PACKAGES`; does nothing unless it may."""
    for program in programs:
        if program in PACKAGES and shutil.which(program) is None:
            install(PACKAGES[program])


@functools.cache
def install(package: str) -> bool:
    """Install a Debian package; false if this is no Debian, if we are not root, or if it failed. Tried once."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", package]
    # The second time with fresh lists: on a new machine there are none, or old ones.
    return _run(command) or (_run(["apt-get", "update", "-q"]) and _run(command))


def _run(command: list[str]) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=INSTALL_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
