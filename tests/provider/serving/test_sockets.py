"""The socket of a service: who may open it, and what is done about what lies there already."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory
from twisted.internet.selectreactor import SelectReactor
from twisted.python.failure import Failure

from loopixmix.errors import ConfigError, ListenError, MisuseError
from provider.serving.sockets import MAX_PATH_BYTES, SocketPlace, check_room, listen, peer_user_id, user_name


@pytest.fixture
def reactor() -> Iterator[SelectReactor]:
    """A reactor that never runs: it listens, which is all that is asked of it here."""
    made = SelectReactor()
    yield made
    for reader in [*made.removeAll(), made.waker]:
        reader.connectionLost(Failure(ConnectionDone()))


def listen_at(path: Path, reactor: SelectReactor, *, group: str = "") -> None:
    listen(SocketPlace(path, group=group), Factory(), reactor=reactor)


class Handle:
    """A transport over a real socket."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end

    def getHandle(self) -> socket.socket:
        return self.end


def test_only_its_owner_may_open_it(tmp_path: Path, reactor: SelectReactor) -> None:
    listen_at(tmp_path / "a.sock", reactor)
    assert (tmp_path / "a.sock").stat().st_mode & 0o777 == 0o600


def test_a_group_may_open_it_if_the_operator_names_one(tmp_path: Path, reactor: SelectReactor) -> None:
    listen_at(tmp_path / "a.sock", reactor, group=str(os.getgid()))
    assert (tmp_path / "a.sock").stat().st_mode & 0o777 == 0o660
    assert (tmp_path / "a.sock").stat().st_gid == os.getgid()


def test_the_socket_of_a_killed_program_is_taken_over(tmp_path: Path, reactor: SelectReactor) -> None:
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(tmp_path / "a.sock"))
    listen_at(tmp_path / "a.sock", reactor)


def test_the_socket_of_a_running_program_is_not(tmp_path: Path, reactor: SelectReactor) -> None:
    listen_at(tmp_path / "a.sock", reactor)
    with pytest.raises(ListenError, match="another program listens there"):
        listen_at(tmp_path / "a.sock", reactor)


def test_a_file_that_is_no_socket_is_not_removed(tmp_path: Path, reactor: SelectReactor) -> None:
    (tmp_path / "a.sock").write_text("precious")
    with pytest.raises(ListenError, match="is no socket"):
        listen_at(tmp_path / "a.sock", reactor)
    assert (tmp_path / "a.sock").read_text() == "precious"


def test_a_directory_that_is_not_there_is_told(tmp_path: Path, reactor: SelectReactor) -> None:
    with pytest.raises(ListenError, match="no such directory"):
        listen_at(tmp_path / "none" / "a.sock", reactor)


def test_a_path_that_the_system_has_no_room_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at most 107 bytes"):
        SocketPlace(tmp_path / ("x" * 108))


def test_a_folder_is_refused_if_a_socket_in_it_would_have_too_long_a_path() -> None:
    def room(root: str) -> None:
        check_room(Path(root), Path(root) / "net" / "a.sock")

    most = MAX_PATH_BYTES - len("/net/a.sock")
    room("/" + "x" * (most - 1))
    with pytest.raises(MisuseError, match=f"at most {most} bytes, and has {most + 1}"):
        room("/" + "x" * most)
    # Bytes count, and not letters.
    with pytest.raises(MisuseError):
        room("/" + "\u00e4" * (most // 2 + 1))


def test_a_user_has_a_name_or_a_number() -> None:
    assert SocketPlace(Path("a"), user="").user_id == os.getuid()
    assert SocketPlace(Path("a"), user="root").user_id == 0
    assert SocketPlace(Path("a"), user="1234").user_id == 1234
    with pytest.raises(ConfigError, match='no user "nobody-of-this-name"'):
        _ = SocketPlace(Path("a"), user="nobody-of-this-name").user_id
    assert (user_name(0), user_name(3_999_999)) == ("root", "3999999")


def test_an_unknown_group_is_told(tmp_path: Path, reactor: SelectReactor) -> None:
    with pytest.raises(ConfigError, match='no group "nobody-of-this-name"'):
        listen_at(tmp_path / "a.sock", reactor, group="nobody-of-this-name")


def test_the_kernel_says_who_is_at_the_other_end() -> None:
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        assert peer_user_id(Handle(one)) == os.getuid()
