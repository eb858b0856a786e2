"""Every mechanism has exactly the probabilities that the page states, and keeps exactly its eps0."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from loopixmix.errors import MisuseError
from stats.questionnaire.questionnaire import MechanismKind, MechanismSpec
from stats.randomise.mechanism import Mechanism
from stats.randomise.specified import mechanism_of
from tests.worlds.stats.draws import EveryDraw, exact_probabilities

SPECS = [
    *(spec for k in (2, 3, 5, 8) for spec in (("krr", k, 7, 2), ("hadamard", k, 7, 2))),
    *(("unary", k, 3, 1) for k in (2, 3, 5)),
    *(("sampled-bit", 2**options, 7, 2) for options in (1, 2, 5)),
    ("hadamard", 16, 3, 1),
    ("krr", 4, 1, 1),
]


def spec_of(kind: str, domain: int, true: int, false: int) -> MechanismSpec:
    return MechanismSpec(kind=MechanismKind(kind), domain=domain, true_weight=true, false_weight=false)


def supported(kind: str, report: int, value: int) -> bool | None:
    """Tell by the words of the page whether `report` supports `value` (an option, for `sampled-bit`)."""
    match kind:
        case "krr":
            return report == value
        case "hadamard":
            return (report & (value + 1)).bit_count() % 2 == 0
        case "unary":
            return bool(report >> value & 1)
    return bool(report % 2) if report // 2 == value else None


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_no_two_answers_are_told_apart_by_more_than_eps0(spec: tuple[str, int, int, int]) -> None:
    mechanism = mechanism_of(spec_of(*spec))
    of_values = [exact_probabilities(mechanism, value) for value in range(mechanism.domain)]
    reports = set().union(*of_values)
    assert reports == set(range(mechanism.outputs))
    worst = max(max(each[report] for each in of_values) / min(each[report] for each in of_values) for report in reports)
    assert worst == Fraction(spec[2], spec[3])
    assert math.log(worst) <= mechanism.eps0 <= math.log(worst) * (1 + 1e-14)


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec[0] != "sampled-bit"], ids=str)
def test_supports_are_the_probabilities_of_the_reports(spec: tuple[str, int, int, int]) -> None:
    mechanism = mechanism_of(spec_of(*spec))
    for value in range(mechanism.domain):
        of_reports = exact_probabilities(mechanism, value)
        for other in range(mechanism.domain):
            support = sum(p for report, p in of_reports.items() if supported(spec[0], report, other))
            assert support == (mechanism.supports.p if other == value else mechanism.supports.q)


def test_a_sampled_bit_tells_each_option_alike() -> None:
    mechanism = mechanism_of(spec_of("sampled-bit", 8, 7, 2))
    for value in range(8):
        for report, probability in exact_probabilities(mechanism, value).items():
            told = bool(report % 2) == bool(value >> report // 2 & 1)
            assert probability == Fraction(1, 3) * Fraction(7 if told else 2, 9)
    assert (mechanism.supports.p, mechanism.supports.q) == (Fraction(7, 9), Fraction(2, 9))


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_report_takes_one_draw(spec: tuple[str, int, int, int]) -> None:
    mechanism, rng = mechanism_of(spec_of(*spec)), EveryDraw(0)
    mechanism.randomise(mechanism.domain - 1, rng)
    assert rng.draws == 1


def test_large_domains_stay_whole() -> None:
    top = 2**62 - 1
    for spec in (("krr", 2**62, 150, 1), ("hadamard", top, 150, 1), ("sampled-bit", 2**62, 150, 1)):
        mechanism = mechanism_of(spec_of(*spec))
        for draw in (0, 62 * 151 - 1):
            report = mechanism.randomise(mechanism.domain - 1, EveryDraw(draw))
            assert type(report) is int
            assert 0 <= report < mechanism.outputs <= 2**63
    unary = mechanism_of(spec_of("unary", 62, 2**40 - 1, 2**32))
    assert unary.randomise(61, EveryDraw(1)) == 2**62 - 1
    assert unary.randomise(61, EveryDraw(0)) == 2**61 - 1


def test_without_a_mechanism_the_answer_is_told() -> None:
    mechanism = mechanism_of(spec_of("none", 7, 1, 0))
    assert [mechanism.randomise(value, EveryDraw(0)) for value in range(7)] == list(range(7))
    assert mechanism.eps0 == math.inf


@pytest.mark.parametrize(
    "spec",
    [
        *(("krr", 5, 1, 2), ("krr", 5, 2**40, 1), ("krr", 5, 3, 0), ("hadamard", 2**62, 3, 1)),
        *(("unary", 63, 3, 1), ("sampled-bit", 6, 3, 1), ("none", 5, 3, 1)),
    ],
    ids=str,
)
def test_integers_that_keep_no_promise_are_refused(spec: tuple[str, int, int, int]) -> None:
    with pytest.raises(MisuseError):
        mechanism_of(spec_of(*spec))


@pytest.mark.parametrize("kind", ["krr", "hadamard", "unary", "sampled-bit", "none"])
@pytest.mark.parametrize("value", [-1, 8])
def test_what_is_no_answer_is_refused_and_not_told(kind: str, value: int) -> None:
    mechanism: Mechanism = mechanism_of(spec_of(kind, 8, 1 if kind == "none" else 3, 0 if kind == "none" else 1))
    with pytest.raises(MisuseError) as refused:
        mechanism.randomise(value, EveryDraw(0))
    assert str(value) not in str(refused.value).replace("0 to 7", "")


def test_exact_probabilities_add_up() -> None:
    of_reports = exact_probabilities(mechanism_of(spec_of("krr", 3, 5, 1)), 0)
    assert of_reports == {0: Fraction(5, 7), 1: Fraction(1, 7), 2: Fraction(1, 7)}
