"""Mail between two users of mutt over a running network, configured as docs/mail.md tells users."""

from __future__ import annotations

import random
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.worlds.mail_programs.mail_networks import mail_network, wait_for_mail
from tests.worlds.mail_programs.mutt import Mutt

BASE_PORT = 31_730
ARRIVAL_S = 300.0


@pytest.mark.long
@pytest.mark.needs("mutt")
def test_a_mail_with_an_attachment_goes_from_one_mutt_to_another(tmp_path: Path) -> None:
    attached = random.Random(1).randbytes(20_000)
    (tmp_path / "maps.bin").write_bytes(attached)
    with mail_network(tmp_path, BASE_PORT) as network:
        alice, bob = Mutt(tmp_path / "alice", network.alice), Mutt(tmp_path / "bob", network.bob)
        alice.send(network.bob.address, "Maps of Zürich", "Here they are.\n", tmp_path / "maps.bin")
        assert b"Here they are." in alice.newest("Sent"), "mutt has put its copy into a folder of the bridge"
        wait_for_mail(network.bob, within_s=ARRIVAL_S)
        mail = bob.newest("INBOX")
    found = message_from_bytes(mail)
    _, text, file = (part.get_payload(decode=True) for part in found.walk())
    assert (text, file) == (b"Here they are.\n", attached)
    assert "came by the mix network" in found.values()[0]
    assert found["Message-ID"].endswith(f"@{network.alice.address.partition('@')[2]}>"), "no name of this machine"
    assert found["User-Agent"] is None
