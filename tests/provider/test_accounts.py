"""Who may register: modes, invitations, limits."""

from __future__ import annotations

import random

import pytest

from loopixmix.wire import RegisterRefusal
from provider.accounts import (
    AccountFacts,
    RegistrationLimits,
    RegistrationMode,
    RegistrationRules,
    decide_registration,
    hash_invitation,
    is_name,
    make_invitation,
)

NEWCOMER = AccountFacts(name_of_key=None, name_is_free=True, invitation_holds=False, accounts=0)


def facts(**changes: str | bool | int | None) -> AccountFacts:
    return AccountFacts(
        **{"name_of_key": None, "name_is_free": True, "invitation_holds": False, "accounts": 0} | changes  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("mode", "known", "refusal"),
    [
        ("open", facts(), None),
        ("open", facts(name_is_free=False), RegisterRefusal.NAME_TAKEN),
        ("open", facts(name_of_key="alice", name_is_free=False), None),
        ("open", facts(name_of_key="bob"), RegisterRefusal.KEY_TAKEN),
        ("open", facts(name_of_key="bob", name_is_free=False), RegisterRefusal.KEY_TAKEN),
        ("open", facts(accounts=9), None),
        ("open", facts(accounts=10), RegisterRefusal.FULL),
        ("open", facts(accounts=10, name_of_key="alice", name_is_free=False), None),
        ("invitation", facts(), RegisterRefusal.BAD_INVITATION),
        ("invitation", facts(invitation_holds=True), None),
        ("invitation", facts(name_is_free=False), RegisterRefusal.BAD_INVITATION),
        ("invitation", facts(invitation_holds=True, name_is_free=False), RegisterRefusal.NAME_TAKEN),
        ("invitation", facts(name_of_key="alice", name_is_free=False), None),
        ("closed", facts(), RegisterRefusal.CLOSED),
        ("closed", facts(invitation_holds=True), RegisterRefusal.CLOSED),
        ("closed", facts(name_is_free=False), RegisterRefusal.CLOSED),
        ("closed", facts(name_of_key="alice", name_is_free=False), None),
    ],
)
def test_registration(mode: str, known: AccountFacts, refusal: RegisterRefusal | None) -> None:
    rules = RegistrationRules(mode=RegistrationMode(mode), max_accounts=10)
    assert decide_registration("alice", known, rules) == refusal


def test_names_have_one_form() -> None:
    assert all(is_name(name) for name in ("a", "a-b_c.0", "z" * 64))
    assert not any(is_name(name) for name in ("", "A", "a b", "z" * 65, "ä"))


def test_a_code_counts_however_it_is_typed_and_no_other_does(rng: random.Random) -> None:
    code = make_invitation(rng)
    assert len(code) == 27
    assert {hash_invitation(form) for form in (code, code.lower(), code.replace("-", " "), f" {code}\n")} == {
        hash_invitation(code)
    }
    assert hash_invitation(code[:-1]) != hash_invitation(code) != hash_invitation(make_invitation(rng))


def test_one_link_over_its_limit_leaves_the_others_theirs() -> None:
    limits = RegistrationLimits(RegistrationRules(link_burst=2, burst=5), 0.0)
    assert [limits.admit(b"a", 0.0) for _ in range(10)] == [True] * 2 + [False] * 8
    assert [limits.admit(b"b", 0.0) for _ in range(3)] == [True, True, False]
    assert [limits.admit(b"c", 0.0) for _ in range(2)] == [True, False]
    assert limits.admit(b"d", 0.3)


def test_only_so_many_links_are_remembered() -> None:
    limits = RegistrationLimits(RegistrationRules(link_burst=1, burst=100), 0.0, max_links=2)
    assert [limits.admit(link, 0.0) for link in (b"a", b"b", b"a", b"c", b"b")] == [True, True, False, True, True]
