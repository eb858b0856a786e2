"""A daemon in a directory, started if none runs there; the directory is made if it is not one of a client yet."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from client.api import NotRunningError
from client.directory.configuration import CONFIG_FILE, TRUST_ROOT_FILE, check_client, create_client
from client.http.endpoint import STARTING_FILE, find_endpoint
from loopixmix.config import load_trust_root
from loopixmix.errors import ConfigError
from loopixmix.process.background import last_words, loopixmix_command, start_in_background
from loopixmix.process.files import LockedError, lock_holder
from loopixmix.seams import Rng

LOG_FILE = "log.txt"
POLL_S = 0.1
WITHIN_S = 60.0
"""How long a daemon may take to answer, unless a program says otherwise."""
GIVE_UP_S = 3.0
"""How long after its end a daemon may still turn out to run: another program started one at the same time."""


class DaemonStart:
    """The start of the daemon of one client, in steps: the waiting between them is its user's."""

    def __init__(self, directory: Path, *, within_s: float) -> None:
        """`directory`: the client's. `within_s`: seconds until `check` gives up."""
        self._directory = directory
        self._deadline_s = time.monotonic() + within_s
        self._within_s = within_s
        self._is_begun = False
        self._ended_s: float | None = None

    def begin(self, *, network: Path | None, rng: Rng) -> None:
        """Make the client if there is none, and start its daemon if none runs.

        `network`: the trust root of a new client. Raises `ConfigError` or `StoreError`.
        """
        if network is not None and not (self._directory / CONFIG_FILE).exists():
            create_client(self._directory, network=network, api_port=0, rng=rng)
        check_client(self._directory)
        # A test network that was made anew has other keys: its client would wait for the old one for ever.
        own = self._directory / TRUST_ROOT_FILE
        if network is not None and own.exists() and load_trust_root(own) != load_trust_root(network):
            raise ConfigError(f"{self._directory} is of another network than {network}: choose another directory")
        self._start_if_none_runs()

    def check(self) -> None:
        """Look once more; raise `NotRunningError` if the daemon ended or it took too long."""
        # The daemon that ran at the beginning may have been about to end.
        self._start_if_none_runs()
        now_s = time.monotonic()
        # It holds this lock before it is far enough to take its own. The number of its process would tell nothing: the
        # system gives it to another one.
        if self._is_begun and self._ended_s is None and lock_holder(self._directory / STARTING_FILE) is None:
            self._ended_s = now_s
        if self._ended_s is not None and now_s > self._ended_s + GIVE_UP_S:
            raise NotRunningError(f"the client daemon of {self._directory} ended: {last_words(self._log, lines=1)}")
        if now_s > self._deadline_s:
            raise NotRunningError(f"the client daemon of {self._directory} does not answer after {self._within_s:g} s")

    def _start_if_none_runs(self) -> None:
        if self._is_begun:
            return
        try:
            find_endpoint(self._directory)
        except NotRunningError:
            command = loopixmix_command("client", "run", str(self._directory))
            lock = self._directory / STARTING_FILE
            # One that another program starts in this moment is as good.
            with contextlib.suppress(LockedError):
                start_in_background(command, log=self._log, environment=os.environ, lock=lock)
            self._is_begun = True

    @property
    def _log(self) -> Path:
        return self._directory / LOG_FILE
