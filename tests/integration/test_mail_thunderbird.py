"""Mail between two Thunderbirds over a running network, set up as the bridge sets them up."""

from __future__ import annotations

from pathlib import Path

import pytest

from leap_plugin.bridge.thunderbird_profile import NOWHERE_PORT
from tests.worlds.mail_programs.mail_networks import mail_network, wait_for_mail
from tests.worlds.mail_programs.thunderbird import PROGRAMS, display, thunderbird

BASE_PORT = 31_730
ARRIVAL_S, SHOWN_S = 300.0, 120.0


@pytest.mark.long
@pytest.mark.needs(*PROGRAMS)
def test_a_mail_goes_from_one_thunderbird_to_another_and_nothing_else_leaves_the_machine(tmp_path: Path) -> None:
    with mail_network(tmp_path, BASE_PORT) as network, display() as screen:
        ports = {network.alice.imap_port, network.alice.smtp_port}
        with thunderbird(tmp_path / "alice", screen, network.alice, port=BASE_PORT + 95) as alice:
            alice.send(network.bob.address, "Meeting in Zürich", "Bring the maps.\nÄ line of ours.\n")
            reached = alice.connections()
        wait_for_mail(network.bob, within_s=ARRIVAL_S)
        with thunderbird(tmp_path / "bob", screen, network.bob, port=BASE_PORT + 96) as bob:
            shown = bob.read("Meeting in Zürich", within_s=SHOWN_S)
            (tmp_path / "thunderbird.png").write_bytes(bob.screenshot())
            reached |= bob.connections()
    assert "Bring the maps.\nÄ line of ours." in shown
    assert f"<{network.alice.address}>" in shown
    assert {("127.0.0.1", port) for port in ports} <= reached, "strace saw what mail programs do"
    # Nothing listens at port 9: there goes all that is not for the bridge.
    assert {(address, port) for address, port in reached if port not in (*ports, NOWHERE_PORT)} == set()
    assert {address for address, _ in reached} == {"127.0.0.1"}
