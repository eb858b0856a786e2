"""Where demonstrations have their networks."""

from __future__ import annotations

import io
import socket

import pytest
from rich.console import Console

from loopixmix.errors import UnavailableError
from loopixmix.testnet.places import FIRST_PORT, PORTS, TemporaryPlace, free_base_port, is_free


def console() -> Console:
    return Console(file=io.StringIO(), width=80, _environ={})


def test_what_went_well_leaves_nothing() -> None:
    told = console()
    with TemporaryPlace("loopixmix-test-", told) as place:
        (place.path / "log.txt").touch()
        place.ended(well=True)
    assert not place.path.exists()
    assert told.file.getvalue() == ""  # type: ignore[attr-defined]


@pytest.mark.parametrize("raised", [True, False])
def test_the_logs_of_what_failed_are_kept_and_named(raised: bool) -> None:
    told = console()
    try:
        with TemporaryPlace("loopixmix-test-", told) as place:
            (place.path / "log.txt").touch()
            place.ended(well=False)
            if raised:
                raise UnavailableError("mix-1 ended")
    except UnavailableError:
        assert raised
    assert (place.path / "log.txt").exists()
    assert f"Everything is left in {place.path}: " in told.file.getvalue()  # type: ignore[attr-defined]
    (place.path / "log.txt").unlink()
    place.path.rmdir()


def test_an_interrupt_leaves_nothing() -> None:
    with pytest.raises(KeyboardInterrupt), TemporaryPlace("loopixmix-test-", console()) as place:
        raise KeyboardInterrupt
    assert not place.path.exists()


def test_ports_are_taken_where_all_are_free() -> None:
    assert free_base_port(lambda _: True) == FIRST_PORT
    assert free_base_port(lambda port: port != FIRST_PORT + 7) == FIRST_PORT + PORTS
    with pytest.raises(UnavailableError, match="name the first one by --base-port"):
        free_base_port(lambda _: False)


def test_a_port_at_which_somebody_listens_is_not_free() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        listening.listen()
        assert not is_free(port)
