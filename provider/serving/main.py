"""Makes a program of a hosted service: `serve(Service, "service.sock", directory="service-data")`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from loopixmix.errors import LoopixmixError, MisuseError
from loopixmix.process.files import make_directory
from loopixmix.process.main import run_program
from provider.api import ServiceFactory, Setting
from provider.serving.program import LOCK_FILE, ServiceProgram, Serving
from provider.serving.sockets import SocketPlace

EXIT_FAILED = 1
EXIT_MISUSE = 2


def serve(
    service: ServiceFactory,
    socket: str | Path,
    *,
    directory: str | Path,
    settings: Mapping[str, Setting] | None = None,
    user: str = "",
    group: str = "",
) -> None:
    """Serve `service` on the Unix socket at `socket` until SIGTERM or ctrl-C; never returns.

    `service`: called with a `ServiceContext`, as inside a provider. `directory`: the service's own, made if it is not
    there. `settings`: what the service finds in `context.settings`. `user`: the user whose provider may connect; empty
    for our own. `group`: its members may open the socket. A socket that systemd holds is used instead of `socket`.

    Exits with 0 after SIGTERM, 2 if something is set wrongly, 1 after any other failure, with one line on stderr.
    """
    sys.exit(_exit_code(lambda: _serving(service, socket, directory, settings, user=user, group=group)))


def run_service(serving: Serving) -> None:
    """Run the program until it ends; raise the `LoopixmixError` that ended it."""
    make_directory(serving.directory)
    run_program(serving.directory / LOCK_FILE, lambda world: ServiceProgram(serving, world=world))


def _serving(
    service: ServiceFactory,
    socket: str | Path,
    directory: str | Path,
    settings: Mapping[str, Setting] | None,
    *,
    user: str,
    group: str,
) -> Serving:
    place = SocketPlace(Path(socket), user, group)
    return Serving(factory=service, place=place, directory=Path(directory), settings=settings or {})


def _exit_code(make: Callable[[], Serving]) -> int:
    try:
        run_service(make())
    except LoopixmixError as error:
        sys.stderr.write(f"{Path(sys.argv[0]).name}: {' '.join(str(error).split())}\n")
        return EXIT_MISUSE if isinstance(error, MisuseError) else EXIT_FAILED
    return 0
