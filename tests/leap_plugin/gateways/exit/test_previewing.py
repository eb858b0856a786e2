"""The preview of what an exit sends, against what an exit sends."""

from __future__ import annotations

import email
import re
from email.policy import default
from pathlib import Path
from random import Random

import pytest

from leap_plugin.gateways.exit.previewing import ExitTerms, preview_departure
from leap_plugin.mail.canonical import ANONYMOUS, canonicalise
from tests.worlds.gateways import DOMAIN, URL, GatewayTown, written_mail
from tests.worlds.mails import SAMPLES
from tests.worlds.tokens import BEGINS_S


def without_chance(mail: bytes) -> bytes:
    """Return a mail without what is drawn: its boundary, the way back, the mark in the link (all of known lengths)."""
    mail = re.sub(rb"[0-9a-f]{32}(?!@mix)", b"BOUNDARY", mail)
    mail = re.sub(rb"reply-[a-z0-9?]{20}@", b"reply-WORD@", mail)
    return re.sub(rb"/stop/[A-Za-z0-9_?-]+", b"/stop/MARK", mail)


def opened(mail: bytes) -> list[bytes]:
    """Return the head and each part of a mail, base64 taken off, without what is drawn."""
    parsed = email.message_from_bytes(mail, policy=default)
    head = without_chance(mail.partition(b"\r\n\r\n")[0])
    return [head, *(without_chance(part.get_payload(decode=True) or b"") for part in parsed.walk())]


@pytest.mark.parametrize("footer", [True, False])
@pytest.mark.parametrize("name", ["plain", "nested", "pgp_mime", "flowed"])
def test_the_preview_is_what_leaves(name: str, footer: bool, tmp_path: Path) -> None:
    change = (lambda text: text) if footer else lambda text: text.replace("footer = true", "footer = false")
    world = GatewayTown(tmp_path, change=change)
    now_s = BEGINS_S + 1000
    written = SAMPLES[name] if name != "plain" else written_mail()
    mail = canonicalise(written, sender=ANONYMOUS, ids={}, now_s=now_s, rng=Random(1))
    world.order(mail.message)
    [outside] = world.relay.mails
    previewed = preview_departure(mail, ExitTerms(DOMAIN, URL, footer), now_s=now_s, rng=Random(2))
    assert opened(previewed.message) == opened(outside.message)
    assert len(previewed.message) == len(outside.message)
    world.stop()
    world.network.stop()
