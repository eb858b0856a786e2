"""The shuffle accountant: published values, and never below the exact worst case of few reports."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest

from loopixmix.errors import MisuseError
from stats.account.blanket import BlanketLoss
from stats.account.clones import CloneLoss, closed_form
from stats.account.shuffling import Company, amplified, honest_reports, largest_eps0
from tests.worlds.stats.few_reports import Randomiser, hadamard, histograms, krr, sampled_bit, unary, worst_deltas
from tests.worlds.stats.plain_blanket import plain_blanket_delta, plain_blanket_eps

SHARES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.95)
"""Of eps0: the eps at which the bounds are compared."""
DELTA = 1e-6


def test_the_closed_form_is_that_of_its_authors() -> None:
    assert closed_form(4.0, 100_000, 1e-6) == pytest.approx(0.5378040242374512, abs=1e-12)


def test_the_clones_are_counted_as_tightly_as_by_their_authors() -> None:
    assert 0.16754 <= amplified(4.0, Company(100_000, DELTA)).numerical <= 0.17280


@pytest.mark.parametrize(("domain", "published"), [(2, 0.4124), (10, 0.3812)])
def test_the_blanket_is_at_most_the_published_value_and_close_to_it(domain: int, published: float) -> None:
    found = amplified(4.0, Company(10_000, DELTA), domain).blanket
    assert found is not None
    assert 0.995 * published <= found <= published


@pytest.mark.parametrize(("domain", "published"), [(2, 0.4124), (10, 0.3812)])
def test_the_published_values_are_the_same_bound_in_fifty_groups(domain: int, published: float) -> None:
    # Counting even reports in groups, each at its smallest, loosens the bound by 0.2 to 0.4 percent.
    assert plain_blanket_eps(4.0, 10_000, domain, DELTA, groups=50) == pytest.approx(published, abs=5e-5)


@pytest.mark.parametrize(("eps0", "n", "domain"), [(4.0, 10_000, 2), (3.0, 500, 6), (1.0, 2_000, 3), (5.0, 40, 30)])
def test_the_blanket_is_the_sum_of_its_theorem(eps0: float, n: int, domain: int) -> None:
    eps = amplified(eps0, Company(n, DELTA), domain).best
    plain = plain_blanket_delta(eps, eps0, n, domain)
    assert plain <= BlanketLoss(eps0, n, domain, DELTA).delta(eps) < 1.005 * plain


@pytest.mark.parametrize(("n", "published"), [(1_000, 3.37), (10_000, 5.48)])
def test_the_largest_local_loss_for_a_promise(n: int, published: float) -> None:
    found = largest_eps0(1.0, Company(n, DELTA), 6.0, 5)
    assert published - 0.005 <= found <= published + 0.01
    assert amplified(found, Company(n, DELTA), 5).best <= 1.0
    assert amplified(found + 0.001, Company(n, DELTA), 5).best > 1.0


@pytest.mark.parametrize("eps0", [0.5, 1.5, 4.0])
@pytest.mark.parametrize(("domain", "most"), [(2, 12), (3, 12), (4, 8)])
def test_krr_is_never_below_the_exact_worst_case(domain: int, most: int, eps0: float) -> None:
    assert below(krr(domain, eps0), eps0, most, blanket_domain=domain) == []


@pytest.mark.parametrize("eps0", [0.7, 1.5, 3.0])
@pytest.mark.parametrize(("domain", "most"), [(2, 8), (3, 4)])
def test_any_randomiser_is_never_below_the_exact_worst_case(domain: int, most: int, eps0: float) -> None:
    assert below(unary(domain, eps0), eps0, most, blanket_domain=None) == []


@pytest.mark.parametrize("eps0", [0.7, 1.5, 3.0])
def test_mechanisms_with_an_even_half_are_never_below_the_exact_worst_case(eps0: float) -> None:
    assert below(sampled_bit(eps0), eps0, 8, blanket_domain=2) == []
    assert below(hadamard(2, eps0), eps0, 8, blanket_domain=2) == []
    assert below(hadamard(3, eps0), eps0, 8, blanket_domain=2) == []


def test_a_published_reduction_that_is_wrong_is_not_used() -> None:
    # n = 6, k = 4, eps0 = 1.5, eps = 1: clones ~ Bin(n - 1, 2 p) alone would give .02654.
    *_, (n, others) = histograms(krr(4, 1.5), 6)
    (exact,) = worst_deltas(krr(4, 1.5), others, [1.0])
    assert n == 6
    assert exact == pytest.approx(0.02970, abs=5e-6)
    assert BlanketLoss(1.5, 6, 4, 0.01).delta(1.0) >= exact
    assert amplified(1.5, Company(6, 0.0296), 4).best > 1.0


def below(randomiser: Randomiser, eps0: float, most: int, blanket_domain: int | None) -> list[str]:
    """List where a bound is below the exact worst case."""
    found = []
    all_eps = [share * eps0 for share in SHARES]
    for n, others in histograms(randomiser, most):
        if n == 1:
            continue
        for eps, exact in zip(all_eps, worst_deltas(randomiser, others, all_eps), strict=True):
            if exact < 1e-12:
                continue
            bounds = [CloneLoss(eps0, n, exact).delta(eps)]
            if blanket_domain is not None:
                bounds.append(BlanketLoss(eps0, n, blanket_domain, exact).delta(eps))
            told = amplified(eps0, Company(n, exact * (1 - 1e-9)), blanket_domain).best
            if min(bounds) < exact * (1 - 1e-12) or told < eps * (1 - 1e-7):
                found.append(f"n={n} eps0={eps0} eps={eps}: {bounds} or {told} is below {exact}")
    return found


def test_groups_and_nodes_make_a_bound_larger_and_never_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    company = Company(20_000, DELTA)
    fine = amplified(2.0, company, 7)
    monkeypatch.setattr("stats.account.blanket.MOST_GROUPS", 60)
    monkeypatch.setattr("stats.account.blanket.MOST_NODES", 20)
    monkeypatch.setattr("stats.account.clones.MOST_GROUPS", 60)
    amplified.cache_clear()
    coarse = amplified(2.0, company, 7)
    amplified.cache_clear()
    assert fine.blanket is not None
    assert coarse.blanket is not None
    assert fine.blanket < coarse.blanket < 1.05 * fine.blanket
    assert fine.numerical < coarse.numerical < 1.05 * fine.numerical


def test_more_company_hides_better_and_a_larger_local_loss_worse() -> None:
    losses = [amplified(2.0, Company(n, DELTA), 5).best for n in (1, 10, 100, 1_000, 100_000, 10_000_000)]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] == 2.0
    by_eps0 = [amplified(eps0, Company(5_000, DELTA), 5).best for eps0 in (0.0, 0.1, 0.5, 1, 2, 4, 8, 13)]
    assert by_eps0 == sorted(by_eps0)


def test_beyond_the_most_reports_the_figures_stay() -> None:
    assert amplified(1.0, Company(10**9, DELTA)) == amplified(1.0, Company(10**7, DELTA))


def test_alone_there_is_no_amplification() -> None:
    told = amplified(1.0, Company(1, DELTA), 3)
    assert (told.closed_form, told.numerical, told.blanket, told.best) == (1.0, 1.0, 1.0, 1.0)


def test_an_attackers_share_hides_nobody() -> None:
    assert honest_reports(1_000, Fraction(1, 20)) == 950
    assert honest_reports(19, Fraction(1, 20)) == 18
    assert honest_reports(0, Fraction(1, 20)) == 0


def test_the_largest_local_loss_is_capped() -> None:
    assert largest_eps0(1.0, Company(1_000_000, DELTA), 5.0, 5) == 5.0
    assert largest_eps0(1.0, Company(1, DELTA), 5.0, 5) == pytest.approx(1.0, abs=1e-3)
    assert largest_eps0(8.0, Company(10, DELTA), 5.0, None) == 5.0


@pytest.mark.parametrize(("eps0", "n", "delta"), [(-1.0, 10, 1e-6), (14.0, 10, 1e-6), (1.0, -1, 1e-6), (1.0, 10, 0.0)])
def test_what_is_out_of_bounds_is_refused(eps0: float, n: int, delta: float) -> None:
    with pytest.raises(MisuseError):
        amplified(eps0, Company(n, delta))


def test_it_is_fast_enough_for_a_page() -> None:
    amplified.cache_clear()
    begin = time.process_time()
    for n in (1_000, 10_001, 100_002):
        amplified(3.0, Company(n, DELTA), 8)
    assert time.process_time() - begin < 3
