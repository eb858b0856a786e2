from __future__ import annotations

from votes.credentials.telling import AuthorityStatus, status_lines

STATUS = AuthorityStatus(
    name="Credentials",
    voters=3,
    removed=1,
    listed=False,
    fingerprint="",
    erase_by=None,
    erased=False,
    overdue=False,
)


def test_an_authority_tells_how_far_it_is() -> None:
    assert list(status_lines(STATUS)) == [
        "Credentials: 3 voters, 1 taken out",
        "the list of credentials is still to be made: draw",
        "not frozen yet",
    ]
