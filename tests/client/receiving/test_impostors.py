from __future__ import annotations

from client.receiving.impostors import MAX_IMPOSTORS, Impostors


def test_the_newest_is_told_until_its_key_was_looked_at() -> None:
    impostors = Impostors()
    assert impostors.problem is None
    for address in ("alice@home", "bob@away", "alice@home"):
        impostors.note(address)
    assert "alice@home" in str(impostors.problem)
    impostors.settled("alice@home")
    assert "bob@away" in str(impostors.problem)
    impostors.settled("bob@away")
    impostors.settled("bob@away")
    assert impostors.problem is None


def test_a_bounded_number_is_remembered() -> None:
    impostors = Impostors()
    for number in range(MAX_IMPOSTORS + 1):
        impostors.note(f"{number}@home")
    for number in range(1, MAX_IMPOSTORS + 1):
        impostors.settled(f"{number}@home")
    assert impostors.problem is None
