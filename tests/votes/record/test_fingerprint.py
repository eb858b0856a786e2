from __future__ import annotations

import hashlib

from votes.record.fingerprint import fingerprint_of, shown


def test_the_fingerprint_is_that_of_the_page() -> None:
    assert fingerprint_of(b"{}") == hashlib.sha256(b"loopixmix-votes-1/record\x00{}").digest()
    assert fingerprint_of(b"{}") != fingerprint_of(b"{} ")


def test_people_compare_eight_groups_of_five_letters() -> None:
    assert shown(bytes(32)) == "-".join(["00000"] * 8)
    assert shown(b"\xff" * 25 + bytes(7)) == "-".join(["ZZZZZ"] * 8)
