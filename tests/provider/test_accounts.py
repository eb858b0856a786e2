"""Who may register: modes, invitations, limits."""

from __future__ import annotations

import itertools
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.wire import RegisterRefusal
from provider.accounts import (
    AccountFacts,
    GuestFacts,
    GuestMode,
    RegistrationLimits,
    RegistrationMode,
    RegistrationRules,
    Wisher,
    day_of_guest,
    decide_guest,
    decide_registration,
    hash_invitation,
    is_name,
    make_invitation,
    oldest_guest_day_kept,
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


@pytest.mark.parametrize(
    ("mode", "known", "refusal"),
    [
        ("open", {}, None),
        ("token", {}, None),
        ("closed", {}, RegisterRefusal.CLOSED),
        ("closed", {"has_guest": True}, None),
        ("closed", {"has_name": True}, RegisterRefusal.CLOSED),
        ("open", {"has_name": True}, RegisterRefusal.KEY_TAKEN),
        ("open", {"guests": 9}, None),
        ("open", {"guests": 10}, RegisterRefusal.FULL),
        ("open", {"guests": 10, "has_guest": True}, None),
        ("open", {"guests": 10, "has_name": True}, RegisterRefusal.KEY_TAKEN),
    ],
)
def test_guests(mode: str, known: dict[str, int], refusal: RegisterRefusal | None) -> None:
    rules = RegistrationRules(guests=GuestMode(mode), max_guests=10)
    facts = msgspec.convert({"has_guest": False, "has_name": False, "guests": 0} | known, GuestFacts)
    assert decide_guest(facts, rules) == refusal


def test_guests_cannot_use_up_what_named_accounts_may_try() -> None:
    rules = RegistrationRules(link_burst=1, burst=3, guest_burst=2)
    guests, named = RegistrationLimits(rules, 0.0, guests=True), RegistrationLimits(rules, 0.0)
    assert [guests.admit(Wisher.STRANGER, 0.0) for _ in range(5)] == [True] * 2 + [False] * 3
    assert [named.admit(Wisher.STRANGER, 0.0) for _ in range(5)] == [True] * 3 + [False] * 2


def test_strangers_cannot_use_up_what_the_invited_may_try() -> None:
    limits = RegistrationLimits(RegistrationRules(burst=2), 0.0)
    for wisher in (Wisher.STRANGER, Wisher.INVITED, Wisher.MEMBER):
        assert [limits.admit(wisher, 0.0) for _ in range(4)] == [True] * 2 + [False] * 2
    assert limits.admit(Wisher.INVITED, 0.3)


@given(st.binary(min_size=32, max_size=32), st.floats(0, 1e10), st.floats(0, 30 * 86_400))
def test_a_guest_is_kept_for_as_long_as_is_promised(identity: bytes, noted_s: float, later_s: float) -> None:
    rules = RegistrationRules(guest_days=7)
    noted = day_of_guest(identity, noted_s)
    # Within the same day of the guest nothing is noted any more.
    last_s = max(noted_s, min(noted_s + later_s, noted_s + 86_400.0))
    if day_of_guest(identity, last_s) == noted:
        assert noted >= oldest_guest_day_kept(last_s + 7 * 86_400.0 - 1.0, rules)
    assert noted < oldest_guest_day_kept(noted_s + 11 * 86_400.0, rules)


def test_the_days_of_guests_begin_evenly_over_the_day(rng: random.Random) -> None:
    identities = [rng.randbytes(32) for _ in range(2400)]
    begun = [sum(day_of_guest(identity, hour * 3600.0) for identity in identities) for hour in range(25)]
    # 100 in each hour on average, with a standard deviation of 10: beyond 6 of these once in some 10^7 runs.
    assert all(40 <= after - before <= 160 for before, after in itertools.pairwise(begun))


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
    assert [limits.admit_link(b"a", 0.0) for _ in range(10)] == [True] * 2 + [False] * 8
    assert [limits.admit_link(b"b", 0.0) for _ in range(3)] == [True, True, False]
    assert limits.admit_link(b"a", 11.0)


def test_only_so_many_links_are_remembered() -> None:
    limits = RegistrationLimits(RegistrationRules(link_burst=1, burst=100), 0.0, max_links=2)
    assert [limits.admit_link(link, 0.0) for link in (b"a", b"b", b"a", b"c", b"b")] == [True, True, False, True, True]
