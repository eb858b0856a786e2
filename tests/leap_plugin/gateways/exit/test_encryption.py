"""Mail that leaves encrypted: what a relay still sees, and what its recipient's program finds inside."""

from __future__ import annotations

import email
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pysequoia
import pytest

from leap_plugin.gateways.exit.encryption import EncryptionError, RecipientKeys, encrypt_mail
from tests.worlds.gateways import GatewayTown, canonical_mail

SECRET = pysequoia.Tsk.generate("carol@outside.example")
PUBLIC = str(SECRET.extract_certificate())


def parsed(mail: bytes) -> EmailMessage:
    found = email.message_from_bytes(mail, policy=default)
    assert isinstance(found, EmailMessage)
    return found


def opened(mail: bytes) -> EmailMessage:
    [control, sealed] = parsed(mail).iter_parts()
    assert control.get_payload(decode=True) == b"Version: 1\r\n"
    found = pysequoia.decrypt(bytes(sealed.get_payload(decode=True)), decryptor=SECRET.decryptor())
    return parsed(bytes(found.bytes or b""))


def test_the_subject_is_inside_and_outside_lines_are_told_once_more() -> None:
    key = pysequoia.Cert.from_bytes(PUBLIC.encode())
    mail = encrypt_mail(canonical_mail(), key, "0" * 32)
    outside, inside = parsed(mail), opened(mail)
    assert outside["Subject"] == "[...]"
    assert outside.get_content_type() == "multipart/encrypted"
    assert b"Tea" not in mail
    assert inside["Subject"] == "Tea"
    assert inside.get_param("hp") == "cipher"
    assert inside.get_content().strip() == "Hello Carol."
    told = dict(line.split(": ", 1) for line in inside.get_all("HP-Outer", []))
    assert told["Subject"] == "[...]"
    assert {name: outside[name] for name in told} == told
    assert set(told) == {"From", "To", "Subject", "Date", "Message-ID"}


def test_keys_are_found_by_address_and_a_path_is_never_made_of_one(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    keys = RecipientKeys(tmp_path / "keys")
    assert keys.find("carol@outside.example") is None
    (tmp_path / "keys" / "Carol@outside.example.asc").write_text(PUBLIC)
    (tmp_path / "eve@outside.example.asc").write_text(PUBLIC)
    found = keys.find("carol+tag@outside.example")
    assert found is not None
    assert found.fingerprint == SECRET.extract_certificate().fingerprint
    assert keys.find("../eve@outside.example") is None
    assert RecipientKeys(tmp_path / "missing").find("carol@outside.example") is None


def test_a_key_that_is_none_stops_the_mail(tmp_path: Path) -> None:
    (tmp_path / "carol@outside.example.asc").write_text("no key")
    with pytest.raises(EncryptionError):
        RecipientKeys(tmp_path).find("carol@outside.example")


def test_an_exit_encrypts_and_refuses_rather_than_sending_in_clear(tmp_path: Path) -> None:
    town = GatewayTown(tmp_path)
    file = town.path / "keys" / "carol@outside.example.asc"
    file.write_text(PUBLIC)
    town.order(canonical_mail())
    [outside] = town.relay.mails
    assert b"Hello" not in outside.message
    assert opened(outside.message)["List-Unsubscribe"]
    file.write_text("no key any more")
    town.order(canonical_mail(seed=2))
    assert (len(town.relay.mails), town.refused()) == (1, {"5.7.5": 1})
    town.stop()
    town.network.stop()
