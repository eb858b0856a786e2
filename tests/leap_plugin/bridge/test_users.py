"""Who may log in: by which names, and at which door."""

from __future__ import annotations

from leap_plugin.bridge.users import ImapUsers, MailUser, MailUsers
from leap_plugin.mail.submitting import Announcement
from tests.worlds.mail_folders import MemoryMailboxes
from tests.worlds.submissions import ALICE, PASSWORD, MemorySubmissions

BOB = "bob@example.org"


class Door:
    """Takes one password, and notes whose it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        users = (MailUser(ALICE, MemoryMailboxes(), MemorySubmissions()), _with_room(BOB, 5_000_000))
        self.users = MailUsers({user.address: user for user in users}, self._is_password)

    def _is_password(self, login: str, password: str) -> bool:
        self.asked.append(login)
        return password == PASSWORD

    def opened(self, login: str, password: str = PASSWORD) -> str | None:
        user = self.users.log_in(login, password)
        return None if user is None else user.address


def _with_room(address: str, size_bytes: int) -> MailUser:
    return MailUser(address, MemoryMailboxes(), MemorySubmissions(size_bytes=size_bytes))


def test_a_user_is_known_by_the_mail_address_in_any_case_and_by_that_of_the_network() -> None:
    door = Door()
    for name in (ALICE, ALICE.upper(), "alice@provider-1"):
        assert door.opened(name) == ALICE
    assert door.opened(BOB) == BOB


def test_a_wrong_name_costs_as_much_as_a_wrong_password() -> None:
    door = Door()
    assert door.opened(ALICE, "wrong") is None
    for name in ("nobody@provider-1", "", "alice", "x" * 100_000):
        assert door.opened(name) is None
    assert door.asked == [ALICE, "", "", "", ""]


def test_before_it_is_known_who_asks_the_most_generous_size_is_told() -> None:
    assert Door().users.announcement() == Announcement(
        size_bytes=5_000_000, text="mix network: a short mail takes about 3 s"
    )
    assert MailUsers({}, lambda *_: True).announcement().size_bytes == 0


def test_imap_asks_the_same_users() -> None:
    users = ImapUsers(Door().users)
    assert users.open(ALICE.encode(), PASSWORD.encode()) is not None
    assert users.open(ALICE.encode(), b"wrong") is None
    assert users.open(b"\xff", b"\xff") is None
