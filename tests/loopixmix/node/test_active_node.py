"""What a node finds out by its entry in the network document."""

from __future__ import annotations

import random

from loopixmix.node.active_node import left_out_line, left_out_of
from tests.worlds.networks.models import model_network
from tests.worlds.networks.offers import mail_offer, with_offer

DOCUMENT = model_network(random.Random(1)).document
WANTED = mail_offer({"example.com": None, "example.net": "gate", "example.org": None})


def test_mail_domains_that_are_not_in_the_document_are_found() -> None:
    listed = with_offer(DOCUMENT, "provider1", mail_offer({"example.net": "gate"})).node_named("provider1")
    assert left_out_of(listed, WANTED) == ("example.com", "example.org")
    assert left_out_of(DOCUMENT.node_named("provider1"), WANTED) == ("example.com", "example.net", "example.org")
    assert "example.com, example.org. Its authority must allow" in left_out_line(("example.com", "example.org"))


def test_who_wants_none_or_is_not_in_the_document_lacks_none() -> None:
    assert left_out_of(DOCUMENT.node_named("provider1"), mail_offer()) == ()
    assert left_out_of(DOCUMENT.node_named("provider1"), None) == ()
    assert left_out_of(None, WANTED) == ()
